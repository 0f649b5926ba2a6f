"""What a worker reads, and which topics the cluster still has.

A topic that may not be seen is told of as hidden, never as missing: a right that was taken away for a while
must not look like a topic that was deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import msgspec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

LOOK_SECONDS = 2.0
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
