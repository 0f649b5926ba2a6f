"""Workers that outlive who started them: found by heartbeat and process, stopped only by who started them."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from xdrtui.errors import ActionRefused, XdrtuiError
from xdrtui.pipeline import supervise
from xdrtui.store import workers
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat

WORKER = """
import os, platform, signal, sys, time
from pathlib import Path
from xdrtui.store import workers
from xdrtui.store.store import Store

stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1) if sys.argv[2] == "polite" else None)
with Store.open(Path(sys.argv[1])) as store:
    beat = workers.Heartbeat("w", "worker", os.getpid(), platform.node(), time.time_ns(), time.time_ns())
    with store.transaction():
        workers.write_heartbeat(store.connection, beat)
    for _ in range(3000):
        if stopped:
            break
        time.sleep(0.02)
    with store.transaction():
        workers.remove_heartbeat(store.connection, "w")
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "workspace"
    Store.open(folder).close()
    yield folder
    for each in supervise.noted(folder):
        supervise.stop(folder, each.pid, wait=0)


def start(workspace: Path, program: Path, manner: str = "polite") -> supervise.Started:
    return supervise.start(workspace, [sys.executable, str(program), str(workspace), manner])


def beat_of(pid: int, workspace: Path, started: int | None = None, machine: str = "") -> None:
    now = time.time_ns()
    with Store.open(workspace) as store, store.transaction():
        beat = Heartbeat("other", "worker", pid, machine or platform.node(), started or now, now)
        workers.write_heartbeat(store.connection, beat)


def test_a_started_worker_is_found_and_lives_in_a_session_of_its_own(workspace: Path, program: Path) -> None:
    started = start(workspace, program)
    (found,) = supervise.running(workspace)
    assert (found.pid, found.ours, found.name) == (started.pid, True, "w")
    assert os.getsid(started.pid) == started.pid != os.getsid(0)
    assert (workspace / "workers").stat().st_mode & 0o077 == 0
    assert Path(started.log).stat().st_mode & 0o077 == 0


def test_a_polite_worker_is_stopped_in_good_order(workspace: Path, program: Path) -> None:
    started = start(workspace, program)
    supervise.stop(workspace, started.pid)
    assert not supervise.is_alive(started)
    assert supervise.running(workspace) == [] == supervise.noted(workspace)
    with Store.open(workspace, readonly=True) as store:
        assert workers.heartbeats(store.connection) == []


def test_one_that_does_not_listen_is_killed(workspace: Path, program: Path) -> None:
    started = start(workspace, program, "deaf")
    supervise.stop(workspace, started.pid, wait=0.3)
    assert not supervise.is_alive(started)


def test_a_worker_started_elsewhere_is_seen_but_never_stopped(workspace: Path) -> None:
    beat_of(os.getpid(), workspace)
    (found,) = supervise.running(workspace)
    assert not found.ours
    with pytest.raises(ActionRefused, match="not started from here"):
        supervise.stop(workspace, os.getpid())


def test_a_number_that_the_system_gave_to_another_process_is_neither_found_nor_signalled(
    workspace: Path,
) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        beat_of(other.pid, workspace, started=time.time_ns() - 3600 * 10**9)
        assert supervise.running(workspace) == []
        folder = workspace / "workers"
        folder.mkdir(mode=0o700)
        old = supervise.Started(other.pid, time.time() - 3600, "log")
        (folder / f"{other.pid}.json").write_bytes(msgspec.json.encode(old))
        with pytest.raises(ActionRefused):
            supervise.stop(workspace, other.pid)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_worker_on_another_machine_is_believed_by_its_heartbeat(workspace: Path) -> None:
    beat_of(1, workspace, machine="elsewhere")
    (found,) = supervise.running(workspace)
    assert (found.machine, found.ours) == ("elsewhere", False)


def test_one_that_was_killed_is_not_running_though_its_heartbeat_stands(
    workspace: Path, program: Path
) -> None:
    started = start(workspace, program)
    os.kill(started.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while supervise.is_alive(started) and time.monotonic() < until:
        time.sleep(0.02)
    assert supervise.running(workspace) == []


def test_one_that_ends_at_once_tells_why(workspace: Path) -> None:
    broken = [sys.executable, "-c", "import sys; print('no broker is set: name one'); sys.exit(1)"]
    with pytest.raises(XdrtuiError, match="ended at once: no broker is set"):
        supervise.start(workspace, broken)
    assert supervise.noted(workspace) == []


def test_a_store_that_is_not_there_has_no_workers(tmp_path: Path) -> None:
    assert supervise.running(tmp_path / "nowhere") == []
