"""One real broker for all tests of this folder, or where Java is missing the mock cluster, visibly."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka import certificates
from tests.kafka.broker import PLAIN, Broker, Listener, Missing, jars
from tests.kafka.certificates import Certificates
from tests.kafka.mock import MockBroker
from tests.kafka.rig import Rig
from tests.kafka.tokens import AUDIENCE, TokenServer

USERS = {"analyst": "correct horse"}
_PLAIN_LOGIN = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_analyst="correct horse";'
)
_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_TOKENS = "org.apache.kafka.common.security.oauthbearer"
_TOKEN_LOGIN = f"{_TOKENS}.OAuthBearerLoginModule required;"
_TOKEN_CHECK = f"{_TOKENS}.OAuthBearerValidatorCallbackHandler"
_ACLS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
    "super.users": "User:ANONYMOUS",
}
"""Everybody may do everything but where a test has made an ACL; without a login one may do that, too."""


def _sasl(tokens: TokenServer) -> dict[str, str]:
    return {
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        "plain.sasl.jaas.config": _PLAIN_LOGIN,
        "scram-sha-256.sasl.jaas.config": _SCRAM_LOGIN,
        "scram-sha-512.sasl.jaas.config": _SCRAM_LOGIN,
        "oauthbearer.sasl.jaas.config": _TOKEN_LOGIN,
        "oauthbearer.sasl.server.callback.handler.class": _TOKEN_CHECK,
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All in one process under xdist: the broker is started once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("kafka"))
            # aiokafka leaves the socket of a refused login to the garbage collector, see `tidy`
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    """What aiokafka left open is collected here, where its warning is not an error."""
    yield
    gc.collect()


def listeners(made: Certificates, tokens: TokenServer) -> tuple[Listener, ...]:
    sasl = _sasl(tokens)
    tls = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(made.server_pair)}
    trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(made.authority)}
    return (
        PLAIN,
        Listener("PROXIED", "PLAINTEXT", proxied=True),
        Listener("LOGIN", "SASL_PLAINTEXT", sasl),
        Listener("SCRAM", "SASL_PLAINTEXT", {**sasl, "sasl.enabled.mechanisms": "SCRAM-SHA-512"}),
        Listener("BRIEF", "SASL_PLAINTEXT", {**sasl, "oauthbearer.connections.max.reauth.ms": "1500"}),
        Listener("SECURE", "SASL_SSL", {**sasl, **tls}),
        Listener("BOTH", "SASL_SSL", {**sasl, **tls, **trust, "ssl.client.auth": "required"}),
        Listener("MUTUAL", "SSL", {**tls, **trust, "ssl.client.auth": "required"}),
        *([Listener("SIX", "PLAINTEXT", host="[::1]")] if speaks_six() else []),
    )


def speaks_six() -> bool:
    """Whether this machine can listen on IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def broker(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pem: Certificates,
    tokens: TokenServer,
) -> Iterator[Broker | MockBroker]:
    """A broker that answers; its directory stays where tests failed."""
    try:
        jars()
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"missing: {missing}")
        mock = MockBroker()
        yield mock
        mock.stop()
        return
    folder = tmp_path_factory.mktemp("kafka")
    started = Broker(
        folder / "broker",
        listeners(pem, tokens),
        USERS,
        # without these, set for all listeners, Kafka 4.1.1 lets forged tokens in: no signature is looked at
        extra={
            **_ACLS,
            "sasl.oauthbearer.jwks.endpoint.url": tokens.keys_url,
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "sasl.oauthbearer.jwt.validator.class": f"{_TOKENS}.BrokerJwtValidator",
        },
        java=[f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.keys_url}"],
    )
    failed = request.session.testsfailed
    started.start()
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(started.folder / "data", ignore_errors=True)
        if request.session.testsfailed == failed:
            shutil.rmtree(started.folder, ignore_errors=True)


@pytest.fixture
def real(broker: Broker | MockBroker) -> Broker:
    """The real broker; where there is only the mock, the test is skipped and says how to get a real one."""
    if isinstance(broker, MockBroker):
        try:
            jars()
        except Missing as missing:
            pytest.skip(f"missing: {missing}")
    assert isinstance(broker, Broker)
    return broker


@pytest.fixture
async def topic(broker: Broker | MockBroker) -> str:
    """A new topic of one partition."""
    return await broker.create_topic(new_name())


def new_name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def rig(real: Broker, pem: Certificates, tokens: TokenServer, tmp_path: Path) -> Rig:
    return Rig(real, pem, tokens, tmp_path)
