"""How to connect to Kafka, and what exactly is wrong where that fails.

In: the settings. Out: the arguments of aiokafka's clients, and a `BrokerError` that names the true cause: a
failed login, for one, shows in aiokafka only as 'Unable to bootstrap'; its reason stands in its log alone, so
that is listened to while connecting, and name, port and TLS are then tried one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from xdrtui.errors import BrokerError
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.secrets import Secret, resolve
from xdrtui.sources.owner import Owner, refusal

log = logging.getLogger(__name__)

PROBE_SECONDS = 5.0
REFUSAL_SECONDS = 0.5
_MECHANISMS = {"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"}
_NOT_ALLOWED = 29  # TOPIC_AUTHORIZATION_FAILED
_OWN_TOPICS = ("__", "xdrtui-")


class KafkaConnection(msgspec.Struct, frozen=True):
    """All that a client needs to connect. Secrets are resolved and show themselves to nobody.

    brokers: host:port each; sasl: none, plain, scram-sha-256 or scram-sha-512; files: PEM.
    """

    brokers: tuple[str, ...]
    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password: Secret | None = None
    check_hostname: bool = True
    sasl: str = "none"
    user: str = ""
    password: Secret | None = None

    @property
    def protocol(self) -> str:
        """As Kafka names it."""
        if self.sasl == "none":
            return "SSL" if self.tls else "PLAINTEXT"
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for any of aiokafka's clients. Raises BrokerError where a PEM file is wrong."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "security_protocol": self.protocol,
        }
        if self.tls:
            arguments["ssl_context"] = self.tls_context()
        if self.sasl != "none":
            arguments["sasl_mechanism"] = _MECHANISMS[self.sasl]
            arguments["sasl_plain_username"] = self.user
            arguments["sasl_plain_password"] = self.password.reveal() if self.password else ""
        return arguments

    def tls_context(self) -> ssl.SSLContext:
        """The certificates to trust and to show."""
        context = self._trust()
        if not self.check_hostname:
            context.check_hostname = False
        if self.certificate_file:
            password = self.key_password.reveal() if self.key_password else ""
            try:
                context.load_cert_chain(self.certificate_file, self.key_file or None, lambda: password)
            except (OSError, ssl.SSLError) as error:
                files = visible(f"{self.certificate_file} {self.key_file}".strip())
                raise BrokerError(
                    f"our certificate or its key cannot be used ({files}: {_text(error)}):"
                    " check certificate_file, key_file and key_password."
                ) from None
        return context

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise BrokerError(
                f"the authority's certificate {visible(self.ca_file)} cannot be used ({_text(error)}):"
                " ca_file must be a PEM file."
            ) from None


class BrokerReport(msgspec.Struct, frozen=True):
    """What a broker told of itself. topics: name -> number of partitions, those asked for or all."""

    cluster: str
    brokers: tuple[str, ...]
    topics: dict[str, int]


def connection(settings: KafkaSettings) -> KafkaConnection:
    """Resolve the settings' secrets. Raises SettingsError, or BrokerError where no broker is named."""
    if not settings.brokers:
        raise BrokerError("no broker is set: name at least one host:port under kafka.brokers.")
    return KafkaConnection(
        brokers=tuple(settings.brokers),
        tls=settings.tls,
        ca_file=settings.ca_file,
        certificate_file=settings.certificate_file,
        key_file=settings.key_file,
        key_password=resolve(settings.key_password) if settings.key_password else None,
        check_hostname=settings.check_hostname,
        sasl=settings.sasl,
        user=settings.user,
        password=resolve(settings.password) if settings.password else None,
    )


async def ask_broker(to: KafkaConnection, topics: Sequence[str] = ()) -> BrokerReport:
    """Connect, and learn the cluster's id and its topics. Raises BrokerError with the true cause: no answer,
    TLS, login, or a topic that is missing or may not be read."""
    client = AIOKafkaAdminClient(**to.arguments(), client_id="xdrtui-check")
    async with explained(to):
        try:
            await client.start()
            cluster = await client.describe_cluster()
            described = await client.describe_topics(list(topics) or None)
        finally:
            await client.close()
    refused = [each["topic"] for each in described if each["error_code"] == _NOT_ALLOWED]
    if refused:
        raise BrokerError(
            f"the broker does not let {visible(to.user) or 'us'} see the topic {visible(refused[0])}:"
            f" give it the right to read and describe it (an ACL on the topic)."
        )
    missing = [each["topic"] for each in described if each["error_code"]]
    if topics and missing:
        raise BrokerError(
            f"the broker at {visible(to.brokers[0])} has no topic {visible(missing[0])}:"
            " check kafka.topics, or create it."
        )
    return BrokerReport(
        cluster=cluster["cluster_id"] or "",
        brokers=tuple(f"{each['host']}:{each['port']}" for each in cluster["brokers"]),
        topics={
            each["topic"]: len(each["partitions"])
            for each in described
            if topics or not each["topic"].startswith(_OWN_TOPICS)
        },
    )


