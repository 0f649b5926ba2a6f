"""A worker's source says within three seconds that no broker can be reached, and takes it back by itself."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.proxy import Proxy
from tests.kafka.rig import Rig
from tests.kafka.test_kafka_source import Memory, produce, source
from tests.stopwatch import Stopwatch
from xdrtui.sources.kafka import KafkaSource
from xdrtui.sources.reach import unreached


async def until(kafka: KafkaSource, memory: Memory, lost: bool, seconds: float) -> str:
    """Read until a fault of the connection is told, or none; what it says."""
    watch = Stopwatch()
    while True:
        memory.take(await kafka.fetch(0.2))
        said = kafka.health().faults.get("kafka", "")
        if bool(said) == lost:
            return said
        assert watch.seconds() < seconds, said


async def test_no_broker_is_said_within_three_seconds_and_taken_back(
    real: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, memory, proxy = await real.create_topic(new_name()), Memory(), Proxy(real)
    await produce(real, topic, [b"{}"])
    kafka = source(real, topic, memory, brokers=[proxy.bootstrap])

    async with proxy:
        await kafka.start()
        for _ in range(10):
            memory.take(await kafka.fetch(0.2))
        assert not kafka.health().faults.get("kafka")
    said = await until(kafka, memory, lost=True, seconds=2.5)
    assert "no broker can be reached" in said and proxy.bootstrap in said and "refused" in said
    for place in range(
        6
    ):  # also while it is looked again, and where the client seems to have heard something
        if place == 3:
            monkeypatch.setattr(kafka._link.consumer, "silence", lambda asked: 0.0)
        memory.take(await kafka.fetch(0.2))
        assert "refused" in kafka.health().faults.get("kafka", "")
    monkeypatch.undo()
    async with proxy:
        await until(kafka, memory, lost=False, seconds=60)
        await produce(real, topic, [b"{}"])
        async with asyncio.timeout(60):
            while memory.at[0].next_offset < 2:
                memory.take(await kafka.fetch(0.2))
        await kafka.stop()


async def test_brokers_that_take_connections_and_do_not_answer_are_told_within_three_seconds(
    real: Broker,
) -> None:
    """A stalled proxy: it takes each connection and holds back every answer."""
    topic, memory, proxy = await real.create_topic(new_name()), Memory(), Proxy(real)
    kafka = source(real, topic, memory, brokers=[proxy.bootstrap])
    async with proxy:
        await kafka.start()
        for _ in range(10):
            memory.take(await kafka.fetch(0.2))
        assert not kafka.health().faults.get("kafka")
        proxy.stall()
        said = await until(kafka, memory, lost=True, seconds=2.5)
        assert "no broker can be reached" in said and "takes connections, but does not answer" in said
        proxy.flow()
        await until(kafka, memory, lost=False, seconds=60)
        await produce(real, topic, [b"{}"])
        async with asyncio.timeout(60):
            while 0 not in memory.at or memory.at[0].next_offset < 1:
                memory.take(await kafka.fetch(0.2))
        await kafka.stop()


async def test_whoever_answers_kafkas_first_question_can_be_reached(rig: Rig) -> None:
    tls = ssl.create_default_context(cafile=str(rig.pem.authority))
    for listener, context in (("PLAINTEXT", None), ("SECURE", tls), ("MUTUAL", tls)):
        assert await unreached([rig.broker.bootstrap(listener)], context) == "", listener


@pytest.mark.parametrize("tls", [False, True], ids=["in the clear", "TLS"])
async def test_what_takes_connections_and_is_no_broker_cannot_be_reached(tls: bool) -> None:
    context = ssl.create_default_context() if tls else None
    held: list[asyncio.StreamWriter] = []
    servers = [
        await asyncio.start_server(taken, "127.0.0.1", 0)
        for taken in (lambda _, writer: held.append(writer), lambda _, writer: writer.close())
    ]
    silent, closing = (f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers)
    watch = Stopwatch()
    assert "takes connections, but does not answer" in await unreached([silent], context)
    assert watch.seconds() < 1.5
    assert "no broker can be reached" in await unreached([closing, silent], context)
    for server, writer in zip(servers, [*held, *held], strict=False):
        server.close()
        writer.close()
