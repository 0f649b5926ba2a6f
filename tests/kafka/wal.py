"""SQLite's write-ahead log after a power cut: what was not fsynced of it is gone, and so the last commits.

A worker commits with `synchronous = NORMAL`, so that the log is fsynced only before a checkpoint and by the
few commits that are FULL. Which these were a worker notes (`note`); `lose` cuts off any part of what came
after. See https://sqlite.org/fileformat2.html#walformat and #wal_index_format.
"""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

from xdrtui.store.place import DATABASE

HEADER = 32
FRAME = 24
ATTEMPTED = 128
"""Where the index says how many frames a checkpoint may have copied: they were fsynced before."""


def note(directory: Path, folder: Path) -> None:
    """All that the log holds now is on the disk: a FULL commit has just returned."""
    salt, frames, _ = _read(directory)
    with (folder / f"{os.getpid()}.wal").open("a") as notes:
        notes.write(json.dumps([time.monotonic(), salt, frames]) + "\n")


def lose(directory: Path, folder: Path, dice: random.Random) -> int:
    """Cut the log where a power cut may; nobody has the database open. Return how many frames are lost."""
    log, index = (directory / f"{DATABASE}{end}" for end in ("-wal", "-shm"))
    if not log.exists() or not index.exists():
        return 0
    salt, frames, size = _read(directory)
    least = int.from_bytes(index.read_bytes()[ATTEMPTED : ATTEMPTED + 4], "little")
    lines = [line for notes in folder.glob("*.wal") for line in notes.read_text().splitlines()]
    for _, noted, number in map(json.loads, lines):
        least = max(least, number if noted == salt else 0)
    kept = dice.randint(min(least, frames), frames)
    os.truncate(log, min(log.stat().st_size, HEADER + kept * size))
    index.unlink()
    return frames - kept


def _read(directory: Path) -> tuple[str, int, int]:
    """Salt of the log, how many of its frames are valid, bytes of one."""
    path = directory / f"{DATABASE}-wal"
    data = path.read_bytes() if path.exists() else b""
    salt, size = data[16:24], FRAME + int.from_bytes(data[8:12], "big")
    frames = 0
    while (at := HEADER + frames * size) + size <= len(data) and data[at + 8 : at + 16] == salt:
        frames += 1
    return salt.hex(), frames, size
