"""One alert with its rule, its evidence and its history; lines of the queue. Reads only."""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3

import msgspec

from xdrtui.events.message import Position
from xdrtui.store import rules, select
from xdrtui.store.filter import All, Compare, Condition, to_sql
from xdrtui.triage.rows import AlertDetail, AlertRow, Evidence, History, Line

_texts = msgspec.json.Decoder(dict[str, str])
_pairs = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def detail(connection: sqlite3.Connection, alert: str) -> AlertDetail | None:
    """All that is known of an alert, or None where there is none with this id."""
    row = select.by_ids(connection, [alert]).get(alert)
    if row is None:
        return None
    (version,) = connection.execute("SELECT rule_hash FROM alerts WHERE id = ?", (alert,)).fetchone()
    return AlertDetail(
        row,
        rules.read(connection, row.rule, version),
        evidence(connection, alert),
        history(connection, alert),
    )


def evidence(connection: sqlite3.Connection, alert: str) -> list[Evidence]:
    """The pinned events of an alert, oldest first."""
    return [
        Evidence(*(Position(*row[:4]), *row[4:14], _texts.decode(row[14]), _pairs.decode(row[15])))
        for row in connection.execute(
            "SELECT f.source, f.partition, f.offset, f.idx, coalesce(s.name, f.source), f.time, f.ingest,"
            " f.quality, f.event_type, f.rule, f.summary, e.raw, e.size, e.raw_hash, e.matched, f.entities"
            " FROM pins p JOIN findings f ON f.seq = p.finding JOIN evidence e ON e.finding = p.finding"
            " LEFT JOIN sources s ON s.uid = f.source WHERE p.alert = ?"
            " ORDER BY f.window_time, f.source, f.partition, f.offset, f.idx",
            (alert,),
        )
    ]


def history(connection: sqlite3.Connection, alert: str) -> list[History]:
    """What people did with an alert, oldest first."""
    return [
        History(row[0], row[1], row[2], row[3], row[4] or "", bool(row[5]), row[6], row[7])
        for row in connection.execute(
            "SELECT l.clock, l.author, s.kind, s.value, json_extract(l.body, '$.text'), u.entry IS NOT NULL,"
            " json_array_length(l.subject), l.hash FROM ledger_subjects s JOIN ledger l ON l.seq = s.entry"
            " LEFT JOIN ledger_undone u ON u.entry = s.entry WHERE s.alert = ? ORDER BY s.entry",
            (alert,),
        )
    ]


def related(connection: sqlite3.Connection, alert: str, within: int, limit: int) -> list[AlertRow]:
    """Other alerts that met one of its entities at most `within` nanoseconds before or after; most shared
    first."""
    found = connection.execute(
        "SELECT b.seq FROM alerts a JOIN alert_entities x ON x.alert = a.id"
        " JOIN alert_entities y ON y.key = x.key AND y.kind = x.kind"
        " AND y.first_seen BETWEEN a.first_seen - ?2 AND a.last_seen + ?2 JOIN alerts b ON b.id = y.alert"
        " WHERE a.id = ?1 AND y.alert <> ?1 GROUP BY b.seq"
        " ORDER BY count(*) DESC, b.rank DESC, b.last_seen DESC, b.id LIMIT ?3",
        (alert, within, limit),
    )
    return select.rows(connection, [seq for (seq,) in found])


def closed_as(connection: sqlite3.Connection, rule: str) -> dict[str, int]:
    """How alerts of a rule were closed: disposition -> how many."""
    return dict(
        connection.execute(
            "SELECT disposition, count(*) FROM alerts WHERE rule = ? AND state = 'closed'"
            " GROUP BY disposition",
            (rule,),
        )
    )


def lines(connection: sqlite3.Connection, condition: Condition, limit: int, offset: int) -> list[Line]:
    """The queue by lines: alerts of one rule and one main entity (the grouping key), those with open alerts
    first, the gravest on top. A line is shown if one of its alerts meets the condition, and counts all.

    A line is a view: it has no identity, and acting on it means acting on its alerts. Cost: a walk over the
    alerts down to the last line asked for (benchmark: tests/benchmarks/queue.py).
    """
    shown: dict[tuple[str, str], int] = {}
    for open_ones in (1, 0):
        sql, parameters = to_sql(All((condition, Compare("open", "=", open_ones))))
        for seq, rule, line in connection.execute(
            f"SELECT a.seq, a.rule, a.line FROM alerts a WHERE {sql} ORDER BY {select.ORDERS['severity']}",
            parameters,
        ):
            shown.setdefault((rule, line), seq)
            if len(shown) == offset + limit:
                break
        if len(shown) == offset + limit:
            break
    wanted = list(shown.items())[offset:]
    rows = select.rows(connection, [seq for _, seq in wanted])
    return [Line(row, *_line_counts(connection, *key)) for row, (key, _) in zip(rows, wanted, strict=True)]


def _line_counts(
    connection: sqlite3.Connection, rule: str, line: str
) -> tuple[int, int, int, int, int, bool]:
    *counts, again = connection.execute(
        "SELECT sum(open), count(*), sum(count), min(first_seen), max(last_seen),"
        " coalesce(max(CASE WHEN open THEN first_seen END)"
        "     > min(CASE WHEN NOT open THEN first_seen END), 0) FROM alerts WHERE rule = ? AND line = ?",
        (rule, line),
    ).fetchone()
    return (*counts, bool(again))
