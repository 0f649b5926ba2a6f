"""Frames in as few bytes as can be, for slow links: only cells that changed, a style only where it changes.

In: a frame as strips. Out: the text that makes the terminal show it, given what it shows already. Pure but
for the memory of what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

Cell: TypeAlias = tuple[str, str]
"""What stands in a cell ("" = the second half of a wide one), and the codes of its style."""

_BRIDGE = 6
"""Unchanged cells that are sent again rather than jumped over: a jump costs about as much."""


class Thrift:
    """Remembers what the terminal shows."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []

    def forget(self) -> None:
        """What the terminal shows is not known any more."""
        self._rows = []

    def frame(self, strips: Sequence[Strip], colours: ColorSystem | None) -> str:
        """What to send, so that the terminal shows these strips."""
        rows = [_cells(strip, colours) for strip in strips]
        if [len(row) for row in rows] != [len(row) for row in self._rows]:
            self._rows = [[("", "?")] * len(row) for row in rows]
        parts: list[str] = []
        codes = "?"
        for y, (before, row) in enumerate(zip(self._rows, rows, strict=True)):
            if before == row:
                continue
            at = -1
            for start, end in _runs(before, row):
                if start != at:
                    parts.append(f"\x1b[{y + 1};{start + 1}H")
                for text, wanted in row[start:end]:
                    if wanted != codes and text:
                        parts.append(f"\x1b[0;{wanted}m" if wanted else "\x1b[m")
                        codes = wanted
                    parts.append(text)
                at = end
        self._rows = rows
        return "".join(parts) + ("\x1b[m" if codes != "?" else "")


def _runs(before: list[Cell], row: list[Cell]) -> list[tuple[int, int]]:
    """From where to where cells differ, runs that lie close together as one; no wide character is halved."""
    runs: list[tuple[int, int]] = []
    for x, (old, new) in enumerate(zip(before, row, strict=True)):
        if old == new:
            continue
        start = x - 1 if not new[0] and x else x
        end = x + 2 if x + 1 < len(row) and not row[x + 1][0] else x + 1
        if runs and start - runs[-1][1] <= _BRIDGE:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _cells(strip: Strip, colours: ColorSystem | None) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        codes, blank = _codes(style, colours)
        for character in text:
            size = get_character_cell_size(character)
            if not size and cells:
                base = -1 if cells[-1][0] else -2
                cells[base] = (cells[base][0] + character, cells[base][1])
                continue
            cells.append((character, blank if character == " " else codes))
            if size == 2:
                cells.append(("", codes))
    return cells


@lru_cache(4_096)
def _codes(style: Style | None, colours: ColorSystem | None) -> tuple[str, str]:
    """The codes of a style, and those of it that are seen on a blank."""
    if style is None or colours is None:
        return "", ""
    ground = Style(bgcolor=style.bgcolor, underline=style.underline or None)
    if style.reverse:
        ground = style
    return style._make_ansi_codes(colours), ground._make_ansi_codes(colours)
