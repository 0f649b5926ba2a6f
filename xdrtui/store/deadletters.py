"""Dead letters as rows: written in a batch's transaction, listed, taken back when they can be read at last.

A dead letter has a number for people; what it is is its position. One that is to go to a topic of its own
gets a row in the outbox in the same transaction: it is sent at least once, under a key that never changes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.store import workers
from xdrtui.store.chunks import chunks

LIMIT = 64 * 1024
"""Bytes of a payload that are kept."""

MOST_BYTES = 256 << 20
"""Payloads that are kept altogether. Beyond, a dead letter keeps its reason, place and size alone: whoever
writes to a topic must not fill the disk. `retry` reads it again where it came from."""

KEPT = "deadletters.bytes"
FULL = "dead letters"
"""The bytes kept so far, and the fault that says there is no more room."""

OUTBOX = "dead-letter"
"""Kind of the outbox rows."""


class DeadRow(msgspec.Struct, frozen=True):
    """A dead letter as the store holds it. number: for people, rising with the time of storing; source: where
    it came from (its name is a path or a topic)."""

    number: int
    letter: DeadLetter
    source: Source

    @property
    def cut(self) -> bool:
        """The store has not all of it."""
        return self.letter.size > len(self.letter.payload)


class Outgoing(msgspec.Struct, frozen=True):
    """A dead letter on its way to a topic. id: of the outbox row; key: never changes for this dead letter;
    to: the topic."""

    id: int
    key: str
    to: str
    row: DeadRow


def insert(connection: sqlite3.Connection, dead: Sequence[DeadLetter], forward: str, now: int) -> int:
    """Write dead letters that are not there yet; return how many were new. forward: topic that they are to be
    sent to, empty for none; now: nanoseconds. Runs inside the caller's transaction."""
    payloads = _within_bounds(connection, dead, now)
    before = connection.total_changes
    connection.executemany(
        "INSERT OR IGNORE INTO dead_letters(source, partition, offset, idx, reason, payload, size, ingest)"
        " VALUES (?,?,?,?,?,?,?,?)",
        [
            (*letter.position, letter.reason, payload, letter.size, letter.ingest)
            for letter, payload in zip(dead, payloads, strict=True)
        ],
    )
    new = connection.total_changes - before
    if new != len(dead):
        workers.set_cursor(connection, KEPT, _kept(connection))
    if forward:
        connection.executemany(
            "INSERT OR IGNORE INTO outbox(key, kind, alert, body, created, sent, attempts, fault)"
            " VALUES (?1, ?2, '', json_object('to', ?3, 'source', ?5, 'partition', ?6, 'offset', ?7,"
            " 'idx', ?8), ?4, 0, 0, '')",
            [(key_of(each.position), OUTBOX, forward, now, *each.position) for each in dead],
        )
    return new


def _within_bounds(connection: sqlite3.Connection, dead: Sequence[DeadLetter], now: int) -> list[bytes]:
    """What is kept of each payload."""
    if not dead:
        return []
    kept, payloads = workers.cursor(connection, KEPT) or _kept(connection), []
    for letter in dead:
        payload = letter.payload[:LIMIT]
        if kept + len(payload) > MOST_BYTES:
            payload = b""
        kept += len(payload)
        payloads.append(payload)
    workers.set_cursor(connection, KEPT, kept)
    if not all(payload or not letter.payload for payload, letter in zip(payloads, dead, strict=True)):
        text = (
            f"dead letters hold {MOST_BYTES >> 20} MB: of new ones only place and reason are kept;"
            " see `xdrtui deadletters list`"
        )
        workers.report_fault(connection, FULL, "deadletters", text, now)
    return payloads


