"""A worker's one thread: batches go through detection into the store, and from there into alerts.

In: what a source fetched. Out: one transaction a batch: findings, dead letters and positions, or nothing. All
calls come from one thread, so that nothing a batch reads of the store changes under it. Reading, waiting and
what people ask of a worker are `worker.py`'s.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from xdrtui.errors import Fenced, StoreBusy, StoreError, StoreFull
from xdrtui.events.decode import Decoded, DecodedFrame
from xdrtui.events.frame import Core
from xdrtui.pipeline.archiving import Archiving, bounds_of
from xdrtui.pipeline.blindness import Blindness
from xdrtui.pipeline.correlator import Correlator
from xdrtui.pipeline.detecting import detect
from xdrtui.pipeline.gaps import rule_row
from xdrtui.pipeline.mode import refuse_fleet
from xdrtui.pipeline.positions import latest_positions
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.pulse import Pulse
from xdrtui.pipeline.sink import Totals
from xdrtui.pipeline.supervise import is_gone
from xdrtui.settings.model import ArchiveSettings
from xdrtui.sources.generation import Stored
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.reads import Reads
from xdrtui.store import deadletters, reading, workers
from xdrtui.store.archive.retention import free_bytes, hold_reserve, release_reserve
from xdrtui.store.batch import BatchResult
from xdrtui.store.deadletters import Outgoing
from xdrtui.store.live import LiveRow, LiveWriter
from xdrtui.store.reading import Unread
from xdrtui.store.store import Committed, Store
from xdrtui.store.workers import Heartbeat

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSE = "worker.pause"
"""Control: workers fetch nothing while it is "1"."""

STORE_ID = "store.id"
DISK = "disk"
"""Key of the fault that the disk is full."""

ARCHIVE = "archive"
"""Key of the fault that events are not archived."""

OUTBOX = "outbox"
"""Lease of the worker that sends dead letters on, and key of the fault that it cannot."""

OUTBOX_LEASE_SECONDS = 10
MOST_WORKERS = 256
_NARROW = 1 << 20
"""Bytes free on a disk that is full."""

_LIVE_ROWS_A_BATCH = 10
"""A busy worker has some five batches a second, a quiet one small ones."""

_LIVE_LARGE = 1 << 20
"""A larger event is shown by its size alone: taken apart whole, it holds twenty times as much memory."""


class Committer:
    """One worker's store, detectors and correlator. Not for use by two threads at once."""

    def __init__(
        self,
        directory: Path,
        process: Process,
        *,
        clock: Callable[[], int],
        archive: ArchiveSettings | None = None,
        dead_letter_topic: str = "",
    ) -> None:
        """archive: keep every event, within these bounds; None: only what findings pin. dead_letter_topic:
        where dead letters of live topics are sent on; empty: nowhere."""
        self.dead_letter_topic = dead_letter_topic
        self.process = process
        self.clock = clock
        self.totals = Totals()
        self.started = clock()
        self.name = f"worker-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self.store = Store.open(directory, clock=clock)
        self._pulse = Pulse(directory, clock)
        self._live: LiveWriter | None = None
        self._archive: Archiving | None = None
        self._frames: list[DecodedFrame] = []
        self._timeouts: dict[str, int] = {}
        self._full = False
        hold_reserve(self.store.directory)
        try:
            refuse_fleet(self.store)
            self.adopt(process)
            self._forget_the_killed()
            if archive is not None and archive.enabled:
                self._archive = Archiving(self.store, bounds_of(archive), clock=clock)
            self._live = LiveWriter(self.store.directory)
            self.owner = Owner("local", self._own_id())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the lease back, take the heartbeat away, close the store."""
        self._pulse.close()
        if self._live is not None:
            self._live.close()
        if self._archive is not None:
            self._archive.close()
        with contextlib.suppress(StoreError), self.store.transaction():  # both run out by themselves
            workers.remove_heartbeat(self.store.connection, self.name)
            workers.tell_faults(self.store.connection, self.name, {}, self.clock())
            for lease in ("correlator", OUTBOX):
                workers.drop_lease(self.store.connection, lease, self.name)
        self.store.close()

    def adopt(self, process: Process) -> None:
        """Work with these rules from the next batch on. Raises StoreBusy; then all is as it was."""
        book = process.rulebook
        self.store.set_rules([*book.rows(), rule_row()])
        self._correlator = Correlator(self.store, book.correlations, muted=book.muted, holder=self.name)
        self._blindness = Blindness(self.store, book)
        process.look = self._look
        self.process = process

    def _forget_the_killed(self) -> None:
        """Workers of this machine that were killed say no goodbye; this one takes over what they did."""
        connection = self.store.connection
        with self.store.transaction():
            for beat in workers.heartbeats(connection):
                if beat.kind == "worker" and is_gone(beat):
                    workers.remove_heartbeat(connection, beat.worker)

    def _own_id(self) -> str:
        """The store's own id, made once: it tells workspaces apart in Kafka's group offsets, so it must be
        on the disk before it stands there."""
        with self.store.transaction(durable=True):
            known = workers.note(self.store.connection, STORE_ID)
            if not known:
                known = uuid.uuid4().hex
                workers.set_note(self.store.connection, STORE_ID, known)
        return known

    # --- batches

    def stored(self, prefix: str) -> dict[int, Stored]:
        """Partition -> where its latest generation stands, of the sources whose uid begins so."""
        return latest_positions(self.store, prefix)

    def commit(self, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        """Detect and store a batch, all or nothing. Raises Fenced, Broken, StoreBusy, StoreError."""
        live = all(fetched.messages.source.kind == "kafka" for fetched in batch)  # a replay tells nobody
        whole = BatchResult(forward=self.dead_letter_topic if live else "")
        self._frames = []
        for fetched in batch:
            _add(whole, detect(self.process, fetched, self.clock))
        committed = self._store_batch(whole)
        self._frames = []
        totals = self.totals
        totals.messages += whole.counts.get("messages", 0)
        totals.events += whole.counts.get("events", 0)
        totals.findings += committed.findings
        totals.dead += committed.dead
        latest = [each.messages.ingest[-1] for each in batch if each.messages.ingest]
        totals.latest_ingest = max([totals.latest_ingest, *latest])
        return batch

    def _store_batch(self, whole: BatchResult) -> Committed:
        """Archive and store: the archive's new length is named in the transaction of all the rest."""
        archive = self._archive
        if archive is not None:
            whole.appended = self._with_room(lambda: archive.append(self._frames, whole.marks))
        try:
            committed = self._with_room(lambda: self.store.commit_batch(whole))
        except BaseException:
            if archive is not None:
                archive.undo()
            raise
        if archive is not None and whole.appended is not None:
            archive.keep(whole.appended)
        return committed

    def _with_room(self, work: Callable[[], T]) -> T:
        """Do the work; where the database has no room, with that of the oldest archive. Where there is none
        left either, say so with the room of the reserve, and let StoreFull through: positions stay whole."""
        while True:
            try:
                return work()
            except StoreError as error:
                if not self._is_full(error):
                    raise
                with contextlib.suppress(StoreError):
                    if self._archive is not None and self._archive.make_room():
                        continue
                self._say_full()
                raise StoreFull(str(error)) from error

    def _is_full(self, error: StoreError) -> bool:
        """SQLite may call it an I/O error where it has no room for its shared memory or journal."""
        if isinstance(error, StoreFull):
            return True
        narrow = free_bytes(self.store.directory) < _NARROW
        return narrow and not isinstance(error, StoreBusy | Fenced)

    def _say_full(self) -> None:
        """The last thing a worker does on a full disk."""
        self._full = True
        release_reserve(self.store.directory)
        text = "The disk is full: the worker has stopped where it stood; free some space and start it again."
        try:
            with self.store.transaction():
                workers.report_fault(self.store.connection, DISK, "disk", text, self.clock())
        except StoreError as error:
            log.error("the disk is full", extra={"reason": str(error)})

    def flush(self) -> Sequence[Fetched]:
        """Every batch was safe when `commit` returned."""
        return ()

    def fold(self, decide: bool) -> bool:
        """Fold what is stored into alerts; False where another process holds the lease, or one that was
        killed held it less than 15 s ago: try again. See `Correlator.fold`."""
        done = self._with_room(lambda: self._correlator.fold(decide=decide))
        self.totals.alerts += done.opened
        return done.mine

    def finish(self) -> bool:
        """Recorded data has ended: decide all windows that are still open. False as for `fold`."""
        done = self._with_room(self._correlator.finish)
        self.totals.alerts += done.opened
        return done.mine

    def idle(self, partitions: Sequence[tuple[str, int]]) -> None:
        """These partitions have nothing more for now, and hold no window open."""
        for source, partition in partitions:
            self._with_room(lambda source=source, partition=partition: self.store.set_idle(source, partition))  # type: ignore[misc]

    # --- what nobody reads, see `leaving`

    def held(self) -> Sequence[str]:
        return reading.held(self.store.connection)

    def unread(self, reads: Reads) -> Sequence[Unread]:
        now = self.clock()
        with self.store.transaction():
            reading.claim(self.store.connection, self.name, reads, now)
            reading.tell_of_others(self.store.connection, self.name, reads, now)
        return reading.unread(self.store.connection, reads, now)

    def leave(self, gone: Sequence[Unread]) -> None:
        self.idle([(each.source, each.partition) for each in gone])
        with self.store.transaction():
            reading.tell(self.store.connection, gone, self.clock())

    # --- dead letters on their way out, see `outgoing`

    def due(self) -> Sequence[Outgoing] | None:
        """What is to be sent now; None while another worker of this store sends."""
        now = self.clock()
        with self.store.transaction():
            until = now + OUTBOX_LEASE_SECONDS * 1_000_000_000
            if not workers.take_lease(self.store.connection, OUTBOX, self.name, now, until):
                return None
        return deadletters.outgoing(self.store.connection)

    def sent(self, ids: Sequence[int]) -> None:
        with self.store.transaction():
            deadletters.mark_sent(self.store.connection, ids, self.clock())
            workers.clear_fault(self.store.connection, OUTBOX, self.clock())

    def failed(self, ids: Sequence[int], fault: str) -> None:
        with self.store.transaction():
            deadletters.mark_failed(self.store.connection, ids, fault)
            workers.report_fault(self.store.connection, OUTBOX, "outbox", fault, self.clock())

    # --- telling

    def is_paused(self) -> bool:
        """Whether people have asked this store's workers to pause."""
        return workers.control(self.store.connection, PAUSE) == "1"

    def heartbeat(self, figures: Mapping[str, float], faults: Mapping[str, str]) -> bool:
        """Write figures and faults (key -> text). Return whether people asked workers to pause."""
        return self._with_room(lambda: self._heartbeat(figures, faults))

    def _heartbeat(self, figures: Mapping[str, float], faults: Mapping[str, str]) -> bool:
        connection = self.store.connection
        now = self.clock()
        with self.store.transaction():
            beat = Heartbeat(
                self.name, "worker", os.getpid(), platform.node(), self.started, now, dict(figures)
            )
            workers.write_heartbeat(connection, beat)
            self._pulse.told(beat)
            workers.remove_silent(connection, "worker", now - workers.GONE, MOST_WORKERS)
            workers.tell_faults(connection, self.name, faults, now)
            self._tell_timeouts(now)
            if not self._full:  # else the room is the reserve's, and the worker is about to stop
                workers.clear_fault(connection, DISK, now)
            if self._archive is not None and self._archive.fault:
                workers.report_fault(connection, ARCHIVE, "archive", self._archive.fault, now)
            else:
                workers.clear_fault(connection, ARCHIVE, now)
        self._blindness.watch(now)
        return self.is_paused()

    def _tell_timeouts(self, now: int) -> None:
        """Only when there are more: what was told once may have been seen and dismissed."""
        for pattern, count in self.process.rulebook.detector.timeouts.items():
            if count > self._timeouts.get(pattern, 0):
                text = f"{count:,} values took too long for {pattern[:80]} and were not held against it"
                workers.report_fault(self.store.connection, f"regex:{pattern}"[:300], "regex", text, now)
            self._timeouts[pattern] = count

    def note(self, text: str, mended: bool = False) -> None:
        """Something happened to a topic that must not be missed: a gap, a new generation; or (mended) it
        went wrong and is right again."""
        with self.store.transaction():
            workers.tell_happened(self.store.connection, text, self.clock(), mended)

    def _look(self, decoded: Decoded) -> None:
        """Take what is to be archived, and show a sample of what goes by in the live ring."""
        if self._archive is not None:
            self._frames += decoded.frames
        if self._live is None:
            return
        room = min(self._live.room(), _LIVE_ROWS_A_BATCH)
        newest = sorted(
            ((frame.times[row], number, row) for number, frame in enumerate(decoded.frames)
             for row in range(max(0, frame.rows - room), frame.rows)),
        )[-room:] if room else []  # fmt: skip
        rows = [_live_row(decoded.frames[number], row, time) for time, number, row in newest]
        with contextlib.suppress(sqlite3.OperationalError):  # no room, or held for long: nothing is lost
            self._live.write(rows, decoded.counts.events)


def _live_row(frame: DecodedFrame, row: int, time: int) -> LiveRow:
    raw, event_type = frame.frame.raws[row], frame.frame.event_type.name
    if len(raw) > _LIVE_LARGE:
        core, summary = Core(), f"an event of {len(raw) / 1e6:,.1f} MB"
    else:
        core, summary = frame.core(row), frame.summary(row)
    return LiveRow(0, time, event_type, core.host, core.user, summary, raw)


def _add(whole: BatchResult, part: BatchResult) -> None:
    whole.found += part.found
    whole.dead += part.dead
    whole.marks += part.marks
    whole.sources += [source for source in part.sources if source not in whole.sources]
    for name, n in part.counts.items():
        whole.counts[name] = whole.counts.get(name, 0) + n
    for key, fields in part.presence.items():
        known = whole.presence.setdefault(key, {})
        for field, n in fields.items():
            known[field] = known.get(field, 0) + n
