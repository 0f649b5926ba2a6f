"""The status line: source, events a second, lag, dead letters, dropped, memory, the clock with its zone.

In: a `Status` as the desk gives it. Out: lines. Where no worker runs, or something is not well, a second, red
line says what to do. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.paint import Line, spread
from screens.sanitise import cut, sanitise, wrap
from screens.times import Zone, duration, memory, number

if TYPE_CHECKING:
    from xdrtui.triage.rows import Status, WorkerStatus

UNHEARD = 2.2
"""Seconds without a heartbeat after which a worker is said to be silent: they beat once a second."""

GONE = 60.0

NO_WORKER = "no worker is running, so no new event is read: start one with `xdrtui run`"


def status_line(
    name: str, status: Status | None, zone: Zone, now: int, cells: int, demo: str = "", low: bool = False
) -> Line:
    """The first line of the screen. name: what is watched; demo: the demo's own clock, which then stands for
    ours, or ""."""
    left: Line = [(" " + cut(sanitise(name), 24), "strong"), ("  ", "")]
    if status is None:
        left.append(("○ opening the store …", "dim"))
    else:
        left += _figures(status, cells, brief=bool(demo) and cells < 100)
    clock = "" if demo else f"{zone.clock(now, seconds=False)} "
    right: Line = [("low bandwidth  ", "dim")] if low else []
    right += [(f" {demo} ", "notice"), (" ", "")] if demo else []
    return spread(left, [*right, (f"{clock}{zone.title(now)} ", "")], cells)


def _figures(status: Status, cells: int, brief: bool) -> Line:
    alive = [worker for worker in status.workers if worker.alive]
    if not alive:
        return [("○ no worker", "bad"), *_letters(status, brief)]
    word = "worker" if len(alive) == 1 else "workers"
    state = "paused" if status.paused else f"{len(alive)} {word}"
    line: Line = [("● ", "good" if not status.paused else "mark"), (state, "")]
    line.append((f"  {number(status.events_per_second)} ev/s", ""))
    line.append((f"  lag {lag_words(status.lag)}", "bad" if status.lag > 60 else ""))
    line += _letters(status, brief)
    if cells >= 90:
        line.append((f"  {memory(status.memory)}", "dim"))
    return line


def _letters(status: Status, brief: bool) -> Line:
    """Dead letters and dropped events; brief: only where there are some."""
    line: Line = []
    if status.dead or not brief:
        line.append((f"  dead {number(status.dead)}", "mark" if status.dead else "dim"))
    if status.dropped or not brief:
        line.append((f"  dropped {number(status.dropped)}", "bad" if status.dropped else "dim"))
    return line


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
    faults = [fault for fault in status.faults if not fault.cleared]
    unheard = [worker for worker in status.workers if worker.age > UNHEARD]
    if status.workers and len(unheard) == len(status.workers):
        return f"no worker is running: {_unheard(unheard[0])}"
    if not status.workers and reads:
        return NO_WORKER
    if faults:
        first, seen = faults[0], ""
        if first.happened:
            seen = " · seen? `:` dismiss"
        more = f" (and {len(faults) - 1} more: `xdrtui status`)" if len(faults) > 1 else ""
        return sanitise(first.text) + seen + more
    return f"worker {_unheard(unheard[0])}" if unheard else ""


def alarm_lines(text: str, cells: int) -> list[Line]:
    """The red line, on two lines where one does not hold what is to be done."""
    return [[(" " + part, "alarm")] for part in wrap(text, max(1, cells - 2), 2)]


def _unheard(worker: WorkerStatus) -> str:
    """What is known of a worker that fell silent, and what to do."""
    since = duration(int(worker.age * 1e9))
    name = sanitise(worker.worker)
    if worker.age < GONE:
        return (
            f"{name} was not heard of for {since}: stuck, stopped, or the database is locked? `xdrtui doctor`"
        )
    return f"{name} fell silent {since} ago: start one with `xdrtui run`, or see `xdrtui doctor`"
