"""What happened between two moments: since somebody looked last, and now. Reads only.

A `Mark` says how far the store had come when somebody looked. Out: a `Since`: what is new, what grew, what
others changed, what was taken back, what is about to end, what has gone quiet.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3

import msgspec

from xdrtui.store import ledger, select
from xdrtui.triage.rows import AlertRow
from xdrtui.triage.silence import Silence, silences
from xdrtui.triage.suppressions import Suppression, read

HOUR = 3_600 * 1_000_000_000
SOON = 8 * HOUR
MOST = 40
"""Alerts of a kind that are told one by one."""


class Mark(msgspec.Struct, frozen=True):
    """How far the store had come. clock: by the events' clock, nanoseconds since 1970 UTC; alert, finding,
    entry: the last row of each."""

    clock: int
    alert: int
    finding: int
    entry: int


class Change(msgspec.Struct, frozen=True):
    """What somebody did. value: disposition, owner ...; alerts: how many; row: one of them, or None."""

    clock: int
    author: str
    kind: str
    value: str
    text: str
    alerts: int
    row: AlertRow | None


class Since(msgspec.Struct, frozen=True):
    """new: alerts, the gravest first, of `new_total`, by level in `new_by_level`; grown: alerts with findings
    that came since, of `grown_total`, with how many; changed: acts of others, the latest first; taken_back:
    undone acts, of anybody; waking, ending: snoozes and suppressions that end within eight hours, or ended
    between; silent: what was heard of before and no more."""

    mark: Mark
    now: Mark
    new: list[AlertRow]
    new_total: int
    new_by_level: dict[str, int]
    grown: list[tuple[AlertRow, int]]
    grown_total: int
    changed: list[Change]
    taken_back: list[Change]
    waking: list[AlertRow]
    ending: list[Suppression]
    silent: list[Silence]


def here(connection: sqlite3.Connection, now: int) -> Mark:
    """How far the store has come at this moment."""
    last = [
        connection.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0]
        for table in ("alerts", "findings", "ledger")
    ]
    return Mark(now, *last)


def between(connection: sqlite3.Connection, mark: Mark, now: Mark, me: str) -> Since:
    """What happened from `mark` to `now`. me: whose own acts are left out, but for those taken back."""
    new = [
        seq
        for (seq,) in connection.execute(
            "SELECT seq FROM alerts WHERE seq > ? ORDER BY rank DESC, last_seen DESC LIMIT ?",
            (mark.alert, MOST),
        )
    ]
    levels = dict(
        connection.execute(
            "SELECT level, count(*) FROM alerts WHERE seq > ? GROUP BY level ORDER BY max(rank) DESC",
            (mark.alert,),
        )
    )
    grown, grown_total = _grown(connection, mark)
    changed, taken_back = _acts(connection, mark, me)
    return Since(
        mark=mark,
        now=now,
        new=select.rows(connection, new),
        new_total=sum(levels.values()),
        new_by_level=levels,
        grown=grown,
        grown_total=grown_total,
        changed=changed,
        taken_back=taken_back,
        waking=_waking(connection, mark.clock, now.clock + SOON),
        ending=[
            one
            for one in read(
                connection,
                "until > ? AND until <= ? ORDER BY until",
                (mark.clock, now.clock + SOON),
                counted=True,
            )
            if not one.lifted
        ],
        silent=silences(connection, mark.clock, now.clock),
    )


def _grown(connection: sqlite3.Connection, mark: Mark) -> tuple[list[tuple[AlertRow, int]], int]:
    """Alerts that were there and have findings that came since."""
    came = (
        "(SELECT alert, count(*) AS n FROM findings WHERE seq > ? AND NOT muted"
        " AND NOT EXISTS (SELECT 1 FROM suppressed WHERE finding = findings.seq) GROUP BY alert)"
    )
    where = f"FROM {came} f JOIN alerts a ON a.id = f.alert WHERE a.seq <= ?"
    bounds = (mark.finding, mark.alert)
    (total,) = connection.execute(f"SELECT count(*) {where}", bounds).fetchone()
    found = connection.execute(
        f"SELECT a.seq, f.n {where} ORDER BY a.open DESC, a.rank DESC, f.n DESC LIMIT ?", (*bounds, MOST)
    ).fetchall()
    counts = dict(found)
    rows = select.rows(connection, list(counts))
    return list(zip(rows, counts.values(), strict=False)), int(total)


def _acts(connection: sqlite3.Connection, mark: Mark, me: str) -> tuple[list[Change], list[Change]]:
    """What others did, and what anybody took back; the latest first."""
    changed: list[Change] = []
    back: list[Change] = []
    for row in connection.execute(
        f"SELECT {ledger.COLUMNS} FROM ledger WHERE seq > ? ORDER BY seq DESC LIMIT 2000", (mark.entry,)
    ):
        entry = ledger.entry_of(row)
        into = back if entry.kind == "undo" else changed
        if (entry.kind != "undo" and entry.author == me) or len(into) >= MOST:
            continue
        body = entry.body
        value = body.get("disposition") or body.get("owner") or body.get("to") or body.get("of") or ""
        into.append(
            Change(
                entry.clock, entry.author, entry.kind, str(value), str(body.get("text", "")),
                len(entry.subject),
                select.by_ids(connection, entry.subject[:1]).get("".join(entry.subject[:1])),
            )
        )  # fmt: skip
    return changed, back


def _waking(connection: sqlite3.Connection, after: int, until: int) -> list[AlertRow]:
    """Alerts whose snooze ended, or ends, in this time."""
    seqs = [
        seq
        for (seq,) in connection.execute(
            "SELECT seq FROM alerts WHERE snoozed > 0 AND snoozed > ? AND snoozed <= ? AND open"
            " ORDER BY snoozed, seq LIMIT ?",
            (after, until, MOST),
        )
    ]
    return select.rows(connection, seqs)
