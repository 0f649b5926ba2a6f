"""Who is at work on a store: heartbeats, leases, cursors, controls, and what is not well.

Times are wall clock nanoseconds given by the caller. Functions whose name begins with a verb of writing run
inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

HAPPENED = frozenset(("topic", "regex", "correlation", "deadletters"))
"""Kinds of faults that tell of what happened: a gap, a new generation, values that were not held against a
rule, payloads that were not kept. Nothing undoes that, so they stay until somebody has seen and dismissed
them; all others end with their cause."""

WORKERS = "worker:"
"""What keys of a worker's own faults begin with."""

MENDED = "mended"
"""Kind of what went wrong and had righted itself when it was told: never there for now, kept as a memory."""

MOST = 500
"""Of each sort that are remembered: workers come and go, and who writes to a topic may make things happen."""

GONE = 600 * 1_000_000_000
"""Nanoseconds after which a silent worker is forgotten, where another one works on."""


class Heartbeat(msgspec.Struct, frozen=True):
    """What a worker says of itself. kind: "worker", "correlator", "replay"; started, at: nanoseconds;
    figures: name -> number, e.g. events_per_second, lag_seconds, paused, dropped, dead, memory_bytes."""

    worker: str
    kind: str
    pid: int
    machine: str
    started: int
    at: int
    figures: dict[str, float] = {}


class Fault(msgspec.Struct, frozen=True):
    """Something that is not well. key: names it, so that it is told once; n: how often it happened;
    number: for people, the same for as long as it is there."""

    key: str
    kind: str
    text: str
    first_at: int
    last_at: int
    n: int
    cleared: int = 0
    number: int = 0

    @property
    def happened(self) -> bool:
        """It tells of what happened, and stays until somebody dismisses it."""
        return self.kind in HAPPENED


def write_heartbeat(connection: sqlite3.Connection, beat: Heartbeat) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO heartbeats(worker, kind, pid, machine, started, at, figures)"
        " VALUES (?,?,?,?,?,?,?)",
        (
            beat.worker,
            beat.kind,
            beat.pid,
            beat.machine,
            beat.started,
            beat.at,
            msgspec.json.encode(beat.figures).decode(),
        ),
    )


def renew_heartbeat(connection: sqlite3.Connection, beat: Heartbeat) -> None:
    """Tell it again where it still stands and nothing newer was told."""
    connection.execute(
        "UPDATE heartbeats SET at = ?, figures = ? WHERE worker = ? AND at < ?",
        (beat.at, msgspec.json.encode(beat.figures).decode(), beat.worker, beat.at),
    )


def remove_heartbeat(connection: sqlite3.Connection, worker: str) -> None:
    """A worker that ends in good order leaves no heartbeat behind."""
    connection.execute("DELETE FROM heartbeats WHERE worker = ?", (worker,))


def heartbeats(connection: sqlite3.Connection) -> list[Heartbeat]:
    """All heartbeats, the freshest first."""
    return [
        Heartbeat(*(*row[:6], msgspec.json.decode(row[6], type=dict[str, float])))
        for row in connection.execute(
            "SELECT worker, kind, pid, machine, started, at, figures FROM heartbeats ORDER BY at DESC"
        )
    ]


def remove_silent(connection: sqlite3.Connection, kind: str, since: int, most: int) -> None:
    """Forget those of this kind that were last heard of before `since`; keep so many, the freshest."""
    connection.execute("DELETE FROM heartbeats WHERE kind = ? AND at < ?", (kind, since))
    connection.execute(
        "DELETE FROM heartbeats WHERE worker IN (SELECT worker FROM heartbeats WHERE kind = ?"
        " ORDER BY at DESC, worker LIMIT -1 OFFSET ?)",
        (kind, most),
    )


def take_lease(connection: sqlite3.Connection, name: str, holder: str, now: int, until: int) -> bool:
    """Take or renew a lease; False where another holds it and it has not run out.

    One that ends later than ours would was taken before the clock went back: it is void, or a dead process
    would hold it for as long as the clock had been ahead.
    """
    row = connection.execute("SELECT holder, until FROM leases WHERE name = ?", (name,)).fetchone()
    if row is not None and row[0] != holder and now < row[1] <= until:
        return False
    connection.execute(
        "INSERT OR REPLACE INTO leases(name, holder, until) VALUES (?, ?, ?)", (name, holder, until)
    )
    return True


def drop_lease(connection: sqlite3.Connection, name: str, holder: str) -> None:
    connection.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))


