"""Alerts that hold a text, in an order, the first of them at once however common or rare the text is.

The index of all alerts finds what is rare in a moment, but has to walk through all that is common. So the
first rows of the order are asked by themselves, with an index made on the spot: 400 of them cost 7 ms. Only
where they do not hold enough, all alerts are asked (benchmark: tests/benchmarks/queue.py).
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from xdrtui.store.chunks import chunks
from xdrtui.store.filter import (
    MATCH,
    All,
    AnyOf,
    Compare,
    Condition,
    FreeText,
    Not,
    few,
    parts_of,
    to_sql,
)

TEXTS = ("title", "summary", "entity_text", "host", "user")
"""The columns that free text is looked for in, as the index of all alerts has them (`schema`)."""

WORDS = "unicode61 remove_diacritics 2"
"""What a word is, as there."""

STEPS = (400, 1_600)
"""How many of the first rows are asked by themselves, one after the other."""

FEW = 5_000
"""So many hits are fetched and sorted rather than met on a walk through the order."""

GIVEN = "SELECT a.seq, a.rule, a.line FROM json_each(?) given CROSS JOIN alerts a ON a.seq = given.value"
"""Alerts of these row numbers (JSON) and no others: SQLite might prefer an index that leads to a million."""

Found = tuple[int, str, str]
"""Row number, rule and line of an alert."""


def texts_of(condition: Condition) -> frozenset[str]:
    """The texts that a condition looks for, wherever in it they stand; in FTS5's language."""
    match condition:
        case FreeText(expression):
            return frozenset((expression,))
        case Not(part):
            return texts_of(part)
        case All(parts) | AnyOf(parts):
            return frozenset().union(*map(texts_of, parts))
        case _:
            return frozenset()


def walk(connection: sqlite3.Connection, condition: Condition, by: str, wanted: int) -> Iterator[Found]:
    """The alerts that meet a condition with text in it, in the order `by` (of table `alerts a`). wanted: how
    many will be taken, about: the first cost little, those beyond may cost a look at all alerts."""
    rest = All(tuple(part for part in parts_of(condition) if not texts_of(part)))
    if any(map(few, rest.parts)):
        rows = _rows(connection, rest, "a.seq", (STEPS[-1] + 1, 0))
        if len(rows) <= STEPS[-1]:
            yield from among(connection, rows, condition, by)
            return
    seen: set[int] = set()
    at = 0
    # what the index of the order itself can tell; anything else could make the walk long
    border = All(tuple(part for part in rest.parts if isinstance(part, Compare) and part.column in _INDEXED))
    for step in STEPS:
        rows = _rows(connection, border, by, (step, at))
        for found in among(connection, rows, condition, by):
            seen.add(found[0])
            yield found
        at += step
        if len(rows) < step:
            return
        if len(seen) * sum(STEPS) < wanted * at:
            break
    if not seen and _none_lacks(connection, condition):
        return
    for found in _everywhere(connection, condition, rest, by):
        if found[0] not in seen:
            yield found


def _none_lacks(connection: sqlite3.Connection, condition: Condition) -> bool:
    """Whether the condition asks for alerts without a text that every alert has. To count those that have it
    takes a fifth of what it takes to walk through all others (benchmark: tests/benchmarks/queue.py)."""
    lacking = [
        part.part.expression
        for part in parts_of(condition)
        if isinstance(part, Not) and isinstance(part.part, FreeText)
    ]
    if not lacking:
        return False
    (alerts,) = connection.execute("SELECT count(*) FROM alerts").fetchone()
    counted = f"SELECT count(*) FROM ({MATCH})"
    return any(connection.execute(counted, (text,)).fetchone()[0] == alerts for text in lacking)


_INDEXED = frozenset({"open", "rank"})


def _rows(connection: sqlite3.Connection, condition: Condition, by: str, page: tuple[int, int]) -> list[int]:
    """Row numbers of a page (limit, offset) of the alerts that meet a condition without text."""
    sql, parameters = to_sql(condition)
    if by.startswith("a.open"):  # else SQLite takes the index of ranks alone, and sorts all that it leads to
        sql = sql.replace("a.rank", "+a.rank")
    return [
        seq
        for (seq,) in connection.execute(
            f"SELECT a.seq FROM alerts a WHERE {sql} ORDER BY {by} LIMIT ? OFFSET ?", (*parameters, *page)
        )
    ]


def among(connection: sqlite3.Connection, rows: Sequence[int], condition: Condition, by: str) -> list[Found]:
    """Those of these rows that meet the condition, in this order."""
    sql, parameters = to_sql(condition, held(connection, rows, texts_of(condition)))
    return connection.execute(
        f"{GIVEN} WHERE {sql} ORDER BY {by}",
        (json.dumps(rows), *parameters),
    ).fetchall()


def held(connection: sqlite3.Connection, rows: Sequence[int], texts: Iterable[str]) -> Mapping[str, str]:
    """Text -> those of these rows that hold it, as JSON: what `to_sql` takes."""
    columns = ", ".join(TEXTS)
    with contextlib.closing(sqlite3.connect(":memory:")) as index:
        index.execute(f"CREATE VIRTUAL TABLE near USING fts5({columns}, content='', tokenize='{WORDS}')")
        for marks, part in chunks(rows):
            index.executemany(
                f"INSERT INTO near(rowid, {columns}) VALUES (?, ?, ?, ?, ?, ?)",
                connection.execute(f"SELECT seq, {columns} FROM alerts WHERE seq IN ({marks})", part),
            )
        match = "SELECT rowid FROM near WHERE near MATCH ?"
        return {text: json.dumps([seq for (seq,) in index.execute(match, (text,))]) for text in texts}


def _everywhere(connection: sqlite3.Connection, condition: Condition, rest: All, by: str) -> Iterator[Found]:
    """By the index of all alerts."""
    texts = [part.expression for part in parts_of(condition) if isinstance(part, FreeText)]
    expression = " AND ".join(f"({text})" for text in texts)
    if texts and len(texts) + len(rest.parts) == len(parts_of(condition)):
        hits = [seq for (seq,) in connection.execute(f"{MATCH} LIMIT {FEW + 1}", (expression,))]
        if len(hits) <= FEW:
            sql, parameters = to_sql(rest)
            yield from connection.execute(
                f"{GIVEN} WHERE {sql} ORDER BY {by}",
                (json.dumps(hits), *parameters),
            )
            return
        condition = All((FreeText(expression), *rest.parts))
    sql, parameters = to_sql(condition)
    yield from connection.execute(
        f"SELECT a.seq, a.rule, a.line FROM alerts a WHERE {sql} ORDER BY {by}", parameters
    )
