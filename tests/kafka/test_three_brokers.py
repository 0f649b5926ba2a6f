"""A cluster of three that loses one, under load: each message once, and no topic is taken for a new one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.broker import Broker, Missing, jars
from tests.kafka.conftest import new_name
from tests.kafka.test_faults import Reader
from tests.kafka.test_kafka_source import Memory
from tests.kafka.three import Three
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.kafka import KafkaSource

LOSSES = int(os.environ.get("XDRTUI_LOSSES", "1"))


@pytest.fixture
def three(tmp_path: Path, broker: object) -> Iterator[Three]:
    if not isinstance(broker, Broker):
        try:
            jars()
        except Missing as missing:
            pytest.skip(f"missing: {missing}")
    cluster = Three(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


async def test_the_loss_of_one_broker_of_three_loses_nothing(three: Three) -> None:
    topic, memory = await three.create_topic(new_name()), Memory()
    where = KafkaSettings(brokers=three.bootstrap, topics=[topic], group=new_name(), start="earliest")
    found = Reader(KafkaSource(where, memory.stored), memory)
    await found.kafka.start()
    sent: list[bytes] = []
    stop = asyncio.Event()

    async def produce() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=three.bootstrap, enable_idempotence=True)
        await producer.start()
        while not stop.is_set():
            value = b"%d" % len(sent)
            await producer.send_and_wait(topic, value, partition=len(sent) % 3)
            sent.append(value)
            await asyncio.sleep(0.005)
        await producer.stop()

    async def reach(more: int) -> None:
        enough = len(sent) + more
        await found.until(lambda: len(found.values) >= enough, 90)

    producing = asyncio.create_task(produce())
    for _ in range(LOSSES):
        await reach(100)
        lost = await three.leader(topic, 0)
        await asyncio.to_thread(three.brokers[lost].stop, kill=True)
        begun = time.monotonic()
        await reach(300)
        print(f"broker {lost} was killed: {time.monotonic() - begun:.1f} s until 300 more were read")
        if LOSSES > 1:
            await asyncio.to_thread(three.brokers[lost].start)
    stop.set()
    await producing
    await found.until(lambda: len(found.values) >= len(sent), 60)
    notes = found.kafka.notes
    await found.kafka.stop()
    assert sorted(found.values) == sorted(sent)
    assert notes == []
    assert {at.generation for at in memory.at.values()} == {0}
