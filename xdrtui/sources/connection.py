"""All that a client of Kafka needs to connect.

In: the settings. Out: `KafkaConnection`, which holds the secrets without showing them, and from which each of
aiokafka's clients takes its arguments. Whether it works is told by `probe.py` and `check.py`.
"""

from __future__ import annotations

import logging
import re
import ssl
from pathlib import Path
from typing import Any

import msgspec

from xdrtui.errors import BrokerError, SettingsError
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.secrets import Secret, resolve
from xdrtui.sources import kerberos
from xdrtui.sources.address import problem
from xdrtui.sources.http import WebPlace, check_url
from xdrtui.sources.oauth import ClientCredentials
from xdrtui.sources.topics import check_topics, named

logging.getLogger("aiokafka").addHandler(logging.NullHandler())
"""Where no log is kept, its warnings would go to the terminal; what is wrong is said in our own words."""

_OPENSSL = re.compile(r"^\[[A-Z0-9]+: [A-Z0-9_]+\] | \(_ssl\.c:\d+\)$")
"""Where in OpenSSL and Python an error arose."""

_MECHANISMS = {
    "plain": "PLAIN",
    "scram-sha-256": "SCRAM-SHA-256",
    "scram-sha-512": "SCRAM-SHA-512",
    "oauthbearer": "OAUTHBEARER",
    "gssapi": "GSSAPI",
}


class KafkaConnection(msgspec.Struct, frozen=True):
    """All that a client needs to connect. Secrets are resolved and show themselves to nobody.

    brokers: host:port each; sasl: none, plain, scram-sha-256, scram-sha-512, oauthbearer or gssapi; files:
    PEM; tokens: for oauthbearer; keytab, service: for gssapi.
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
    tokens: ClientCredentials | None = None
    keytab: str = ""
    service: str = "kafka"

    @property
    def protocol(self) -> str:
        """As Kafka names it."""
        if self.sasl == "none":
            return "SSL" if self.tls else "PLAINTEXT"
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    @property
    def mechanism(self) -> str:
        """The login as Kafka names it, empty for none."""
        return _MECHANISMS.get(self.sasl, "")

    @property
    def who(self) -> str:
        """As whom we come, for messages."""
        if self.sasl == "gssapi":
            return visible(self.user or Path(self.keytab).name or "our ticket's owner")
        return visible(self.tokens.place.user if self.tokens else self.user)

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for any of aiokafka's clients. Raises BrokerError where a PEM file is wrong,
        or an address."""
        if malformed := next(filter(None, map(problem, self.brokers)), None):
            raise BrokerError(malformed.sentence)
        arguments: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "security_protocol": self.protocol,
        }
        if self.tls:
            arguments["ssl_context"] = self.tls_context()
        if self.tokens:
            arguments["sasl_mechanism"] = self.mechanism
            arguments["sasl_oauth_token_provider"] = self.tokens
        elif self.sasl == "gssapi":
            kerberos.prepare(self.keytab)
            arguments["sasl_mechanism"] = self.mechanism
            arguments["sasl_kerberos_service_name"] = self.service
        elif self.sasl != "none":
            arguments["sasl_mechanism"] = self.mechanism
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
                    f"our certificate or its key cannot be used ({files}: {words_of(error)}):"
                    " check certificate_file, key_file and key_password."
                ) from None
        return context

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise BrokerError(
                f"the authority's certificate {visible(self.ca_file)} cannot be used ({words_of(error)}):"
                " ca_file must be a PEM file."
            ) from None


def connection(settings: KafkaSettings) -> KafkaConnection:
    """Resolve the settings' secrets. Raises SettingsError, or BrokerError where no broker is named."""
    if not settings.brokers:
        raise BrokerError("no broker is set: name at least one host:port under kafka.brokers.")
    folds = settings.mode == "fleet" and settings.topics == [settings.findings_topic]
    check_topics(settings.topics, own=folds)
    for own in (
        ()
        if folds
        else (settings.dead_letter_topic, settings.findings_topic if settings.mode == "fleet" else "")
    ):
        if own and named(settings.topics, own):
            raise SettingsError(
                f"kafka.topics takes in {visible(own)}, which xdrtui itself writes to: call that one"
                " `xdrtui-...` or `....dlq`, or narrow the topics."
            )
    if settings.sasl == "gssapi":
        kerberos.prepare(settings.keytab)
    elif settings.sasl not in ("none", "oauthbearer") and not (settings.user and settings.password):
        raise SettingsError(f"sasl is {settings.sasl}: write kafka.user and kafka.password, too.")
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
        tokens=_tokens(settings) if settings.sasl == "oauthbearer" else None,
        keytab=settings.keytab,
        service=settings.kerberos_service,
    )


def _tokens(settings: KafkaSettings) -> ClientCredentials:
    if not settings.oauth_token_url:
        raise SettingsError("sasl is oauthbearer, but no token endpoint is set: write kafka.oauth_token_url.")
    if not settings.oauth_client_id or not settings.oauth_client_secret:
        raise SettingsError(
            "sasl is oauthbearer: write kafka.oauth_client_id and kafka.oauth_client_secret, too."
        )
    check_url("kafka.oauth_token_url", settings.oauth_token_url)
    place = WebPlace(
        settings.oauth_token_url,
        settings.oauth_client_id,
        resolve(settings.oauth_client_secret),
        settings.oauth_ca_file,
    )
    return ClientCredentials(place, settings.oauth_scope)


def words_of(error: BaseException) -> str:
    """What the system, TLS or Kafka says, made harmless."""
    words = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return visible(_OPENSSL.sub("", words) or words)
