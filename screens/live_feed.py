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
    from xdrtui.pipeline.tail import Places, Tail
    from xdrtui.settings.model import KafkaSettings
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import LiveCounts, LiveRow

AT_ONCE = 5_000
EARLIER = 500
"""Messages that a look at topics begins with, all partitions together, each with its share."""

TRY_AGAIN = 3.0
"""Seconds until a broker that could not be reached is tried again."""


@dataclass(frozen=True)
class Went:
    """What went by: seen, all of it; earlier: what was there before one looked; fit: of both, what the filter
    may let through, where the feed knows it; left_out: fits, but was too much to show; skipped: never read;
    first, last: numbers of the events that can still be had."""

    seen: int = 0
    earlier: int = 0
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
        return rows, Went(counts.seen, 0, counts.seen, counts.sampled_out, 0, counts.first, counts.last)


def _ask(desk: Desk, after: int, frozen: bool) -> tuple[list[LiveRow], LiveCounts]:
    return ([] if frozen else desk.live(after, AT_ONCE)), desk.live_counts()


class TopicFeed:
    """The latest of the topics and what comes into them now. Where it is ended and begun again it goes on,
    and so do numbers and counts."""

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
        self._places: Places = {}
        self._kept: list[LiveRow] = []
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
            await asyncio.to_thread(tail.close)
            rows = _renumbered(tail.after(0, AT_ONCE), self._before.last)
            self._before, self._places = self._added(tail), tail.places()
            self._kept = [*self._kept, *rows][-AT_ONCE:]  # not all of it need have been looked at

    async def look(self, after: int, frozen: bool) -> tuple[list[LiveRow], Went]:
        tail = self._tail
        rows = [] if frozen else [row for row in self._kept if row.id > after]
        if tail is None:
            if self._wanted and not self.connecting and time.monotonic() >= self._try_at:
                await self._connect()
            return rows, self._before
        self.fault = tail.fault
        base = self._before.last
        if not frozen:
            rows += _renumbered(tail.after(max(0, after - base), AT_ONCE), base)
        return rows, self._added(tail)

    async def _connect(self) -> None:
        from xdrtui.errors import XdrtuiError

        self.connecting = True
        try:
            tail = await asyncio.to_thread(_begun, self._connection, self._query, self._places)
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
            before.seen + counts.received - counts.earlier,
            before.earlier + counts.earlier,
            before.fit + counts.matched,
            before.left_out + counts.sampled_out,
            before.skipped + counts.skipped,
            self._kept[0].id if self._kept else before.last + first if first else 0,
            before.last + counts.shown,
        )


def _renumbered(rows: list[LiveRow], base: int) -> list[LiveRow]:
    """The same rows, with numbers that go on from an earlier look's."""
    if not base:
        return rows
    from msgspec.structs import replace

    return [replace(row, id=row.id + base) for row in rows]


def _begun(connection: KafkaSettings, query: str, places: Places) -> Tail:
    """A tail that reads. Importing what reads Kafka takes a moment: never on the screen's own thread."""
    from xdrtui.pipeline.tail import Tail

    tail = Tail(connection, query=query, last=EARLIER, places=places)
    tail.start()
    return tail
