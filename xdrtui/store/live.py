"""The ring of recent events behind the live pane: its own small database beside the store.

Workers write a sample of what goes by, at most so many rows a second; the counters are true all the same.
Nothing here is worth keeping: a ring that cannot be read is thrown away and begun again.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from xdrtui.store import place
from xdrtui.store.clean import text

CAP = 20_000
RAW_LIMIT = 8 * 1024
ROWS_A_SECOND = 100
"""More than anybody reads; each costs a whole decoding of its event: 500 were a fifth of a worker's time."""

VERSION = 1

SCHEMA = """
CREATE TABLE live(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, event_type TEXT NOT NULL,
    host TEXT NOT NULL, user TEXT NOT NULL, summary TEXT NOT NULL, raw BLOB NOT NULL) STRICT;
CREATE TABLE counters(name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
"""


class LiveRow(msgspec.Struct, frozen=True):
    """A recent event. id: rises with each; time: nanoseconds since 1970 UTC; raw: cut to 8 KB."""

    id: int
    time: int
    event_type: str
    host: str
    user: str
    summary: str
    raw: bytes


class LiveCounts(msgspec.Struct, frozen=True):
    """seen: events that went by; sampled_out: of those, not shown because there were too many at once;
    first, last: ids that the ring holds now."""

    seen: int = 0
    sampled_out: int = 0
    first: int = 0
    last: int = 0


class LiveWriter:
    """A worker's end of the ring."""

    def __init__(
        self,
        directory: Path,
        *,
        rows_a_second: int = ROWS_A_SECOND,
        cap: int = CAP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock: seconds, any zero; it limits the rate and nothing else."""
        self.cap = cap
        self.rows_a_second = rows_a_second
        self._clock = clock
        self._allowance = float(rows_a_second)
        self._filled = clock()
        self._connection = _open(directory / place.LIVE)

    def room(self) -> int:
        """How many rows may be written now; ask before making rows that would be thrown away."""
        now = self._clock()
        grown = self._allowance + (now - self._filled) * self.rows_a_second
        self._allowance, self._filled = min(float(self.rows_a_second), grown), now
        return int(self._allowance)

    def write(self, rows: Sequence[LiveRow], seen: int) -> int:
        """Write rows (their ids are given anew) as far as the rate allows, the latest first; return how many.

        seen: how many events went by since the last call, shown or not.
        """
        room = self.room()
        kept = rows[-room:] if room else ()
        self._allowance -= len(kept)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT INTO live(time, event_type, host, user, summary, raw) VALUES (?,?,?,?,?,?)",
                [
                    (row.time, text(row.event_type), text(row.host), text(row.user), text(row.summary),
                     row.raw[:RAW_LIMIT])
                    for row in kept
                ],
            )  # fmt: skip
            connection.execute("DELETE FROM live WHERE id <= (SELECT max(id) FROM live) - ?", (self.cap,))
            for name, n in (("seen", seen), ("sampled_out", seen - len(kept))):
                connection.execute(
                    "INSERT INTO counters(name, n) VALUES (?, ?)"
                    " ON CONFLICT(name) DO UPDATE SET n = n + excluded.n",
                    (name, n),
                )
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return len(kept)

    def close(self) -> None:
        self._connection.close()


class LiveReader:
    """The live pane's end of the ring; where there is none yet, it is empty."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / place.LIVE
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def after(self, last: int, limit: int) -> list[LiveRow]:
        """Events that came after this id, oldest first; where there are more than `limit`, the latest."""
        rows = self._rows(
            "SELECT id, time, event_type, host, user, summary, raw FROM live WHERE id > ?"
            " ORDER BY id DESC LIMIT ?",
            (last, limit),
        )
        return [LiveRow(*row) for row in reversed(rows)]

    def near(self, since: int, until: int, limit: int) -> list[LiveRow]:
        """Events whose time lies between, the latest that came first."""
        rows = self._rows(
            "SELECT id, time, event_type, host, user, summary, raw FROM live WHERE time BETWEEN ? AND ?"
            " ORDER BY id DESC LIMIT ?",
            (since, until, limit),
        )
        return [LiveRow(*row) for row in rows]

    def counts(self) -> LiveCounts:
        counters = {str(row[0]): int(row[1]) for row in self._rows("SELECT name, n FROM counters", ())}
        first, last = next(iter(self._rows("SELECT min(id), max(id) FROM live", ())), (0, 0))
        return LiveCounts(
            counters.get("seen", 0), counters.get("sampled_out", 0), int(first or 0), int(last or 0)
        )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, sql: str, parameters: tuple[int, ...]) -> list[tuple[Any, ...]]:
        try:
            inode = self._path.stat().st_ino
            if self._connection is None or inode != self._inode:
                self.close()
                self._connection = sqlite3.connect(
                    f"{self._path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
                )
                self._inode = inode
            return self._connection.execute(sql, parameters).fetchall()
        except (OSError, sqlite3.Error):
            self.close()
            return []


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _prepare(path)
    except sqlite3.DatabaseError:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
        return _prepare(path)


def _prepare(path: Path) -> sqlite3.Connection:
    """Connect, making the tables where they are missing or of another version."""
    place.touch_private(path)
    os.chmod(path, 0o600)  # noqa: PTH101
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            for table in ("live", "counters"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