def _kept(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(sum(length(payload)), 0) FROM dead_letters").fetchone()[0])


def key_of(position: Position) -> str:
    """The key that a dead letter bears wherever it goes."""
    text = "\0".join(map(str, position))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def take_back(connection: sqlite3.Connection, positions: Iterable[Position]) -> int:
    """Delete these dead letters, since they have become events; return how many there were. Runs inside the
    caller's transaction."""
    gone = list(positions)
    size = sum(
        int(row[0])
        for each in gone
        for row in connection.execute(
            "SELECT length(payload) FROM dead_letters"
            " WHERE source = ? AND partition = ? AND offset = ? AND idx = ?",
            each,
        )
    )
    before = connection.total_changes
    connection.executemany(
        "DELETE FROM dead_letters WHERE source = ? AND partition = ? AND offset = ? AND idx = ?", gone
    )
    deleted = connection.total_changes - before
    workers.set_cursor(connection, KEPT, max(0, workers.cursor(connection, KEPT) - size))
    unsent = [(key_of(each),) for each in gone]
    connection.executemany("DELETE FROM outbox WHERE key = ? AND sent = 0", unsent)
    return deleted


COLUMNS = (
    "d.rowid, d.source, d.partition, d.offset, d.idx, d.reason, d.payload, d.size, d.ingest,"
    " coalesce(s.name, ''), coalesce(s.kind, ''), coalesce(s.layout, '')"
)
TABLES = "dead_letters d LEFT JOIN sources s ON s.uid = d.source"


def read(
    connection: sqlite3.Connection, *, source: str = "", reason: str = "", limit: int = 100, offset: int = 0
) -> list[DeadRow]:
    """Dead letters, the newest first. source, reason: parts of the source's name and of the reason."""
    return [
        _row(row)
        for row in connection.execute(
            f"SELECT {COLUMNS} FROM {TABLES} WHERE {WANTED} ORDER BY d.rowid DESC LIMIT ? OFFSET ?",  # noqa: S608
            (source, reason, limit, offset),
        )
    ]


WANTED = "instr(coalesce(s.name, ''), ?) AND instr(lower(d.reason), lower(?))"


def count(connection: sqlite3.Connection, *, source: str = "", reason: str = "") -> int:
    """How many there are of these."""
    query = f"SELECT count(*) FROM {TABLES} WHERE {WANTED}"  # noqa: S608 - no value in it
    return int(connection.execute(query, (source, reason)).fetchone()[0])


def oldest_first(
    connection: sqlite3.Connection, *, source: str = "", reason: str = "", step: int = 200
) -> Iterator[DeadRow]:
    """All of these that are there now, a few at a time, so that they may be taken back meanwhile."""
    (last,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM dead_letters").fetchone()
    after = 0
    while rows := connection.execute(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE {WANTED} AND d.rowid > ? AND d.rowid <= ?"  # noqa: S608
        " ORDER BY d.rowid LIMIT ?",
        (source, reason, after, last, step),
    ).fetchall():
        after = rows[-1][0]
        yield from map(_row, rows)


def by_number(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[DeadRow]:
    """Those of them that are there, by number."""
    found: list[DeadRow] = []
    for marks, part in chunks(numbers):
        rows = connection.execute(f"SELECT {COLUMNS} FROM {TABLES} WHERE d.rowid IN ({marks})", part)  # noqa: S608
        found += map(_row, rows)
    return sorted(found, key=lambda row: row.number)


def discardable(
    connection: sqlite3.Connection,
    *,
    numbers: Sequence[int] | None = None,
    source: str = "",
    reason: str = "",
    before: int | None = None,
) -> tuple[list[tuple[int, int]], int]:
    """Dead letters of which a payload is kept, as (number, its bytes), and how many more there are that wait
    to be sent to their topic and must keep it until then. numbers: only these; before: that came in earlier,
    nanoseconds."""
    unsent = {
        row[0] for row in connection.execute("SELECT key FROM outbox WHERE kind = ? AND sent = 0", (OUTBOX,))
    }
    chosen = None if numbers is None else set(numbers)
    found, waiting = [], 0
    for number, size, *position in connection.execute(
        "SELECT d.rowid, length(d.payload), d.source, d.partition, d.offset, d.idx"  # noqa: S608
        f" FROM {TABLES} WHERE {WANTED} AND length(d.payload) > 0 AND (? IS NULL OR d.ingest < ?)"
        " ORDER BY d.rowid",
        (source, reason, before, before),
    ):
        if chosen is not None and number not in chosen:
            continue
        if unsent and key_of(Position(*position)) in unsent:
            waiting += 1
        else:
            found.append((number, size))
    return found, waiting


def discard(connection: sqlite3.Connection, numbers: Sequence[int]) -> tuple[int, int]:
    """Keep of these dead letters their reason, place and size alone; return how many had a payload, and its
    bytes. Runs inside the caller's transaction."""
    found, _ = discardable(connection, numbers=numbers)
    connection.executemany(
        "UPDATE dead_letters SET payload = x'' WHERE rowid = ?", [(number,) for number, _ in found]
    )
    size = sum(each for _, each in found)
    workers.set_cursor(connection, KEPT, max(0, workers.cursor(connection, KEPT) - size))
    return len(found), size


def _row(row: Sequence[object]) -> DeadRow:
    number, uid, partition, offset, index, reason, payload, size, ingest, *source = row
    position = Position(uid, partition, offset, index)  # type: ignore[arg-type]
    letter = DeadLetter(position, reason, payload, size, ingest)  # type: ignore[arg-type]
    return DeadRow(number, letter, Source(uid, *source))  # type: ignore[arg-type]


# --- on their way out


def outgoing(connection: sqlite3.Connection, limit: int = 500) -> list[Outgoing]:
    """What is to be sent, the oldest first."""
    return [
        Outgoing(identity, key, to, _row(row))
        for identity, key, to, *row in connection.execute(
            f"SELECT o.id, o.key, o.body ->> 'to', {COLUMNS} FROM outbox o"  # noqa: S608
            " JOIN dead_letters d ON d.source = o.body ->> 'source' AND d.partition = o.body ->> 'partition'"
            " AND d.offset = o.body ->> 'offset' AND d.idx = o.body ->> 'idx'"
            " LEFT JOIN sources s ON s.uid = d.source WHERE o.kind = ? AND o.sent = 0 ORDER BY o.id LIMIT ?",
            (OUTBOX, limit),
        )
    ]


def mark_sent(connection: sqlite3.Connection, ids: Iterable[int], now: int) -> None:
    """These arrived. Runs inside the caller's transaction."""
    connection.executemany(
        "UPDATE outbox SET sent = ?, attempts = attempts + 1, fault = '' WHERE id = ?",
        [(now, identity) for identity in ids],
    )


def mark_failed(connection: sqlite3.Connection, ids: Iterable[int], fault: str) -> None:
    """These did not; they are tried again. Runs inside the caller's transaction."""
    connection.executemany(
        "UPDATE outbox SET attempts = attempts + 1, fault = ? WHERE id = ?",
        [(fault[:500], identity) for identity in ids],
    )
