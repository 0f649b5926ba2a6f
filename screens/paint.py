"""Lines of styled text, and the one place where they become what Textual sends to the terminal.

A line is a list of (text, style name). Panes are functions from data to lines; `strip` sanitises every text
once more, whatever was done before, so that nothing from data can reach the terminal raw. Never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.segment import Segment
from textual.strip import Strip

from screens.look import Look, to_ascii
from screens.sanitise import cut, sanitise, width

Span: TypeAlias = tuple[str, str]
Line: TypeAlias = list[Span]


def strip(line: Iterable[Span], cells: int, look: Look, over: str = "") -> Strip:
    """Paint a line in exactly `cells` cells. over: style of the whole row (the cursor's)."""
    segments: list[Segment] = []
    room = cells
    for text, name in line:
        if room <= 0:
            break
        clean = sanitise(text)
        size = width(clean)
        if size > room:
            clean = cut(clean, room)
            size = width(clean)
        if look.ascii_only:
            clean = to_ascii(clean, size)
        segments.append(Segment(clean, look.style(name, over)))
        room -= size
    if room > 0:
        segments.append(Segment(" " * room, look.style("", over)))
    return Strip(segments, cells)


def line_width(line: Iterable[Span]) -> int:
    """Cells that the line takes."""
    return sum(width(sanitise(text)) for text, _ in line)


def plain(line: Iterable[Span]) -> str:
    """The line without its styles."""
    return "".join(sanitise(text) for text, _ in line)


def spread(left: Line, right: Line, cells: int) -> Line:
    """`left` and, at the other end, `right`; the left gives way where there is no room for both."""
    from_right = line_width(right)
    room = cells - from_right - 1
    if room < 4:
        return clipped(left, cells)
    left = clipped(left, room)
    return [*left, (" " * (cells - from_right - line_width(left)), ""), *right]


def fitting(parts: Sequence[tuple[int, Line]], cells: int) -> Line:
    """The parts in their order, as far as there is room: those of the highest rank go first, of equal ones
    the last; rank 0 stays."""
    kept = list(parts)
    while sum(line_width(line) for _, line in kept) > cells:
        worst = max(kept, key=lambda part: part[0])[0] if kept else 0
        if not worst:
            break
        del kept[max(place for place, (rank, _) in enumerate(kept) if rank == worst)]
    return clipped([span for _, line in kept for span in line], cells)


def clipped(line: Line, cells: int) -> Line:
    """The line in at most `cells` cells."""
    done: Line = []
    room = cells
    for text, name in line:
        clean = sanitise(text)
        size = width(clean)
        if size > room:
            if room > 0:
                done.append((cut(clean, room), name))
            elif done and done[-1][0]:
                last, last_name = done[-1]
                done[-1] = (cut(last + " ", width(last)), last_name)
            break
        done.append((clean, name))
        room -= size
    return done
