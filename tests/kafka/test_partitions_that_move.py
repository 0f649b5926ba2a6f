"""A partition that a rebalance took away is no more part of what a worker reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import Memory, produce, source
from xdrtui.sources.kafka import KafkaSource


@contextmanager
def reading(sources: Sequence[KafkaSource]) -> Iterator[None]:
    """Fetch from all of them, again and again."""

    async def read(kafka: KafkaSource) -> None:
        while True:
            await kafka.fetch(0.05)

    tasks = [asyncio.create_task(read(kafka)) for kafka in sources]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def test_what_a_rebalance_took_away_is_not_placed_while_the_group_still_meets(real: Broker) -> None:
    """Who is told first waits until the others were told; all the while aiokafka calls its old partitions
    assigned. Taken for its own, they would never be read to their ends, and be called silent."""
    topic, group = await real.create_topic(new_name(), 6), new_name()
    for partition in range(6):
        await produce(real, topic, [b"1"], partition=partition)
    sources = [source(real, topic, Memory(), group=group) for _ in range(3)]
    first, second, third = sources

    async def settled(*there: KafkaSource) -> None:
        async with asyncio.timeout(20):
            while {len(each._consumer.raw.assignment()) for each in there} != {6 // len(there)}:
                await asyncio.sleep(0.05)

    await first.start()
    with reading([first]):
        await settled(first)
        await second.start()
        with reading([second]):
            await settled(first, second)
            async with second._ours.commits.under_way:  # a commit that takes a while: it is told late
                joining = asyncio.create_task(third.start())
                async with asyncio.timeout(5):
                    while not first._consumer.meeting:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(0.5)
                assert not first._ours.placed
            await joining
            with reading([third]):
                await settled(first, second, third)
                async with asyncio.timeout(10):
                    while not all([await each.caught_up() for each in sources]):
                        await asyncio.sleep(0.05)
    for each in sources:
        await each.stop()
