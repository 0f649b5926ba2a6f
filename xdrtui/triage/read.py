"""One alert with its rule, its evidence and its history. Reads only."""

from __future__ import annotations

import sqlite3

import msgspec

from xdrtui.events.message import Position
from xdrtui.store import rules, select
from xdrtui.triage.rows import AlertDetail, AlertRow, Evidence, History

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
