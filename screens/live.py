"""Live events: the tail of what the workers see, newest first; freeze it and scroll back.

At high rates workers show a sample, but the counters are true. While frozen nothing moves: what goes by is
counted, and said. The filter looks at what is shown: words, all of which must stand somewhere in the line;
`host:`, `user:`, `type:` look at one column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.geometry import Offset

from screens.alert_view import event_lines
from screens.commands import LIVE, Facts
from screens.live_columns import SHARED, columns_for, values
from screens.names import short_host, short_user
from screens.paint import Line
from screens.pane import Changed, Pane
from screens.parts import section
from screens.sanitise import sanitise, wrap
from screens.services import Services
from screens.status_bar import lag_words
from screens.times import number
from screens.widgets.frame_table import FrameTable
from screens.widgets.paper import Paper
from screens.widgets.rows import Row

if TYPE_CHECKING:
    from screens.widgets.columns import Column
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import LiveCounts, LiveRow

KEPT = 5_000
"""Events that can be scrolled back to."""

AT_ONCE = KEPT


class Tail:
    """Events, oldest first, shown newest first: a `RowSource` with a filter over it."""

    def __init__(self, clock: LiveClock) -> None:
        self._clock = clock
        self._all: list[LiveRow] = []
        self._shown: list[LiveRow] = []
        self.words: list[tuple[str, str]] = []
        self.columns: tuple[Column, ...] = SHARED

    def __len__(self) -> int:
        return len(self._shown)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        count = len(self._shown)
        return [self._row(self._shown[count - 1 - place]) for place in range(start, min(stop, count))]

    def index(self, key: str, near: int) -> int | None:
        wanted = abs(int(key or -1))
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            if self._shown[middle].id < wanted:
                low = middle + 1
            else:
                high = middle
        if low < len(self._shown) and not self._shown[low].event_type and not (key or "-").startswith("-"):
            low += 1
        found = low < len(self._shown) and self._shown[low].id == wanted
        return len(self._shown) - 1 - low if found else None

    def add(self, rows: Sequence[LiveRow]) -> None:
        """Events that came, oldest first; those at the far end fall off."""
        self._all += rows
        self._show(rows)
        if len(self._all) > KEPT:
            del self._all[: len(self._all) - KEPT]
            first = self._all[0].id
            while self._shown and self._shown[0].id < first:
                del self._shown[: max(1, sum(1 for row in self._shown if row.id < first))]

    def filter(self, text: str) -> None:
        """Show only events in which all these words stand."""
        self.words = []
        for word in text.casefold().split():
            field, _, value = word.partition(":")
            self.words.append((field, value) if field in ("host", "user", "type") else ("", word))
        self.columns = columns_for(self.words)
        self.again()

    def again(self) -> None:
        """The filter or the zone changed."""
        self._shown = []
        self._show(self._all)

    def _show(self, rows: Iterable[LiveRow]) -> None:
        """Rows that fit, and between two of them a line where the date or the offset changes."""
        for row in rows:
            if self._fits(row):
                if self._shown and (turn := self._clock.turn(self._shown[-1].time, row.time)):
                    self._shown.append(replaced(row, event_type="", host="", user="", summary=turn, raw=b""))
                self._shown.append(row)

    def at(self, place: int) -> LiveRow | None:
        """The event in this place from the top."""
        return self._shown[-1 - place] if 0 <= place < len(self._shown) else None

    def _fits(self, row: LiveRow) -> bool:
        for field, value in self.words:
            texts: Iterable[str] = (row.host, row.user, row.event_type, row.summary)
            if field:
                texts = ({"host": row.host, "user": row.user, "type": row.event_type}[field],)
            if not any(value in text.casefold() for text in texts):
                return False
        return True

    def _row(self, row: LiveRow) -> Row:
        if not row.event_type:  # above it stand the events of that day
            return Row(f"-{row.id}", {"what": [(f"↑ {row.summary}", "label")]}, "dim")
        own = values(row.raw, self.columns)
        return Row(
            str(row.id),
            {
                **own,
                "time": [(self._clock(row.time), "dim")],
                "type": [(row.event_type, "label")],
                "host": short_host(row.host) or "-",
                "user": short_user(row.user) or "-",
                "what": row.summary or row.raw[:400].decode("utf-8", "replace"),
            },
        )


def replaced(row: LiveRow, **changes: object) -> LiveRow:
    """The same event with other fields."""
    from msgspec.structs import replace

    return replace(row, **changes)


class LiveClock:
    """A time as the tail shows it, in the zone in force."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, time: int) -> str:
        return self._services.zone.clock(time)

    def turn(self, before: int, time: int) -> str:
        """What to say between two events where the date or the offset changes."""
        return self._services.zone.turn(before, time)


