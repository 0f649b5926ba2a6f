"""A workbench's end of a fleet: the findings topic, folded into the workspace's store and there into alerts.

In: what a source fetched of that topic. Out: per step one transaction: findings, dead letters, counts and the
place in the topic. What comes of it is a function of the topic's records in their order: no clock is read and
it does not matter how many records come at once, since correlations decide only at places that the records
themselves settle (where the watermark passes a minute). So two workbenches end equal, whenever they read.
What cannot be understood in the topic is a dead letter; nothing in it can touch what people do.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from xdrtui.errors import StoreBusy, StoreError
from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.pipeline.blindness import Blindness
from xdrtui.pipeline.committer import PAUSE
from xdrtui.pipeline.correlator import LATENESS, Correlator, fingerprint
from xdrtui.pipeline.fleet_health import Versions, tell_own, write_beat, write_notices
from xdrtui.pipeline.fleet_reads import Readers, older
from xdrtui.pipeline.fleet_records import (
    COUNTED,
    Beat,
    Foreign,
    Notice,
    Origin,
    Reading,
    Results,
    RuleText,
    Summary,
    dead_of,
    decode,
    found_of,
    rule_row,
    source_of,
)
from xdrtui.pipeline.gaps import gap, is_gap
from xdrtui.pipeline.gaps import rule_row as gap_rule
from xdrtui.pipeline.mode import become_fleet
from xdrtui.pipeline.positions import latest_positions
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.sink import Totals
from xdrtui.plain import visible
from xdrtui.sources.generation import Stored
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched
from xdrtui.store import fleet, workers
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.deadletters import LIMIT as DEAD_LIMIT
from xdrtui.store.fleet import Piece, Tally
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat

log = logging.getLogger(__name__)

FLEET = "fleet"
"""Note in the store: the fleet that it folds."""

DECIDED = "fleet.decided"
"""Note: the minute up to which correlations have decided; FINISHED when all recorded data had ended."""

FINISHED = "fleet.finished"
SECOND = 1_000_000_000
TICK = 60 * SECOND
AHEAD = 300 * SECOND
"""How far a watermark may be ahead of the broker's clock when it was written."""

MOST_PLACES = 10_000
"""Partitions that are followed: all are looked at with each summary, about 1 ms for so many."""

MOST_FAULTS = 500
"""Of workers, and of topics, that the topic tells of: the rest would grow for ever."""

Place = tuple[str, int]


class Step(msgspec.Struct):
    """What the next transaction will write."""

    result: BatchResult
    at: int = 0
    marks: dict[Place, Mark] = {}
    pieces: dict[Place, list[Piece]] = {}
    tallies: list[tuple[Tally, int]] = []
    rules: list[RuleText] = []
    beats: list[tuple[Beat, int]] = []
    notices: list[tuple[Notice, int]] = []
    ended: dict[Place, bool] = {}
    left: list[tuple[str, int]] = []


