"""How the workers and the store do, in figures and one sentence, for the status bar and `doctor`."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from xdrtui.store import place, workers
from xdrtui.store.workers import Fault, Heartbeat
from xdrtui.triage.rows import Status, WorkerStatus
from xdrtui.triage.symptoms import GONE, STOPPED, symptom

STALE_SECONDS = 5.0
"""A heartbeat older than this is not believed any more: workers write one a second."""

LATE_SECONDS = 2.0
"""A heartbeat older than this is late: what can be known of its worker is looked at."""

NO_FOLD = "nothing is folded, so nothing new is known of the fleet: start `xdrtui fold`"

SECOND = 1_000_000_000


def worker_status(beat: Heartbeat, now: int, directory: Path | None = None) -> WorkerStatus:
    """A heartbeat as seen at this moment (nanoseconds). directory: of the store, to tell why one is late."""
    age = max(0.0, (now - beat.at) / SECOND)
    late = directory is not None and LATE_SECONDS < age < workers.GONE / SECOND
    why = symptom(beat, platform.node(), directory / place.DATABASE) if directory is not None and late else ""
    figures = beat.figures
    return WorkerStatus(
        worker=beat.worker,
        kind=beat.kind,
        pid=beat.pid,
        machine=beat.machine,
        age=age,
        alive=age <= STALE_SECONDS and why not in (GONE, STOPPED),
        paused=bool(figures.get("paused", 0)),
        events_per_second=figures.get("events_per_second", 0.0),
        lag=figures.get("lag_seconds", 0.0),
        dropped=int(figures.get("dropped", 0)),
        dead=int(figures.get("dead", 0)),
        memory=int(figures.get("memory_bytes", 0)),
        waiting=int(figures.get("lag", 0)),
        catch_up=figures.get("catch_up_seconds", 0.0),
        busy=figures.get("busy_seconds", 0.0),
        symptom=why,
    )


def read_status(connection: sqlite3.Connection, now: int, directory: Path | None = None) -> Status:
    """The status at this moment (nanoseconds). directory: of the store."""
    seen = [worker_status(beat, now, directory) for beat in workers.heartbeats(connection)]
    unheard = workers.note(connection, "mode") == "fleet" and not any(worker.alive for worker in seen)
    if unheard:
        seen = [worker for worker in seen if worker.kind == "fold"]
    alive = [worker for worker in seen if worker.alive]
    unfolded = connection.execute(
        "SELECT coalesce((SELECT max(seq) FROM findings), 0)"
        " - coalesce((SELECT seq FROM cursors WHERE name = 'correlator'), 0)"
    ).fetchone()[0]
    (dead,) = connection.execute("SELECT count(*) FROM dead_letters").fetchone()
    faults = gathered(workers.faults(connection))
    return Status(
        sentence=NO_FOLD if unheard else sentence(seen, sum(not fault.happened for fault in faults)),
        workers=seen,
        faults=faults,
        events_per_second=sum(worker.events_per_second for worker in alive),
        lag=max((worker.lag for worker in alive), default=0.0),
        dropped=sum(worker.dropped for worker in alive),
        dead=int(dead),
        memory=sum(worker.memory for worker in alive),
        paused=bool(alive) and all(worker.paused for worker in alive),
        unfolded=max(0, int(unfolded)),
        counts=dict(connection.execute("SELECT name, n FROM counts")),
        control=workers.controls(connection),
        waiting=sum(worker.waiting for worker in alive),
        catch_up=max((worker.catch_up for worker in alive if worker.waiting), default=0.0),
        unheard=unheard,
    )


def gathered(faults: Sequence[Fault]) -> list[Fault]:
    """What several workers say alike as one fault with their number: a fleet that is paused is one matter."""
    alike: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        alike.setdefault(_said(fault) or (fault.key, ""), []).append(fault)
    return [same[0] if len(same) == 1 else _one(same, said) for (_, said), same in alike.items()]


def _said(fault: Fault) -> tuple[str, str] | None:
    """What a worker says of what (`worker:NAME:WHAT`, `fleet:NAME:WHAT`), without its own name."""
    whose, _, rest = fault.key.partition(":")
    worker, _, what = rest.partition(":")
    if whose not in ("worker", "fleet") or not what:
        return None
    return f"{whose}:{what}", fault.text.removeprefix(f"{worker}: ")


def _one(same: Sequence[Fault], said: str) -> Fault:
    return msgspec.structs.replace(
        same[0],
        text=f"{len(same)} workers: {said}",
        first_at=min(fault.first_at for fault in same),
        last_at=max(fault.last_at for fault in same),
        n=sum(fault.n for fault in same),
    )


def sentence(seen: list[WorkerStatus], faults: int) -> str:
    """What stands first in the status bar."""
    working = [worker for worker in seen if worker.alive]
    silent = [worker for worker in seen if not worker.alive]
    trouble = f", {faults} fault{'s' * (faults != 1)}" if faults else ""
    if not working and silent:
        return f"no worker is running: {silent[0].worker} fell silent {silent[0].age:.0f} s ago{trouble}"
    if not working:
        return f"no worker is running: start one with `xdrtui run`{trouble}"
    if silent:
        trouble = f", {silent[0].worker} fell silent {silent[0].age:.0f} s ago{trouble}"
    n = len(working)
    return f"{n} worker{'s' * (n != 1)}{trouble}"
