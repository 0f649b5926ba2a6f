"""A look at a topic: its latest messages, without a group, without committing anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition

from xdrtui.errors import BrokerError
from xdrtui.events.message import Messages, Source
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.onlooker import Onlooker
from xdrtui.sources.registry import RegistryDown, open_registry
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
    kept: dict[TopicPartition, list[Any]] = {}
    until = time.monotonic() + SECONDS
    async with Onlooker(settings, [topic], "xdrtui-sample", last=most) as onlooker:
        while await onlooker.behind() and time.monotonic() < until:
            for each, records in (await onlooker.fetch(0.2)).items():
                there = [record for record in records if onlooker.was_there(each, record.offset)]
                kept.setdefault(each, []).extend(there)
    replay = named(settings.replay_topics, topic)
    source = Source(
        uid=f"kafka:{onlooker.cluster}:{topic}:sample",
        name=topic,
        kind="replay" if replay else "kafka",
        layout=value_for(settings.layouts, topic),
    )
    now = clock()
    registry = open_registry(settings)
    found = []
    for each, records in sorted((each, records) for each, records in kept.items() if records):
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
