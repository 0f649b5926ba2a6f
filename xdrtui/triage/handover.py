"""What one shift hands to the next, gathered from the ledger and the findings alone. Reads only.

In: when the shift began, when it ends, when the next one ends. Out: a `Handover`, plain data; as Markdown by
`handover_text`. Handing it over and taking it is `shift`'s.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3

import msgspec

from xdrtui.store import ledger, select
from xdrtui.store.filter import All, Compare, Not, Snoozed
from xdrtui.triage import lines
from xdrtui.triage.rows import AlertRow, Line
from xdrtui.triage.silence import Silence, heard_last, silences
from xdrtui.triage.suppressions import Suppression, read

WEEK = 7 * 86_400 * 1_000_000_000
MOST = 60
"""Lines of the queue that are told one by one; the others are counted."""

_NOT_UNDONE = "NOT EXISTS (SELECT 1 FROM ledger_undone u WHERE u.entry = l.seq)"


class Memo(msgspec.Struct, frozen=True):
    """Something written down. clock: nanoseconds since 1970 UTC."""

    author: str
    clock: int
    text: str


class Told(msgspec.Struct, frozen=True):
    """An open line of the queue, with the last memo on one of its alerts."""

    line: Line
    memo: Memo | None


class Escalated(msgspec.Struct, frozen=True):
    """An alert that was handed on. by, clock, text: who did it, when, and why."""

    row: AlertRow
    by: str
    clock: int
    text: str


class Handover(msgspec.Struct, frozen=True):
    """The state of things at the end of a shift. Times in nanoseconds since 1970 UTC.

    by_level: open alerts; told: the gravest open lines; more: open lines that are not told; closed:
    disposition -> alerts closed in the shift and still closed so; containments: none are made by this
    version; waking: snoozes that end in the next shift; ending: suppressions that end within a week; dead:
    reason -> dead letters of the shift; log: memos on nothing.
    """

    author: str
    since: int
    until: int
    next_until: int
    by_level: dict[str, int]
    told: list[Told]
    more: int
    new: int
    escalated: list[Escalated]
    closed: dict[str, int]
    containments: list[str]
    waking: list[AlertRow]
    ending: list[Suppression]
    silent: list[Silence]
    heard: int
    dead: dict[str, int]
    log: list[Memo]


def gather(
    connection: sqlite3.Connection,
    author: str,
    since: int,
    until: int,
    next_until: int,
    acts: tuple[int, int] | None = None,
) -> Handover:
    """The handover of the shift from `since` to `until`, by the events' clock. acts: the same by the ledger's
    clock, where that is another one (a demo, a replay)."""
    acted = acts or (since, until)
    awake = All((Compare("open", "=", 1), Not(Snoozed(until))))
    numbers = lines.numbers(connection, awake)
    told = lines.by_number(connection, numbers[:MOST])
    return Handover(
        author=author,
        since=since,
        until=until,
        next_until=next_until,
        by_level=select.by_severity(connection, awake),
        told=[
            Told(told[number], _last_memo(connection, told[number])) for number in numbers if number in told
        ],
        more=max(0, len(numbers) - MOST),
        new=_new(connection, since, until),
        escalated=_escalated(connection),
        closed=_closed(connection, *acted),
        containments=[],
        waking=_waking(connection, until, next_until),
        ending=[
            one
            for one in read(
                connection, "until > ? AND until <= ? ORDER BY until", (until, until + WEEK), counted=True
            )
            if one.standing(until) == "in force"
        ],
        silent=silences(connection, since, until),
        heard=heard_last(connection),
        dead=dict(
            connection.execute(
                "SELECT reason || iif(ingest, '', ' (when is not known)') AS why, count(*) AS n"
                " FROM dead_letters WHERE (ingest >= ? AND ingest <= ?) OR ingest = 0"
                " GROUP BY why ORDER BY n DESC, why",
                (since, until),
            )
        ),
        log=shift_log(connection, *acted),
    )


def shift_log(connection: sqlite3.Connection, since: int, until: int) -> list[Memo]:
    """Memos on nothing, oldest first, without those taken back."""
    return [
        Memo(*row)
        for row in connection.execute(
            "SELECT l.author, l.clock, coalesce(json_extract(l.body, '$.text'), '') FROM ledger l"
            f" WHERE l.kind = 'memo' AND l.subject = '[]' AND l.clock >= ? AND l.clock <= ? AND {_NOT_UNDONE}"
            " ORDER BY l.seq",
            (since, until),
        )
    ]


def _last_memo(connection: sqlite3.Connection, line: Line) -> Memo | None:
    row = connection.execute(
        "SELECT l.author, l.clock, json_extract(l.body, '$.text') FROM alerts f"
        " JOIN alerts a ON a.rule = f.rule AND a.line = f.line JOIN ledger_subjects s ON s.alert = a.id"
        " JOIN ledger l ON l.seq = s.entry WHERE f.seq = ?"
        " AND coalesce(json_extract(l.body, '$.text'), '') <> ''"
        f" AND {_NOT_UNDONE} ORDER BY l.seq DESC LIMIT 1",
        (line.number,),
    ).fetchone()
    return None if row is None else Memo(*row)


def _new(connection: sqlite3.Connection, since: int, until: int) -> int:
    row = connection.execute(
        "SELECT count(*) FROM alerts WHERE first_seen >= ? AND first_seen <= ?", (since, until)
    ).fetchone()
    return int(row[0])


def _escalated(connection: sqlite3.Connection) -> list[Escalated]:
    """Open alerts that were handed on, those that wait first, the gravest on top."""
    seqs = [
        seq
        for (seq,) in connection.execute(
            "SELECT seq FROM alerts WHERE escalated <> '' AND open ORDER BY waiting DESC, rank DESC, seq DESC"
            " LIMIT 200"
        )
    ]
    found = []
    for row in select.rows(connection, seqs):
        by = connection.execute(
            "SELECT l.author, l.clock, json_extract(l.body, '$.text') FROM ledger_subjects s"
            f" JOIN ledger l ON l.seq = s.entry WHERE s.alert = ? AND s.kind = 'escalate' AND {_NOT_UNDONE}"
            " ORDER BY l.seq DESC LIMIT 1",
            (row.id,),
        ).fetchone()
        if by is not None:
            found.append(Escalated(row, *by))
    return found


def _closed(connection: sqlite3.Connection, since: int, until: int) -> dict[str, int]:
    """Alerts that were closed in the shift, by disposition, each once and as it was closed last."""
    latest: dict[str, str] = {}
    for row in connection.execute(
        f"SELECT {', '.join('l.' + name for name in ledger.COLUMNS.split(', '))} FROM ledger l"
        f" WHERE l.kind = 'close' AND l.clock >= ? AND l.clock <= ? AND {_NOT_UNDONE} ORDER BY l.seq",
        (since, until),
    ):
        entry = ledger.entry_of(row)
        latest.update(dict.fromkeys(entry.subject, str(entry.body.get("disposition", ""))))
    counted: dict[str, int] = {}
    for disposition in latest.values():
        counted[disposition] = counted.get(disposition, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _waking(connection: sqlite3.Connection, after: int, until: int) -> list[AlertRow]:
    """Alerts whose snooze ends in this time, the first to end first."""
    seqs = [
        seq
        for (seq,) in connection.execute(
            "SELECT seq FROM alerts WHERE snoozed > 0 AND snoozed > ? AND snoozed <= ? AND open"
            " ORDER BY snoozed, seq LIMIT 200",
            (after, until),
        )
    ]
    return select.rows(connection, seqs)
