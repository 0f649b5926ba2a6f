"""The store of one workspace: what workers commit, and where they stand.

A batch is committed in ONE transaction: findings, evidence, dead letters, positions and counts, or nothing.
What people do is in `ledger`, alerts are in `alerts`, who is at work in `workers`; all share the connection.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from xdrtui.errors import ActionRefused, Fenced, StoreError
from xdrtui.events.message import DeadLetter, Source
from xdrtui.points import reach
from xdrtui.store import clean, connect, deadletters, findings, place, presence, rules, steps
from xdrtui.store.archive import catalogue
from xdrtui.store.batch import BatchResult, Mark, RuleRow
from xdrtui.store.presence import Sightings
from xdrtui.store.steps import Step


class Committed(NamedTuple):
    """What a batch changed: how many findings and dead letters were new (the others were there already)."""

    findings: int
    dead: int


class Store:
    """One connection to a store. Not for use by two threads at once; open another one instead."""

    def __init__(
        self, connection: sqlite3.Connection, directory: Path, readonly: bool, clock: Callable[[], int]
    ) -> None:
        self.connection = connection
        self.directory = directory
        self.readonly = readonly
        self.clock = clock
        self._known_sources: set[str] = set()
        self._path = directory / place.DATABASE
        self._file = place.identity(self._path)

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        readonly: bool = False,
        durable: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> Store:
        """Open the store in this directory; made, or upgraded after a backup, unless readonly.

        durable: every commit survives a power cut (people's actions); else the last batches are read again.
        clock: wall clock in nanoseconds, for leases, heartbeats and notes of when; never for detection.
        """
        connection, resolved = connect.open_database(Path(directory), readonly=readonly, durable=durable)
        return cls(connection, resolved, readonly, clock)

    def close(self) -> None:
        """Close the connection, leaving statistics for the query planner."""
        if not self.readonly:
            try:
                self.connection.execute("PRAGMA analysis_limit = 1000")
                self.connection.execute("PRAGMA optimize")
            except sqlite3.OperationalError:
                pass  # another process writes; it will do the same when it closes
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """A write transaction on this store; see `connect.transaction` for what it raises. StoreError where
        its file is no longer there: SQLite would write into a file without a name, and nothing would be kept.
        durable: it survives a power cut, whatever the connection is.
        """
        self._require_file()  # 2 us
        return (connect.durable_transaction if durable else connect.transaction)(self.connection)

    def _require_file(self) -> None:
        if place.identity(self._path) != self._file:
            raise StoreError(
                "End every xdrtui here and start again, nothing more is kept: the database was deleted,"
                f" moved or replaced while it was open ({self._path})."
            )

    # --- batches

    def commit_batch(
        self,
        result: BatchResult,
        also: Callable[[sqlite3.Connection], None] | None = None,
        *,
        step: bool = True,
    ) -> Committed:
        """Write all that a batch brought, in one transaction, with what `also` writes in it. step:
        correlations may decide here; else where `note_step` is called.

        Raises Fenced where a mark's `start` is not the stored position (the batch must be dropped),
        StoreBusy, StoreError. Findings and dead letters that are there already change nothing; a batch that
        brings no position forward (read a second time) is not counted again.
        """
        try:
            return self._commit(result, also, step)
        except (UnicodeEncodeError, OverflowError):  # unpaired surrogates, numbers past 64 bits: mend, once
            return self._commit(clean.storable(result), also, step)

    def _commit(
        self, result: BatchResult, also: Callable[[sqlite3.Connection], None] | None, step: bool
    ) -> Committed:
        connection = self.connection
        reach("batch.before")
        with self.transaction():
            if result.appended is not None:
                catalogue.check(connection, result.appended)
            advanced = self._move(result.marks) or not result.marks
            self._add_sources(result.sources)
            reach("insert.positions")
            last = self._last_finding()
            stored = findings.insert(connection, result.found, last)
            reach("insert.findings")
            findings.insert_evidence(connection, result.found, stored, last)
            reach("insert.evidence")
            dead = deadletters.insert(connection, result.dead, result.forward, self.clock())
            if deadletters.take_back(connection, result.revived) < len(result.revived):
                raise ActionRefused("A dead letter of these is no longer there: somebody retried it.")
            reach("insert.dead")
            if result.appended is not None:
                catalogue.note(connection, result.appended, self.clock())
                reach("insert.archive")
            if advanced:
                self._count(result)
            if also is not None:
                also(connection)
            reach("insert.counts")
            if step:
                self.note_step()
                reach("insert.step")
            reach("commit.before")
        reach("commit.after")
        self._known_sources.update(source.uid for source in result.sources)
        return Committed(len(stored), dead)

    def _move(self, marks: Iterable[Mark]) -> bool:
        """Check every mark against what is stored, then move the positions on; True if one moved."""
        moved = False
        for mark in marks:
            row = self.connection.execute(
                "SELECT next_offset, generation, watermark FROM positions WHERE source = ? AND partition = ?",
                (mark.source, mark.partition),
            ).fetchone()
            offset, generation, watermark = row or (-1, mark.generation, mark.watermark)
            renewed = mark.generation > generation
            stands = offset == -1 or renewed or mark.start in (-1, offset)
            if mark.generation < generation or not stands:
                raise Fenced(
                    f"Partition {mark.partition} of {mark.source} stands at {offset}, not at {mark.start}:"
                    " another worker has moved it on, so this batch is dropped."
                )
            if row is None and mark.generation:
                self._retire(mark)
            moved = moved or renewed or mark.next_offset > offset
            ahead = renewed or mark.next_offset >= offset
            self.connection.execute(
                "INSERT INTO positions(source, partition, next_offset, anchor, watermark, generation, idle,"
                " updated) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT(source, partition) DO UPDATE SET"
                " next_offset = excluded.next_offset, anchor = excluded.anchor,"
                " watermark = excluded.watermark, generation = excluded.generation, idle = excluded.idle,"
                " updated = excluded.updated WHERE ?",
                (
                    mark.source,
                    mark.partition,
                    mark.next_offset,
                    mark.anchor,
                    max(mark.watermark, watermark),
                    mark.generation,
                    int(mark.idle),
                    self.clock(),
                    ahead,
                ),
            )
        return moved

    def _retire(self, mark: Mark) -> None:
        """The topic's earlier generations bring nothing any more, so they hold no window open. Was one the
        same topic all the same, its next batch says so."""
        topic = mark.source.rpartition(":")[0] + ":"
        self.connection.execute(
            "UPDATE positions SET idle = 1 WHERE generation < ? AND substr(source, 1, ?) = ?",
            (mark.generation, len(topic), topic),
        )

    def _add_sources(self, sources: Iterable[Source]) -> None:
        for source in sources:
            if source.uid not in self._known_sources:
                self.connection.execute(
                    "INSERT INTO sources(uid, name, kind, layout, first_seen) VALUES (?,?,?,?,?)"
                    " ON CONFLICT(uid) DO UPDATE SET name = excluded.name, layout = excluded.layout",
                    (source.uid, source.name, source.kind, source.layout, self.clock()),
                )

    def _last_finding(self) -> int:
        row = self.connection.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM findings), 0),"
            " coalesce((SELECT seq FROM cursors WHERE name = 'correlator'), 0))"
        ).fetchone()
        return int(row[0])

    def _count(self, result: BatchResult) -> None:
        self.connection.executemany(
            "INSERT INTO counts(name, n) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET n = n + excluded.n",
            [(name, n) for name, n in result.counts.items() if n],
        )
        latest = max((mark.watermark for mark in result.marks), default=0)
        presence.write(self.connection, result.presence, latest)

    # --- where it stands

    def positions(self, source: str) -> dict[int, Mark]:
        """How far each partition of this source has been read; `start` is where the next batch begins."""
        return {
            row[0]: Mark(source, row[0], row[1], row[2], row[3], row[1], row[4], bool(row[5]))
            for row in self.connection.execute(
                "SELECT partition, next_offset, anchor, watermark, generation, idle FROM positions"
                " WHERE source = ?",
                (source,),
            )
        }

    def set_idle(self, source: str, partition: int, idle: bool = True) -> None:
        """Say that a partition has (no) more for now: an idle one holds no window open."""
        with self.transaction():
            self.connection.execute(
                "UPDATE positions SET idle = ? WHERE source = ? AND partition = ?",
                (int(idle), source, partition),
            )
            self.note_step()

    def note_step(self) -> None:
        """Inside a transaction: correlations may decide here what the watermark has passed; see `steps`."""
        watermark = self.watermark()
        if watermark is not None:
            steps.note(self.connection, Step(self._last_finding(), watermark))

    def watermark(self) -> int | None:
        """The smallest mark of the partitions that are not idle, or the largest where all are; None: none."""
        row = self.connection.execute(
            "SELECT coalesce(min(CASE WHEN NOT idle THEN watermark END), max(watermark)) FROM positions"
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def counts(self) -> dict[str, int]:
        """How many messages, events, dead letters ... have come in, by name."""
        return dict(self.connection.execute("SELECT name, n FROM counts"))

    def presence(self) -> dict[tuple[str, str], dict[str, int]]:
        """(event type, host) -> field -> in how many events it was present; "" counts the events."""
        seen = presence.read(self.connection)
        return {key: {field: one.n for field, one in fields.items()} for key, fields in seen.items()}

    def sightings(self) -> Sightings:
        """The same with when each field was there last: see `presence.Sighting`."""
        return presence.read(self.connection)

    def sources(self) -> dict[str, Source]:
        """Every source ever read, by uid."""
        rows = self.connection.execute("SELECT uid, name, kind, layout FROM sources")
        return {row[0]: Source(*row) for row in rows}

    def dead_letters(self, limit: int = 100, offset: int = 0) -> list[DeadLetter]:
        """Dead letters, the newest first."""
        return [row.letter for row in deadletters.read(self.connection, limit=limit, offset=offset)]

    def data_version(self) -> int:
        """A number that changes when another connection has committed. StoreError: see `transaction`."""
        self._require_file()
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    # --- rules

    def set_rules(self, rows: Iterable[RuleRow]) -> None:
        """Say which rules are in force now; earlier versions stay, for the alerts they made."""
        with self.transaction():
            rules.write(self.connection, rows, self.clock())
            reach("rules.before")
        reach("rules.after")

    def rule(self, rule: str, version: str = "") -> RuleRow | None:
        """This version of a rule, or the one in force where that one is not known."""
        return rules.read(self.connection, rule, version)
