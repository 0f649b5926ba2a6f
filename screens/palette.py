"""The palette: any command, alert of the queue or page of the manual by its name.

In: entries and what was typed. Out: the entries that fit, best first. The widget is a list over the body, its
text is typed into the prompt below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical

from screens.look import Look
from screens.widgets.columns import Column
from screens.widgets.frame_table import FrameTable
from screens.widgets.rows import ListSource, Row

MOST = 200


@dataclass(frozen=True)
class Entry:
    """kind: "command", "alert", "manual"; why_not: why it cannot be done now, or ""."""

    kind: str
    title: str
    text: str
    key: str
    do: Callable[[], object]
    why_not: str = ""


def matching(entries: Iterable[Entry], typed: str) -> list[Entry]:
    """Entries in which all typed words stand, those whose title begins so first; in their order otherwise."""
    words = typed.casefold().split()
    scored: list[tuple[int, int, Entry]] = []
    for place, entry in enumerate(entries):
        title = entry.title.casefold()
        whole = f"{title} {entry.kind} {entry.text.casefold()}"
        if all(word in whole for word in words):
            score = 0 if not words or title.startswith(words[0]) else 1 if words[0] in title else 2
            scored.append((score, place, entry))
    return [entry for _, _, entry in sorted(scored, key=lambda item: item[:2])[:MOST]]


class Palette(Vertical):
    """The list of what was found."""

    DEFAULT_CSS = "Palette { layer: over; dock: bottom; height: 14; width: 100%; margin-bottom: 2; }"

    COLUMNS = (
        Column("title", "COMMAND, ALERT OR PAGE", 18, 34),
        Column("text", "WHAT IT IS", 20),
        Column("key", "KEY", 4, 8, rank=1),
    )

    def __init__(self, look: Look, entries: Iterable[Entry]) -> None:
        super().__init__(id="palette")
        self._entries = list(entries)
        self._found: list[Entry] = []
        self._typed = ""
        self.table = FrameTable(self.COLUMNS, look, empty=[[("nothing is called so", "dim")]])

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.narrow(self._typed)

    def narrow(self, typed: str) -> None:
        """Show what fits."""
        self._typed = typed
        self._found = matching(self._entries, typed)
        rows = [
            Row(
                str(place),
                {
                    "title": [(entry.title, "dim" if entry.why_not else "strong")],
                    "text": [(entry.why_not or entry.text, "dim")],
                    "key": [(entry.key, "key")],
                },
            )
            for place, entry in enumerate(self._found)
        ]
        self.table.update(ListSource(rows))
        self.table.move_to(0)

    def chosen(self) -> Entry | None:
        """The entry under the cursor."""
        return self._found[self.table.cursor] if self._found else None