class FoldSink:
    """One workbench's fold. Not for use by two threads at once."""

    def __init__(
        self,
        directory: Path,
        topic: str,
        process: Process,
        *,
        clock: Callable[[], int],
        lateness: int = LATENESS,
    ) -> None:
        """Raises StoreError where the workspace belongs to a local worker."""
        self.totals = Totals()
        self.owner = Owner("fleet")
        self.process = process
        self._topic = topic
        self._clock = clock
        self._lateness = lateness
        self._started = clock()
        self.name = f"fold-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self.store = Store.open(directory, clock=clock)
        self._uid = ""
        self._marks: dict[Place, Mark] | None = None
        self._sources: dict[str, Source] = {}
        self._pieces: dict[Place, list[Piece]] = {}
        self._ended: set[Place] = set()
        self._decided = 0
        self._finished = False
        self._step = Step(BatchResult())
        try:
            become_fleet(self.store)
            self._versions = Versions(self.store.connection)
            self.adopt(process)
        except BaseException:
            self.store.close()
            raise

    def close(self) -> None:
        with contextlib.suppress(StoreError), self.store.transaction():  # both run out by themselves
            workers.remove_heartbeat(self.store.connection, self.name)
            workers.drop_lease(self.store.connection, "correlator", self.name)
        self.store.close()

    def adopt(self, process: Process) -> None:
        book = process.rulebook
        self.store.set_rules([*book.rows(), gap_rule()])
        self._correlator = Correlator(
            self.store, book.correlations, muted=book.muted, holder=self.name, lateness=self._lateness
        )
        self._correlations = fingerprint(book.correlations.rules, book.muted, LATENESS)
        self._blindness = Blindness(self.store, book)
        self.process = process

    def stored(self, prefix: str) -> dict[int, Stored]:
        """Where this workbench stands. Raises StoreError where it folds another fleet."""
        name = prefix.removeprefix("kafka:").removesuffix(":")
        connection = self.store.connection
        known = workers.note(connection, FLEET)
        if known and known != name:
            raise StoreError(
                f"this workspace folds the findings of {visible(known)}, not of {visible(name)}:"
                " use another workspace (profile) for another fleet."
            )
        if not known:
            with self.store.transaction():
                workers.set_note(connection, FLEET, name)
        return latest_positions(self.store, prefix)

    # --- batches

    def commit(self, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        try:
            self._begin(batch)
            for fetched in batch:
                self._take(fetched)
        except BaseException:
            self._marks = None  # what is in memory is no longer what is stored
            raise
        return batch

    def _begin(self, batch: Sequence[Fetched]) -> None:
        if self._marks is None or self._uid != batch[0].messages.source.uid:
            self._uid = batch[0].messages.source.uid
            self._load()
        self._decide_what_is_due()

    def _load(self) -> None:
        connection = self.store.connection
        self._marks = fleet.marks(connection, self._uid)
        self._sources = fleet.sources(connection, self._topic)
        self._pieces = {}
        self._ended = fleet.ended(connection)
        self._decided = int(workers.note(connection, DECIDED) or 0)
        self._finished = bool(workers.note(connection, FINISHED))
        self._step = Step(BatchResult())
        self._versions = Versions(connection)
        self._readers = Readers(connection)

    def _take(self, fetched: Fetched) -> None:
        messages = fetched.messages
        start = fetched.start
        self._step.result.dead += fetched.dead
        if is_gap(fetched):  # this workbench alone has missed something
            self._step.result.found.append(gap(fetched, self._clock))
        for row, payload in enumerate(messages.payloads):
            offset = messages.offsets[row]
            at = messages.ingest[row] if messages.ingest else 0
            self._step.at = max(self._step.at, at)
            try:
                self._record(payload, at)
            except Foreign as reason:
                where = Position(self._uid, messages.partition, offset)
                letter = DeadLetter(where, str(reason), payload[:DEAD_LIMIT], len(payload), at)
                self._step.result.dead.append(letter)
                self.totals.dead += 1
            if self._is_due():
                last = row == len(messages) - 1
                end = fetched.next_offset if last else offset + 1
                self._write(fetched, start, end, fetched.anchor if last else b"")
                start = end
                self._decide_what_is_due()
        if start != fetched.next_offset:
            self._write(fetched, start, fetched.next_offset, fetched.anchor)
        self.totals.messages += len(messages)
        self.totals.events += len(messages)
        if messages.ingest:
            self.totals.latest_ingest = max(self.totals.latest_ingest, messages.ingest[-1])

    def _record(self, payload: bytes, at: int) -> None:
        record = decode(payload)
        match record:
            case Results():
                self._know(record.origin)
                self._step.result.found += found_of(record.origin, record.found)
                self._step.result.dead += dead_of(record.origin, record.dead)
            case Summary():
                self._know(record.origin)
                self._summary(record, at)
            case RuleText():
                self._step.rules.append(record)
            case Reading():
                self._reading(record, at)
            case Beat():
                self._readers.ends(record)
                self._step.beats.append((record, at))
            case Notice():
                self._step.notices.append((record, at))

    def _know(self, at: Origin) -> None:
        """Take up a topic's generation. The place in this very topic is ours alone to say; and whoever writes
        there may make names up."""
        if at.topic == self._topic:
            raise Foreign("a malformed record: it tells of the findings topic itself")
        source = source_of(at)
        known = self._sources.get(at.uid)
        if known is None and len(self._sources) >= MOST_PLACES:
            raise Foreign(f"it tells of one topic more than {MOST_PLACES:,}, which a fold follows")
        if known != source:
            self._sources[at.uid] = source
            self._step.result.sources.append(source)

    def _summary(self, record: Summary, at: int) -> None:
        assert self._marks is not None
        where = record.origin
        key = (where.uid, where.partition)
        mark = self._marks.get(key)
        generation = int(where.uid.rpartition(":")[2])
        if mark is None:
            if len(self._marks) >= MOST_PLACES:
                raise Foreign(f"it tells of one partition more than {MOST_PLACES:,}, which a fold follows")
            self._let_go(older(self._marks, where, generation))
            mark = Mark(where.uid, where.partition, -1, b"", 0, -1, generation)
        head = mark.next_offset
        watermark = record.watermark if where.kind == "replay" else min(record.watermark, at + AHEAD)
        if record.end > record.start or head < 0 <= record.end:
            self._count(key, record, watermark)
        idle = mark.idle
        if record.end > head:
            idle = record.idle
            self._set_ended(key, record.ended)
        elif record.end == head and record.end == record.start:
            idle = idle or record.idle
            if record.ended:
                self._set_ended(key, True)
        mark = msgspec.structs.replace(
            mark, next_offset=max(head, record.end), watermark=max(mark.watermark, watermark), idle=idle
        )
        if self._marks.get(key) != mark:
            self._marks[key] = self._step.marks[key] = mark

    def _reading(self, record: Reading, at: int) -> None:
        """Wait no more for partitions that no group reads."""
        unread = self._readers.take(record, at, self._marks or {})
        self._let_go(unread)
        self._step.left += [(topic, at) for topic in sorted({uid.split(":")[2] for (uid, _), _ in unread})]

    def _let_go(self, places: Sequence[tuple[Place, Mark]]) -> None:
        """These hold no window open."""
        assert self._marks is not None
        for key, mark in places:
            self._marks[key] = self._step.marks[key] = msgspec.structs.replace(mark, idle=True)

    def _count(self, key: Place, record: Summary, watermark: int) -> None:
        if key not in self._pieces:
            self._pieces[key] = fleet.read_pieces(self.store.connection, *key)
        presence = {(kind, host): fields for kind, host, fields in record.presence}
        tally = Tally(dict(zip(COUNTED, record.counts, strict=True)), presence)
        new, self._pieces[key] = fleet.take(self._pieces[key], Piece(record.start, record.end, tally))
        self._step.pieces[key] = self._pieces[key]
        if new is not None:
            self._step.tallies.append((new, watermark))

    def _set_ended(self, key: Place, ended: bool) -> None:
        if (key in self._ended) != ended:
            (self._ended.add if ended else self._ended.discard)(key)
            self._step.ended[key] = ended

    def _write(self, fetched: Fetched, start: int, end: int, anchor: bytes) -> None:
        """One transaction up to this offset of the topic."""
        step, self._step = self._step, Step(BatchResult())
        partition = fetched.messages.partition
        own = Mark(self._uid, partition, end, anchor, 0, start, fetched.generation, True)
        step.result.marks = [own]
        step.result.sources.append(Source(self._uid, self._topic, "fleet"))
        done = self.store.commit_batch(step.result, partial(self._also, step=step), step=False)
        self.totals.findings += done.findings

    def _also(self, connection: sqlite3.Connection, step: Step) -> None:
        now = step.at
        if step.rules:
            fleet.add_rules(connection, map(rule_row, step.rules), now)
        for key, pieces in step.pieces.items():
            fleet.write_pieces(connection, *key, pieces)
        for tally, watermark in step.tallies:
            fleet.count(connection, tally, watermark)
        fleet.write_marks(connection, step.marks, now)
        for key, ended in step.ended.items():
            fleet.write_ended(connection, key, ended)
        for beat, at in step.beats:
            self._versions.take(beat, at)
            write_beat(connection, beat, at, self._clock())
            self._versions.write(connection, at)
        write_notices(connection, step.notices)
        self._readers.write(connection, step.left)
        if step.beats or step.notices or step.left:
            workers.trim_faults(connection, ("fleet:", "topic:"), MOST_FAULTS)

    # --- deciding

    def _watermark(self) -> int:
        marks = (self._marks or {}).values()
        active = [mark.watermark for mark in marks if not mark.idle]
        return min(active) if active else max((mark.watermark for mark in marks), default=0)

    def _all_ended(self) -> bool:
        done = all(key in self._ended or mark.idle for key, mark in (self._marks or {}).items())
        return done and bool(self._marks) and bool(self._ended)

    def _is_due(self) -> bool:
        return self._watermark() // TICK > self._decided or self._all_ended() != self._finished

    def _decide_what_is_due(self) -> None:
        """Let correlations decide at this very place of the topic. Raises StoreBusy."""
        watermark = self._watermark() // TICK
        finished = self._all_ended()
        if watermark <= self._decided and finished == self._finished:
            return
        done = self._correlator.finish() if finished else self._correlator.fold(here=True)
        self.totals.alerts += done.opened
        if not done.mine:
            self._marks = None
            raise StoreBusy("Another process folds findings into alerts on this workspace; waiting for it.")
        self._decided, self._finished = max(watermark, self._decided), finished
        with self.store.transaction():
            workers.set_note(self.store.connection, DECIDED, str(self._decided))
            workers.set_note(self.store.connection, FINISHED, "1" if finished else "")

    def flush(self) -> Sequence[Fetched]:
        """Every batch was safe when `commit` returned."""
        return ()

    def fold(self, decide: bool) -> bool:
        """Alerts of single rules grow at once; correlations decide where the topic says so, not here."""
        done = self._correlator.fold(decide=False)
        self.totals.alerts += done.opened
        return done.mine

    def finish(self) -> bool:
        return self.fold(False)

    def idle(self, partitions: Sequence[tuple[str, int]]) -> None:
        """Of the findings topic itself: says nothing of the partitions that workers read."""

    # --- telling

    def is_paused(self) -> bool:
        """Whether people have asked this workbench's fold to pause."""
        return workers.control(self.store.connection, PAUSE) == "1"

    def heartbeat(self, figures: Mapping[str, float], faults: Mapping[str, str]) -> bool:
        connection = self.store.connection
        now = self._clock()
        told = {**figures, "events_per_second": 0.0, "records_per_second": figures["events_per_second"]}
        with self.store.transaction():
            beat = Heartbeat(self.name, "fold", os.getpid(), platform.node(), self._started, now, told)
            workers.write_heartbeat(connection, beat)
            mine = {f"fold:{key}": text for key, text in faults.items()}
            other = self._versions.other_correlations(self._correlations)
            if other:
                mine["fold:correlations"] = other
            tell_own(connection, mine, now)
        self._blindness.watch(now)
        return self.is_paused()

    def note(self, text: str, mended: bool = False) -> None:
        with self.store.transaction():
            workers.tell_happened(self.store.connection, text, self._clock(), mended)
