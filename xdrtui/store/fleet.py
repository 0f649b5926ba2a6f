"""How far each partition that a fleet reads has been counted, and what of a second count is new.

Workers count what they read in pieces, from one offset to another. After a crash or a rebalance a range comes
twice, cut elsewhere. A reader always begins where an offset was committed, which is where an earlier piece
ended; so among the last pieces there is one that ends where the new one starts, and the overlap can be taken
off exactly. What begins where no known piece ends and reaches beyond all of them is left out whole, and the
next one goes on from its own start. `take` is pure; the rest runs inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from xdrtui.events.message import Source
from xdrtui.store import presence, rules, workers
from xdrtui.store.batch import Mark, RuleRow

KEPT = 16
"""Pieces that are remembered of each partition."""

MOST_RULES, MOST_RULE_BYTES = 20_000, 256 << 20
"""Versions of rules that a findings topic may tell of, and their texts altogether: whoever may write there
must not fill the disk."""

RULES, RULE_BYTES = "fleet.rules", "fleet.rules.bytes"
"""Cursors: how many and how large those are that were kept so far."""

Presence = dict[tuple[str, str], dict[str, int]]


class Tally(msgspec.Struct):
    """What was counted. counts: name -> how many; presence: as in `store.batch.BatchResult`."""

    counts: dict[str, int] = msgspec.field(default_factory=dict)
    presence: Presence = msgspec.field(default_factory=dict)

    def add(self, other: Tally, times: int = 1) -> None:
        """Add another one in place; take it off with times = -1."""
        for name, n in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + times * n
        for key, fields in other.presence.items():
            mine = self.presence.setdefault(key, {})
            for field, n in fields.items():
                mine[field] = mine.get(field, 0) + times * n

    def less(self, others: Sequence[Tally]) -> Tally:
        """What is left without these, never less than nothing."""
        left = Tally(dict(self.counts), {key: dict(fields) for key, fields in self.presence.items()})
        for other in others:
            left.add(other, -1)
        return Tally(
            {name: max(0, n) for name, n in left.counts.items()},
            {key: {field: max(0, n) for field, n in fields.items()} for key, fields in left.presence.items()},
        )


class Piece(msgspec.Struct):
    """What was counted from one offset up to another."""

    start: int
    end: int
    tally: Tally


def take(pieces: Sequence[Piece], new: Piece) -> tuple[Tally | None, list[Piece]]:
    """What of a new piece was not counted yet (None: nothing), and the pieces known then.

    pieces: in order, each beginning where the one before ends.
    """
    known = list(pieces)
    head = known[-1].end if known else new.start
    if new.start >= head:
        if new.start > head:
            known.append(Piece(head, new.start, Tally()))
        if new.end > new.start:
            known.append(new)
        return new.tally, known[-KEPT:]
    first = next((at for at, piece in enumerate(known) if piece.start == new.start), None)
    if first is None:
        return None, known
    if new.end > head:
        rest = new.tally.less([piece.tally for piece in known[first:]])
        return rest, [*known, Piece(head, new.end, rest)][-KEPT:]
    for at in range(first, len(known)):
        piece = known[at]
        if piece.start < new.end < piece.end:
            left = new.tally.less([each.tally for each in known[first:at]])
            right = piece.tally.less([left])
            known[at : at + 1] = [Piece(piece.start, new.end, left), Piece(new.end, piece.end, right)]
            break
    return None, known[-KEPT:]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[dict[str, int], list[tuple[str, str, dict[str, int]]]])


def read_pieces(connection: sqlite3.Connection, source: str, partition: int) -> list[Piece]:
    """What is remembered of a partition."""
    found = []
    for start, end, body in connection.execute(
        'SELECT start, "end", tally FROM fleet_pieces WHERE source = ? AND partition = ? ORDER BY start',
        (source, partition),
    ):
        counts, seen = _decoder.decode(body)
        found.append(Piece(start, end, Tally(counts, {(kind, host): fields for kind, host, fields in seen})))
    return found


def write_pieces(
    connection: sqlite3.Connection, source: str, partition: int, pieces: Sequence[Piece]
) -> None:
    """Remember these and no others."""
    connection.execute("DELETE FROM fleet_pieces WHERE source = ? AND partition = ?", (source, partition))
    connection.executemany(
        'INSERT INTO fleet_pieces(source, partition, start, "end", tally) VALUES (?,?,?,?,?)',
        [
            (
                source,
                partition,
                piece.start,
                piece.end,
                _encode((piece.tally.counts, [(*key, each) for key, each in piece.tally.presence.items()])),
            )
            for piece in pieces
        ],
    )


def count(connection: sqlite3.Connection, tally: Tally, time: int) -> None:
    """Add what is new to the store's counts. time: the latest event time of the piece."""
    connection.executemany(
        "INSERT INTO counts(name, n) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET n = n + excluded.n",
        [(name, n) for name, n in tally.counts.items() if n],
    )
    presence.write(connection, tally.presence, time)


