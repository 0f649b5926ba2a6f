"""A page of items that one moves through: the cursor stands on an item, which may take several lines.

In: a function from a width to `Item`s. Out: painted lines, and the item under the cursor. Items without text
are passed over; where the page is drawn anew the cursor stays on the item it was put on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from textual.geometry import Offset

from screens.look import Look
from screens.paint import Line, plain
from screens.widgets.paper import Paper


class Item(NamedTuple):
    """lines: that it takes; address: what opens where the cursor stands on it, "" = nothing."""

    lines: list[Line]
    address: str = ""


class Listing(Paper):
    """A page with a cursor. `list_items` sets what it says."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self._items: Callable[[int], Sequence[Item]] = lambda cells: ()
        self._listed: list[Item] = []
        self._starts: list[int] = []
        self._cursor = 0

    @property
    def address(self) -> str:
        """Of the item under the cursor."""
        return self._listed[self._cursor].address if self._listed else ""

    def list_items(self, items: Callable[[int], Sequence[Item]], *, keep_place: bool = False) -> None:
        """Say something else; the cursor goes to the first item unless told to stay."""
        if not keep_place:
            self._listed = []
        self._items = items
        self.show(_lines_of(items), keep_place=keep_place)

    def move(self, lines: int) -> None:
        """One item on or back; more: so many lines."""
        if abs(lines) != 1:
            self.top = max(0, min(self.top + lines, len(self.lines) - self.size.height))
            self.move_to(self._starts[self._cursor] + lines if self._starts else 0)
            return
        place = self._cursor + lines
        while 0 <= place < len(self._listed) and not self._stops(place):
            place += lines
        if 0 <= place < len(self._listed):
            self._stand_on(place)
        else:  # what stands above the first item, or below the last, is shown too
            self._show_from(0 if lines < 0 else len(self.lines))

    def move_to(self, line: int) -> None:
        """Put the cursor on the item at this line, or the nearest that has text."""
        at = [place for place in range(len(self._listed)) if self._stops(place)]
        if at:
            line = max(0, min(line, len(self.lines) - 1))
            self._stand_on(min(at, key=lambda place: (abs(self._starts[place] - line), place)))
        else:
            super().move_to(line)

    def find(self, text: str, forward: bool = True) -> bool:
        """Put the cursor on the next item that holds the text, round the end."""
        wanted, count = text.casefold(), len(self._listed)
        for step in range(1, count + 1):
            place = (self._cursor + (step if forward else -step)) % count
            if any(wanted in plain(line).casefold() for line in self._listed[place].lines):
                self._stand_on(place)
                return True
        return False

    def cursor_at(self) -> Offset:
        """Where the item under the cursor begins on the screen."""
        start = self._starts[self._cursor] if self._starts else 0
        return self.region.offset + Offset(0, max(0, start - self.top))

    def _stops(self, place: int) -> bool:
        return any(plain(line).strip() for line in self._listed[place].lines)

    def _stand_on(self, place: int) -> None:
        """Put the cursor there, and scroll as little as shows it; the last line may tell what is below."""
        self._cursor = place
        start = self._starts[place]
        end = start + len(self._listed[place].lines)
        room = self.size.height - (end < len(self.lines))
        self._show_from(min(max(self.top, end - room), start) if room > 0 else start)

    def _show_from(self, line: int) -> None:
        super().move_to(line)

    def _lay_out(self) -> None:
        if not self.size.width:
            return
        here = self._listed[self._cursor] if self._listed else None
        self._listed = list(self._items(self.size.width - 2 * self.margin))
        self._starts, at = [], 0
        for item in self._listed:
            self._starts.append(at)
            at += len(item.lines)
        self.lines = [line for item in self._listed for line in item.lines]
        if here is None:
            self._cursor = next((n for n, item in enumerate(self._listed) if item.address), 0)
            self.top = 0
        else:
            self._cursor = self._again(here)
        if self._listed:
            self._stand_on(self._cursor)
        else:
            self._show_from(0)

    def _again(self, item: Item) -> int:
        """Where an item stands now: what opens the same nearest to where it was, else the same place."""
        last = len(self._listed) - 1
        alike = [n for n, each in enumerate(self._listed) if item.address and each.address == item.address]
        return min(alike, key=lambda n: abs(n - self._cursor), default=max(0, min(self._cursor, last)))

    def _over(self, line: int) -> str:
        if not self._starts:
            return ""
        start = self._starts[self._cursor]
        return "cursor" if start <= line < start + len(self._listed[self._cursor].lines) else ""


def _lines_of(items: Callable[[int], Sequence[Item]]) -> Callable[[int], list[Line]]:
    return lambda cells: [line for item in items(cells) for line in item.lines]
