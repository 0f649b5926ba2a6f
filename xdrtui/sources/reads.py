"""What a worker reads, and which topics the cluster still has.

A topic that may not be seen is told of as hidden, never as missing: a right that was taken away for a while
must not look like a topic that was deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.protocol.metadata import MetadataRequest

LOOK_SECONDS = 2.0
PATIENCE = (4.0, 8.0, 16.0)
"""Seconds for which one asks where partitions begin and end before looking again which there are."""

HIDDEN = 2**31 - 1
"""Instead of a number of partitions, where the cluster does not tell."""

_MISSING = 3  # UNKNOWN_TOPIC_OR_PARTITION; without the right to describe it, it would be another error


class Reads(msgspec.Struct, frozen=True):
    """topics: names and patterns as they are set; there: of the topics that were asked for, those that the
    cluster has, with their number of partitions, or HIDDEN."""

    cluster: str
    group: str
    topics: tuple[str, ...]
    there: Mapping[str, int]


async def still_there(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, int] | None:
    """Of these topics those that the cluster still has; None where it does not answer."""
    if not topics:
        return {}
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            asked = MetadataRequest(sorted(topics), False)
            told = (await client.send(client.get_random_node(), asked)).to_object()
    except (KafkaError, TimeoutError, OSError):
        return None
    there = {each["topic"]: each for each in told["topics"] if each["error_code"] != _MISSING}
    if not told["brokers"] or len(told["topics"]) < len(topics):
        return None
    return {
        name: HIDDEN if each["error_code"] else len(each["partitions"]) or HIDDEN
        for name, each in there.items()
    }


class Bounds(NamedTuple):
    """first: the first offset of each partition that is there; end: one past its last."""

    first: Mapping[TopicPartition, int]
    end: Mapping[TopicPartition, int]


async def bounds(raw: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> Bounds:
    """Where those of these partitions that are still there begin and end. Raises KafkaError.

    Of one that is deleted meanwhile aiokafka asks for 40 s, and all others wait.
    """
    for seconds in PATIENCE:
        there = await still_there(raw._client, {each.topic for each in partitions})
        if there is not None:
            partitions = [each for each in partitions if each.partition < there.get(each.topic, 0)]
        try:
            async with asyncio.timeout(seconds):
                return Bounds(await raw.beginning_offsets(partitions), await raw.end_offsets(partitions))
        except TimeoutError:
            continue
    raise KafkaTimeoutError("the cluster does not tell where partitions begin and end")
