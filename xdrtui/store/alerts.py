"""Alerts as rows: read what is known of some, write what a fold made of them. No judgement here.

What makes an alert of findings is `triage.grouping`; what people think of it is `alert_states`, whose columns
a trigger copies into the row. Everything runs inside the caller's transaction.
"""

# ruff: noqa: S608 - statements are put together from names of columns and question marks
from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from xdrtui.store.chunks import chunks
from xdrtui.store.evidence import Candidate, Key, pick
from xdrtui.store.findings import Stored, as_json

LEVELS = ("informational", "low", "medium", "high", "critical")
RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class Folded(msgspec.Struct):
    """All that findings alone say of an alert. Times in nanoseconds since 1970 UTC.

    head: key of its first finding, whose sentence, host and user it shows; head_seq: that finding's number.
    entities: (kind, value) -> when first seen.
    """

    id: str
    rule: str
    rule_hash: str
    kind: str
    group: str
    window_start: int
    window: int
    level: str
    host: str
    user: str
    summary: str
    count: int
    duplicates: int
    first_seen: int
    last_seen: int
    head: Key
    head_seq: int
    entities: dict[tuple[str, str], int]


class Naming(msgspec.Struct, frozen=True):
    """What a rule gives its alerts."""

    title: str
    techniques: tuple[str, ...] = ()


FOLDED = (
    "a.id, a.rule, a.rule_hash, a.kind, a.grp, a.window_start, a.window, a.level, a.host, a.user, a.summary,"
    " a.count, a.duplicates, a.first_seen, a.last_seen, a.head,"
    " f.window_time, f.event_hash, f.source, f.partition, f.offset, f.idx"
)


def read_folded(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, Folded]:
    """What the store holds of these alerts, by id; those it does not hold are left out."""
    found: dict[str, Folded] = {}
    for marks, part in chunks(ids):
        for row in connection.execute(
            f"SELECT {FOLDED} FROM alerts a JOIN findings f ON f.seq = a.head WHERE a.id IN ({marks})", part
        ):
            found[row[0]] = Folded(*(*row[:15], Key(*row[16:]), row[15], {}))
        for alert, kind, value, first in connection.execute(
            f"SELECT alert, kind, value, first_seen FROM alert_entities WHERE alert IN ({marks})", part
        ):
            if alert in found:
                found[alert].entities[kind, value] = first
    return found


WRITE = """
INSERT INTO alerts(id, rule, rule_hash, kind, grp, window_start, window, level, rank, title, summary, host,
    user, host_key, user_key, line, entities, entity_text, techniques, count, duplicates, first_seen,
    last_seen, head, state, open, disposition, owner, closed_count, version)
VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?, 'new', 1, '', '', 0, 0)
ON CONFLICT(id) DO UPDATE SET rule_hash = excluded.rule_hash, grp = excluded.grp, level = excluded.level,
    rank = excluded.rank, title = excluded.title, summary = excluded.summary, host = excluded.host,
    user = excluded.user, host_key = excluded.host_key, user_key = excluded.user_key, line = excluded.line,
    entities = excluded.entities, entity_text = excluded.entity_text, techniques = excluded.techniques,
    count = excluded.count, duplicates = excluded.duplicates, first_seen = excluded.first_seen,
    last_seen = excluded.last_seen, head = excluded.head
"""


def write_folded(
    connection: sqlite3.Connection, alerts: Iterable[Folded], naming: dict[tuple[str, str], Naming]
) -> None:
    """Write these alerts, new or grown. naming: (rule, rule hash) -> what its alerts are called."""
    entities: list[tuple[str, str, str, str, int]] = []
    rows = []
    for alert in alerts:
        names = naming[alert.rule, alert.rule_hash]
        ordered = sorted(alert.entities.items(), key=lambda item: (item[0][0], item[1], item[0][1]))
        entities += [(alert.id, kind, value, value.casefold(), first) for (kind, value), first in ordered]
        rows.append(
            (
                alert.id,
                alert.rule,
                alert.rule_hash,
                alert.kind,
                alert.group,
                alert.window_start,
                alert.window,
                alert.level,
                RANKS.get(alert.level, 0),
                names.title,
                alert.summary,
                alert.host,
                alert.user,
                alert.host.casefold(),
                alert.user.casefold(),
                alert.group.casefold(),
                as_json([pair for pair, _ in ordered]),
                "\n".join(value for (_, value), _ in ordered),
                as_json(names.techniques),
                alert.count,
                alert.duplicates,
                alert.first_seen,
                alert.last_seen,
                alert.head_seq,
            )
        )
    connection.executemany(WRITE, rows)
    for marks, part in chunks(row[0] for row in rows):
        connection.execute(f"DELETE FROM alert_entities WHERE alert IN ({marks})", part)
    connection.executemany(
        "INSERT INTO alert_entities(alert, kind, value, key, first_seen) VALUES (?,?,?,?,?)", entities
    )


