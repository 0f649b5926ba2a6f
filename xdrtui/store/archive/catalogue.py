"""What the database knows of the archive's files: a row each, changed in the same transactions as the rest.

A file is `open` (a hot segment that a worker appends to), `sealed` (a hot segment that is full), `live`
(Parquet) or `old` (its rows stand in other files now; it goes as soon as nobody reads it). Functions that
write run inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from xdrtui.errors import Fenced

FOLDER = "archive"
COLUMNS = "id, path, kind, state, event_type, columns, rows, size, raw_size, first, last, hour, updated"


class File(NamedTuple):
    """A file of the archive. path: inside the folder; kind: "hot" or "parquet"; event_type: as JSON, empty
    for hot ones, which hold several; columns: names as JSON list; size: bytes (of a hot one: committed);
    raw_size: of the events themselves; first, last: nanoseconds, of the times that windows use; hour: start
    of the hour of a Parquet file, else 0; updated: wall clock."""

    id: int
    path: str
    kind: str
    state: str
    event_type: str
    columns: str
    rows: int
    size: int
    raw_size: int
    first: int
    last: int
    hour: int
    updated: int

    def where(self, directory: Path) -> Path:
        return directory / FOLDER / self.path


class Appended(msgspec.Struct, frozen=True):
    """What a batch appended to a hot segment. length: of the file now, to be committed; rows, raw_size,
    first, last: of the batch; begins: (source, partition) -> the stored position that its rows begin at,
    where the batch itself is not fenced (-1 = none stored)."""

    path: str
    length: int
    rows: int
    raw_size: int
    first: int
    last: int
    begins: Mapping[tuple[str, int], int] = {}


def check(connection: sqlite3.Connection, appended: Appended) -> None:
    """Raises Fenced where another process has moved a position between the appending and now."""
    for (source, partition), begins in appended.begins.items():
        row = connection.execute(
            "SELECT next_offset FROM positions WHERE source = ? AND partition = ?", (source, partition)
        ).fetchone()
        if (row[0] if row else -1) != begins:
            raise Fenced(f"Another process reads {source} into this store: this batch is dropped; try again.")


def note(connection: sqlite3.Connection, appended: Appended, now: int) -> None:
    """Name the new length of a hot segment: from the COMMIT on the rows are in the archive."""
    connection.execute(
        "INSERT INTO archive(path, kind, state, event_type, columns, rows, size, raw_size, first, last, hour,"
        " updated) VALUES (?1, 'hot', 'open', '', '[]', ?2, ?3, ?4, ?5, ?6, 0, ?7)"
        " ON CONFLICT(path) DO UPDATE SET rows = rows + ?2, size = ?3, raw_size = raw_size + ?4,"
        " first = min(first, ?5), last = max(last, ?6)",
        (
            appended.path,
            appended.rows,
            appended.length,
            appended.raw_size,
            appended.first,
            appended.last,
            now,
        ),
    )


def add(connection: sqlite3.Connection, file: File) -> None:
    """Name a new file; its id is given anew."""
    marks = ",".join("?" * (len(File._fields) - 1))
    connection.execute(
        f"INSERT INTO archive({COLUMNS.removeprefix('id, ')}) VALUES ({marks})",  # noqa: S608
        file[1:],
    )


def set_state(connection: sqlite3.Connection, paths: Iterable[str], state: str, now: int) -> None:
    connection.executemany(
        "UPDATE archive SET state = ?, updated = ? WHERE path = ?", [(state, now, path) for path in paths]
    )


def forget(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    connection.executemany("DELETE FROM archive WHERE path = ?", [(path,) for path in paths])


def files(
    connection: sqlite3.Connection,
    states: Sequence[str] = ("open", "sealed", "live"),
    *,
    since: int | None = None,
    until: int | None = None,
) -> list[File]:
    """Files in these states that may hold events of the time from `since` on and before `until`, the oldest
    first."""
    marks = ",".join("?" * len(states))
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM archive WHERE state IN ({marks})"  # noqa: S608
        " AND (?{0} IS NULL OR last >= ?{0}) AND (?{1} IS NULL OR first < ?{1})"
        " ORDER BY first, path".format(len(states) + 1, len(states) + 2),
        (*states, since, until),
    )
    return [File(*row) for row in rows]


def file(connection: sqlite3.Connection, path: str) -> File | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM archive WHERE path = ?", (path,)).fetchone()  # noqa: S608
    return None if row is None else File(*row)


class Total(NamedTuple):
    """What the archive holds. size: bytes on disk, old files too; raw_size: of the events."""

    files: int = 0
    rows: int = 0
    size: int = 0
    raw_size: int = 0
    first: int = 0
    last: int = 0


def total(connection: sqlite3.Connection) -> Total:
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE state <> 'old'), coalesce(sum(rows) FILTER (WHERE state <> 'old'), 0),"
        " coalesce(sum(size), 0), coalesce(sum(raw_size) FILTER (WHERE state <> 'old'), 0),"
        " coalesce(min(first) FILTER (WHERE state <> 'old'), 0),"
        " coalesce(max(last) FILTER (WHERE state <> 'old'), 0) FROM archive"
    ).fetchone()
    return Total(*row)
