"""Start workers that outlive the terminal, find those that run, stop those that were started from here.

A worker is a process of its own (`xdrtui run`) in its own session, so a hangup does not reach it. What was
started is noted in the workspace's folder `workers`, by process id and the time that the process began: a
number that the system has given to another process since is never signalled.
"""

from __future__ import annotations

import calendar
import contextlib
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from xdrtui.errors import ActionRefused, StoreError, XdrtuiError
from xdrtui.plain import visible
from xdrtui.store import workers
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat

FOLDER = "workers"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
_SAME_SECONDS = 2.0
_POLL_SECONDS = 0.1


_children: dict[int, subprocess.Popen[bytes]] = {}
"""Of this process, so that what ended is taken off the system's list of processes."""


class Started(msgspec.Struct, frozen=True):
    """A worker that was started from here. began: of the process, seconds since 1970; log: what it says
    before its own log is open."""

    pid: int
    began: float
    log: str


class Running(msgspec.Struct, frozen=True):
    """A worker that is alive. name: as in its heartbeat; machine: where; beat_age: seconds since its last
    heartbeat; ours: started from here, so that `stop` may end it."""

    name: str
    pid: int
    machine: str
    beat_age: float
    ours: bool


def command(profile: str = "", mode: str = "local") -> list[str]:
    """What fills the workspace of a profile, with this very Python: a worker, or in mode `fleet` the fold."""
    chosen = ["--profile", profile] if profile else []
    return [sys.executable, "-m", "xdrtui", *chosen, "fold" if mode == "fleet" else "run"]


def start(
    directory: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    wait: float = START_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Started:
    """Start a worker on the workspace in `directory`, detached, and wait for its first heartbeat.

    Raises XdrtuiError with the last line that it said where it ends before.
    """
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "start.log"
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123
        process = subprocess.Popen(  # noqa: S603 - our own program
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=dict(environ) if environ is not None else None,
        )
    _children[process.pid] = process
    began = began_at(process.pid)
    if began is not None:
        started = Started(process.pid, began, str(log))
        _note(directory, started)
    until = clock() + wait
    while process.poll() is None:
        if any(each.pid == process.pid for each in running(directory)):
            return started
        if clock() > until:
            raise XdrtuiError(
                f"the worker (process {process.pid}) has not begun within {wait:.0f} s:"
                f" see {visible(str(log))}."
            )
        time.sleep(_POLL_SECONDS)
    _forget(directory, process.pid)
    raise XdrtuiError(f"the worker ended at once: {_last_line(log)}")


def running(directory: Path) -> list[Running]:
    """The workers that beat on this workspace's store and whose process is alive, the freshest first.

    One on another machine is believed by its heartbeat alone.
    """
    try:
        with Store.open(directory, readonly=True) as store:
            beats = [each for each in workers.heartbeats(store.connection) if each.kind in ("worker", "fold")]
            now = store.clock()
    except StoreError:
        return []
    ours = {each.pid for each in noted(directory)}
    found = []
    for beat in beats:
        if is_gone(beat):
            continue
        here = beat.machine == platform.node()
        age = max(0.0, (now - beat.at) / 1e9)
        found.append(Running(beat.worker, beat.pid, beat.machine, age, here and beat.pid in ours))
    return found


def is_gone(beat: Heartbeat) -> bool:
    """Of a process of this machine that has ended; or its number is another's now."""
    if beat.machine != platform.node():
        return False
    began = began_at(beat.pid)
    return began is None or began > beat.started / 1e9 + _SAME_SECONDS


def stop(directory: Path, pid: int, *, wait: float = STOP_SECONDS) -> None:
    """End a worker that was started from here: it finishes its batch; killed where that takes too long, which
    loses nothing. Raises ActionRefused for any other process."""
    started = next((each for each in noted(directory) if each.pid == pid), None)
    if started is None:
        raise ActionRefused(f"process {pid} was not started from here: stop it where it was started.")
    for number, seconds in ((signal.SIGTERM, wait), (signal.SIGKILL, 5.0)):
        if not is_alive(started):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + seconds
        while is_alive(started) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
    _forget(directory, pid)


def noted(directory: Path) -> list[Started]:
    """Workers started from here that are alive; what is left of others is tidied away."""
    found = []
    for path in sorted((directory / FOLDER).glob("*.json")):
        try:
            started = msgspec.json.decode(path.read_bytes(), type=Started)
        except (OSError, msgspec.MsgspecError):
            continue
        if is_alive(started):
            found.append(started)
        else:
            path.unlink(missing_ok=True)
    return found


def is_alive(started: Started) -> bool:
    """The process runs, and is the one that was started."""
    child = _children.get(started.pid)
    if child is not None and child.poll() is not None:
        del _children[started.pid]
    began = began_at(started.pid)
    return began is not None and abs(began - started.began) <= _SAME_SECONDS


def began_at(pid: int) -> float | None:
    """When a process began, seconds since 1970; None where there is none, or only its remains."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            boot = next(
                line for line in Path("/proc/stat").read_text("ascii").splitlines() if line[:6] == "btime "
            )
        except OSError:
            return None
        if fields[0] in "ZX":
            return None
        return int(boot[6:]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    told = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "lstart=,stat=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C", "TZ": "UTC"},
    ).stdout.strip()
    when, _, state = told.rpartition(" ")
    if not when or state.startswith("Z"):
        return None
    return float(calendar.timegm(time.strptime(when.strip(), "%a %b %d %H:%M:%S %Y")))


def _note(directory: Path, started: Started) -> None:
    path = directory / FOLDER / f"{started.pid}.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(started))


def _forget(directory: Path, pid: int) -> None:
    (directory / FOLDER / f"{pid}.json").unlink(missing_ok=True)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return visible(lines[-1].removeprefix("Error: ")) if lines else "it said nothing; see the logs."
