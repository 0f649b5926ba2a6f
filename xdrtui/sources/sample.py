"""A look at a topic: its latest messages, without a group, without committing anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from xdrtui.errors import BrokerError
from xdrtui.events.message import Messages, Source
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection, explained
from xdrtui.sources.registry import RegistryDown, open_registry
from xdrtui.sources.screen import Screen
from xdrtui.sources.stamps import ingest_times, replay_times
from xdrtui.sources.topics import named, value_for

SECONDS = 20.0


def sample_topic(
    settings: KafkaSettings, topic: str, most: int, *, clock: Callable[[], int] = time.time_ns
) -> list[Messages]:
    """The latest messages of all partitions, about `most` together, one `Messages` a partition that has any.

    Raises BrokerError, SettingsError. Blocks; not for use within an event loop.
    """
    return asyncio.run(_sample(settings, topic, most, clock))


async def _sample(settings: KafkaSettings, topic: str, most: int, clock: Callable[[], int]) -> list[Messages]:
    to = connection(settings)
    report = await ask_broker(to, [topic])
    partitions = [TopicPartition(topic, number) for number in range(report.topics[topic])]
    consumer = AIOKafkaConsumer(
        **to.arguments(),
        client_id="xdrtui-sample",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_bytes=1_000_000,
        max_partition_fetch_bytes=1_000_000,
        check_crcs=False,  # the screen does
    )
    screen = Screen(consumer._client)
    async with explained(to):
        try:
            await consumer.start()
            consumer.assign(partitions)
            first = await consumer.beginning_offsets(partitions)
            end = await consumer.end_offsets(partitions)
            each_most = max(1, most // len(partitions))
            for each in partitions:
                consumer.seek(each, max(first[each], end[each] - each_most))
            kept = await _read(consumer, screen, end)
        finally:
            await consumer.stop()
    replay = named(settings.replay_topics, topic)
    source = Source(
        uid=f"kafka:{report.cluster}:{topic}:sample",
        name=topic,
        kind="replay" if replay else "kafka",
        layout=value_for(settings.layouts, topic),
    )
    now = clock()
    registry = open_registry(settings)
    found = []
    for each, records in sorted(kept.items()):
        payloads = [record.value or b"" for record in records]
        if registry:
            try:
                payloads = await registry.unpack(payloads)
            except RegistryDown as down:
                raise BrokerError(f"{down}: `xdrtui kafka check` tells more.") from None
        times = replay_times(records) if replay else ingest_times(records, now)
        offsets = [record.offset for record in records]
        found.append(Messages(source, each.partition, offsets, payloads, times))
    return found


async def _read(
    consumer: AIOKafkaConsumer, screen: Screen, end: dict[TopicPartition, int]
) -> dict[TopicPartition, list[Any]]:
    """Everything up to these offsets; what has come within the time where that takes too long."""
    kept: dict[TopicPartition, list[Any]] = {}
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for each, records in (await consumer.getmany(timeout_ms=200)).items():
            kept.setdefault(each, []).extend(record for record in records if record.offset < end[each])
        await screen.go_past(consumer)
        positions = [await consumer.position(each) >= offset for each, offset in end.items()]
        if all(positions):
            break
    return {each: records for each, records in kept.items() if records}
