"""When a Kafka message came in: what stands for ingest time.

In: records of one partition. Out: nanoseconds since 1970 UTC, one a record. Recorded data that was replayed
to a topic carries its replay clock in a header; it is believed only in topics marked as replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

REPLAY_CLOCK = "xdrtui-replay-clock"
"""Header of a replayed message: its replay clock, 8 bytes big-endian, nanoseconds since 1970 UTC."""

LOG_APPEND_TIME = 1
_MILLISECOND = 1_000_000

_LATEST = 9_223_372_036 * 1_000_000_000
"""As of events' own times: in the year 2262."""


class Record(Protocol):
    """The part of aiokafka's ConsumerRecord that is needed. timestamp: milliseconds."""

    timestamp: int
    timestamp_type: int
    headers: Sequence[tuple[str, bytes]]


def stamp(clock: int) -> tuple[str, bytes]:
    """The header that carries a replay clock."""
    return REPLAY_CLOCK, clock.to_bytes(8, "big")


def ingest_times(records: Sequence[Record], now: int) -> list[int]:
    """The broker's clock where the topic is stamped by it; else what the producer says, but no later than
    `now`: so a message that is read again after a crash keeps its time."""
    times = [record.timestamp * _MILLISECOND for record in records]
    if times and min(times) > 0 and max(times) <= min(now, _LATEST):  # as usual: whichever clock it is
        return times
    return [
        _bounded(record.timestamp * _MILLISECOND)
        if record.timestamp_type == LOG_APPEND_TIME or 0 < record.timestamp * _MILLISECOND <= now
        else now
        for record in records
    ]


def replay_times(records: Sequence[Record]) -> list[int]:
    """The replay clocks; where a header is missing or malformed, the record's timestamp."""
    return [_bounded(_replayed(record)) for record in records]


def _replayed(record: Record) -> int:
    for name, value in record.headers:
        if name == REPLAY_CLOCK and len(value) == 8:
            return int.from_bytes(value, "big")
    return record.timestamp * _MILLISECOND


def _bounded(time: int) -> int:
    """A time that can be stored: producers may write any."""
    return min(max(time, 0), _LATEST)
