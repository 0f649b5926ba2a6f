"""What the Kafka source knows of a partition it reads, and what it hands on of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.events.message import DeadLetter, Messages, Source
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.generation import Begin, Stored
from xdrtui.sources.screen import Held
from xdrtui.sources.topics import named, value_for

LOOK_SECONDS = 2.0


class Fetched(msgspec.Struct, frozen=True):
    """Messages of one partition, and how they move its stored position.

    start: the stored position that they continue, -1 = none is stored; anchor: of their last record;
    placing: number of the partition's placing that they were read under, see `KafkaSource.is_current`;
    dead: messages that no client can read, one letter a range; they are part of what moves the position on;
    unread: offset -> why a schema registry does not let this message be read, for its dead letter.
    """

    messages: Messages
    start: int
    next_offset: int
    anchor: bytes
    generation: int
    placing: int
    dead: tuple[DeadLetter, ...] = ()
    unread: Mapping[int, str] = {}

    @property
    def placed(self) -> tuple[str, int, int]:
        """The placing that it was read under: source, partition, number."""
        return self.messages.source.uid, self.messages.partition, self.placing


class SourceHealth(msgspec.Struct, frozen=True):
    """lag: messages not handed on yet, of all partitions; faults: partition -> what is wrong with it."""

    lag: int
    partitions: int
    paused: bool
    faults: dict[str, str]


class Partition:
    """What is known of an assigned partition. number: of its placing; next: first offset not handed on yet;
    end: where `until_end` stops; stands: the stored position that the next batch continues; passed: the
    consumer's own position, past what is never handed on; ahead: where it ended when `look_ahead` asked."""

    def __init__(
        self, number: int, source: Source, begins: Begin, stored: Stored | None, first: int, end: int
    ) -> None:
        self.number = number
        self.source = source
        self.generation = begins.generation
        self.check = begins.check
        self.next = begins.offset
        self.stands = begins.offset
        self.stored = stored
        self.passed = 0
        self.ahead = 0
        self.first = first
        self.end = end
        self.fault = ""
        self.retry_at = 0.0
        self.idle = False
        self.active_at = time.monotonic()

    @property
    def stand(self) -> int:
        """Where the consumer reads next: where a record is to be compared first, at that one."""
        return self.next - 1 if self.check else self.next

    def lag(self, held: Held | None) -> int:
        """How many messages wait. held: what was last heard of the partition's end."""
        heard = self.end if held is None else held.end
        return max(0, max(heard, self.ahead) - max(self.next, self.passed))

    def advanced(
        self, messages: Messages, after: int, anchor: bytes, dead: tuple[DeadLetter, ...] = ()
    ) -> Fetched:
        """Hand on these messages, or the letters of what cannot be read, and stand after them."""
        start, self.next, self.stands = self.stands, after, after
        self.idle, self.active_at = False, time.monotonic()
        return Fetched(messages, start, after, anchor, self.generation, self.number, dead)


async def look_ahead(consumer: Any, unread: Mapping[TopicPartition, Partition]) -> None:
    """Ask where partitions end that are not read just now: no fetch tells of it, and people who
    pause a worker want to see what waits."""
    with contextlib.suppress(KafkaError, TimeoutError):
        ends = await asyncio.wait_for(consumer.end_offsets(list(unread)), LOOK_SECONDS) if unread else {}
        for each, end in ends.items():
            unread[each].ahead = end


def name_of(each: TopicPartition) -> str:
    """For people."""
    return f"partition {each.partition} of {visible(each.topic)}"


def source_of(settings: KafkaSettings, cluster: str, topic: str, generation: int) -> Source:
    """The source that a partition of this topic is one of."""
    return Source(
        uid=f"kafka:{cluster}:{topic}:{generation}",
        name=topic,
        kind="replay" if named(settings.replay_topics, topic) else "kafka",
        layout=value_for(settings.layouts, topic),
    )


def nothing_of(source: Source, partition: int) -> Messages:
    """No messages of this partition, for what only moves its position."""
    return Messages(source, partition, (), (), ())
