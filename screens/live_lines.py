"""The lines of the live pane around its table: what it shows just now, and how much went by. Pure.

In: plain figures. Out: lines. Where there is no room, what matters least goes first.
"""

from __future__ import annotations

from collections.abc import Sequence

from screens.commands import sign_of
from screens.live_feed import Went
from screens.paint import Line, fitting
from screens.sanitise import sanitise, wrap
from screens.status_bar import lag_words
from screens.times import number
from xdrtui.plain import counted

FAR_BEHIND = 60.0
"""Seconds of lag from which on the pane offers to look past the workers."""


def topic_banner(topics: Sequence[str], fault: str, connecting: bool, cells: int) -> list[Line]:
    """What stands over a view of topics: what it is, and what it is not."""
    names = sanitise(", ".join(topics), 60)
    what = [
        (0, [(" TOPIC ITSELF ", "notice")]),
        (1, [(" display only: not detected upon, not stored", "strong")]),
        (2, [(" · ", "dim"), (sign_of("topic"), "key"), (" ends it", "")]),
        (3, [(f" · {names}", "label")]),
    ]
    lines: list[Line] = [fitting(what, cells)]
    if connecting and not fault:
        lines.append([(" connecting to the broker …", "dim")])
    elif fault:
        lines += [[(" " + part, "bad")] for part in wrap(sanitise(fault, 1_000), cells - 2, 2)]
    return lines


def behind_banner(lag: float, workers: int, cells: int) -> list[Line]:
    """Offers the topics themselves where workers are far behind, or none runs; else nothing."""
    if workers and lag <= FAR_BEHIND:
        return []
    why = f"workers are {lag_words(lag)} behind" if workers else "no worker runs"
    parts = [
        (0, [(f" {why}", "bad")]),
        (2, [(", so this is not what happens now", "")]),
        (0, [(" · ", "dim"), (sign_of("topic"), "key"), (" shows the topic itself", "")]),
        (1, [(", display only", "")]),
    ]
    return [fitting(parts, cells)]


def figures(
    went: Went, shown: int, cells: int, *, waiting: int = -1, dropped: int = 0, lag: str = "",
    topic: bool = False,
) -> Line:  # fmt: skip
    """How much went by. waiting: since it stands still, -1 where it does not; dropped: of the sample, what
    can be had no more; lag: of the workers, in words."""
    parts: list[tuple[int, Line]] = []
    if waiting >= 0:
        parts += [
            (0, [(" FROZEN ", "notice")]),
            (0, [(f" {number(waiting)} waiting, {number(dropped)} dropped", "strong")]),
        ]
        if lag:
            parts.append((1, [(f", {'workers ' if topic else ''}lag {lag}", "strong")]))
        parts.append((2, [(" · ", "dim")]))
    came = f"{counted(went.seen, 'message')} came in" if topic else f"{counted(went.seen, 'event')} went by"
    parts.append((2, [(came, "")]))
    if went.earlier:
        parts.append((6, [(f" · {number(went.earlier)} from before", "dim")]))
    parts.append((4, [(f" · {number(shown)} shown", "dim")]))
    if went.left_out:
        parts.append((5, [(f" · {number(went.left_out)} left out", "dim")]))
        parts.append((7, [(" of the sample" if not topic else ", too many", "dim")]))
    if went.skipped:
        parts.append((3, [(f" · {number(went.skipped)} jumped over", "mark")]))
    return fitting(parts, cells)
