"""The palette: any command, alert, rule, host, user, value or page of the manual by its name.

In: entries that are there at once, a search for those that the store must be asked for, and what was typed.
Out: the entries that fit, best first. The widget is a list over the body, its text is typed into the prompt
below. Which entries there are is `finding`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from textual.app import ComposeResult
from textual.containers import Vertical

from screens.look import Look
from screens.widgets.columns import Column
from screens.widgets.frame_table import FrameTable
from screens.widgets.rows import ListSource, Row

MOST = 200
LINES = 14
PAUSE = 0.12
"""Seconds without a key before the store is asked."""

FEWEST = 2
"""Characters from which on the store is asked."""


@dataclass(frozen=True)
class Entry:
    """kind: "command", "alert", "rule", "entity", "manual"; why_not: why it cannot be done now, or ""; id: of
    a command."""

    kind: str
    title: str
    text: str
    key: str
    do: Callable[[], object]
    why_not: str = ""
    id: str = ""


Search: TypeAlias = Callable[[str], Awaitable[Sequence[Entry]]]


def matching(entries: Iterable[Entry], typed: str) -> list[Entry]:
    """Entries in which all typed words stand: those whose title is or begins so first, what cannot be done
    now last; in their order otherwise."""
    words = typed.casefold().split()
    begins = " ".join(words)
    scored: list[tuple[int, int, Entry]] = []
    for place, entry in enumerate(entries):
        title = entry.title.casefold()
        whole = f"{title} {entry.kind} {entry.text.casefold()} {entry.id}"
        if all(word in whole for word in words):
            first = words[0] if words else ""
            score = [title.startswith(begins), title.startswith(first), first in title, True].index(True)
            scored.append((score + 4 * bool(entry.why_not), place, entry))
    return [entry for _, _, entry in sorted(scored, key=lambda item: item[:2])[:MOST]]


class Palette(Vertical):
    """The list of what was found. entries: in the order in which they are likely; search: for what is typed,
    asked when no key has come for a moment."""

    DEFAULT_CSS = "Palette { layer: over; dock: bottom; width: 100%; }"

    COLUMNS = (
        Column("title", "NAME", 14, 28, claim=28),
        Column("key", "KEY", 4, 8, rank=1, claim=4),
        Column("text", "WHAT IT IS", 20),
    )

    def __init__(self, look: Look, entries: Iterable[Entry], search: Search | None = None) -> None:
        super().__init__(id="palette")
        self.closed = False
        self._entries = list(entries)
        self._search = search
        self._found: list[Entry] = []
        self._more: list[Entry] = []
        self._typed = ""
        self.looking = False
        """The store is being asked for what is typed."""
        self.table = FrameTable(self.COLUMNS, look, empty=self._nothing())

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.narrow(self._typed)

    def stand_over(self, below: int, room: int) -> None:
        """Stand above so many lines at the bottom, in so many."""
        self.styles.margin = (0, 0, below, 0)
        self.styles.height = max(3, min(LINES, room))

    def moved(self, key: str) -> None:
        """An arrow, or a page, moves the cursor."""
        page = max(1, self.table.rows_visible - 1)
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page}
        if key in steps:
            self.table.move(steps[key])

    def narrow(self, typed: str) -> None:
        """Show what fits, and look for more."""
        self._typed = typed
        self._more = []
        wanted = self._search is not None and len(typed.strip()) >= FEWEST
        self.looking = wanted
        self._show(0)
        if wanted and self.is_attached:
            work: Callable[[], Coroutine[object, object, None]] = partial(self._look, typed)
            self.run_worker(work, group="palette", exclusive=True)

    async def _look(self, typed: str) -> None:
        assert self._search is not None
        await asyncio.sleep(PAUSE)
        found = list(await self._search(typed))
        if typed == self._typed:
            self._more, self.looking = found, False
            self._show(self.table.cursor)

    def _show(self, place: int) -> None:
        self._found = [*matching(self._entries, self._typed), *self._more]
        rows = [
            Row(
                str(number),
                {
                    "title": [(entry.title, "dim" if entry.why_not else "strong")],
                    "text": [(entry.why_not or entry.text, "dim" if entry.why_not else "")],
                    "key": [(entry.key, "dim" if entry.why_not else "key")],
                },
            )
            for number, entry in enumerate(self._found)
        ]
        self.table.empty = self._nothing()
        self.table.update(ListSource(rows))
        self.table.move_to(place)

    def _nothing(self) -> list[list[tuple[str, str]]]:
        if self.looking:
            return [[("looking in the store …", "dim")]]
        return [[("nothing is called so: no command, alert, rule, host, user, value or page", "dim")]]

    def chosen(self) -> Entry | None:
        """The entry under the cursor."""
        return self._found[self.table.cursor] if self._found else None
