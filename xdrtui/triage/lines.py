"""Lines of the queue: the alerts of one rule with one main entity (the grouping key) as one. Reads only.

A line is a view: nothing of it is stored. It is named by a number, the row number of its first alert, which
stays the same whatever comes or is judged later. A line is shown if one of its alerts meets the condition,
and counts all of them. Costs at a million alerts: tests/benchmarks/queue.py.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from xdrtui.store import select
from xdrtui.store.filter import All, Compare, Condition, to_sql
from xdrtui.store.near import among, texts_of, walk
from xdrtui.triage.rows import Line

_names = msgspec.json.Decoder(tuple[str, ...])
_OPEN_STATES = ("new", "acknowledged", "investigating")
_NEWEST = "last_seen DESC, seq DESC"
_FIRST_OF_LINE = "(SELECT min(b.seq) FROM alerts b WHERE b.rule = a.rule AND b.line = a.line)"
_FIRST = "SELECT min(seq) FROM alerts WHERE rule = ? AND line = ?"
_AT_ONCE = 1_000
"""New alerts whose text is looked at by itself."""
# open before closed, then the gravest, then the latest: the order of the queue as one number (times in ms)
_SCORE = "max((a.open << 50) + (a.rank << 46) + a.last_seen / 1000000)"


ORDERS = {
    "severity": "score DESC",
    "newest": "max(a.last_seen) DESC, score DESC",
    "oldest": "max(a.open) DESC, min(CASE WHEN a.open THEN a.first_seen END), score DESC",
    "host": "min(a.host_key) = '', min(a.host_key), score DESC",
    "user": "min(a.user_key) = '', min(a.user_key), score DESC",
    "owner": "max(a.owner) = '', max(a.owner), score DESC",
    "rule": "min(a.title), score DESC",
    "count": "sum(a.count) DESC, score DESC",
}
"""Orders of lines. By severity those with open alerts come first, the gravest on top, then the latest."""


def lines(
    connection: sqlite3.Connection, condition: Condition, limit: int, offset: int, order: str = "severity"
) -> list[Line]:
    """The lines in this order, which is one of `ORDERS`."""
    found = numbers(connection, condition, limit if limit < 0 else offset + limit, order)[offset:]
    read = by_number(connection, found)
    return [read[number] for number in found if number in read]


def numbers(
    connection: sqlite3.Connection, condition: Condition, limit: int = -1, order: str = "severity"
) -> list[int]:
    """The lines' numbers in this order. By severity a few cost a walk down to the last of them; all (-1), or
    another order, one pass over the alerts that meet the condition. Raises KeyError for an unknown order."""
    by = ORDERS[order]
    if limit >= 0 and order == "severity" and (texts_of(condition) or not select.looked_up(condition)):
        return _first(connection, condition, limit)
    sql, parameters = to_sql(condition)
    (found,) = connection.execute(  # one row: a row each would hold up other threads a million times
        f"SELECT group_concat(number) FROM (SELECT {_FIRST_OF_LINE} AS number, {_SCORE} AS score"
        f" FROM alerts a WHERE {sql} GROUP BY a.rule, a.line ORDER BY {by}, a.seq DESC LIMIT ?)",
        (*parameters, limit),
    ).fetchone()
    return list(map(int, found.split(","))) if found else []


def _first(connection: sqlite3.Connection, condition: Condition, limit: int) -> list[int]:
    shown: dict[tuple[str, str], None] = {}
    for rule, line in _walk(connection, condition, limit):
        if len(shown) == limit:
            break
        shown[rule, line] = None
    return [connection.execute(_FIRST, key).fetchone()[0] for key in shown]


def _walk(connection: sqlite3.Connection, condition: Condition, limit: int) -> Iterator[tuple[str, str]]:
    """Rule and line of the alerts that meet the condition: the open ones, then the closed ones."""
    if texts_of(condition):
        by = f"a.open DESC, {select.ORDERS['severity']}"
        yield from ((rule, line) for _, rule, line in walk(connection, condition, by, limit))
        return
    for open_ones in (1, 0):
        sql, parameters = to_sql(All((condition, Compare("open", "=", open_ones))))
        yield from connection.execute(
            f"SELECT a.rule, a.line FROM alerts a WHERE {sql} ORDER BY {select.ORDERS['severity']}",
            parameters,
        )


def newcomers(
    connection: sqlite3.Connection, condition: Condition, after: int, most: int = 100_000
) -> list[int]:
    """The lines that alerts with row numbers above `after` belong to, where they meet the condition."""
    came = connection.execute(
        "SELECT seq FROM alerts WHERE seq > ? LIMIT ?", (after, _AT_ONCE + 1)
    ).fetchall()
    if texts_of(condition) and len(came) <= _AT_ONCE:  # no need to look for the text in a million others
        found = among(connection, [seq for (seq,) in came], condition, "a.seq")
        lines = dict.fromkeys((rule, line) for _, rule, line in found)
        return [connection.execute(_FIRST, key).fetchone()[0] for key in lines]
    sql, parameters = to_sql(condition)
    return [
        number
        for (number,) in connection.execute(
            f"SELECT DISTINCT {_FIRST_OF_LINE} FROM alerts a WHERE a.seq > ? AND ({sql}) LIMIT ?",
            (after, *parameters, most),
        )
    ]


def woken(connection: sqlite3.Connection, condition: Condition, since: int, now: int) -> list[int]:
    """The lines of which an alert's snooze ended after `since`, up to `now`, and that meet the condition."""
    sql, parameters = to_sql(condition)
    return [
        number
        for (number,) in connection.execute(
            f"SELECT DISTINCT {_FIRST_OF_LINE} FROM alerts a WHERE a.snoozed > 0 AND a.snoozed > ?"
            f" AND a.snoozed <= ? AND ({sql})",
            (since, now, *parameters),
        )
    ]


