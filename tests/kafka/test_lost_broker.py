"""A worker's source says within three seconds that no broker can be reached, and takes it back by itself."""

from __future__ import annotations

import asyncio
import time

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.proxy import Proxy
from tests.kafka.test_kafka_source import Memory, produce, source


async def test_no_broker_is_said_within_three_seconds_and_taken_back(real: Broker) -> None:
    topic, memory, proxy = await real.create_topic(new_name()), Memory(), Proxy(real)
    await produce(real, topic, [b"{}"])
    kafka = source(real, topic, memory, brokers=[proxy.bootstrap])

    async def until(lost: bool, seconds: float) -> str:
        end = time.monotonic() + seconds
        while True:
            memory.take(await kafka.fetch(0.2))
            said = kafka.health().faults.get("kafka", "")
            if bool(said) == lost:
                return said
            assert time.monotonic() < end, said

    async with proxy:
        await kafka.start()
        for _ in range(10):
            memory.take(await kafka.fetch(0.2))
        assert not kafka.health().faults.get("kafka")
    said = await until(lost=True, seconds=2.5)
    assert "no broker can be reached" in said and proxy.bootstrap in said and "refused" in said
    async with proxy:
        await until(lost=False, seconds=15)
        await produce(real, topic, [b"{}"])
        async with asyncio.timeout(15):
            while memory.at[0].next_offset < 2:
                memory.take(await kafka.fetch(0.2))
        await kafka.stop()