def cursor(connection: sqlite3.Connection, name: str) -> int:
    """How far a reader has come; 0 at first."""
    row = connection.execute("SELECT seq FROM cursors WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def set_cursor(connection: sqlite3.Connection, name: str, seq: int) -> None:
    connection.execute("INSERT OR REPLACE INTO cursors(name, seq) VALUES (?, ?)", (name, seq))


def control(connection: sqlite3.Connection, key: str) -> str:
    """A control that one process sets for another (e.g. the replay's speed); empty where not set."""
    row = connection.execute("SELECT value FROM control WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def controls(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT key, value FROM control"))


def set_control(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO control(key, value) VALUES (?, ?)", (key, value))


def report_fault(connection: sqlite3.Connection, key: str, kind: str, text: str, now: int) -> None:
    """Note that something is not well; the same key again counts and says the last text."""
    connection.execute(
        "INSERT INTO health(key, kind, text, first_at, last_at, n, cleared) VALUES (?,?,?,?,?,1,0)"
        " ON CONFLICT(key) DO UPDATE SET text = excluded.text, last_at = excluded.last_at, n = n + 1,"
        " cleared = 0",
        (key, kind, text, now, now),
    )


def clear_fault(connection: sqlite3.Connection, key: str, now: int) -> None:
    connection.execute("UPDATE health SET cleared = ? WHERE key = ? AND cleared = 0", (now, key))


def tell_faults(connection: sqlite3.Connection, worker: str, told: Mapping[str, str], now: int) -> None:
    """What is not well with a worker now (key -> text). What it tells no more has ended, and so has what
    workers told that beat no more."""
    prefix = f"{WORKERS}{worker}:"
    mine = {f"{prefix}{key}"[:600]: text for key, text in told.items()}
    beating = {beat.worker for beat in heartbeats(connection)} | {worker}
    for key in faults_under(connection, WORKERS):
        of = key.removeprefix(WORKERS).partition(":")[0]
        if of not in beating or (of == worker and key not in mine):
            clear_fault(connection, key, now)
    for key, text in mine.items():
        report_fault(connection, key, "partition", text, now)
    if mine:
        trim_faults(connection, (WORKERS,), MOST)


def tell_happened(connection: sqlite3.Connection, text: str, now: int, mended: bool = False) -> None:
    """Something happened to a topic. mended: it is right again: remembered, but nobody need see it."""
    kind = MENDED if mended else "topic"
    key = f"{kind}:{text}"[:300]
    report_fault(connection, key, kind, text, now)
    if mended:
        clear_fault(connection, key, now)
    trim_faults(connection, (f"{kind}:",), MOST)


def dismiss(connection: sqlite3.Connection, keys: Sequence[str], now: int) -> list[str]:
    """End what happened and was seen; return the keys that there were. Faults end with their cause alone."""
    waiting = {fault.key for fault in faults(connection) if fault.happened}
    gone = [key for key in keys if key in waiting]
    for key in gone:
        clear_fault(connection, key, now)
    return gone


def faults_under(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """The keys, beginning so, of what is not well now."""
    rows = connection.execute(
        "SELECT key FROM health WHERE key >= ?1 AND key < ?1 || char(1114111) AND cleared = 0", (prefix,)
    )
    return [row[0] for row in rows]


def trim_faults(connection: sqlite3.Connection, prefixes: tuple[str, ...], most: int) -> None:
    """Of the faults whose keys begin so, keep so many: those of now first, then the latest. For keys that
    somebody else chooses."""
    for prefix in prefixes:
        connection.execute(
            "DELETE FROM health WHERE key IN (SELECT key FROM health WHERE key >= ?1"
            " AND key < ?1 || char(1114111) ORDER BY cleared = 0 DESC, last_at DESC, key LIMIT -1 OFFSET ?2)",
            (prefix, most),
        )


def faults(connection: sqlite3.Connection, cleared: bool = False) -> list[Fault]:
    """What is not well now (or was, too), the latest first; what happened comes after what still is so."""
    rows = connection.execute(
        "SELECT key, kind, text, first_at, last_at, n, cleared, rowid FROM health WHERE ? OR cleared = 0"
        " ORDER BY last_at DESC, key",
        (cleared,),
    )
    return sorted((Fault(*row) for row in rows), key=lambda fault: (bool(fault.cleared), fault.happened))


def note(connection: sqlite3.Connection, key: str) -> str:
    """Something a process noted for its successors; empty where it did not."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def set_note(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)", (key, value))
