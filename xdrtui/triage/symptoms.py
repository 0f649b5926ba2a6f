"""Why a worker of this machine may be silent: gone, stopped, or kept from writing by who holds the database.

In: its last heartbeat. Out: one of a few words, "" where nothing can be told (another machine, no /proc).
Looked at only once a heartbeat is late.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from xdrtui.store.workers import Heartbeat

GONE, STOPPED, LOCKED, RUNS = "gone", "stopped", "locked", "runs"


def symptom(beat: Heartbeat, machine: str, database: Path) -> str:
    """What is known of the worker of this heartbeat. machine: this one's name; database: the store's file."""
    if beat.machine != machine or not Path("/proc/self/stat").exists():
        return ""
    try:
        fields = Path(f"/proc/{beat.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return GONE
    if fields[0] in "ZX":
        return GONE
    if fields[0] in "Tt":
        return STOPPED
    return LOCKED if is_locked(database) else RUNS


def is_locked(database: Path) -> bool:
    """Whether somebody holds the database just now, so that nothing can be written."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=0)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return "locked" in str(error)
    return False