def next_waking(connection: sqlite3.Connection, now: int) -> int:
    """When the next snooze ends, nanoseconds; 0 = none is under way."""
    row = connection.execute(
        "SELECT min(snoozed) FROM alerts WHERE snoozed > 0 AND snoozed > ?", (now,)
    ).fetchone()
    return int(row[0] or 0)


def last_row(connection: sqlite3.Connection) -> int:
    """The highest row number of an alert."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM alerts").fetchone()[0])


def by_number(connection: sqlite3.Connection, wanted: Sequence[int]) -> dict[int, Line]:
    """Lines by their numbers, as they are now; those that are gone are left out."""
    found = {number: line for number in wanted if (line := _line(connection, number)) is not None}
    rows = select.rows(connection, [worst for worst, _ in found.values()])
    return {
        number: Line(row, **counts) for (number, (_, counts)), row in zip(found.items(), rows, strict=True)
    }


def _line(connection: sqlite3.Connection, number: int) -> tuple[int, dict[str, Any]] | None:
    """The row number of the alert that shows the line, and what is counted of it."""
    key = connection.execute("SELECT rule, line FROM alerts WHERE seq = ?", (number,)).fetchone()
    if key is None:
        return None
    (*counts, again, upto, version, state, owners, snoozed, waiting) = connection.execute(
        "SELECT sum(open), count(*), sum(count), min(first_seen), max(last_seen),"
        " coalesce(min(CASE WHEN open THEN first_seen END)"
        "     > max(CASE WHEN NOT open THEN first_seen END), 0), max(seq), max(version),"
        " min(CASE WHEN open THEN CASE state WHEN 'new' THEN 0 WHEN 'acknowledged' THEN 1 ELSE 2 END END),"
        " json_group_array(DISTINCT owner) FILTER (WHERE open),"
        " coalesce(min(CASE WHEN open THEN snoozed END), 0), max(waiting) FROM alerts"
        " WHERE rule = ? AND line = ?",
        key,
    ).fetchone()
    (worst, _), (_, newest) = (
        connection.execute(
            f"SELECT seq, id FROM alerts WHERE rule = ? AND line = ? ORDER BY open DESC, {by} LIMIT 1", key
        ).fetchone()
        for by in (f"rank DESC, {_NEWEST}", _NEWEST)
    )
    return worst, {
        **dict(zip(("open", "total", "count", "first_seen", "last_seen"), counts, strict=True)),
        "again": bool(again),
        "number": number,
        "state": "closed" if state is None else _OPEN_STATES[state],
        "owners": tuple(sorted(_names.decode(owners))),
        "newest": newest,
        "upto": upto,
        "version": version,
        "snoozed": snoozed,
        "waiting": bool(waiting),
    }


def seen(connection: sqlite3.Connection, line: Line) -> dict[str, int]:
    """The open alerts that the line stood for when it was read, each with the version it had then; where none
    was open, the one it showed. What came later is left out; what changed since has version -1."""
    if not line.open:
        return {line.row.id: line.row.version}
    found = connection.execute(
        "SELECT b.id, b.version FROM alerts a JOIN alerts b ON b.rule = a.rule AND b.line = a.line"
        " WHERE a.seq = ? AND b.seq <= ? AND (b.open OR b.version > ?)"
        " ORDER BY b.last_seen DESC, b.seq DESC",
        (line.number, line.upto, line.version),
    )
    return {id: version if version <= line.version else -1 for id, version in found}


def beside(connection: sqlite3.Connection, condition: Condition, alert: str, step: int) -> str:
    """The next older (step 1) or newer (-1) alert of this one's line that meets the condition; "" = none."""
    sign, order = ("<", "DESC") if step > 0 else (">", "ASC")
    by = f"a.last_seen {order}, a.seq {order}"
    others = (
        "FROM alerts b JOIN alerts a ON a.rule = b.rule AND a.line = b.line WHERE b.id = ?"
        f" AND (a.last_seen, a.seq) {sign} (b.last_seen, b.seq)"
    )
    if texts_of(condition):  # no need to look for the text in a million others
        near = connection.execute(
            f"SELECT a.seq {others} ORDER BY {by} LIMIT ?", (alert, _AT_ONCE)
        ).fetchall()
        found = among(connection, [seq for (seq,) in near], condition, by)
        if found or len(near) < _AT_ONCE:
            ids = select.rows(connection, [seq for seq, *_ in found[:1]])
            return ids[0].id if ids else ""
    sql, parameters = to_sql(condition)
    row = connection.execute(
        f"SELECT a.id {others} AND ({sql}) ORDER BY {by} LIMIT 1", (alert, *parameters)
    ).fetchone()
    return "" if row is None else str(row[0])


def place(connection: sqlite3.Connection, alert: str) -> tuple[int, int]:
    """Which alert of its line this is, the newest being the first, and how many there are."""
    before, total = connection.execute(
        "SELECT sum((a.last_seen, a.seq) >= (b.last_seen, b.seq)), count(*) FROM alerts b"
        " JOIN alerts a ON a.rule = b.rule AND a.line = b.line WHERE b.id = ?",
        (alert,),
    ).fetchone()
    return int(before or 0), int(total)
