"""The queue's rows: a frozen order of row numbers, and the few alerts around what is on the screen.

In: `keys` of the desk (8 bytes an alert, so a million are 8 MB) and rows read by a worker. Out: windows for
`FrameTable`, at once: where a row has not been read yet a placeholder stands, and `missing` says so.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from screens.widgets.rows import Row

if TYPE_CHECKING:
    from xdrtui.triage.rows import AlertRow

AROUND = 100
"""Rows read before and after those on the screen."""

KEPT = 4_000
"""Rows kept in memory, at the most."""


class QueueSource:
    """A `RowSource` over alerts. draw: makes a row of the table of an alert."""

    def __init__(self, draw: Callable[[AlertRow], Row]) -> None:
        self.order: array[int] = array("q")
        self.missing = False
        self._draw = draw
        self._alerts: dict[int, AlertRow] = {}
        self._number: dict[str, int] = {}
        self._drawn: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.order)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        rows: list[Row] = []
        for number in self.order[start:stop]:
            row = self._drawn.get(number)
            if row is None:
                alert = self._alerts.get(number)
                if alert is None:
                    self.missing = True
                    row = Row(f"#{number}", {"what": [("…", "dim")]})
                else:
                    row = self._drawn[number] = self._draw(alert)
            rows.append(row)
        return rows

    def index(self, key: str, near: int) -> int | None:
        number = int(key[1:]) if key.startswith("#") else self._number.get(key)
        if number is None:
            return None
        if 0 <= near < len(self.order) and self.order[near] == number:
            return near
        try:
            return self.order.index(number)
        except ValueError:
            return None

    def alert(self, key: str) -> AlertRow | None:
        """The alert that a row stands for, if it has been read."""
        return self._alerts.get(self._number.get(key, -1))

    def known(self) -> list[AlertRow]:
        """The alerts that have been read, in the queue's order."""
        return [self._alerts[number] for number in self.order if number in self._alerts][:AROUND]

    def set_order(self, order: Iterable[int]) -> None:
        """Another frozen order; what is known of alerts stays known."""
        self.order = array("q", order)

    def learn(self, numbers: Sequence[int], alerts: Sequence[AlertRow]) -> None:
        """Alerts as they are now."""
        if len(self._alerts) > KEPT:
            self._alerts.clear()
            self._drawn.clear()
            self._number.clear()
        for number, alert in zip(numbers, alerts, strict=True):
            self._alerts[number] = alert
            self._number[alert.id] = number
            self._drawn.pop(number, None)

    def forget_drawings(self) -> None:
        """Ages, the zone or the theme changed: draw rows again."""
        self._drawn.clear()

    def around(self, first: int, count: int) -> list[int]:
        """The row numbers on the screen and near it."""
        return list(self.order[max(0, first - AROUND) : first + count + AROUND])
