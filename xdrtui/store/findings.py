"""Findings and their evidence: written in a batch's transaction, read in commit order.

Everything here runs inside a transaction that the caller has opened. The row number of a finding (`seq`) is
its place in the order of commits; a finding that is already there is not written again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from xdrtui.store.batch import CapturedText, Found
from xdrtui.store.evidence import RAW_LIMIT, Candidate, Key, pick
from xdrtui.store.identity import Group, alert_id, canonical, window_start

CHUNK = 500

_captures = msgspec.json.Decoder(dict[str, CapturedText])
known_alert = lru_cache(maxsize=65_536)(alert_id)


class Stored(NamedTuple):
    """A finding as the store holds it, in the order of its columns."""

    seq: int
    rule: str
    source: str
    partition: int
    offset: int
    idx: int
    alert: str
    time: int
    window_time: int
    quality: int
    ingest: int
    event_type: str
    level: str
    host: str
    user: str
    group: str
    window: int
    entities: str
    captures: str
    summary: str
    event_hash: bytes
    rule_hash: str
    feeds: int
    muted: int

    @property
    def key(self) -> Key:
        return Key(self.window_time, self.event_hash, self.source, self.partition, self.offset, self.idx)

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.key, self.captures, self.seq)

    def captured(self) -> dict[str, CapturedText]:
        return _captures.decode(self.captures)


COLUMNS = (
    "seq, rule, source, partition, offset, idx, alert, time, window_time, quality, ingest, event_type, level,"
    " host, user, grp, window, entities, captures, summary, event_hash, rule_hash, feeds, muted"
)


def as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def row_of(found: Found, seq: int) -> Stored:
    time = found.window_time
    group: Group = tuple((field, value) for field, value in found.group)
    return Stored(
        seq,
        found.rule,
        *found.position,
        known_alert(found.rule, group, window_start(time, found.window)),
        found.time,
        time,
        found.quality,
        found.ingest,
        found.event_type,
        found.level,
        found.host,
        found.user,
        as_json(group),
        found.window,
        as_json(found.entities),
        canonical(found.captures),
        found.summary,
        found.event_hash,
        found.rule_hash,
        int(found.feeds or found.muted),
        int(found.muted),
    )


def insert(connection: sqlite3.Connection, found: Sequence[Found], after: int) -> list[Stored]:
    """Write findings that are not there yet, numbered from `after` + 1 on, and return them.

    Cost: one executemany a batch; a look-up more only where a finding came twice (benchmark: queue.py).
    """
    rows = [row_of(one, seq) for seq, one in enumerate(found, after + 1)]
    before = connection.total_changes
    marks = ",".join("?" * len(Stored._fields))
    connection.executemany(f"INSERT OR IGNORE INTO findings({COLUMNS}) VALUES ({marks})", rows)  # noqa: S608
    if connection.total_changes - before == len(rows):
        return rows
    there = {seq for (seq,) in connection.execute("SELECT seq FROM findings WHERE seq > ?", (after,))}
    return [row for row in rows if row.seq in there]


def insert_evidence(
    connection: sqlite3.Connection, found: Sequence[Found], stored: Sequence[Stored], after: int
) -> None:
    """Keep the raw events that may be pinned: per alert what this batch alone would pin, and all that a
    correlation counts. The correlator drops what later batches push out."""
    by_alert: dict[str, list[Candidate]] = defaultdict(list)
    keep: set[int] = set()
    for row in stored:
        if row.feeds:
            keep.add(row.seq)
        if not row.muted:
            by_alert[row.alert].append(row.candidate)
    for candidates in by_alert.values():
        keep.update(candidate.handle for candidate in pick(candidates))
    rows = []
    for seq in sorted(keep):
        one = found[seq - after - 1]
        if one.raw_size < 0:
            continue
        cut = len(one.raw) > RAW_LIMIT
        digest = hashlib.sha256(one.raw).hexdigest() if cut else one.raw_hash
        size = one.raw_size or len(one.raw)
        rows.append((seq, one.raw[:RAW_LIMIT], size, digest, as_json(one.matched), one.rule_hash))
    connection.executemany(
        "INSERT INTO evidence(finding, raw, size, raw_hash, matched, rule_hash) VALUES (?,?,?,?,?,?)", rows
    )


def read_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[Stored]:
    """Findings in commit order."""
    return [
        Stored(*row)
        for row in connection.execute(
            f"SELECT {COLUMNS} FROM findings WHERE seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (seq, limit),
        )
    ]


def read_feeding(
    connection: sqlite3.Connection, rules: Iterable[str], since: int, until: int
) -> Iterator[Stored]:
    """Findings of these rules whose time is `since` (nanoseconds) or later and that are numbered up to
    `until`, by time and position."""
    wanted = msgspec.json.encode(sorted(rules)).decode()  # no temporary table: readers may not write
    for row in connection.execute(
        f"SELECT {COLUMNS} FROM findings WHERE rule IN (SELECT value FROM json_each(?)) AND window_time >= ?"  # noqa: S608
        " AND seq <= ? ORDER BY window_time, source, partition, offset, idx, rule",
        (wanted, since, until),
    ):
        yield Stored(*row)


def read_feeding_between(
    connection: sqlite3.Connection, rules: Iterable[str], after: int, until: int
) -> Iterator[Stored]:
    """Findings of these rules numbered above `after`, up to `until`, in commit order."""
    wanted = msgspec.json.encode(sorted(rules)).decode()
    for row in connection.execute(
        f"SELECT {COLUMNS} FROM findings WHERE seq > ? AND seq <= ?"  # noqa: S608
        " AND rule IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (after, until, wanted),
    ):
        yield Stored(*row)


def first_feeding(connection: sqlite3.Connection, rules: Iterable[str], since: int) -> int | None:
    """The number of the first finding of these rules whose time is `since` (nanoseconds) or later."""
    wanted = msgspec.json.encode(sorted(rules)).decode()
    row = connection.execute(
        "SELECT min(seq) FROM findings INDEXED BY idx_findings_rule_window_time"
        " WHERE rule IN (SELECT value FROM json_each(?)) AND window_time >= ?",
        (wanted, since),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def read_many(connection: sqlite3.Connection, seqs: Iterable[int]) -> dict[int, Stored]:
    """Findings by their numbers."""
    found: dict[int, Stored] = {}
    wanted = list(seqs)
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        marks = ",".join("?" * len(part))
        for row in connection.execute(f"SELECT {COLUMNS} FROM findings WHERE seq IN ({marks})", part):  # noqa: S608
            found[row[0]] = Stored(*row)
    return found
