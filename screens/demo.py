"""What the screens know of a demo: a clock of its own, hints in grades, the truth of closed alerts, a card to
begin with and a report at the end. The demo itself (`xdrtui.demo`) is handed in; without one there is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from screens.paint import Line
from screens.sanitise import sanitise, width, wrap

COLUMNS = re.compile("^ +| {2,}")
"""Where a column of a line begins; what does not fit goes on below its last."""


class Demo(Protocol):
    """A demo that runs. All of it answers at once; texts are shown as they are, after sanitising."""

    def clock_text(self) -> str:
        """For the status line, e.g. "DEMO 03-03 14:02 x120"."""

    def now(self) -> int:
        """The replay clock, nanoseconds since 1970 UTC: what ages are counted from; 0 = not known yet."""

    def pause(self) -> str:
        """Stop the clock, or let it run; what was done, as a line."""

    def hold(self, on: bool) -> None:
        """Let the clock wait while somebody reads; off: let it run on, unless `pause` stopped it."""

    def step(self) -> str:
        """Go on to the next step of the attack."""

    def faster(self) -> str:
        """Run twice as fast."""

    def slower(self) -> str:
        """Run half as fast."""

    def hint(self, alert: str) -> Sequence[str]:
        """Three grades of help with an alert: where to look, which field, the answer."""

    def truth(self, alert: str) -> Sequence[str]:
        """What the alert really was, once it is closed."""

    def card(self) -> Sequence[str]:
        """The opening card, at most 12 lines."""

    def report(self) -> Sequence[str]:
        """How it went; empty while it still runs and nothing can be said."""

    def ended(self) -> bool:
        """Whether all of it has been played."""


class Hints:
    """Hints are given one grade at a time."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def next(self, demo: Demo, alert: str) -> str:
        """The next grade for this alert; after the last, the last again."""
        grades = list(demo.hint(alert))
        if not grades:
            return "there is no hint for this alert: it is none of the attack's"
        grade = min(self._given.get(alert, 0), len(grades) - 1)
        self._given[alert] = grade + 1
        return f"hint {grade + 1} of {len(grades)}: {grades[grade]}"


def card_lines(text: Sequence[str], title: str, cells: int) -> list[Line]:
    """A card: the first line stands out, keys in backquotes too."""
    lines: list[Line] = [[]]
    for place, raw in enumerate(text):
        clean = sanitise(raw)
        indent = max((found.end() for found in COLUMNS.finditer(clean)), default=0)
        if width(clean) <= cells or indent > cells // 2:
            indent = 0
        parts = wrap(clean[indent:], cells - indent) if raw else [""]
        for at, part in enumerate(parts):
            part = (" " * indent if at else clean[:indent]) + part
            lines.append([(part, "strong")] if not place else keyed(part))
    return [*lines, [], [(title, "dim")]]


def keyed(text: str) -> Line:
    """A line in which `keys` in backquotes stand out."""
    return [(part, "key" if place % 2 else "") for place, part in enumerate(text.split("`")) if part]
