"""Try one broker from the bottom up: its address, name, port, TLS, Kafka, version, kind of login.

In: a connection and an address. Out: `Step`s, the last of them the first that fails. The few requests that
Kafka answers before a login (its versions, the kinds of login) are written by hand, since aiokafka tells of a
failure in its log alone. A token is shown here, too: aiokafka takes a refused one for accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from typing import get_args

from xdrtui.errors import BrokerError
from xdrtui.plain import visible
from xdrtui.sources.address import parts, problem
from xdrtui.sources.certificate import not_accepted, read, refused
from xdrtui.sources.connection import KafkaConnection, words_of
from xdrtui.sources.oauth import ClientCredentials, TokenRefused
from xdrtui.sources.step import Step

SECONDS = 5.0
_CLIENT = b"xdrtui-check"
_LARGEST = 1 << 20
_API_VERSIONS, _SASL_HANDSHAKE, _SASL_AUTHENTICATE = 18, 17, 36
_UNSUPPORTED_MECHANISM, _ILLEGAL_SASL_STATE = 33, 34
_NEEDED = {
    "Fetch": ("fetch", "FetchRequest"),
    "ListOffsets": ("offset", "OffsetRequest"),
    "Metadata": ("metadata", "MetadataRequest"),
    "FindCoordinator": ("coordination", "FindCoordinatorRequest"),
    "JoinGroup": ("group", "JoinGroupRequest"),
    "OffsetCommit": ("commit", "OffsetCommitRequest"),
}
_READ_COMMITTED = {"Fetch": 4, "ListOffsets": 2}
"""The least versions that know of transactions (Kafka 0.11)."""


class NotKafka(Exception):
    """The other side answers, but no Kafka does so."""


async def probe(to: KafkaConnection, broker: str) -> AsyncIterator[Step]:
    """What works with this address, up to the first thing that does not. Raises BrokerError where one of our
    own files cannot be used."""
    found: list[str] = []
    async for step in _at(broker, found):
        yield step
    if step.ok:
        host, port = parts(broker)
        async for step in _spoken(to, visible(broker), host, port, found[0]):
            yield step


async def reached(broker: str) -> Step:
    """Whether an address can be resolved and takes connections."""
    return [step async for step in _at(broker, [])][-1]


async def _at(broker: str, found: list[str]) -> AsyncIterator[Step]:
    """Form, name, port. found: is given the address that takes connections."""
    shown = visible(broker)
    if malformed := problem(broker):
        yield malformed
        return
    host, port = parts(broker)
    try:
        told = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        what = f"the broker's name {visible(host)} cannot be resolved ({words_of(error)})"
        yield Step("name", False, what, "check kafka.brokers and this machine's name server", "name")
        return
    addresses = list(dict.fromkeys(str(each[4][0]) for each in told))
    yield Step("name", True, f"{visible(host)} is {visible(', '.join(addresses[:4]))}")
    address, step = await _reached(shown, addresses, port)
    found.append(address)
    yield step


async def _reached(shown: str, addresses: list[str], port: int) -> tuple[str, Step]:
    """The first address that takes a connection."""
    step = Step("port", False, f"the broker at {shown} has no address", "check kafka.brokers", "name")
    for address in addresses:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), SECONDS)
        except ConnectionRefusedError:
            what = f"the broker at {shown} refuses the connection"
            step = Step("port", False, what, "is it running, and is this its port?", "refused")
        except TimeoutError:
            what = f"the broker at {shown} does not answer within {SECONDS:.0f} s"
            step = Step(
                "port", False, what, "a firewall between here and there, or no such machine?", "timeout"
            )
        except OSError as error:
            what = f"the broker at {shown} cannot be reached ({words_of(error)})"
            step = Step("port", False, what, "check the network to it", "unreachable")
        else:
            await _close(writer)
            return address, Step("port", True, f"{shown} takes connections")
    return "", step


async def _spoken(to: KafkaConnection, shown: str, host: str, port: int, address: str) -> AsyncIterator[Step]:
    """TLS where it is set, then Kafka's own first words."""
    context = to.tls_context() if to.tls else None
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host if context else None
            )
    except ssl.SSLCertVerificationError as error:
        yield await not_accepted("TLS", host, port, address, error)
        return
    except ssl.SSLError as error:
        yield refused("TLS", to, shown, error)
        return
    except (TimeoutError, OSError) as error:
        what, advice = f"{shown} ends the TLS handshake ({words_of(error)})", "is this a TLS port? Check tls"
        if isinstance(error, TimeoutError):
            what = f"{shown} does not finish the TLS handshake within {SECONDS:.0f} s"
        if await _speaks_kafka(address, port):
            what = f"{shown} does not speak TLS: it answers as Kafka without"
            advice = "set tls: false, or use the port with TLS"
        yield Step("TLS", False, what, advice, "tls.plain")
        return
    try:
        async for step in _kafka(to, shown, reader, writer):
            if step.kind == "protocol" and not context and await _speaks_tls(address, port, host):
                what = f"{shown} answers, but not as a {to.protocol} listener: it speaks TLS"
                step = Step("Kafka", False, what, "set tls: true, or use the port without TLS", "tls.wanted")
            yield step
    finally:
        await _close(writer)


