"""What goes wrong between a worker and its brokers: each fault is named, and costs no message."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.broker import PLAIN, Broker
from tests.kafka.conftest import new_name
from tests.kafka.proxy import Proxy
from tests.kafka.test_kafka_source import Memory, produce, source
from xdrtui.sources import commits, consumer, holes, link
from xdrtui.sources.kafka import KafkaSource


class Reader:
    """Takes what a source brings into a memory that stands for the store; nothing may be there twice."""

    def __init__(self, kafka: KafkaSource, memory: Memory) -> None:
        self.kafka = kafka
        self.memory = memory
        self.values: list[bytes] = []

    async def until(self, done: Callable[[], bool], seconds: float = 90.0) -> None:
        async with asyncio.timeout(seconds):
            while not done():
                fetched = [each for each in await self.kafka.fetch(0.1) if self.kafka.is_current(each)]
                self.values += self.memory.take(fetched)
                await self.kafka.commit(fetched)

    async def read(self, count: int, seconds: float = 90.0) -> None:
        await self.until(lambda: len(self.values) >= count, seconds)


@pytest.fixture
async def reader(real: Broker, topic: str) -> AsyncIterator[Reader]:
    memory = Memory()
    found = Reader(source(real, topic, memory, group=new_name()), memory)
    await found.kafka.start()
    yield found
    await found.kafka.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faults are told, and acted on, within a second or two."""
    monkeypatch.setattr(link, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(link, "STUCK_SECONDS", 1.5)
    monkeypatch.setattr(link, "REBUILD_SECONDS", 1.0)
    monkeypatch.setattr(consumer, "STOP_SECONDS", 1.0)
    monkeypatch.setattr(holes, "HELD_SECONDS", 0.7)
    monkeypatch.setattr(commits, "WAIT_SECONDS", 1.0)


# --- transactions


async def test_only_committed_messages_are_read_and_an_open_transaction_is_a_named_fault(
    real: Broker, topic: str, hasty: None
) -> None:
    memory = Memory()
    await produce(real, topic, [b"before"])
    producer = AIOKafkaProducer(bootstrap_servers=real.bootstrap(), transactional_id=new_name())
    await producer.start()
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"in the transaction", partition=0)
    await produce(real, topic, [b"behind it"])

    found = Reader(source(real, topic, memory), memory)
    await found.kafka.start()
    await found.until(lambda: f"{topic}/0" in found.kafka.health().faults)
    assert found.values == [b"before"]
    assert await found.kafka.caught_up()  # up to the last stable offset
    (fault,) = found.kafka.health().faults.values()
    assert "a transaction that is still open holds back 2 messages from offset 1 on" in fault

    await producer.commit_transaction()
    await found.until(lambda: not found.kafka.health().faults)
    await found.read(3)
    await producer.begin_transaction()
    await producer.send_and_wait(topic, b"given up", partition=0)
    await producer.abort_transaction()
    await produce(real, topic, [b"last"])
    await found.read(4)
    await found.kafka.stop()
    await producer.stop()
    assert found.values == [b"before", b"in the transaction", b"behind it", b"last"]


# --- the watchdog


def _kill_fetcher(raw: Any) -> None:
    raw._fetcher._fetch_task.cancel()


def _kill_coordinator(raw: Any) -> None:
    raw._coordinator._coordination_task.cancel()


def _lose_reply(raw: Any) -> None:
    """As if a reply never came: the fetcher waits for it for ever."""

    class Kept(set[int]):
        def discard(self, _: object) -> None: ...

    raw._fetcher._in_flight = Kept({1})