class LivePane(Pane):
    """The tail."""

    pane = LIVE
    DEFAULT_CSS = "LivePane Paper { height: 40%; display: none; }"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.tail = Tail(LiveClock(services))
        hint = "Workers write here what they read; the status line says how they do."
        empty: list[Line] = [[], [("No event has gone by yet.", "strong")], [(hint, "dim")]]
        self.table = FrameTable(SHARED, services.look, self.tail, empty=empty, sticks=True, id="live-table")
        self.paper = Paper(services.look)
        self.frozen = False
        self.query_text = ""
        self._after = 0
        self._counts: LiveCounts | None = None
        self._seen_at_freeze = 0
        self._reading = False
        self._unfolded = False

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.paper

    def facts(self, base: Facts) -> Facts:
        return replace(base, pane=LIVE, rows=len(self.tail), frozen=self.frozen)

    def heading(self) -> Line:
        return [(self.query_text or "everything", "label")]

    def summary(self, cells: int) -> Line:
        counts = self._counts
        seen = counts.seen if counts else 0
        sampled = counts.sampled_out if counts else 0
        line: Line = []
        if self.frozen:
            waiting = number(seen - self._seen_at_freeze)
            line += [
                (" FROZEN ", "notice"),
                (f" {waiting} waiting, {number(self.dropped)} dropped, lag {self._lag()}", "strong"),
                (" · ", "dim"),
            ]
        line += [(f"{number(seen)} events went by", ""), (f" · {number(len(self.tail))} shown", "dim")]
        if sampled:
            line.append((f" · {number(sampled)} left out of the sample", "dim"))
        return line

    @property
    def dropped(self) -> int:
        """Events of the sample that the ring forgot before they were read."""
        return max(0, self._counts.first - 1 - self._after) if self._counts and self._counts.first else 0

    def _lag(self) -> str:
        status = getattr(getattr(self.screen, "watcher", None), "status", None)
        return lag_words(status.lag) if status is not None else "unknown"

    def filter_text(self) -> str:
        return self.query_text

    def filtered(self, text: str) -> None:
        from xdrtui.triage.defang import refang

        self.query_text = " ".join(refang(word) for word in text.split())
        self._filter(self.query_text)
        self.table.move_to(0)
        self.post_message(Changed())

    def _filter(self, text: str) -> None:
        self.tail.filter(text)
        if self.table.columns != self.tail.columns:
            self.table.columns = self.tail.columns
            self.table.forget_needs()
        self.table.update()

    def set_active(self, active: bool) -> None:
        super().set_active(active)
        self.table.active = active
        self.table.repaint()
        if active:
            self.poll()

    def bare_text(self) -> list[str]:
        return self.table.bare_text()

    def cursor_at(self) -> Offset:
        return self.table.cursor_at()

    def restyle(self) -> None:
        self.table.look = self.paper.look = self.services.look
        self.tail.again()
        self.table.restyle()
        self.paper.restyle()

    def poll(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read(), group="live")

    async def _read(self) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            after, frozen = self._after, self.frozen
            rows, counts = await self.services.desks.watch(lambda desk: _ask(desk, after, frozen))
        except XdrtuiError:
            return  # the ring is thrown away and begun again by the workers; the next look finds the new one
        finally:
            self._reading = False
        self._counts = counts
        if counts.last < self._after:
            self._after = 0
        if rows and not self.frozen:
            self._after = rows[-1].id
            self.tail.add(rows)
            self.table.update()
        self.post_message(Changed())

    # Commands

    def do_freeze(self) -> None:
        self.frozen = not self.frozen
        self._seen_at_freeze = self._counts.seen if self._counts else 0
        self.table.sticks = not self.frozen
        if not self.frozen:
            self.table.move_to(0)
            self.poll()
        self.post_message(Changed())

    def do_around(self) -> None:
        """Stand still on this event, with all that went by about it, whatever the filter."""
        if not self.frozen:
            self.do_freeze()
        key, self.query_text = self.table.cursor_key, ""
        self._filter("")
        self.table.move_to_key(key)
        self.post_message(Changed())

    def do_event(self) -> None:
        self._unfolded = not self._unfolded
        self.paper.styles.display = "block" if self._unfolded else "none"
        self._show_event()

    do_open = do_event

    def do_down(self) -> None:
        self.table.move(1)

    def do_up(self) -> None:
        self.table.move(-1)

    def do_page_down(self) -> None:
        self.table.move(self.table.rows_visible - 1)

    def do_page_up(self) -> None:
        self.table.move(1 - self.table.rows_visible)

    def do_first(self) -> None:
        self.table.move_to(0)

    def do_last(self) -> None:
        self.table.move_to(len(self.tail) - 1)

    @on(FrameTable.Moved)
    def _moved(self, message: FrameTable.Moved) -> None:
        message.stop()
        self._show_event()
        self.post_message(Changed())

    @on(FrameTable.Chosen)
    def _chosen(self, message: FrameTable.Chosen) -> None:
        message.stop()
        self.do_event()

    def _show_event(self) -> None:
        if self._unfolded:
            row = self.tail.at(self.table.cursor)
            self.paper.show(lambda cells: _event_page(row, cells))


def _ask(desk: Desk, after: int, frozen: bool) -> tuple[list[LiveRow], LiveCounts]:
    return ([] if frozen else desk.live(after, AT_ONCE)), desk.live_counts()


def _event_page(row: LiveRow | None, cells: int) -> list[Line]:
    if row is None:
        return []
    lines = [section("raw event", cells, sanitise(row.event_type, 60))]
    for raw in event_lines(row.raw):
        lines += [[(part, "")] for part in wrap(sanitise(raw, 20_000), cells, 40)]
    return lines
