"""Why a worker is silent, told of real processes; and that a broker that cannot be reached is said soon."""

from __future__ import annotations

import os
import platform
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from screens.status_bar import alarm
from tests.screens.sample_store import NOW, SECOND, commit, findings
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat, report_fault, write_heartbeat
from xdrtui.triage.desk import Desk, Principal
from xdrtui.triage.symptoms import is_locked


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(["sleep", "60"])
    yield started
    started.send_signal(signal.SIGCONT)
    started.kill()
    started.wait()


def told(folder: Path, pid: int, machine: str = "", late: float = 2.4, **figures: float) -> str:
    """The red line over a store whose worker was heard of so long ago."""
    if not (folder / "xdrtui.sqlite").exists():
        commit(folder, findings(), worker=False)
    with Store.open(folder) as store, store.transaction():
        beat = Heartbeat("w1", "worker", pid, machine or platform.node(), NOW, NOW, figures)
        write_heartbeat(store.connection, beat)
    return seen(folder, late)


def seen(folder: Path, late: float = 2.4) -> str:
    with Desk.open(folder, Principal("me", "here"), clock=lambda: NOW + int(late * SECOND)) as desk:
        return alarm(desk.status())


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_process_that_is_gone_is_said_to_be(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert "w1 ended without a word 2.4 s ago" in told(tmp_path, process.pid), "also while it is a zombie"
    process.wait()
    assert "`xdrtui run`" in told(tmp_path, process.pid)


def test_a_stopped_process_is_said_to_be(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)
    while state(process.pid) != "T":
        time.sleep(0.01)
    text = told(tmp_path, process.pid)
    assert "w1 is stopped" in text and f"kill -CONT {process.pid}" in text


def test_a_database_that_somebody_holds_is_said_to_be(tmp_path: Path) -> None:
    told(tmp_path, os.getpid())
    holder = sqlite3.connect(tmp_path / "xdrtui.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert is_locked(tmp_path / "xdrtui.sqlite")
    assert "w1 cannot write for 2.4 s: another process holds the database" in seen(tmp_path)
    holder.execute("ROLLBACK")
    holder.close()
    assert not is_locked(tmp_path / "xdrtui.sqlite")
    assert "stuck, stopped, or the database is locked?" in seen(tmp_path), "it runs: not known what it is"
    assert "w1 runs, but was not heard of for 6.0 s: stuck?" in seen(tmp_path, 6.0)


def test_of_another_machine_nothing_is_claimed(tmp_path: Path) -> None:
    text = told(tmp_path, 1, "elsewhere")
    assert "stuck, stopped, or the database is locked?" in text


def test_a_worker_that_is_long_at_one_batch_is_told_of(tmp_path: Path) -> None:
    assert told(tmp_path, os.getpid(), late=0.5, busy_seconds=1.5) == ""
    assert "w1 has been at one batch for 2.1 s" in told(tmp_path, os.getpid(), late=0.5, busy_seconds=2.1)


def test_where_the_last_worker_stopped_the_red_line_says_why(tmp_path: Path) -> None:
    commit(tmp_path, findings(), worker=False)
    with Store.open(tmp_path, clock=lambda: NOW) as store, store.transaction():
        report_fault(store.connection, "worker:w1:disk", "disk", "The disk is full: free some space.", NOW)
    assert seen(tmp_path) == "no worker is running: The disk is full: free some space."
