"""What is told of messages that cannot be read: one dead letter for each range, and a sentence.

In: a `Hole` that the screen found. Out: its dead letter, at the first of its offsets, and a note for people.
"""

from __future__ import annotations

import time

from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.plain import visible
from xdrtui.sources.screen import Held, Hole

BATCH = "Kafka batch: "
"""How the reason begins of a dead letter that holds a batch, not a message."""

NOTE_SECONDS = 60.0
HELD_SECONDS = 60.0


def letter(source: Source, partition: int, hole: Hole, first: int, now: int) -> DeadLetter:
    """The dead letter of a hole from `first` on: what lies before is read already. now: nanoseconds."""
    position = Position(source.uid, partition, first)
    return DeadLetter(position, reason(hole, first)[:300], hole.found.raw, hole.found.size, now)


def reason(hole: Hole, first: int) -> str:
    """Which messages, and why."""
    count = hole.next - first
    if hole.by_header:
        which = min(count, hole.found.count)
        return f"{BATCH}{hole.found.reason}: {_offsets(first, hole.next)}, {_messages(which)}"
    return (
        f"{BATCH}{hole.found.reason}: {_offsets(first, hole.next)}, up to {_messages(count)};"
        " where reading goes on was searched for"
    )


def note(source: Source, partition: int, hole: Hole, first: int, more: int) -> str:
    """One sentence for the log and the health page. more: how many holes were passed over silently before."""
    others = f" (and {more:,} more in the last minute)" if more else ""
    return (
        f"partition {partition} of {visible(source.name)} cannot be read at {_offsets(first, hole.next)}"
        f" ({hole.found.reason}){others}: what stands there is kept as one dead letter, and reading goes on."
    )


def held_back(held: Held | None, now: float) -> str:
    """The fault of a partition where a transaction stays open for 60 s, else empty. now: monotonic."""
    if held is None or held.stable >= held.end or now - held.since < HELD_SECONDS:
        return ""
    return (
        f"a transaction that is still open holds back {_messages(held.end - held.stable)} from offset"
        f" {held.stable} on, for {now - held.since:.0f} s: its producer hangs or is gone"
        " (kafka-transactions.sh find-hanging and abort)"
    )


class Teller:
    """Says at most one sentence a minute, and how many it kept back."""

    def __init__(self) -> None:
        self._kept = 0
        self._said_at = -NOTE_SECONDS

    def may(self) -> tuple[bool, int]:
        """Whether to say the next one, and how many were kept back before."""
        now = time.monotonic()
        if now - self._said_at < NOTE_SECONDS:
            self._kept += 1
            return False, 0
        kept, self._kept, self._said_at = self._kept, 0, now
        return True, kept


def _offsets(first: int, after: int) -> str:
    return f"offset {first}" if after - first == 1 else f"offsets {first} to {after - 1}"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count:,} messages"
