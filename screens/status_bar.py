"""The status line: source, events a second, lag, dead letters, dropped, memory, the clock with its zone.

In: a `Status` as the desk gives it. Out: lines. Where no worker runs, or something is not well, a second, red
line says what to do. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from screens.paint import Line, line_width, spread
from screens.sanitise import cut, sanitise, width, wrap
from screens.times import Zone, duration, memory, number
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.triage.rows import Status, WorkerStatus

Part: TypeAlias = tuple[int, Line]
"""How readily a part is left out where there is no room (0 = never), and the part."""

UNHEARD = 2.2
"""Seconds without a heartbeat after which a worker is said to be silent: they beat once a second."""

LONG = 1.9
"""Seconds at one batch from which on that is said: the worker's heart goes on, but nothing else may."""

GONE = 60.0
WORTH = 10.0
"""Seconds of work from which on it is said how much waits, and how long it takes."""

NO_WORKER = "no worker is running, so no new event is read: start one with `xdrtui run`"


def status_line(
    name: str, status: Status | None, zone: Zone, now: int, cells: int, demo: str = "", low: bool = False
) -> Line:
    """The first line of the screen. name: what is watched; demo: the demo's own clock, which then stands for
    ours, or "". Where there is no room, what matters least goes, whole."""
    title = cut(sanitise(name), 24)
    if status is None:
        figures: list[Part] = [(0, [("○ opening the store …", "dim")])]
    else:
        figures = _figures(status, brief=bool(demo) and cells < 100)
    right: list[Part] = [_LOW] if low else []
    if demo:
        right.append((0, [(f" {demo} ", "notice"), (" ", "")]))
    else:
        right.append((4, [(f"{zone.clock(now, seconds=False)} ", "")]))
    right.append((2, [(f"{zone.title(now)} ", "")]))
    while True:
        left = [(0, [(f" {title}", "strong"), ("  ", "")]), *figures]
        parts = left + right
        worst = max(rank for rank, _ in parts)
        if not worst or sum(line_width(line) for _, line in parts) < cells:
            return spread(_joined(left), _joined(right), cells)
        if worst <= _NAME and width(title) > _BRIEF_NAME:
            title = cut(title, _BRIEF_NAME)
        elif right[0] == _LOW and worst <= _NAME:
            right[0] = _LOW_BRIEF
        else:
            side = figures if any(rank == worst for rank, _ in figures) else right
            del side[max(place for place, (rank, _) in enumerate(side) if rank == worst)]


_NAME = 6
"""From this rank on the name is cut before anything else goes."""
_BRIEF_NAME = 12
_LOW: Part = (1, [("low bandwidth  ", "dim")])
_LOW_BRIEF: Part = (1, [("low bw  ", "dim")])


def _joined(parts: list[Part]) -> Line:
    return [span for _, line in parts for span in line]


def _figures(status: Status, brief: bool) -> list[Part]:
    """What is told of the workers, with how readily it is left out: 0 = never."""
    alive = [worker for worker in status.workers if worker.alive]
    if not alive:
        return [(0, [("○ no worker", "bad")]), *_letters(status, brief)]
    state = "paused" if status.paused else counted(len(alive), "worker")
    late = status.lag > 60
    return [
        (0, [("● ", "good" if not status.paused else "mark"), (state, "")]),
        (5, [(f"  {number(status.events_per_second)} ev/s", "")]),
        (0 if late else 4, [(f"  lag {lag_words(status.lag)}", "bad" if late else "")]),
        *_waiting(status),
        *_letters(status, brief),
        (9, [(f"  {memory(status.memory)}", "dim")]),
    ]


def _waiting(status: Status) -> list[Part]:
    """What is still to be read, and how long that takes, where it is more than a moment's work."""
    if not status.waiting or not (status.paused or status.catch_up > WORTH):
        return []
    parts: list[Part] = [(3, [(f"  {number(status.waiting)} waiting", "")])]
    if status.catch_up and not status.paused:
        parts.append((3, [(f", {lag_words(status.catch_up)} to go", "")]))
    return parts


def _letters(status: Status, brief: bool) -> list[Part]:
    """Dead letters and dropped events; brief: only where there are some."""
    parts: list[Part] = []
    if status.dead or not brief:
        parts.append(
            (3 if status.dead else 8, [(f"  dead {number(status.dead)}", "mark" if status.dead else "dim")])
        )
    if status.dropped or not brief:
        style = "bad" if status.dropped else "dim"
        parts.append((0 if status.dropped else 8, [(f"  dropped {number(status.dropped)}", style)]))
    return parts


def lag_words(seconds: float) -> str:
    """A lag: "0.4 s", "12 s", "3 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def alarm(status: Status | None, failure: str = "", *, reads: bool = True) -> str:
    """What the red line says; "" where all is well. reads: workers are expected here; a workspace that was
    filled by a scan has none."""
    if failure:
        return failure
    if status is None:
        return ""
    if status.unheard:
        return sanitise(status.sentence)
    faults = [fault for fault in status.faults if not fault.cleared]
    unheard = [worker for worker in status.workers if worker.age > UNHEARD]
    busy = [worker for worker in status.workers if worker.alive and worker.busy > LONG]
    if status.workers and len(unheard) == len(status.workers):
        one = unheard[0]
        return _unheard(one) if one.symptom else f"no worker is running: {_unheard(one)}"
    if not status.workers and reads:
        stopped = next((fault.text for fault in faults if not fault.happened), "")
        return f"no worker is running: {sanitise(stopped)}" if stopped else NO_WORKER
    if faults:
        first, seen = faults[0], ""
        if first.happened:
            seen = " · seen? `:` dismiss"
        more = f" (and {len(faults) - 1} more: `xdrtui status`)" if len(faults) > 1 else ""
        return sanitise(first.text) + seen + more
    if unheard:
        return f"worker {_unheard(unheard[0])}"
    return _busy(busy[0]) if busy else ""


def alarm_lines(text: str, cells: int) -> list[Line]:
    """The red line, on two lines where one does not hold what is to be done."""
    return [[(" " + part, "alarm")] for part in wrap(text, max(1, cells - 2), 2)]


def _busy(worker: WorkerStatus) -> str:
    """A worker that beats on, but does not come to an end with what it is at."""
    return (
        f"{sanitise(worker.worker)} has been at one batch for {duration(int(worker.busy * 1e9))},"
        " others wait: it goes on by itself, or see `xdrtui rules profile`"
    )


def _unheard(worker: WorkerStatus) -> str:
    """What is known of a worker that fell silent, and what to do."""
    since = duration(int(worker.age * 1e9))
    name = sanitise(worker.worker)
    match worker.symptom:
        case "gone":
            return f"{name} ended without a word {since} ago (pid {worker.pid}): start one by `xdrtui run`"
        case "stopped":
            return f"{name} is stopped (SIGSTOP, {since} ago): `kill -CONT {worker.pid}` lets it go on"
        case "locked":
            return f"{name} cannot write for {since}: another process holds the database, see `xdrtui doctor`"
        case "runs" if worker.age >= 5:
            return f"{name} runs, but was not heard of for {since}: stuck? `kill {worker.pid}`, `xdrtui run`"
    if worker.age < GONE:
        return (
            f"{name} was not heard of for {since}: stuck, stopped, or the database is locked? `xdrtui doctor`"
        )
    return f"{name} fell silent {since} ago: start one with `xdrtui run`, or see `xdrtui doctor`"
