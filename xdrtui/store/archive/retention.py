"""The bounds of the archive: age, size, and room on the disk. The oldest goes first.

Also the reserve: a file that only takes room, so that on a full disk there is some for the database to say so
and to stop in good order.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from xdrtui.points import reach
from xdrtui.store import place
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.files import ROLLING as ROLLING
from xdrtui.store.archive.files import remove, sweep
from xdrtui.store.store import Store

DAY = 86_400_000_000_000
SMALLEST_SEGMENT = 1 << 20
RESERVE = "reserve"
RESERVE_BYTES = 4 << 20


class Bounds(msgspec.Struct, frozen=True):
    """How much is kept. days: 0 = however old; size: bytes on disk; free: bytes of the disk that the archive
    leaves free."""

    days: int = 0
    size: int = 1 << 62
    free: int = 0


def keep_within(store: Store, bounds: Bounds, now: int) -> int:
    """Delete what is too old, too much, or in the way; return how many files went. Hot segments that are
    written stay. now: wall clock; age is counted from when a file's events came in
    or, where they are recorded ones, were stored."""
    gone = 0
    if bounds.days:
        old = now - bounds.days * DAY
        aged = [file for file in _oldest(store) if max(file.last, file.updated) < old]
        remove(store, aged)
        gone += len(aged)
    over = catalogue.total(store.connection).size - bounds.size
    if over > 0:
        over -= sweep(store, now)
        gone += _drop(store, over)
    missing = bounds.free - free_bytes(store.directory)
    if missing > 0:
        missing -= sweep(store, now, at_once=True)
        gone += _drop(store, missing)
    return gone


def make_room(store: Store, size: int, now: int) -> bool:
    """The disk is full: delete the oldest, at least so many bytes of it; False where there was nothing to
    delete."""
    got = sweep(store, now, at_once=True)
    return _drop(store, size - got) > 0 or got > 0


def _drop(store: Store, size: int) -> int:
    """Delete the oldest files until so many bytes are free; return how many files went."""
    if size <= 0:
        return 0
    gone: list[File] = []
    for file in _oldest(store):
        if size <= 0:
            break
        gone.append(file)
        size -= file.size
    remove(store, gone)
    return len(gone)


def _oldest(store: Store) -> Iterable[File]:
    """The oldest first; what waits to be rolled counts too, what is being written does not."""
    files = catalogue.files(store.connection, ("live", "sealed"))
    return sorted(files, key=lambda file: (file.last, file.path))


def segment_bytes(directory: Path, bounds: Bounds) -> int:
    """At how many bytes on disk a segment is full: a small part of all that the archive may take."""
    disk = os.statvfs(directory)
    return max(SMALLEST_SEGMENT, min(bounds.size // 20, disk.f_blocks * disk.f_frsize // 50))


def free_bytes(directory: Path) -> int:
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def hold_reserve(directory: Path) -> bool:
    """Take the reserve's room, unless the disk is nearly full; True where it is there."""
    path = directory / RESERVE
    try:
        if path.exists() and path.stat().st_size >= RESERVE_BYTES:
            return True
        if free_bytes(directory) < 4 * RESERVE_BYTES:
            return False
        place.touch_private(path)
        with path.open("r+b") as file:
            file.write(bytes(RESERVE_BYTES))  # blocks, not a hole
            file.flush()
            reach("reserve.fsync")
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        return False
    return True


def release_reserve(directory: Path) -> bool:
    """Give the reserve's room back; True where there was one."""
    path = directory / RESERVE
    if not path.exists():
        return False
    path.unlink(missing_ok=True)
    return True
