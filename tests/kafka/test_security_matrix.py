"""Every kind of login at every kind of listener, and every wrong setting with what is said about it.

`xdrtui/manual/kafka-security.md` shows both tables; `test_the_manual_shows_the_matrix` holds it to them.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.kafka.broker import Broker, free_ports
from tests.kafka.certificates import Certificates
from tests.kafka.conftest import new_name
from tests.kafka.tokens import CLIENT, SECRET, TokenServer
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.check import Step, check, steps
from xdrtui.sources.http import WebPlace

LISTENERS = ("PLAINTEXT", "LOGIN", "SECURE", "MUTUAL", "BOTH")
MECHANISMS = ("none", "plain", "scram-sha-256", "scram-sha-512", "oauthbearer")
MANUAL = Path(__file__).parents[2] / "xdrtui" / "manual" / "kafka-security.md"


class Rig:
    """Settings against the broker of the tests."""

    def __init__(self, broker: Broker, pem: Certificates, tokens: TokenServer, folder: Path) -> None:
        self.broker, self.pem, self.tokens = broker, pem, tokens
        self.password = _secret(folder / "password", "correct horse")
        self.client_secret = _secret(folder / "client-secret", SECRET)
        self.wrong = _secret(folder / "wrong", "battery staple")

    def settings(self, listener: str, sasl: str = "none", **more: object) -> KafkaSettings:
        values: dict[str, object] = {"brokers": [self.broker.bootstrap(listener)], "group": "", "sasl": sasl}
        if listener in ("SECURE", "MUTUAL", "BOTH"):
            values |= {"tls": True, "ca_file": str(self.pem.authority)}
        if listener in ("MUTUAL", "BOTH"):
            values["certificate_file"] = str(self.pem.client_certificate)
            values["key_file"] = str(self.pem.client_key)
        if sasl == "oauthbearer":
            values["oauth_token_url"] = self.tokens.token_url
            values["oauth_client_id"] = CLIENT
            values["oauth_client_secret"] = self.client_secret
            values["oauth_scope"] = "read:events"
        elif sasl != "none":
            values |= {"user": "analyst", "password": self.password}
        return KafkaSettings.model_validate({**values, **more})


def _secret(path: Path, value: str) -> str:
    path.touch(mode=0o600)
    path.write_text(value)
    return f"file:{path}"


@pytest.fixture
def rig(real: Broker, pem: Certificates, tokens: TokenServer, tmp_path: Path) -> Rig:
    return Rig(real, pem, tokens, tmp_path)


async def failures(settings: KafkaSettings) -> list[Step]:
    return [step async for step in steps(settings) if not step.ok]


async def first_failure(settings: KafkaSettings) -> Step:
    return (await failures(settings))[0]


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
        r"ends the TLS handshake .* is this a TLS port|does not speak TLS .* tls: false",
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


@pytest.fixture
def rights(rig: Rig) -> Iterator[Callable[[str, ResourceType, str, AclOperation], None]]:
    """Gives a right to the named user (nobody else has it then), and takes all of them back."""
    admin = AdminClient({"bootstrap.servers": rig.broker.bootstrap()})
    given: list[AclBinding] = []

    def give(user: str, kind: ResourceType, name: str, operation: AclOperation) -> None:
        binding = AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for done in admin.create_acls([binding], request_timeout=10).values():
            done.result()
        given.append(binding)

    yield give
    from confluent_kafka.admin import AclBindingFilter

    for each in given:
        every = AclBindingFilter(
            each.restype,
            each.name,
            ResourcePatternType.LITERAL,
            None,
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for done in admin.delete_acls([every]).values():
            done.result()


Give = Callable[[str, ResourceType, str, AclOperation], None]


async def test_each_right_that_is_missing_is_named(rig: Rig, rights: Give) -> None:
    hidden, seen = await rig.broker.create_topic(new_name()), await rig.broker.create_topic(new_name())
    group = new_name()
    rights("owner", ResourceType.TOPIC, hidden, AclOperation.READ)
    rights("analyst", ResourceType.TOPIC, seen, AclOperation.DESCRIBE)
    rights("owner", ResourceType.GROUP, group, AclOperation.READ)
    failed = await failures(rig.settings("LOGIN", "scram-sha-256", topics=[hidden, seen], group=group))
    assert [step.kind for step in failed] == ["topic.hidden", "read.refused", "group.refused"]
    told = [f"{step.what} -> {step.advice}" for step in failed]
    assert f"does not let analyst see the topic {hidden}" in told[0]
    assert f"Read on topic {hidden}" in told[0]
    assert f"analyst may see the topic {seen}, but not read it" in told[1]
    assert f"an ACL that allows Read on topic {seen} to analyst" in told[1]
    assert f"an ACL that allows Read on group {group} to analyst" in told[2]


async def test_a_right_to_describe_a_group_is_not_enough(rig: Rig, rights: Give) -> None:
    topic, group = await rig.broker.create_topic(new_name()), new_name()
    rights("analyst", ResourceType.GROUP, group, AclOperation.DESCRIBE)
    failed = await failures(rig.settings("LOGIN", "plain", topics=[topic], group=group))
    assert [step.kind for step in failed] == ["group.refused"]


async def test_what_is_right_is_told_step_by_step_and_writes_nothing(rig: Rig) -> None:
    topic, group = await rig.broker.create_topic(new_name(), 2), new_name()
    settings = rig.settings("BOTH", "oauthbearer", topics=[topic, f"{topic[:8]}*"], group=group)
    told = await asyncio.to_thread(lambda: list(check(settings)))
    assert all(step.ok for step in told), [step for step in told if not step.ok]
    names = [step.name.removeprefix(f"{settings.brokers[0]} ") for step in told]
    assert names == [
        *["settings", "name", "port", "TLS", "version", "kind of login", "token", "login", "cluster"],
        *[f"topic {topic}", f"topics {topic[:8]}*", f"reading {topic}", f"group {group}"],
    ]
    admin = AdminClient({"bootstrap.servers": rig.broker.bootstrap()})
    groups = {each.group_id for each in admin.list_consumer_groups().result().valid}
    assert group not in groups


async def test_asking_for_a_topic_does_not_make_it(rig: Rig) -> None:
    name = new_name()
    await failures(rig.settings("PLAINTEXT", topics=[name]))
    assert (
        name not in AdminClient({"bootstrap.servers": rig.broker.bootstrap()}).list_topics(timeout=10).topics
    )


async def test_one_broker_of_two_may_be_down(rig: Rig) -> None:
    (port,) = free_ports(1)
    good = rig.broker.bootstrap()
    failed = await failures(
        rig.settings("PLAINTEXT", brokers=[f"127.0.0.1:{port}", good], topics=["__nope-*"])
    )
    assert [step.kind for step in failed] == ["refused", "topic.none"]


def test_a_conversation_that_is_broken_off_ends(rig: Rig) -> None:
    going = check(rig.settings("SECURE", "scram-sha-512"))
    assert next(going).name == "settings"
    assert next(going).ok
    going.close()


def test_hostile_words_of_a_server_do_not_reach_the_terminal(rig: Rig) -> None:
    place = WebPlace("https://user\x07\x9b2J.example:8443/x")
    assert "\x07" not in place.shown and "\x9b" not in place.shown
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = rig.settings(
            "PLAINTEXT", brokers=[f"127.0.0.1\x1b]0;owned\x07:{listener.getsockname()[1]}"]
        )
        (step,) = [step for step in check(settings) if not step.ok]
    assert "\x1b" not in step.what + step.name
