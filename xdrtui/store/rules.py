"""Rules as they were in force when they fired, by (id, content hash).

An alert names the version that made it, so its text, author and notes stay readable after an update.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from xdrtui.store.batch import RuleRow

TEXTS = ("id", "hash", "title", "level", "kind", "author", "description", "text", "path")
LISTS = ("references", "falsepositives", "tags", "techniques")
QUOTED = ", ".join(f'"{name}"' for name in (*TEXTS, *LISTS))


def write(connection: sqlite3.Connection, rows: Iterable[RuleRow], now: int) -> None:
    """Make these the rules in force. Runs inside the caller's transaction."""
    connection.execute("UPDATE rules SET current = 0 WHERE current")
    marks = ",".join("?" * (len(TEXTS) + len(LISTS)))
    connection.executemany(
        f"INSERT INTO rules({QUOTED}, current, stored) VALUES ({marks}, 1, ?)"  # noqa: S608
        " ON CONFLICT(id, hash) DO UPDATE SET current = 1, path = excluded.path",
        [_values(row, now) for row in rows],
    )


def add(connection: sqlite3.Connection, rows: Iterable[RuleRow], now: int) -> None:
    """Keep these versions beside those in force; one that is there stays as it is."""
    marks = ",".join("?" * (len(TEXTS) + len(LISTS)))
    connection.executemany(
        f"INSERT OR IGNORE INTO rules({QUOTED}, current, stored) VALUES ({marks}, 0, ?)",  # noqa: S608
        [_values(row, now) for row in rows],
    )


def read(connection: sqlite3.Connection, rule: str, version: str = "") -> RuleRow | None:
    """The version asked for, else the one in force, else the last one stored."""
    row = connection.execute(
        f"SELECT {QUOTED} FROM rules WHERE id = ? ORDER BY hash = ? DESC, current DESC, stored DESC LIMIT 1",  # noqa: S608
        (rule, version),
    ).fetchone()
    return None if row is None else _row(row)


def current(connection: sqlite3.Connection) -> list[RuleRow]:
    """The rules in force."""
    return [_row(row) for row in connection.execute(f"SELECT {QUOTED} FROM rules WHERE current ORDER BY id")]  # noqa: S608


def _values(row: RuleRow, now: int) -> tuple[str | int, ...]:
    texts = (getattr(row, name) for name in TEXTS)
    lists = (msgspec.json.encode(getattr(row, name)).decode() for name in LISTS)
    return (*texts, *lists, now)


def _row(row: tuple[str, ...]) -> RuleRow:
    lists = (msgspec.json.decode(value, type=tuple[str, ...]) for value in row[len(TEXTS) :])
    return msgspec.convert(dict(zip((*TEXTS, *LISTS), (*row[: len(TEXTS)], *lists), strict=True)), RuleRow)
