"""Files of the archive on disk: new names that last, locks that tell who is at work, sweeping.

Readers hold a shared lock while they read; what they may still want is not deleted under them, unless it has
been out of use for longer than the grace.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from xdrtui.points import reach
from xdrtui.store import place
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import FOLDER
from xdrtui.store.store import Store

READING = "reading.lock"
ROLLING = "rolling.lock"
SWEEPING_SECONDS = 2.0
"""A reader that comes while files are deleted waits so long: without its lock they go under it."""

GRACE_SECONDS = 900
"""So long a reader may go on with files whose rows stand elsewhere by now."""


def fsync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    file = os.open(folder, os.O_RDONLY)
    try:
        reach("archive.folder.before")
        os.fsync(file)
        reach("archive.folder.after")
    finally:
        os.close(file)


@contextlib.contextmanager
def lock(directory: Path, name: str, *, shared: bool = False) -> Iterator[bool]:
    """Hold a lock of the archive, or not: True where it was to be had at once; for a reader, soon."""
    folder = directory / FOLDER
    path = folder / name
    if not shared:
        folder.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(OSError):  # no archive yet, or not ours to write: then there is nothing to lock
        place.touch_private(path)
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _take(file, fcntl.LOCK_SH, SWEEPING_SECONDS) if shared else _take(file, fcntl.LOCK_EX, 0.0)
    finally:
        os.close(file)


def _take(file: int, kind: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.005)
        else:
            return True


def sweep(store: Store, now: int, *, at_once: bool = False) -> int:
    """Delete files whose rows stand elsewhere by now, if nobody reads; return how many bytes that gave.

    at_once: whether somebody reads or not (the disk is full). To be called by who holds the lock ROLLING.
    """
    with lock(store.directory, READING) as nobody:
        due = [
            file
            for file in catalogue.files(store.connection, ("old",))
            if nobody or at_once or now - file.updated > GRACE_SECONDS * 1_000_000_000
        ]
        remove(store, due)
    return sum(file.size for file in due)


def remove(store: Store, gone: list[catalogue.File]) -> None:
    """Take files off the disk, then out of the database, which may need the room to say so."""
    if gone:
        for file in gone:
            file.where(store.directory).unlink(missing_ok=True)
        reach("archive.remove.unlinked")
        with store.transaction():
            catalogue.forget(store.connection, [file.path for file in gone])
        reach("archive.remove.after")


def sweep_orphans(store: Store) -> None:
    """Delete files that rolling made and no row names, and forget rows whose file is gone: who made or
    deleted them was ended in between. Open segments are the writers' own. To be called by who holds the lock
    ROLLING."""
    folder = store.directory / FOLDER
    states = ("open", "sealed", "live", "old")
    files = catalogue.files(store.connection, states)
    known = {file.path for file in files}
    remove(
        store,
        [
            file
            for file in files
            if file.state in ("live", "sealed") and not file.where(store.directory).exists()
        ],
    )
    for path in [*folder.glob("*.parquet*"), *folder.glob("few-*"), *folder.glob("rest-*")]:
        if path.name not in known:
            with contextlib.suppress(OSError):  # somebody's folder: it must not end all keeping of house
                path.unlink()
