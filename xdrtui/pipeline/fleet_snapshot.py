"""A fold's state in one file, so that a new workbench need not read the findings topic from its start.

The file is the database without anything that people or processes of this workspace put there: what remains
is a function of the findings topic up to the position that it holds. Who has it goes on from there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from xdrtui.errors import StoreError
from xdrtui.plain import visible
from xdrtui.points import reach
from xdrtui.store import connect, place, workers
from xdrtui.store.store import Store

KEPT = frozenset(
    (
        *("meta", "sources", "findings", "evidence", "pins", "correlated", "dead_letters", "positions"),
        *("counts", "presence", "rules", "alerts", "alert_entities", "cursors", "health", "fleet_pieces"),
        *("fleet_ended", "steps", "_sqlite_migrations"),
    )
)
"""What follows from the findings topic; every other table is emptied."""

OWN_NOTES = ("store.id",)
TEMPORARY = ".part"


def write_snapshot(directory: Path, target: Path) -> int:
    """Write a snapshot of the workspace's fold; return its size in bytes. Raises StoreError."""
    with Store.open(directory, readonly=True) as store:
        _refuse(store)
        part = target.with_name(target.name + TEMPORARY)
        part.unlink(missing_ok=True)
        place.touch_private(part)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as copy:
                store.connection.backup(copy)
                _empty(copy)
            with part.open("rb") as file:
                reach("snapshot.fsync")
                os.fsync(file.fileno())
            reach("snapshot.written")
            part.rename(target)
            reach("snapshot.renamed")
        finally:
            part.unlink(missing_ok=True)
    return target.stat().st_size


def start_from(directory: Path, snapshot: Path) -> None:
    """Begin a workspace with a snapshot. Raises StoreError where there is a store already, or no snapshot."""
    directory = place.prepare(directory)
    path = directory / place.DATABASE
    if path.exists():
        raise StoreError(f"there is a store in {directory} already: a snapshot is for a new workspace.")
    part = path.with_name(path.name + TEMPORARY)
    part.unlink(missing_ok=True)
    place.touch_private(part)
    try:
        shutil.copyfile(snapshot, part)
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            _check(copy, snapshot)
            copy.execute("INSERT OR REPLACE INTO meta(key, value) VALUES ('store', ?)", (str(uuid.uuid4()),))
        reach("snapshot.copied")
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse(store: Store) -> None:
    if workers.note(store.connection, "mode") != "fleet":
        raise StoreError("a snapshot is made of a workspace that folds a fleet's findings: this is none.")
    hides = store.connection.execute("SELECT count(*) FROM suppressions").fetchone()[0]
    if hides:
        raise StoreError(
            "this workspace has suppressions, which hide alerts that others want: make the snapshot in one"
            " where nobody works."
        )


def _empty(copy: sqlite3.Connection) -> None:
    """Take out what is this workspace's own."""
    copy.execute("PRAGMA journal_mode = DELETE")
    with connect.transaction(copy, "EXCLUSIVE"):
        kinds = "SELECT name, sql FROM sqlite_master WHERE type = ? AND sql IS NOT NULL"
        guards = [row for row in copy.execute(kinds, ("trigger",)) if row[0].endswith("_no_delete")]
        for name, _ in guards:
            copy.execute(f"DROP TRIGGER {name}")
        for name, _ in copy.execute(kinds, ("table",)).fetchall():
            if name not in KEPT and not name.startswith(("sqlite_", "alerts_fts")):
                copy.execute(f"DELETE FROM {name}")  # noqa: S608 - names of our own tables
        for _, sql in guards:
            copy.execute(sql)
        copy.executemany("DELETE FROM meta WHERE key = ?", [(note,) for note in OWN_NOTES])
        copy.execute("DELETE FROM health WHERE key LIKE 'fold:%'")
        happened = [(kind,) for kind in workers.HAPPENED]  # dismissed here, perhaps; others have not seen it
        copy.executemany("UPDATE health SET cleared = 0 WHERE kind = ?", happened)
    copy.execute("VACUUM")


def _check(copy: sqlite3.Connection, snapshot: Path) -> None:
    try:
        version = copy.execute("PRAGMA user_version").fetchone()[0]
        mode = copy.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()
        whole = copy.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{visible(str(snapshot))} is no snapshot ({visible(str(error))}).") from None
    if mode is None or mode[0] != "fleet" or not whole:
        raise StoreError(f"{visible(str(snapshot))} is no snapshot of a fold, or damaged: have it made anew.")
    if version > connect.VERSION:
        raise StoreError(f"{visible(str(snapshot))} was made by a newer xdrtui: upgrade xdrtui.")
