"""Where the live pane's events come from: the ring that workers write, or the topics themselves.

In: how far was read. Out: what came since, and counts that are true of all that went by. A `TopicFeed` is a
look past the workers: it joins no group, detects and stores nothing, and holds a connection only between
`begin` and `end`, in a thread of its own.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from screens.services import Services
    from xdrtui.pipeline.tail import Tail
    from xdrtui.settings.model import KafkaSettings
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import LiveCounts, LiveRow

AT_ONCE = 5_000
TRY_AGAIN = 3.0
"""Seconds until a broker that could not be reached is tried again."""


@dataclass(frozen=True)
class Went:
    """What went by: seen, all of it; fit: of that, what the filter may let through, where the feed knows it;
    left_out: fits, but was too much to show; skipped: never read; first, last: numbers of the events that
    can still be had."""

    seen: int = 0
    fit: int = 0
    left_out: int = 0
    skipped: int = 0
    first: int = 0
    last: int = 0


class Feed(Protocol):
    """fault: why nothing comes just now, or ""."""

    fault: str

    async def look(self, after: int, frozen: bool) -> tuple[list[LiveRow], Went]:
        """Events numbered above `after`, oldest first; none where one stands still. Raises XdrtuiError."""


class WorkersFeed:
    """What workers read: a sample of rows, true counts."""

    fault = ""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def look(self, after: int, frozen: bool) -> tuple[list[LiveRow], Went]:
        rows, counts = await self._services.desks.watch(lambda desk: _ask(desk, after, frozen))
        return rows, Went(counts.seen, counts.seen, counts.sampled_out, 0, counts.first, counts.last)


def _ask(desk: Desk, after: int, frozen: bool) -> tuple[list[LiveRow], LiveCounts]:
    return ([] if frozen else desk.live(after, AT_ONCE)), desk.live_counts()


class TopicFeed:
    """What comes into the topics now. Numbers and counts go on where it is ended and begun again."""

    def __init__(self, connection: KafkaSettings) -> None:
        self.fault = ""
        self.connecting = False
        self.since = 0.0
        """When it was begun, seconds since 1970."""
        self._connection = connection
        self._tail: Tail | None = None
        self._query = ""
        self._try_at = 0.0
        self._before = Went()
        self._wanted = False

    @property
    def on(self) -> bool:
        """Whether it was begun and not ended."""
        return self._wanted

    def look_for(self, query: str) -> None:
        """Show only what fits; all that comes in is looked at. Raises QueryError."""
        self._query = query
        if self._tail is not None:
            self._tail.look_for(query)

    async def begin(self) -> None:
        """Connect, in a thread; what goes wrong stands in `fault`, and is tried again while looked at."""
        self._wanted, self.since, self._try_at = True, time.time(), 0.0
        await self._connect()

    async def end(self) -> None:
        """Let go of the broker."""
        self._wanted = False
        tail, self._tail = self._tail, None
        if tail is not None:
            self._before = self._added(tail)
            await asyncio.to_thread(tail.close)

    async def look(self, after: int, frozen: bool) -> tuple[list[LiveRow], Went]:
        tail = self._tail
        if tail is None:
            if self._wanted and not self.connecting and time.monotonic() >= self._try_at:
                await self._connect()
            return [], self._before
        self.fault = tail.fault
        base = self._before.last
        rows = [] if frozen else tail.after(max(0, after - base), AT_ONCE)
        if base and rows:
            from msgspec.structs import replace

            rows = [replace(row, id=row.id + base) for row in rows]
        return rows, self._added(tail)

    async def _connect(self) -> None:
        from xdrtui.errors import XdrtuiError

        self.connecting = True
        try:
            tail = await asyncio.to_thread(_begun, self._connection, self._query)
        except XdrtuiError as error:
            self.fault, self._try_at = str(error), time.monotonic() + TRY_AGAIN
            return
        finally:
            self.connecting = False
        self.fault = ""
        if self._wanted and self._tail is None:
            self._tail = tail
            tail.look_for(self._query)  # it may have changed meanwhile
        else:  # one left before it was there
            await asyncio.to_thread(tail.close)

    def _added(self, tail: Tail) -> Went:
        counts, before = tail.counts(), self._before
        first = tail.first()
        return Went(
            before.seen + counts.received,
            before.fit + counts.matched,
            before.left_out + counts.sampled_out,
            before.skipped + counts.skipped,
            before.last + first if first else 0,
            before.last + counts.shown,
        )


def _begun(connection: KafkaSettings, query: str) -> Tail:
    """A tail that reads. Importing what reads Kafka takes a moment: never on the screen's own thread."""
    from xdrtui.pipeline.tail import Tail

    tail = Tail(connection, query=query)
    tail.start()
    return tail