async def refuse_foreign_group(
    to: KafkaConnection, group: str, topics: Mapping[str, int], owner: Owner
) -> None:
    """Raise BrokerError where another owner has committed offsets in this group: it would take a part of our
    messages. topics: name -> number of partitions."""
    wanted = [TopicPartition(name, n) for name, count in topics.items() for n in range(count)]
    client = AIOKafkaAdminClient(**to.arguments(), client_id="xdrtui-check")
    try:
        await client.start()
        offsets = await client.list_consumer_group_offsets(group, partitions=wanted)
    except KafkaError as error:  # a cluster where no group ever was has no coordinator yet, for one
        log.info("the group's offsets cannot be listed", extra={"error": repr(error)})
        return
    finally:
        await client.close()
    for committed in offsets.values():
        if why := refusal(committed.metadata, owner, group):
            raise BrokerError(why)


@contextlib.asynccontextmanager
async def explained(to: KafkaConnection) -> AsyncIterator[None]:
    """Turn what goes wrong while connecting into a `BrokerError` with its cause."""
    with _aiokafka_says() as said:
        try:
            yield
        except (KafkaError, OSError, TimeoutError) as error:
            raise await _cause(to, error, said) from error


@contextlib.contextmanager
def _aiokafka_says() -> Iterator[list[str]]:
    """Collect aiokafka's warnings, where alone it tells why a login failed."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    ear = Ear(logging.WARNING)
    logger = logging.getLogger("aiokafka")
    logger.addHandler(ear)
    try:
        yield said
    finally:
        logger.removeHandler(ear)


async def _cause(to: KafkaConnection, error: BaseException, said: Sequence[str]) -> BrokerError:
    """What is wrong: the login where the log says so, else the first of name, port, TLS that fails."""
    mechanism = _MECHANISMS.get(to.sasl, to.sasl)
    for line in said:
        if "SaslAuthenticationFailed" in line or "AuthenticationFailed" in line:
            return BrokerError(
                f"the broker refuses the login of {visible(to.user)!r} by {mechanism}:"
                " check user and password, and that the broker knows them for this mechanism."
            )
        if "UnsupportedSaslMechanism" in line or "is not supported by broker" in line.lower():
            return BrokerError(f"the broker does not offer the login {mechanism}: set another sasl.")
    problems = [await _try(to, broker) for broker in to.brokers]
    found = [problem for problem in problems if problem]
    if found and len(found) == len(problems):
        return BrokerError(found[0])
    told = visible(said[-1] if said else _text(error))
    return BrokerError(
        f"the broker at {visible(to.brokers[0])} answers, but not as a {to.protocol} listener ({told}):"
        " check tls, sasl and the port, and that this is Kafka 2.1 or newer."
    )


async def _try(to: KafkaConnection, broker: str) -> str:
    """What is wrong with this address, or empty."""
    shown = visible(broker)
    host, _, port = broker.rpartition(":")
    if not host or not port.isdecimal():
        return f"the broker's address {shown} is no host:port: write it so, e.g. kafka-1:9092."
    host = host.strip("[]")
    try:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        return f"the broker's name {visible(host)} cannot be resolved ({_text(error)}): check kafka.brokers."
    context = to.tls_context() if to.tls else None
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                str(addresses[0][4][0]), int(port), ssl=context, server_hostname=host if context else None
            ),
            PROBE_SECONDS,
        )
    except ssl.SSLCertVerificationError as error:
        return (
            f"the certificate of {shown} is not accepted ({error.verify_message}):"
            " check ca_file, and that the broker's name is the one in its certificate."
        )
    except ssl.SSLError as error:
        return (
            f"{shown} does not speak TLS as we do ({_text(error)}): check tls, certificate_file and the port."
        )
    except ConnectionRefusedError:
        return f"the broker at {shown} refuses the connection: is it running, and is this its port?"
    except TimeoutError:
        return (
            f"the broker at {shown} does not answer within {PROBE_SECONDS:.0f} s: a firewall, or not Kafka?"
        )
    except OSError as error:
        if context:
            return f"{shown} ends the TLS handshake ({_text(error)}): is this a TLS port? Check tls."
        return f"the broker at {shown} cannot be reached ({_text(error)})."
    try:
        if context:  # in TLS 1.3 a broker refuses our certificate only after the handshake
            await asyncio.wait_for(reader.read(1), REFUSAL_SECONDS)
    except TimeoutError:
        pass
    except (ssl.SSLError, OSError) as error:
        return f"{shown} refuses us ({_text(error)}): check certificate_file and key_file."
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
    return ""


def _text(error: BaseException) -> str:
    return visible((isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__)
