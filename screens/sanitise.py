"""Text from data, made fit for a cell grid: the one boundary between data and the terminal.

In: any text, however hostile (a lone surrogate, ESC sequences, bidi controls, zero-width floods, markup).
Out: plain text on one line, in which every character is visible and has a width that terminals agree on.
Nothing here knows colours or markup; `paint.py` runs everything it paints through `sanitise` once more.

Laws, held by property tests: the result is printable; sanitising twice changes nothing; `width` is the sum of
the widths of its characters and equals Textual's own measure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rich.cells import get_character_cell_size

ELLIPSIS = "…"
MARKS_KEPT = 2
"""Combining marks kept on one base; the rest is counted as `<+n>`."""

_KEPT_LENGTH = 20_000
"""Characters remembered in the table of cells: hostile data must not fill the memory with it."""

# Symbols of category So that every terminal draws in one cell; others are emoji somewhere.
_NARROW_SYMBOLS = re.compile(
    "[\u00a6-\u00b0\u2100-\u214f\u2190-\u2193\u219a-\u21a8\u21ab-\u21ff\u2300-\u2319\u231c-\u2328\u232b-\u23ce"
    "\u2400-\u2426\u2460-\u24ff\u2500-\u25a9\u25ac-\u25b5\u25b7-\u25bf\u25c1-\u25fa\u2713\u2717\u2801-\u28ff]"
)
_SEEN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_LOOK_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU")
"""Scripts with letters that look like Latin ones."""

_JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")


def sanitise(text: str, limit: int | None = None) -> str:
    """Return `text` as plain, visible, one-line text. limit: look at this many characters at most."""
    if limit is not None and len(text) > limit:
        text = text[:limit]
    if text.isascii() and text.isprintable():
        return text
    return "".join(cluster for cluster, _ in _clusters(_WORD.sub(_unmixed, text)))


def _unmixed(word: re.Match[str]) -> str:
    """A word in which letters of other scripts stand among Latin ones, those spelled: a Cyrillic a in `admin`
    is `<U+0430>dmin`."""
    letters = word[0]
    if letters.isascii() or not any(letter.isascii() for letter in letters):
        return letters
    return "".join(
        _name(letter)
        if not letter.isascii() and unicodedata.name(letter, "").startswith(_LOOK_ALIKE)
        else letter
        for letter in letters
    )


def sanitise_spans(text: str, spans: Sequence[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Sanitise `text` and say where its spans (start, end) stand in the result. Spans must not overlap."""
    parts: list[str] = []
    moved: list[tuple[int, int]] = []
    done = length = 0
    for start, end in sorted(spans):
        start, end = max(start, done), min(end, len(text))
        if end <= start:
            continue
        before, inside = sanitise(text[done:start]), sanitise(text[start:end])
        parts += (before, inside)
        moved.append((length + len(before), length + len(before) + len(inside)))
        length, done = length + len(before) + len(inside), end
    parts.append(sanitise(text[done:]))
    return "".join(parts), moved


