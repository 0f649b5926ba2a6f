"""Parts that pages are made of: a titled rule, a severity, a label with text beside it. Pure."""

from __future__ import annotations

from screens.look import SEVERITY_WORDS
from screens.paint import Line
from screens.sanitise import fit, sanitise, width, wrap

LABEL = 8
_LIMIT = 4_000


def section(title: str, cells: int, note: str = "") -> Line:
    """A rule with a title in it."""
    text = f"── {title} " + (f"{note} " if note else "")
    return [("── ", "rule"), (title, "label"), (f" {note}" if note else "", "dim"),
            (" " + "─" * max(0, cells - width(text)), "rule")]  # fmt: skip


def severity(level: str) -> Line:
    """A severity: symbol, word, colour."""
    symbol, word = SEVERITY_WORDS.get(level, ("?", sanitise(level, 8)))
    style = level if level in SEVERITY_WORDS else ""
    return [(f"{symbol} {word}", style)]


def labelled(label: str, text: str, cells: int, style: str = "", most: int | None = 3) -> list[Line]:
    """A label, and text beside it, wrapped under itself."""
    room = cells - LABEL
    parts = wrap(sanitise(text, _LIMIT), room, most)
    return [
        [(fit(label if not place else "", LABEL), "label"), (part, style)] for place, part in enumerate(parts)
    ]


def wrapped(text: str, style: str, cells: int) -> list[Line]:
    """A sentence in as many lines as it takes."""
    return [[(part, style)] for part in wrap(sanitise(text, 2_000), max(10, cells))]
