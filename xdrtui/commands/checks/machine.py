"""What this machine has: Python, cores, memory, and the disk under the workspace."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from xdrtui.commands.checks.check import Check, State

AREA = "machine"
ENOUGH_MEMORY = 1_000_000_000
ENOUGH_DISK = 1_000_000_000


def check_machine(workspace: Path) -> Iterator[Check]:
    """workspace: the folder, which need not be there yet."""
    new_enough = sys.version_info >= (3, 11)
    yield Check(
        AREA,
        "Python",
        State.FINE if new_enough else State.BROKEN,
        platform.python_version(),
        "" if new_enough else "use Python 3.11 or newer",
    )
    yield Check(AREA, "SQLite", State.FINE, sqlite3.sqlite_version)
    cores = available_cores()
    yield Check(AREA, "cores", State.FINE, f"{cores}; one worker uses one")
    yield _memory()
    yield from _disk(workspace)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Check:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return Check(AREA, "memory", State.UNKNOWN, "cannot be read here")
    enough = size >= ENOUGH_MEMORY
    return Check(
        AREA,
        "memory",
        State.FINE if enough else State.LIMITED,
        gigabytes(size),
        "" if enough else "a worker with thousands of rules needs up to 0.7 GB: use fewer rules",
    )


def _disk(workspace: Path) -> Iterator[Check]:
    from xdrtui.store.place import NETWORK, file_system, read_mounts

    there = next(path for path in (workspace, *workspace.parents) if path.exists())
    kind = file_system(there.resolve(), read_mounts())
    if kind in NETWORK:
        yield Check(
            AREA,
            "workspace",
            State.BROKEN,
            f"{workspace} is on a network file system ({kind})",
            "set `workspace` to a folder on a local disk",
        )
    elif not os.access(there, os.W_OK):
        yield Check(
            AREA,
            "workspace",
            State.BROKEN,
            f"{there} cannot be written",
            "set `workspace` to a folder of your own",
        )
    else:
        yield Check(AREA, "workspace", State.FINE, f"{workspace}" + (f" ({kind})" if kind else ""))
    free = shutil.disk_usage(there).free
    enough = free >= ENOUGH_DISK
    yield Check(
        AREA,
        "free disk",
        State.FINE if enough else State.LIMITED,
        gigabytes(free),
        "" if enough else "free some space, or set `workspace` to a folder on another disk",
    )


def gigabytes(size: float) -> str:
    """A size in GB, for people."""
    return f"{size / 1e9:.1f} GB"