def one_by_one(text: str) -> str:
    """Return `text` with a stand-in for each character that must not be painted, so that places in it stay:
    for a line that is being typed. What is hidden otherwise is a question mark; a base keeps one mark."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marked = True
    for character in text:
        sign, size = _cell(character)
        if size > 2 or (size == 0 and marked):
            sign = "?"
        marked = size == 0 or size > 2
        shown.append(sign)
    return "".join(shown)


def width(clean: str) -> int:
    """How many cells sanitised text takes."""
    if clean.isascii():
        return len(clean)
    return sum(_cell(character)[1] for character in clean)


def cut(clean: str, cells: int) -> str:
    """Return sanitised text in at most `cells` cells; what is cut off shows as an ellipsis."""
    if cells <= 0:
        return ""
    if clean.isascii():
        return clean if len(clean) <= cells else clean[: cells - 1] + ELLIPSIS
    if width(clean) <= cells:
        return clean
    return _head(clean, cells - 1) + ELLIPSIS


def fit(clean: str, cells: int, *, right: bool = False) -> str:
    """Return sanitised text in exactly `cells` cells: cut, or padded (on the left where `right`)."""
    text = cut(clean, cells)
    padding = " " * (cells - width(text))
    return padding + text if right else text + padding


def cut_before(clean: str, cells: int) -> str:
    """Return the end of sanitised text in at most `cells` cells; what is cut off shows as an ellipsis."""
    if width(clean) <= cells:
        return clean
    return ELLIPSIS + _tail(clean, cells - 1) if cells > 0 else ""


def cut_around(clean: str, cells: int, start: int, end: int) -> tuple[str, int, int]:
    """Cut sanitised text to `cells` so that its span stays in view: the text, and where the span is now.

    The span is put after a third of the room, so that what precedes it is seen; where the span alone is wider
    than the room, its beginning is shown.
    """
    if cells <= 0:
        return "", 0, 0
    if width(clean) <= cells:
        return clean, start, end
    lead_room = max(0, min(cells // 3, cells - 2 - width(clean[start:end])))
    if width(clean[:end]) <= cells - 1:
        first = 0
    elif width(clean[start:]) <= cells - 1:
        first = len(clean) - len(_tail(clean, cells - 1))
    else:
        first = start - len(_tail(clean[:start], lead_room))
    prefix = ELLIPSIS if first else ""
    view = prefix + cut(clean[first:], cells - len(prefix))
    shift = len(prefix) - first
    visible_end = len(view) - (view.endswith(ELLIPSIS) and not clean.endswith(ELLIPSIS))
    return view, min(start + shift, visible_end), min(end + shift, visible_end)


def wrap(clean: str, cells: int, most: int | None = None) -> list[str]:
    """Break sanitised text into lines of at most `cells` cells, at blanks where there are some.

    most: the last line allowed is cut with an ellipsis.
    """
    cells = max(1, cells)
    lines: list[str] = []
    rest = clean
    while rest and width(rest) > cells:
        if most is not None and len(lines) == most - 1:
            return [*lines, cut(rest, cells)]
        head = _head(rest, cells) or rest[:1]
        blank = head.rfind(" ")
        if rest[len(head) : len(head) + 1] != " " and blank > 0:
            head = head[:blank]
        lines.append(head.rstrip())
        rest = rest[len(head) :].lstrip(" ")
    return [*lines, rest] if rest or not lines else lines


def _head(clean: str, cells: int) -> str:
    """The longest beginning of the text that fits; never splits a mark from its base."""
    if clean.isascii():
        return clean[: max(0, cells)]
    taken = used = 0
    for cluster, size in _clusters(clean):
        if used + size > cells:
            break
        used += size
        taken += len(cluster)
    return clean[:taken]


def _tail(clean: str, cells: int) -> str:
    if clean.isascii():
        return clean[max(0, len(clean) - cells) :]
    taken = used = 0
    for cluster, size in reversed(list(_clusters(clean))):
        if used + size > cells:
            break
        used += size
        taken += len(cluster)
    return clean[len(clean) - taken :]


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """The text as (what to show, cells): a base with at most MARKS_KEPT marks."""
    base, cells, marks = "", 0, 0
    for character in text:
        shown, size = _cell(character)
        if size:
            if base:
                yield base, cells
            if marks > MARKS_KEPT:
                yield from _spelled(f"<+{marks - MARKS_KEPT}>")
            base, cells, marks = shown, size, 0
            if size > 2:  # a name in angle brackets: no mark may join its last bracket
                yield from _spelled(shown)
                base = ""
        elif not base:
            yield from _spelled(_name(character))
        else:
            marks += 1
            if marks <= MARKS_KEPT:
                base += shown
    if base:
        yield base, cells
    if marks > MARKS_KEPT:
        yield from _spelled(f"<+{marks - MARKS_KEPT}>")


def _spelled(name: str) -> Iterator[tuple[str, int]]:
    return ((character, 1) for character in name)


_cells: dict[str, tuple[str, int]] = {chr(code): (chr(code), 1) for code in range(0x20, 0x7F)}


def _cell(character: str) -> tuple[str, int]:
    """What to show for one character and how many cells that takes; 0 for a mark that joins its base."""
    known = _cells.get(character)
    if known is None:
        known = _judge(character)
        if len(_cells) < _KEPT_LENGTH:
            _cells[character] = known
    return known


def _judge(character: str) -> tuple[str, int]:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code), 1
    if code == 0x7F:
        return "\u2421", 1
    name = _name(character)
    hidden = (name, len(name))
    category = unicodedata.category(character)
    if category[0] in "CZ" or category == "Mc" or _SEEN_AS_NOTHING.match(character) or _JAMO.match(character):
        return hidden
    cells = get_character_cell_size(character)
    wide = unicodedata.east_asian_width(character) in "WF"
    if category in ("Mn", "Me"):
        return (character, 0) if cells == 0 and not wide else hidden
    if cells != 1 + wide:
        return hidden
    if category == "So" and (wide or not _NARROW_SYMBOLS.match(character)):
        return hidden
    if category in ("Sk", "Sm") and wide and not 0xFF00 <= code <= 0xFFEF:
        return hidden
    return character, cells


def _name(character: str) -> str:
    return f"<U+{ord(character):04X}>"