def marks(connection: sqlite3.Connection, apart: str) -> dict[tuple[str, int], Mark]:
    """How far each partition is known, but for the source `apart`; next_offset -1 where nothing was read."""
    return {
        (row[0], row[1]): Mark(row[0], row[1], row[2], b"", row[3], row[2], row[4], bool(row[5]))
        for row in connection.execute(
            "SELECT source, partition, next_offset, watermark, generation, idle FROM positions"
            " WHERE source <> ?",
            (apart,),
        )
    }


def write_marks(connection: sqlite3.Connection, changed: Mapping[tuple[str, int], Mark], now: int) -> None:
    connection.executemany(
        "INSERT INTO positions(source, partition, next_offset, anchor, watermark, generation, idle, updated)"
        " VALUES (?,?,?,x'',?,?,?,?) ON CONFLICT(source, partition) DO UPDATE SET"
        " next_offset = excluded.next_offset, watermark = excluded.watermark, idle = excluded.idle,"
        " updated = excluded.updated",
        [
            (*key, mark.next_offset, mark.watermark, mark.generation, int(mark.idle), now)
            for key, mark in changed.items()
        ],
    )


def ended(connection: sqlite3.Connection) -> set[tuple[str, int]]:
    """Partitions whose recorded data has been read to the end."""
    return {(row[0], row[1]) for row in connection.execute("SELECT source, partition FROM fleet_ended")}


def write_ended(connection: sqlite3.Connection, key: tuple[str, int], is_ended: bool) -> None:
    if is_ended:
        connection.execute("INSERT OR IGNORE INTO fleet_ended(source, partition) VALUES (?, ?)", key)
    else:
        connection.execute("DELETE FROM fleet_ended WHERE source = ? AND partition = ?", key)


def sources(connection: sqlite3.Connection, apart: str) -> dict[str, Source]:
    """Uid -> source, of the topics that were told of; `apart` is the findings topic."""
    query = "SELECT uid, name, kind, layout FROM sources WHERE kind IN ('kafka', 'replay') AND name <> ?"
    return {row[0]: Source(*row) for row in connection.execute(query, (apart,))}


def add_rules(connection: sqlite3.Connection, rows: Iterable[RuleRow], now: int) -> None:
    """Keep these versions of rules, within bounds; what is left out is said once."""
    count, size = workers.cursor(connection, RULES), workers.cursor(connection, RULE_BYTES)
    for row in rows:
        weight = 500 + sum(map(len, map(str, msgspec.structs.astuple(row))))
        if count >= MOST_RULES or size + weight > MOST_RULE_BYTES:
            text = (
                f"The findings topic told of more than {MOST_RULES:,} versions of rules, or more than"
                f" {MOST_RULE_BYTES >> 20} MB of them: new ones are not kept, so alerts may lack the text of"
                " their rule. Who may write to the topic?"
            )
            if workers.cursor(connection, RULES) < MOST_RULES:
                workers.tell_happened(connection, text, now)
            count = MOST_RULES
            break
        before = connection.total_changes
        rules.add(connection, [row], now)
        if connection.total_changes != before:
            count, size = count + 1, size + weight
    workers.set_cursor(connection, RULES, count)
    workers.set_cursor(connection, RULE_BYTES, size)