async def _kafka(
    to: KafkaConnection, shown: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncIterator[Step]:
    """Versions and kinds of login, on a connection that stands. TLS is told of here, for in TLS 1.3 a broker
    refuses our certificate only after the handshake."""
    try:
        async with asyncio.timeout(SECONDS):
            versions = _versions(await _exchange(reader, writer, _API_VERSIONS, 0, b""))
    except ssl.SSLError as error:
        yield refused("TLS", to, shown, error)
        return
    except (NotKafka, OSError, TimeoutError, EOFError, struct.error) as error:
        cause = f"it says nothing for {SECONDS:.0f} s" if isinstance(error, TimeoutError) else words_of(error)
        if to.tls and not to.certificate_file and isinstance(error, OSError):
            yield Step(
                "TLS",
                False,
                f"{shown} ends the connection after the TLS handshake ({cause})",
                "it may want a certificate of ours: set certificate_file and key_file",
                "tls.client-missing",
            )
            return
        what = f"{shown} answers, but not as a {to.protocol} listener ({cause})"
        yield Step("Kafka", False, what, "check tls and the port, and that this is Kafka", "protocol")
        return
    tls = writer.get_extra_info("ssl_object")
    if tls is not None:
        certificate = read(tls.getpeercert() or {})
        until = f"; its certificate is {certificate.subject}'s and ends on {certificate.ends}"
        yield Step("TLS", True, f"{tls.version()}" + (until if certificate.ends else ""))
    step = _judged(shown, versions)
    yield step
    if not step.ok:
        return
    step = await _login(to, shown, reader, writer)
    yield step
    if step.ok and to.tokens:
        async for step in _token(to, to.tokens, shown, reader, writer):
            yield step


def _judged(shown: str, versions: dict[int, tuple[int, int]]) -> Step:
    """Whether broker and aiokafka have a version of each needed request in common."""
    for name, (module, request) in _NEEDED.items():
        kind = getattr(importlib.import_module(f"aiokafka.protocol.{module}"), request)
        ours = _spoken_by_us(kind)
        least, most = versions.get(kind.API_KEY, (0, -1))
        wanted = max(ours[0], _READ_COMMITTED.get(name, 0))
        if most < wanted:
            there = f"up to version {most}" if most >= 0 else "not at all"
            what = f"the broker at {shown} is too old: it knows {name} {there}, we need version {wanted}"
            return Step("version", False, what, "xdrtui needs Kafka 0.11 or newer: update it", "version.old")
        if least > ours[1]:
            what = (
                f"the broker at {shown} is too new: it knows {name} from version {least} on, we to {ours[1]}"
            )
            return Step("version", False, what, "update xdrtui and its aiokafka", "version.new")
    return Step("version", True, f"Kafka that knows Fetch up to version {versions[1][1]}")


def _spoken_by_us(kind: type) -> tuple[int, int]:
    """Least and greatest version of a request that aiokafka can write."""
    (named,) = get_args(kind.__orig_bases__[0])  # type: ignore[attr-defined]
    numbers = [each.API_VERSION for each in get_args(named) or (named,)]
    return min(numbers), max(numbers)


async def _login(
    to: KafkaConnection, shown: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Step:
    """Whether the listener wants a login, and of which kinds."""
    word = (to.mechanism or "NONE").encode()
    try:
        async with asyncio.timeout(SECONDS):
            body = struct.pack(">h", len(word)) + word
            reply = await _exchange(reader, writer, _SASL_HANDSHAKE, 1, body)
        (code,) = struct.unpack_from(">h", reply)
        offered = "" if code == _ILLEGAL_SASL_STATE else ", ".join(_strings(reply, 2))
    except (NotKafka, OSError, TimeoutError, EOFError, struct.error) as error:
        if to.sasl == "none":  # not every broker that takes no login knows the question
            return Step("kind of login", True, "the broker tells of none")
        what = f"the broker at {shown} does not tell which logins it takes ({words_of(error)})"
        return Step("kind of login", False, what, "check sasl and the port", "login.unknown")
    if code == _ILLEGAL_SASL_STATE:
        if to.sasl == "none":
            return Step("kind of login", True, "none is wanted")
        what = f"{shown} takes no login, and sasl is {to.sasl}"
        return Step(
            "kind of login", False, what, "set sasl: none, or use the port with a login", "login.unwanted"
        )
    if to.sasl == "none":
        what = f"{shown} wants a login ({offered}), and sasl is none"
        return Step("kind of login", False, what, "set sasl, user and password", "login.wanted")
    if code == _UNSUPPORTED_MECHANISM:
        what = f"{shown} does not offer the login {to.mechanism}; it offers {offered}"
        return Step("kind of login", False, what, "set another sasl", "login.mechanism")
    clear = to.sasl == "plain" and not to.tls
    advice = (
        "user and password cross the network in the clear: set tls, or use scram-sha-512" if clear else ""
    )
    return Step("kind of login", True, f"{to.mechanism} is offered", advice)


async def _token(
    to: KafkaConnection,
    tokens: ClientCredentials,
    shown: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> AsyncIterator[Step]:
    """Fetch a token and show it. Source: RFC 7628, 3 (a refusal comes as JSON in an answer without error)."""
    where = tokens.place.shown
    try:
        token = await tokens.token()
    except TokenRefused:
        what = f"no token from {where} for {to.who}: {tokens.problem}"
        advice = "check oauth_token_url, oauth_client_id, oauth_client_secret, oauth_scope and oauth_ca_file"
        yield Step("token", False, what, advice, "token")
        return
    yield Step("token", True, f"{where} gives one to {to.who}")
    shown_token = f"n,,\x01auth=Bearer {token}\x01\x01".encode()
    body = struct.pack(">i", len(shown_token)) + shown_token
    try:
        async with asyncio.timeout(SECONDS):
            answer = await _exchange(reader, writer, _SASL_AUTHENTICATE, 0, body)
        code, size = struct.unpack_from(">hh", answer)
        said = answer[4 : 4 + max(size, 0)] or answer[8 + max(size, 0) :]
    except (NotKafka, OSError, TimeoutError, EOFError, struct.error) as error:
        code, said = -1, words_of(error).encode()
    if code or said:
        told = visible(said.decode("utf-8", "replace"))[:300]
        what = f"the broker at {shown} refuses the login of '{to.who}' by {to.mechanism} ({told})"
        advice = (
            "check that it trusts who gives out the tokens, and that oauth_scope and the audience are right"
        )
        yield Step("login", False, what, advice, "login.refused")


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: int, version: int, body: bytes
) -> bytes:
    """One request with a header of version 1; the answer after its correlation id."""
    message = struct.pack(">hhih", key, version, 1, len(_CLIENT)) + _CLIENT + body
    writer.write(struct.pack(">i", len(message)) + message)
    await writer.drain()
    try:
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        if not 4 <= size <= _LARGEST:
            raise NotKafka("its answer is none of Kafka's")
        answer = await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise NotKafka("it ends the connection" if not error.partial else "its answer is cut off") from None
    if answer[:4] != b"\x00\x00\x00\x01":
        raise NotKafka("its answer is none of Kafka's")
    return answer[4:]


async def ask_versions(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The first question of every client, which needs no login. Raises NotKafka, OSError."""
    await _exchange(reader, writer, _API_VERSIONS, 0, b"")


def _versions(answer: bytes) -> dict[int, tuple[int, int]]:
    """Request -> least and greatest version. Source: Kafka's protocol guide, ApiVersions version 0."""
    code, count = struct.unpack_from(">hi", answer)
    if code or not 0 < count < 1_000:
        raise NotKafka(f"it does not tell its versions (error {code})")
    rows = (struct.unpack_from(">hhh", answer, 6 + 6 * number) for number in range(count))
    return {key: (least, most) for key, least, most in rows}


def _strings(answer: bytes, at: int) -> list[str]:
    (count,) = struct.unpack_from(">i", answer, at)
    at += 4
    found = []
    for _ in range(min(count, 32)):
        (size,) = struct.unpack_from(">h", answer, at)
        found.append(visible(answer[at + 2 : at + 2 + size].decode("utf-8", "replace")))
        at += 2 + size
    return found


async def _speaks_kafka(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                await ask_versions(reader, writer)
            finally:
                await _close(writer)
    except (NotKafka, OSError, TimeoutError, EOFError):
        return False
    return True


async def _speaks_tls(address: str, port: int, host: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    except ssl.SSLError as error:
        return "ALERT" in str(error.reason or "")
    except (OSError, TimeoutError):
        return False
    await _close(writer)
    return True


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            await writer.wait_closed()


async def first_problem(to: KafkaConnection) -> BrokerError | None:
    """What is wrong with the first broker, where something is wrong with all of them."""
    problems = []
    for broker in to.brokers:
        steps = [step async for step in probe(to, broker)]
        if steps[-1].ok:
            return None
        problems.append(steps[-1])
    return BrokerError(problems[0].sentence) if problems else None
