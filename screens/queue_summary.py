"""The line below the queue: where the cursor is, what stands there, marks, news. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.paint import Line as Painted
from screens.paint import line_width
from screens.sanitise import sanitise, width
from screens.times import number

if TYPE_CHECKING:
    from xdrtui.triage.rows import Line


def summary(
    place: int, count: int, current: Line | None, room: int, marks: str, news: Painted, cells: int
) -> Painted:
    """place: of the cursor, from 1; room: cells that the list has for a title: where it is cut there, it
    stands whole here; marks, news: what else there is to tell, "" and nothing where there is none; cells:
    that the line has."""
    line: Painted = [
        (f"{number(place)} of {number(count)}" if count else "0", "strong"),
        (" line" if count == 1 else " lines", "dim"),
    ]
    if current is not None and not news:
        title = sanitise(current.row.title, 200)
        if width(title) > room and not marks:
            line = [line[0], (" · ", "dim"), (title, "")]
            alerts = f" · {_alerts(current)}"
            if current.total > 1 and line_width(line) + width(alerts) <= cells:
                line.append((alerts, "dim"))
        else:
            line.append((f" · this one: {_in_words(current)}", "dim"))
    if marks:
        line.append((f" · {marks}", "mark"))
    return line + news


def _in_words(line: Line) -> str:
    """ "3 of 18 alerts open, 412 findings" """
    return f"{_alerts(line)}, {number(line.count)} finding" + ("" if line.count == 1 else "s")


def _alerts(line: Line) -> str:
    return f"{number(line.open)} of {number(line.total)} alerts open" if line.total > 1 else "1 alert"
