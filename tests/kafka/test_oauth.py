"""Tokens: one for many connections, renewed in time; a broker that ends connections loses us nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.tokens import CLIENT, SECRET, TokenServer
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.secrets import Secret
from xdrtui.sources.generation import Stored
from xdrtui.sources.http import WebPlace
from xdrtui.sources.kafka import KafkaSource
from xdrtui.sources.oauth import ClientCredentials, TokenRefused


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def credentials(tokens: TokenServer, clock: Clock, secret: str = SECRET) -> ClientCredentials:
    return ClientCredentials(WebPlace(tokens.token_url, CLIENT, Secret(secret)), clock=clock)


async def test_a_token_serves_until_most_of_its_life_is_over(tokens: TokenServer) -> None:
    clock = Clock()
    provider = credentials(tokens, clock)
    before = len(tokens.given)
    first = await asyncio.gather(*(provider.token() for _ in range(5)))
    assert len(set(first)) == 1 and len(tokens.given) == before + 1
    clock.now += 0.75 * tokens.life
    assert await provider.token() == first[0]
    clock.now += 0.1 * tokens.life
    assert await provider.token() != first[0]
    assert len(tokens.given) == before + 2


async def test_an_old_token_serves_on_while_its_server_is_down(tokens: TokenServer) -> None:
    clock = Clock()
    provider = credentials(tokens, clock)
    first = await provider.token()
    tokens.down = True
    try:
        clock.now += 0.9 * tokens.life
        assert await provider.token() == first
        clock.now += 0.2 * tokens.life
        with pytest.raises(TokenRefused, match=r"refuses \(503\)"):
            await provider.token()
    finally:
        tokens.down = False
    assert await provider.token() != first


async def test_no_secret_is_in_the_words_of_a_refusal(tokens: TokenServer) -> None:
    provider = credentials(tokens, Clock(), "not the secret")
    with pytest.raises(TokenRefused, match="invalid_client") as refused:
        await provider.token()
    assert "not the secret" not in repr(refused.value) + repr(provider.__dict__)


async def test_a_broker_that_ends_connections_before_the_run_is_over_loses_us_nothing(
    real: Broker, tokens: TokenServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The listener ends each connection 1.5 s after its login; the run takes four times as long."""
    caplog.set_level(logging.INFO, "aiokafka.conn")
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET)
    topic = await real.create_topic(new_name(), 2)
    settings = KafkaSettings(
        brokers=[real.bootstrap("BRIEF")],
        topics=[topic],
        group=new_name(),
        start="earliest",
        sasl="oauthbearer",
        oauth_token_url=tokens.token_url,
        oauth_client_id=CLIENT,
        oauth_client_secret=f"file:{secret}",
    )
    at: dict[int, Stored] = {}

    async def stored(prefix: str) -> Mapping[int, Stored]:
        return dict(at)

    values = [b"%d" % number for number in range(60)]
    producer = AIOKafkaProducer(bootstrap_servers=real.bootstrap())
    await producer.start()

    async def produce() -> None:
        for number, value in enumerate(values):
            await producer.send_and_wait(topic, value, partition=number % 2)
            await asyncio.sleep(0.1)

    kafka = KafkaSource(settings, stored)
    before = len(tokens.given)
    await kafka.start()
    producing = asyncio.create_task(produce())
    got: list[bytes] = []
    async with asyncio.timeout(90):
        while len(got) < len(values):
            fetched = await kafka.fetch(0.2)
            for each in fetched:
                if kafka.is_current(each):
                    got += each.messages.payloads
                    at[each.messages.partition] = Stored(each.next_offset, each.anchor, each.generation)
            await kafka.commit(fetched)
    await producing
    await producer.stop()
    assert sorted(got, key=int) == values
    assert not kafka.health().faults
    await kafka.stop()
    logins = sum("Authenticated via OAUTHBEARER" in line for line in caplog.messages)
    assert logins >= 9, "the connections were not ended"  # 5 at the start, then 2 each 1.5 s
    assert len(tokens.given) - before < 5  # with the token it has
