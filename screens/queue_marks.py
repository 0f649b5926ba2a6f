"""Marked lines of the queue: which they are, as they were when they were last painted, or marked.

A mark stays on its line whatever is read, filtered or sorted meanwhile. What a command on marks acts on are
the alerts that each line told of: an alert that came to a marked line out of sight is not among them until
the line is seen again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from screens.queue_source import key_of, number_of
from screens.targets import Targets
from screens.times import number
from screens.widgets.frame_table import FrameTable

if TYPE_CHECKING:
    from xdrtui.triage.rows import Line

MOST = 5_000
"""Lines that one key may mark."""


class Marks:
    """The marks of one table."""

    def __init__(self, table: FrameTable) -> None:
        self._table = table
        self._lines: dict[str, Line] = {}
        self.anchor = ""

    def __len__(self) -> int:
        return len(self._table.marks)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the marked lines."""
        return [number_of(key) for key in self._table.marks]

    def toggle(self, line: Line) -> None:
        """Mark a line, or take its mark away."""
        key = key_of(line.number)
        self._lines[key] = line
        self._table.marked.pop(key, None)
        self._table.marks ^= {key}
        self.anchor = key if key in self._table.marks else self.anchor
        self._table.repaint()

    def add(self, lines: Iterable[Line]) -> int:
        """Mark lines; return how many open alerts they have."""
        found = {key_of(line.number): line for line in lines}
        self._lines.update(found)
        for key in found:
            self._table.marked.pop(key, None)
        self._table.marks.update(found)
        self._table.repaint()
        return sum(line.open for line in found.values())

    def clear(self) -> None:
        self._table.marks.clear()
        self._table.marked.clear()
        self._lines.clear()
        self.anchor = ""
        self._table.repaint()

    def learn(self, lines: Mapping[int, Line]) -> None:
        """The person was told that some had changed: take marked lines as they are now, but without the
        alerts that came since they stood on the screen."""
        for key in self._table.marks:
            line, before = lines.get(number_of(key)), self._line(key)
            if line is not None:
                self._lines[key] = replace(line, upto=before.upto, open=min(line.open, before.open))
                self._table.marked.pop(key, None)

    def _line(self, key: str) -> Line:
        """A marked line as it stood on the screen last, or as it was marked."""
        row = self._table.marked.get(key)
        return cast("Line", row.about) if row is not None and row.about is not None else self._lines[key]

    def away(self, order: Collection[int], visible: Sequence[int]) -> int:
        """How many marked lines are out of sight: not in the filter, or not on the screen."""
        on_screen = set(visible)
        return sum(1 for number in self.numbers if number not in order or number not in on_screen)

    def targets(self, away: int) -> Targets:
        """What a command on marks acts on."""
        return Targets(tuple(self._line(key) for key in sorted(self._table.marks)), away=away)

    def in_words(self, away: int) -> str:
        """ "12 marked, 3 of them out of sight" """
        return f"{number(len(self))} marked" + (f", {number(away)} of them out of sight" if away else "")
