"""Every kind of login at every kind of listener, and every wrong setting with what is said about it.

`xdrtui/manual/kafka-security.md` shows both tables; `test_the_manual_shows_the_matrix` holds it to them.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.kafka.broker import free_ports
from tests.kafka.conftest import new_name
from tests.kafka.rig import Rig, failures, first_failure
from tests.kafka.tokens import SECRET
from xdrtui.settings.model import KafkaSettings

LISTENERS = ("PLAINTEXT", "LOGIN", "SECURE", "MUTUAL", "BOTH")
MECHANISMS = ("none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer")
MANUAL = Path(__file__).parents[2] / "xdrtui" / "manual" / "kafka-security.md"


EXPECTED = {
    ("PLAINTEXT", "none"): "",
    ("LOGIN", "none"): "login.wanted",
    ("SECURE", "none"): "login.wanted",
    ("MUTUAL", "none"): "",
    ("BOTH", "none"): "login.wanted",
    **{(way, mechanism): "login.unwanted" for way in ("PLAINTEXT", "MUTUAL") for mechanism in MECHANISMS[1:]},
    **{(way, mechanism): "" for way in ("LOGIN", "SECURE", "BOTH") for mechanism in MECHANISMS[1:]},
}


@pytest.mark.parametrize("listener", LISTENERS)
async def test_each_login_at_each_listener(rig: Rig, listener: str) -> None:
    topic = await rig.broker.create_topic(new_name())
    for mechanism in MECHANISMS:
        failed = await failures(rig.settings(listener, mechanism, topics=[topic]))
        assert [step.kind for step in failed] == [kind for kind in [EXPECTED[listener, mechanism]] if kind], (
            mechanism
        )


@asynccontextmanager
async def tls_server(pair: Path) -> AsyncIterator[str]:
    """Something that speaks TLS with this certificate, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def old_broker(fetch: tuple[int, int]) -> AsyncIterator[str]:
    """A Kafka that answers ApiVersions alone. fetch: least and greatest version of Fetch that it knows."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_size = await reader.read(4096)
        rows = {1: fetch, **{key: (0, 9) for key in (2, 3, 8, 10, 11, 18)}}
        body = with_size[8:12] + struct.pack(">hi", 0, len(rows))
        body += b"".join(struct.pack(">hhh", key, *versions) for key, versions in rows.items())
        writer.write(struct.pack(">i", len(body)) + body)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


WRONG: dict[str, tuple[Callable[[Rig], KafkaSettings], str, str]] = {
    "an address that is none": (
        lambda rig: rig.settings("PLAINTEXT", brokers=["kafka-1"]),
        "address",
        r"kafka-1 is no host:port .* e\.g\. kafka-1:9092",
    ),
    "a name that nobody knows": (
        lambda rig: rig.settings("PLAINTEXT", brokers=["nowhere.invalid:9092"]),
        "name",
        r"name nowhere\.invalid cannot be resolved .* check kafka\.brokers",
    ),
    "a port where nobody listens": (
        lambda rig: rig.settings("PLAINTEXT", brokers=[f"127.0.0.1:{free_ports(1)[0]}"]),
        "refused",
        r"127\.0\.0\.1:\d+ refuses the connection .* is this its port",
    ),
    "TLS to a port without": (
        lambda rig: rig.settings("PLAINTEXT", tls=True, ca_file=str(rig.pem.authority)),
        "tls.plain",
        r"does not speak TLS: it answers as Kafka without .* tls: false",
    ),
    "no TLS to a port with TLS": (
        lambda rig: rig.settings("MUTUAL", tls=False, certificate_file="", key_file=""),
        "tls.wanted",
        r"not as a PLAINTEXT listener: it speaks TLS .* tls: true",
    ),
    "an authority that did not sign": (
        lambda rig: rig.settings("SECURE", "plain", ca_file=str(rig.pem.stranger)),
        "tls.authority",
        r"of 127\.0\.0\.1:\d+ \(for 127\.0\.0\.1, signed by test authority\) is not accepted: "
        r"no authority that we trust .* set ca_file",
    ),
    "a file that is no certificate": (
        lambda rig: rig.settings("SECURE", "plain", ca_file=__file__),
        "settings",
        r"test_security_matrix\.py cannot be used .* must be a PEM file",
    ),
    "no certificate where one is wanted": (
        lambda rig: rig.settings("MUTUAL", certificate_file="", key_file=""),
        "tls.client-missing",
        r"certificate of ours.* set certificate_file and key_file",
    ),
    "a certificate that the broker does not trust": (
        lambda rig: rig.settings("MUTUAL", certificate_file=str(rig.pem.stranger_client_pair), key_file=""),
        "tls.client-refused",
        r"does not accept our certificate .*intruder\.pem .* an authority signed which the broker trusts",
    ),
    "a key that is not the certificate's": (
        lambda rig: rig.settings("MUTUAL", key_file=str(rig.pem.server_pair)),
        "settings",
        r"our certificate or its key cannot be used .*client\.pem .* check certificate_file, key_file",
    ),
    "a wrong password (PLAIN)": (
        lambda rig: rig.settings("LOGIN", "plain", password=rig.wrong),
        "login.refused",
        r"refuses the login of 'analyst' by PLAIN .* check user and password",
    ),
    "a wrong password (SCRAM-SHA-256)": (
        lambda rig: rig.settings("SECURE", "scram-sha-256", password=rig.wrong),
        "login.refused",
        r"refuses the login of 'analyst' by SCRAM-SHA-256 .* check user and password",
    ),
    "a wrong user (SCRAM-SHA-512)": (
        lambda rig: rig.settings("SECURE", "scram-sha-512", user="nobody"),
        "login.refused",
        r"refuses the login of 'nobody' by SCRAM-SHA-512",
    ),
    "a login that the listener does not offer": (
        lambda rig: rig.settings("SCRAM", "plain"),
        "login.mechanism",
        r"does not offer the login PLAIN; it offers SCRAM-SHA-512 .* another sasl",
    ),
    "no login where one is wanted": (
        lambda rig: rig.settings("LOGIN"),
        "login.wanted",
        r"wants a login \(.*SCRAM-SHA-512.*\), and sasl is none .* set sasl, user and password",
    ),
    "a login where none is taken": (
        lambda rig: rig.settings("PLAINTEXT", "scram-sha-512"),
        "login.unwanted",
        r"takes no login, and sasl is scram-sha-512 .* sasl: none",
    ),
    "a login without a password": (
        lambda rig: rig.settings("LOGIN", "plain", password=None),
        "settings",
        r"sasl is plain .* write kafka\.user and kafka\.password",
    ),
    "a password's file that others can read": (
        lambda rig: rig.settings("LOGIN", "plain", password=_open_to_all(rig)),
        "settings",
        r"can be read by others .* chmod 600",
    ),
    "a wrong client secret": (
        lambda rig: rig.settings("LOGIN", "oauthbearer", oauth_client_secret=rig.wrong),
        "token",
        r"no token from 127\.0\.0\.1:\d+ for analyst: it refuses \(401: invalid_client, who are you\?\) "
        r".* oauth_client_secret",
    ),
    "a wrong scope": (
        lambda rig: rig.settings("LOGIN", "oauthbearer", oauth_scope="all"),
        "token",
        r"it refuses \(400: invalid_scope\)",
    ),
    "no token endpoint there": (
        lambda rig: rig.settings(
            "LOGIN", "oauthbearer", oauth_token_url=f"http://127.0.0.1:{free_ports(1)[0]}/token"
        ),
        "token",
        r"no token from .* it cannot be asked: .*",
    ),
    "a token endpoint in the clear": (
        lambda rig: rig.settings("LOGIN", "oauthbearer", oauth_token_url="http://login.example/token"),
        "settings",
        r"oauth_token_url: a secret would cross the network in the clear .* https",
    ),
    "a topic that is not there": (
        lambda rig: rig.settings("PLAINTEXT", topics=["nowhere"]),
        "topic.missing",
        r"has no topic nowhere .* check kafka\.topics",
    ),
    "a pattern that nothing matches": (
        lambda rig: rig.settings("PLAINTEXT", topics=["nowhere-*"]),
        "topic.none",
        r"no topic that we may see matches nowhere-\*",
    ),
    "a topic of Kafka's own": (
        lambda rig: rig.settings("PLAINTEXT", topics=["__consumer_offsets"]),
        "settings",
        r"__consumer_offsets is Kafka's own topic",
    ),
    "a broker that names itself wrongly": (
        lambda rig: rig.settings("PROXIED", topics=["nowhere"]),
        "advertised",
        r"the cluster names its broker 1 to clients as 127\.0\.0\.1:\d+: .* refuses .* advertised\.listeners",
    ),
}


def _open_to_all(rig: Rig) -> str:
    path = Path(rig.wrong.removeprefix("file:"))
    path.chmod(0o644)
    return rig.wrong


@pytest.mark.parametrize("wrong", WRONG)
async def test_each_wrong_setting_is_said_with_what_to_do(rig: Rig, wrong: str) -> None:
    make, kind, says = WRONG[wrong]
    step = await first_failure(make(rig))
    assert step.kind == kind
    assert re.search(says, f"{step.what} -> {step.advice}"), f"{step.what} -> {step.advice}"
    assert step.advice
    for secret in ("correct horse", "battery staple", SECRET):
        assert secret not in step.what + step.advice


async def test_an_expired_certificate_is_named_with_its_day(rig: Rig) -> None:
    async with tls_server(rig.pem.expired_pair) as server:
        step = await first_failure(rig.settings("SECURE", brokers=[server]))
    assert step.kind == "tls.expired"
    assert re.search(r"signed by test authority\) is not accepted: it expired on \w+ .* GMT", step.what)


async def test_a_certificate_for_another_host_is_named_with_its_names(rig: Rig) -> None:
    async with tls_server(rig.pem.elsewhere_pair) as server:
        step = await first_failure(rig.settings("SECURE", brokers=[server]))
        assert step.kind == "tls.name"
        assert "it is for kafka.elsewhere.example, not for 127.0.0.1" in step.what
        step = await first_failure(rig.settings("SECURE", brokers=[server], check_hostname=False))
        assert step.kind == "protocol"  # accepted now; it is no Kafka


async def test_something_that_is_no_kafka_is_said(rig: Rig) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        step = await first_failure(rig.settings("PLAINTEXT", brokers=[f"127.0.0.1:{port}"]))
    assert step.kind == "protocol" and "not as a PLAINTEXT listener" in step.what


@pytest.mark.parametrize(
    ("fetch", "kind"), [((0, 2), "version.old"), ((90, 99), "version.new")], ids=["old", "new"]
)
async def test_a_broker_of_another_age_is_said(rig: Rig, fetch: tuple[int, int], kind: str) -> None:
    async with old_broker(fetch) as server:
        step = await first_failure(rig.settings("PLAINTEXT", brokers=[server]))
    assert step.kind == kind
    assert ("we need version 4" if kind == "version.old" else "from version 90 on") in step.what


async def test_a_forged_token_is_refused_by_the_broker(rig: Rig) -> None:
    rig.tokens.forged = True
    try:
        step = await first_failure(rig.settings("LOGIN", "oauthbearer"))
    finally:
        rig.tokens.forged = False
    assert step.kind == "login.refused"
    assert re.search(r"refuses the login of 'analyst' by OAUTHBEARER \(.*invalid_token", step.what)


def test_the_manual_shows_the_matrix() -> None:
    page = MANUAL.read_text("utf-8")
    names = {
        "PLAINTEXT": "PLAINTEXT",
        "LOGIN": "SASL_PLAINTEXT",
        "SECURE": "SASL_SSL",
        "MUTUAL": "SSL with our certificate (mutual TLS)",
        "BOTH": "SASL_SSL with our certificate",
    }
    words = {"": "works", "login.wanted": "wants a login", "login.unwanted": "takes no login"}
    for listener, name in names.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")[1:]]
        for mechanism, cell in zip(MECHANISMS, cells, strict=True):
            assert cell.startswith(words[EXPECTED[listener, mechanism]]), (name, mechanism)
    for wrong, (_, _, says) in WRONG.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {wrong} |")]
        seen, todo = row.removeprefix(f"| {wrong} | ").removesuffix(" |").split(" | ")
        shown = f"{seen} -> {todo}".replace("HOST:PORT", "127.0.0.1:1").replace(
            "ca.pem", "test_security_matrix.py"
        )
        assert re.search(says, shown), shown