def _hang(raw: Any) -> None:
    """As while a group is joined and never is."""

    async def getmany(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    raw.getmany = getmany


@pytest.mark.parametrize("broken", [_kill_fetcher, _kill_coordinator, _lose_reply, _hang])
async def test_a_stuck_consumer_is_built_anew_and_loses_nothing(
    real: Broker, topic: str, reader: Reader, hasty: None, broken: Callable[[Any], None]
) -> None:
    await produce(real, topic, [b"1", b"2"])
    await reader.read(2)
    first = reader.kafka._link.consumer
    broken(first.raw)
    await produce(real, topic, [b"3"])
    await asyncio.sleep(0.7)  # a fetch that was under way may still bring it
    await produce(real, topic, [b"4"])
    await reader.read(4, 60)
    assert reader.values == [b"1", b"2", b"3", b"4"]
    assert reader.kafka._link.consumer is not first
    assert any("was stuck" in note and "built anew" in note for note in reader.kafka.mended)
    assert reader.kafka.health().faults == {}


# --- the wire


async def test_a_bad_network_costs_no_message(
    real: Broker, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow, cut, halved, and silent for longer than the session."""
    monkeypatch.setattr(consumer, "SESSION_MS", 2_000)
    monkeypatch.setattr(link, "STUCK_SECONDS", 60.0)
    topic, memory = await real.create_topic(new_name(), partitions=2), Memory()
    sent: list[bytes] = []

    async def more() -> None:
        values = [b"%d" % number for number in range(len(sent), len(sent) + 100)]
        await produce(real, topic, values[:50], partition=0)
        await produce(real, topic, values[50:], partition=1)
        sent.extend(values)

    async with Proxy(real) as proxy:
        group = new_name()
        found = Reader(source(real, topic, memory, brokers=[proxy.bootstrap], group=group), memory)
        await found.kafka.start()
        proxy.delay = 0.05
        await more()
        await found.read(len(sent))
        proxy.delay = 0.0
        for _ in range(3):
            proxy.cut()
            await more()
            await found.read(len(sent))
        proxy.halves = 3
        await more()
        await found.read(len(sent))
        proxy.stall()
        await more()
        await found.until(lambda: "kafka" in found.kafka.health().faults)
        begun = time.monotonic()
        await found.until(lambda: time.monotonic() - begun > 2.5)
        assert "nothing was heard" in found.kafka.health().faults["kafka"]
        proxy.flow()
        await found.read(len(sent))
        await found.until(lambda: not found.kafka.health().faults)
        await found.kafka.stop()
    assert sorted(found.values) == sorted(sent)


async def test_a_worker_too_slow_for_its_session_joins_again_and_loses_nothing(
    real: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "SESSION_MS", 1_500)
    memory, group = Memory(), new_name()
    await produce(real, topic, [b"1", b"2"])
    found = Reader(source(real, topic, memory, group=group), memory)
    await found.kafka.start()
    await found.read(2)
    member = found.kafka._link.consumer.raw._coordinator.member_id
    time.sleep(3.0)  # nothing beats meanwhile: the group goes on without us
    await produce(real, topic, [b"3"])
    await found.until(lambda: found.kafka._link.consumer.raw._coordinator.member_id not in ("", member))
    await found.read(3)
    await found.kafka.stop()
    assert found.values == [b"1", b"2", b"3"]


QUICK = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200"}
"""A broker that was killed is let in again soon."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, broker: object) -> Iterator[Broker]:
    """A broker that may be killed. (broker: there is Java.)"""
    if not isinstance(broker, Broker):
        pytest.skip("missing: a real Kafka")
    started = Broker(Path(tmp_path_factory.mktemp("own")), (PLAIN,), extra=QUICK)
    started.start()
    yield started
    started.stop(kill=True)


async def test_a_broker_killed_and_back_costs_no_message(own: Broker, hasty: None) -> None:
    topic, memory = await own.create_topic(new_name()), Memory()
    await produce(own, topic, [b"1", b"2"])
    found = Reader(source(own, topic, memory, group=new_name()), memory)
    await found.kafka.start()
    await found.read(2)
    own.stop(kill=True)
    await found.until(lambda: "kafka" in found.kafka.health().faults)
    begun = time.monotonic()
    await found.until(lambda: time.monotonic() - begun > 2.0)
    said = found.kafka.health().faults["kafka"]
    assert "nothing was heard from the brokers" in said and "connection refused" in said
    await asyncio.to_thread(own.start)
    await produce(own, topic, [b"3"])
    await found.read(3)
    await found.until(lambda: not found.kafka.health().faults)
    await found.kafka.stop()
    assert found.values == [b"1", b"2", b"3"]
