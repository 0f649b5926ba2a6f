"""What is wrong with a database, in one sentence that says what to do; for what SQLite says in its own words.

In: SQLite's error. Out: the project's error, or None where the fault is ours and its traceback must be seen.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from xdrtui.errors import StoreBusy, StoreError, StoreFull

DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
UNREACHABLE = frozenset((sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH))
NARROW = 1 << 20
"""Bytes free on a disk on which SQLite finds no room for its lock files, and calls that an I/O error."""

HELD = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))


def told(error: BaseException, where: object = "", busy_seconds: float = 10.0) -> StoreError | None:
    """The same as a sentence. where: the database's path, if known."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF  # the rest of the number says more of the same
    name = f"The database {where}".rstrip()
    if code in HELD:
        return StoreBusy(
            f"Another process has held the database for over {busy_seconds:.0f} s; try again, or see"
            " which xdrtui processes run with `xdrtui doctor`."
        )
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("The disk is full: free some space, then start the worker again.")
    if code in DAMAGED:
        return StoreError(
            f"{name} is damaged ({error}): end every xdrtui on it, move it and its -wal and -shm files away,"
            " and put back a copy (see `backups` in the workspace) or begin anew; `xdrtui help guarantees`"
            " tells what is read again."
        )
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(
            f"{name} cannot be written ({error}): is the disk mounted read-only, or is the file another's?"
        )
    if code in UNREACHABLE:
        return StoreError(f"{name} cannot be opened ({error}): see whose it and its folder are.")
    if code == sqlite3.SQLITE_IOERR:
        if _is_full(where):
            return StoreFull(
                f"The disk is full, so the database {where} can be neither written nor opened: free some"
                " space."
            )
        return StoreError(
            f"{name}: the disk does not read or write ({error}): is it full? If not, see the system's log."
        )
    return None


def _is_full(where: object) -> bool:
    """No room is left on the disk of this file."""
    try:
        disk = os.statvfs(Path(str(where)).parent) if str(where) else None
    except (OSError, ValueError):
        return False
    return disk is not None and disk.f_bavail * disk.f_frsize < NARROW
