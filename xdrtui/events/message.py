"""What sources hand on: messages with their positions, and what becomes of those that cannot be read.

In: nothing. Out: plain structs shared by sources, events, pipeline and store. The law they carry: every
message gives at least one event or one dead letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class Position(NamedTuple):
    """Where an event stands. source: a uid, never a path or a topic name alone (for Kafka cluster id, topic
    and generation, for a file a hash of its head); offset: a Kafka offset, or the 0-based line or record of a
    file; index: which event of the message (CloudTrail `Records`)."""

    source: str
    partition: int
    offset: int
    index: int = 0  # type: ignore[assignment]  # hides tuple.index


class Source(msgspec.Struct, frozen=True):
    """Where messages come from. uid: see `Position.source`; name: what people call it (the path as given, or
    the topic); kind: "file", "kafka", "replay"; layout: pinned layout name, or empty."""

    uid: str
    name: str
    kind: str
    layout: str = ""


class Messages(msgspec.Struct, frozen=True):
    """Consecutive messages of one partition of one source.

    offsets: rising, may have gaps; payloads: one a message; ingest: nanoseconds since 1970 UTC at which the
    message came in, one a message, or None where the replay clock stands for it (see events.times);
    replay: the source is recorded data: its own times are not held against today's date.
    """

    source: Source
    partition: int
    offsets: Sequence[int]
    payloads: Sequence[bytes]
    ingest: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.payloads)


class DeadLetter(msgspec.Struct, frozen=True):
    """A message, or a part of one, that no decoder can read. reason: one clause, e.g. "not JSON: ...";
    payload: its bytes, cut to a cap; size: how long it was."""

    position: Position
    reason: str
    payload: bytes
    size: int
    ingest: int
