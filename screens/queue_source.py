"""The queue's rows: a frozen order of lines' numbers, and the few lines around what is on the screen.

In: `line_numbers` of the desk (8 bytes a line, so a million are 8 MB) and lines read by a worker. Out:
windows for `FrameTable`, at once: where a line has not been read yet a placeholder stands, and `missing` says
so. A row's key is made of its line's number, read or not.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from screens.paint import Line as Painted
from screens.widgets.rows import Row

if TYPE_CHECKING:
    from xdrtui.triage.rows import Line

AROUND = 100
"""Lines read before and after those on the screen."""

AHEAD = 60
"""Lines before and after those on the screen that are read before anybody goes there."""

KEPT = 4_000
"""Lines kept in memory, at the most."""


class QueueSource:
    """A `RowSource` over lines. draw: makes the cells of a line, and its style."""

    def __init__(self, draw: Callable[[Line], tuple[dict[str, str | Painted], str]]) -> None:
        self.order: array[int] = array("q")
        self.missing = False
        self._draw = draw
        self._lines: dict[int, Line] = {}
        self._drawn: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.order)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        rows: list[Row] = []
        for number in self.order[start:stop]:
            row = self._drawn.get(number)
            if row is None:
                line = self._lines.get(number)
                if line is None:
                    self.missing = True
                    row = Row(key_of(number), {"what": [("…", "dim")]})
                else:
                    row = self._drawn[number] = Row(key_of(number), *self._draw(line), about=line)
            rows.append(row)
        return rows

    def index(self, key: str, near: int) -> int | None:
        number = number_of(key)
        if 0 <= near < len(self.order) and self.order[near] == number:
            return near
        try:
            return self.order.index(number)
        except ValueError:
            return None

    def line(self, key: str) -> Line | None:
        """The line that a row stands for, if it has been read."""
        return self._lines.get(number_of(key))

    def closed(self, number: int) -> bool:
        """Whether this line had no open alert when it was read last."""
        line = self._lines.get(number)
        return line is not None and not line.open

    def known(self) -> list[Line]:
        """The first lines that have been read, in the queue's order."""
        return [self._lines[number] for number in self.order[:KEPT] if number in self._lines][:AROUND]

    def set_order(self, order: Iterable[int]) -> None:
        """Another frozen order; what is known of lines stays known."""
        self.order = array("q", order)

    def learn(self, lines: Mapping[int, Line]) -> None:
        """Lines as they are now."""
        if len(self._lines) > KEPT:
            self._lines.clear()
            self._drawn.clear()
        for number, line in lines.items():
            self._lines[number] = line
            self._drawn.pop(number, None)

    def forget_drawings(self) -> None:
        """Ages, the zone or the theme changed: draw rows again."""
        self._drawn.clear()

    def around(self, first: int, count: int) -> list[int]:
        """The numbers of the lines on the screen and near it."""
        return list(self.order[max(0, first - AROUND) : first + count + AROUND])

    def unread(self, first: int, count: int) -> list[int]:
        """The numbers of lines on the screen and near it that have not been read."""
        return [number for number in self.around(first, count) if number not in self._lines]

    def ends_soon(self, first: int, count: int) -> bool:
        """Whether a line that has not been read is a few pages off."""
        near = self.order[max(0, first - AHEAD) : first + count + AHEAD]
        return any(number not in self._lines for number in near)


def key_of(number: int) -> str:
    """The key of the row of the line with this number."""
    return f"#{number}"


def number_of(key: str) -> int:
    """The line's number that a key is made of; -1 where there is none."""
    return int(key[1:]) if key else -1
