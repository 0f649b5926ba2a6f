"""What the Kafka source knows of a partition it reads, and what it hands on of it."""

from __future__ import annotations

import time

import msgspec

from xdrtui.events.message import Messages, Source
from xdrtui.sources.generation import Begin, Stored


class Fetched(msgspec.Struct, frozen=True):
    """Messages of one partition, and how they move its stored position.

    start: the stored position that they continue, -1 = none is stored; anchor: of their last record;
    placing: number of the partition's placing that they were read under, see `KafkaSource.is_current`.
    """

    messages: Messages
    start: int
    next_offset: int
    anchor: bytes
    generation: int
    placing: int


class SourceHealth(msgspec.Struct, frozen=True):
    """lag: messages not handed on yet, of all partitions; faults: partition -> what is wrong with it."""

    lag: int
    partitions: int
    paused: bool
    faults: dict[str, str]


class Partition:
    """What is known of an assigned partition. number: of its placing; next: first offset not handed on yet;
    end: where `until_end` stops; stands: the stored position that the next batch continues."""

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
        self.first = first
        self.end = end
        self.fault = ""
        self.retry_at = 0.0
        self.idle = False
        self.active_at = time.monotonic()
