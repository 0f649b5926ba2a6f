"""The events of the live pane in memory, newest first, behind a filter: what its table paints.

In: events as they come. Out: rows; between two of them a line where the date or the offset changes. What lies
further back than `KEPT` falls off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from screens.live_columns import SHARED, columns_for, values
from screens.names import short_host, short_user
from screens.services import Services
from screens.widgets.rows import Row

if TYPE_CHECKING:
    from screens.widgets.columns import Column
    from xdrtui.triage.rows import LiveRow

KEPT = 5_000
"""Events that can be scrolled back to."""

Fits = Callable[["LiveRow"], bool]


class LiveClock:
    """A time as the tail shows it, in the zone in force."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def __call__(self, time: int) -> str:
        return self._services.zone.clock(time)

    def turn(self, before: int, time: int) -> str:
        """What to say between two events where the date or the offset changes."""
        return self._services.zone.turn(before, time)


class LiveRows:
    """Events, oldest first, shown newest first: a `RowSource` with a filter over it."""

    def __init__(self, clock: LiveClock) -> None:
        self._clock = clock
        self._all: list[LiveRow] = []
        self._shown: list[LiveRow] = []
        self._fits: Fits | None = None
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

    def held(self) -> list[LiveRow]:
        """All events, shown or not."""
        return list(self._all)

    def begin_again(self) -> None:
        """Numbers begin again: what is shown stays no longer."""
        self._all, self._shown = [], []

    def filter(self, text: str, fits: Fits | None, fitting: set[int] | None = None) -> None:
        """Show only what fits. text: the filter, for its columns; fitting: numbers of the events up to the
        greatest of `held` that do, where that was found out elsewhere."""
        self._fits = fits
        self.columns = columns_for(text)
        self._shown = []
        if fitting is None:
            self._show(self._all)
            return
        self._show([row for row in self._all if row.id in fitting], sure=True)

    def again(self) -> None:
        """The zone changed."""
        shown = [row for row in self._shown if row.event_type]
        self._shown = []
        self._show(shown, sure=True)

    def at(self, place: int) -> LiveRow | None:
        """The event in this place from the top."""
        return self._shown[-1 - place] if 0 <= place < len(self._shown) else None

    def _show(self, rows: Iterable[LiveRow], sure: bool = False) -> None:
        """Rows that fit, and between two of them a line where the date or the offset changes."""
        for row in rows:
            if sure or self._fits is None or self._fits(row):
                if self._shown and (turn := self._clock.turn(self._shown[-1].time, row.time)):
                    self._shown.append(_replaced(row, event_type="", host="", user="", summary=turn, raw=b""))
                self._shown.append(row)

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


def _replaced(row: LiveRow, **changes: object) -> LiveRow:
    """The same event with other fields."""
    from msgspec.structs import replace

    return replace(row, **changes)
