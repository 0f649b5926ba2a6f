"""Alerts as the queue asks for them: filtered, ordered, counted, at a million rows.

Two ways to the first rows. Where hits are dense, walking the order's index finds them at once; where they are
rare, gathering them by the filter's own index does. The walk is tried first on a bounded stretch, so neither
case costs more than a few tens of milliseconds (benchmark: tests/benchmarks/queue.py). Text: see `near`.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import islice

import msgspec

from xdrtui.store.alerts import LEVELS
from xdrtui.store.chunks import chunks
from xdrtui.store.filter import All, Condition, few, parts_of, to_sql
from xdrtui.store.near import texts_of, walk

ORDERS = {
    "severity": "a.rank DESC, a.last_seen DESC, a.seq DESC",
    "newest": "a.last_seen DESC, a.seq DESC",
    "host": "a.host_key, a.rank DESC, a.last_seen DESC, a.seq",
    "user": "a.user_key, a.rank DESC, a.last_seen DESC, a.seq",
    "rule": "a.title, a.rank DESC, a.last_seen DESC, a.seq",
}
STRETCH = 20_000


class AlertRow(msgspec.Struct, frozen=True):
    """One alert as lists show it. Times in nanoseconds since 1970 UTC.

    version: changes with every act on it; give it back when acting to be refused where it changed meanwhile.
    seen_after_close: findings that came after it was closed. kind: "rule" or "correlation".
    snoozed: until when, nanoseconds, 0 = not; escalated: to whom; waiting: that was not taken up yet.
    """

    id: str
    rule: str
    title: str
    level: str
    state: str
    disposition: str
    owner: str
    host: str
    user: str
    summary: str
    count: int
    duplicates: int
    first_seen: int
    last_seen: int
    techniques: tuple[str, ...]
    entities: tuple[tuple[str, str], ...]
    seen_after_close: int
    version: int
    kind: str
    group: tuple[tuple[str, str], ...]
    score: float | None = None
    snoozed: int = 0
    escalated: str = ""
    waiting: bool = False


COLUMNS = (
    "a.seq, a.id, a.rule, a.title, a.level, a.state, a.disposition, a.owner, a.host, a.user, a.summary,"
    " a.count, a.duplicates, a.first_seen, a.last_seen, a.techniques, a.entities,"
    " CASE WHEN a.state = 'closed' THEN max(0, a.count - a.closed_count) ELSE 0 END, a.version, a.kind,"
    " a.grp, a.score, a.snoozed, a.escalated, a.waiting"
)

_texts = msgspec.json.Decoder(tuple[str, ...])
_pairs = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def row_of(row: Sequence[object]) -> AlertRow:
    _, *plain, techniques, entities, after, version, kind, group, score, snoozed, escalated, waiting = row
    values = (_texts.decode(str(techniques)), _pairs.decode(str(entities)), after, version, kind)
    rest = (_pairs.decode(str(group)), score, snoozed, escalated, bool(waiting))
    return AlertRow(*(*plain, *values, *rest))  # type: ignore[arg-type]


def seqs(
    connection: sqlite3.Connection, condition: Condition, order: str, limit: int, offset: int = 0
) -> list[int]:
    """Row numbers of the alerts that meet the condition, in order. Raises KeyError for an unknown order."""
    by = ORDERS[order]
    page = [limit, offset]
    if limit >= 0 and texts_of(condition):
        return [found[0] for found in islice(walk(connection, condition, by, limit), offset, offset + limit)]
    page = [limit, offset]
    if limit < 0 or condition == All():
        return _run(connection, condition, by, page)
    if not looked_up(condition):
        found = _stretch(connection, condition, by, page)
        if len(found) == limit:
            return found
    return _run(connection, condition, by, page)


def looked_up(condition: Condition) -> bool:
    """One of the conditions has an index that leads to few rows at once."""
    return any(map(few, parts_of(condition)))


def _run(connection: sqlite3.Connection, condition: Condition, by: str, page: list[int]) -> list[int]:
    sql, parameters = to_sql(condition)
    return [
        seq
        for (seq,) in connection.execute(
            f"SELECT a.seq FROM alerts a WHERE {sql} ORDER BY {by} LIMIT ? OFFSET ?", (*parameters, *page)
        )
    ]


def _stretch(connection: sqlite3.Connection, condition: Condition, by: str, page: list[int]) -> list[int]:
    """The page as far as the first rows of the order hold it."""
    sql, parameters = to_sql(condition)
    return [
        seq
        for (seq,) in connection.execute(
            f"SELECT a.seq FROM (SELECT * FROM alerts a ORDER BY {by} LIMIT {STRETCH}) a"
            f" WHERE {sql} LIMIT ? OFFSET ?",
            (*parameters, *page),
        )
    ]


def rows(connection: sqlite3.Connection, wanted: Sequence[int]) -> list[AlertRow]:
    """The alerts with these row numbers, in this order; those that are gone are left out."""
    found: dict[int, AlertRow] = {}
    for marks, part in chunks(wanted):
        for row in connection.execute(f"SELECT {COLUMNS} FROM alerts a WHERE a.seq IN ({marks})", part):
            found[row[0]] = row_of(row)
    return [found[seq] for seq in wanted if seq in found]


def by_ids(connection: sqlite3.Connection, ids: Sequence[str]) -> dict[str, AlertRow]:
    """Alerts by id; those that are not there are left out."""
    found: dict[str, AlertRow] = {}
    for marks, part in chunks(ids):
        for row in connection.execute(f"SELECT {COLUMNS} FROM alerts a WHERE a.id IN ({marks})", part):
            found[row[1]] = row_of(row)
    return found


def count(connection: sqlite3.Connection, condition: Condition) -> int:
    """How many alerts meet the condition."""
    sql, parameters = to_sql(condition)
    (n,) = connection.execute(f"SELECT count(*) FROM alerts a WHERE {sql}", parameters).fetchone()
    return int(n)


def by_severity(connection: sqlite3.Connection, condition: Condition) -> dict[str, int]:
    """How many alerts of each level meet the condition, the gravest first; levels without any are 0."""
    sql, parameters = to_sql(condition)
    counted = dict(
        connection.execute(f"SELECT a.rank, count(*) FROM alerts a WHERE {sql} GROUP BY a.rank", parameters)
    )
    return {level: counted.get(rank, 0) for rank, level in reversed(list(enumerate(LEVELS)))}