def duplicates_between(connection: sqlite3.Connection, after: int, last: int) -> dict[str, int]:
    """How many findings numbered in (after, last] have the same event as an earlier one of their alert."""
    return dict(
        connection.execute(
            "SELECT new.alert, count(*) FROM findings new WHERE new.seq > ? AND new.seq <= ?"
            " AND NOT new.muted AND NOT EXISTS (SELECT 1 FROM suppressed WHERE finding = new.seq)"
            " AND EXISTS (SELECT 1 FROM findings old WHERE old.alert = new.alert"
            " AND old.event_hash = new.event_hash AND old.seq < new.seq"
            " AND NOT EXISTS (SELECT 1 FROM suppressed WHERE finding = old.seq)) GROUP BY new.alert",
            (after, last),
        )
    )


def repin(connection: sqlite3.Connection, grown: dict[str, list[Stored]], known: Iterable[str]) -> None:
    """Choose anew which events these alerts pin as evidence; drop what nothing needs any more.

    grown: alert id -> findings that came; known: those of the alerts that had some before. What a correlation
    counts is left for `sweep`.
    """
    candidates = {alert: {row.candidate for row in rows} for alert, rows in grown.items()}
    before: dict[str, set[int]] = {alert: set() for alert in grown}
    for marks, part in chunks(known):
        for alert, seq, captures, *key in connection.execute(
            "SELECT p.alert, f.seq, f.captures, f.window_time, f.event_hash, f.source, f.partition, f.offset,"
            f" f.idx FROM pins p JOIN findings f ON f.seq = p.finding WHERE p.alert IN ({marks})",
            part,
        ):
            candidates[alert].add(Candidate(Key(*key), captures, seq))
            before[alert].add(seq)
    pinned: list[tuple[str, int]] = []
    unpinned: list[tuple[str, int]] = []
    loose: set[int] = set()
    for alert, some in candidates.items():
        chosen = {candidate.handle for candidate in pick(some)}
        pinned += [(alert, seq) for seq in sorted(chosen - before[alert])]
        unpinned += [(alert, seq) for seq in sorted(before[alert] - chosen)]
        loose |= {candidate.handle for candidate in some} - chosen
    connection.executemany("INSERT OR IGNORE INTO pins(alert, finding) VALUES (?, ?)", pinned)
    connection.executemany("DELETE FROM pins WHERE alert = ? AND finding = ?", unpinned)
    connection.executemany(
        "DELETE FROM evidence WHERE finding = ?1 AND NOT EXISTS (SELECT 1 FROM pins WHERE finding = ?1)"
        " AND NOT (SELECT feeds FROM findings WHERE seq = ?1)",
        [(seq,) for seq in sorted(loose)],
    )


def sweep(connection: sqlite3.Connection, since: int, before: int) -> None:
    """Drop raw events kept for correlations whose windows have passed, where no alert pins them.
    since, before: times that windows use, nanoseconds."""
    connection.execute(
        "DELETE FROM evidence WHERE finding IN (SELECT seq FROM findings WHERE feeds AND window_time >= ?"
        " AND window_time < ?) AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.finding = evidence.finding)",
        (since, before),
    )


def forget_all(connection: sqlite3.Connection) -> None:
    """Drop all alerts, to be folded anew from the findings; what people did is in the ledger and stays."""
    for table in ("alerts", "alert_entities", "pins", "correlated", "suppressed"):
        connection.execute(f"DELETE FROM {table}")


def replace_members(connection: sqlite3.Connection, alert: str, rows: Iterable[Stored], shown: bool) -> None:
    """Say which findings a correlation's alert counted; where it is shown, pin the evidence among them."""
    members = list(rows)
    connection.execute("DELETE FROM correlated WHERE alert = ?", (alert,))
    connection.executemany(
        "INSERT INTO correlated(alert, finding) VALUES (?, ?)", [(alert, row.seq) for row in members]
    )
    connection.execute("DELETE FROM pins WHERE alert = ?", (alert,))
    if shown:
        connection.executemany(
            "INSERT INTO pins(alert, finding) VALUES (?, ?)",
            [(alert, candidate.handle) for candidate in pick(row.candidate for row in members)],
        )


def forget_correlated(connection: sqlite3.Connection) -> None:
    """Drop the alerts of correlations, to be made anew from the findings."""
    known = "SELECT id FROM alerts WHERE kind = 'correlation'"
    for table in ("alert_entities", "pins"):
        connection.execute(f"DELETE FROM {table} WHERE alert IN ({known})")
    connection.execute("DELETE FROM alerts WHERE kind = 'correlation'")
    connection.execute("DELETE FROM correlated")
