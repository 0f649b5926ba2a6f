"""A worker's archive at work: batches in, within the bounds of the settings, and faults told by name.

`append`, `keep` and `undo` belong to the detecting thread (see `store.archive.writer`). A second thread with
a connection of its own rolls full segments into Parquet, merges small files and drops the oldest, so that
none of this holds up detection. Where the disk is full even after the oldest archive has gone, archiving
stops and detection goes on; it is tried again every few seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import polars as pl

from xdrtui.errors import StoreBusy, StoreError, StoreFull
from xdrtui.events.frame import DecodedFrame
from xdrtui.settings.model import ArchiveSettings
from xdrtui.store.archive import catalogue, retention
from xdrtui.store.archive.catalogue import Appended, File
from xdrtui.store.archive.files import ROLLING, lock, sweep, sweep_orphans
from xdrtui.store.archive.noticing import notice
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.archive.roll import UNUSABLE, left_to_roll, merge, roll, to_merge, what_is_wrong
from xdrtui.store.archive.writer import FULL, ArchiveFull, Writer
from xdrtui.store.batch import Mark
from xdrtui.store.store import Store

log = logging.getLogger(__name__)

MEGABYTE = 1 << 20
TRY_AGAIN_SECONDS = 10
ROUND_SECONDS = 5.0
ROOM = 64 * MEGABYTE
"""So much of the oldest archive goes at once where the disk is full."""

STOPPED = (
    "events are not archived, since the disk is full ({why}); detection goes on. Free some space, or lower"
    " archive.megabytes"
)


LOOK_AGAIN_SECONDS = 600
"""A file that could not be read is tried again after so long: a disk may have been at fault."""


def bounds_of(settings: ArchiveSettings) -> Bounds:
    return Bounds(settings.days, settings.megabytes * MEGABYTE, settings.free_megabytes * MEGABYTE)


def _no_room(error: Exception) -> bool:
    """Whether it is the disk that is full; Polars tells it in words."""
    told = isinstance(error, pl.exceptions.PolarsError) and "No space" in str(error)
    return told or isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno in FULL)


def _what(error: BaseException) -> str:
    """What is wrong with a file; raised on where it is the disk that is full."""
    if isinstance(error, Exception) and _no_room(error):
        raise error
    return str(error) or type(error).__name__


class Archiving:
    """The archive of one worker. `append`, `keep` and `undo`: not for use by two threads at once."""

    def __init__(
        self, store: Store, bounds: Bounds, *, clock: Callable[[], int], background: bool = True
    ) -> None:
        """background: keep house in a thread; else when `finish` is called."""
        self._store = store
        self._bounds = bounds
        self._clock = clock
        most = retention.segment_bytes(store.directory, bounds)
        self._room = min(ROOM, 4 * most)
        self._writer = Writer(store, keep_free=bounds.free, most=most, clock=clock)
        self._full = ""
        self._damage = ""
        self._unusable: dict[str, tuple[str, int]] = {}
        self._try_again = 0
        self.left_out = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._keep_house, name="archive", daemon=True)
            self._thread.start()

    @property
    def fault(self) -> str:
        """What is not well, in one sentence; empty where all is."""
        return self._full or self._damage

    def close(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self._writer.close()

    def finish(self) -> None:
        """All has been read: roll what there is, here and now."""
        if self._writer.filled:
            self._writer.seal()
        self._round(self._store, last=True)

    # --- batches

    def append(self, frames: Sequence[DecodedFrame], marks: Sequence[Mark]) -> Appended | None:
        """Append a batch; None where there is nothing to append, or archiving has stopped."""
        if self._full and self._clock() < self._try_again:
            self._leave_out(frames)
            return None
        while True:
            try:
                appended = self._writer.append(frames, marks)
            except ArchiveFull as full:
                if self.make_room():
                    continue
                self._stop(str(full))
                self._leave_out(frames)
                return None
            except OSError as error:
                self._stop(error.strerror or str(error))
                self._leave_out(frames)
                return None
            if appended is not None:
                self._full = ""
            return appended

    def _stop(self, why: str) -> None:
        if not self._full:
            log.error("archiving has stopped", extra={"reason": why})
        self._full = STOPPED.format(why=why)
        self._try_again = self._clock() + TRY_AGAIN_SECONDS * 1_000_000_000

    def _leave_out(self, frames: Sequence[DecodedFrame]) -> None:
        self.left_out += sum(frame.rows for frame in frames)

    def keep(self, appended: Appended) -> None:
        """The batch has been committed."""
        self._writer.keep(appended)
        if self._writer.due:
            try:
                self._writer.seal()
            except (StoreBusy, StoreFull):
                return  # it is due again with the next batch
            self._wake.set()

    def undo(self) -> None:
        """The batch has not been committed."""
        self._writer.undo()

    def make_room(self) -> bool:
        """Delete the oldest of the archive, in the end the segment in hand; False where there is nothing."""
        if retention.make_room(self._store, self._room, self._clock()):
            return True
        if not self._writer.filled:
            return False
        self._writer.seal()
        return retention.make_room(self._store, self._room, self._clock())

    # --- keeping house

    def _keep_house(self) -> None:
        with Store.open(self._store.directory, clock=self._clock) as store:
            while not self._stopping.is_set():
                self._wake.wait(ROUND_SECONDS)
                self._wake.clear()
                if self._stopping.is_set():
                    return
                try:
                    self._round(store)
                except StoreBusy:
                    continue
                except Exception as error:  # rolling must not end the worker: what is hot stays readable
                    if _no_room(error):
                        self._relieve(store)
                        continue
                    log.exception("the archive cannot be kept in order")
                    self._damage = f"the archive cannot be kept in order ({error})"

    def _relieve(self, store: Store) -> None:
        try:
            retention.make_room(store, self._room, self._clock())
        except StoreError:
            log.warning("the archive's files stay: the database cannot be written")

    def _round(self, store: Store, *, last: bool = False) -> None:
        """Roll, merge, drop, sweep: unless another worker does that already. last: leave nothing unrolled."""
        with lock(store.directory, ROLLING) as mine:
            if not mine:
                return
            sweep_orphans(store)
            self._look_again(store)
            for segment in catalogue.files(store.connection, ("sealed",)):
                if self._stopping.is_set():
                    return
                if segment.path not in self._unusable:
                    try:
                        roll(store, [segment], self._clock(), self._stopping.is_set)
                    except UNUSABLE as error:
                        self._pass_over(segment, _what(error))
            while left := left_to_roll(store, all_of_them=last, but=self._unusable):
                try:
                    if not roll(store, left, self._clock(), self._stopping.is_set, few=0):
                        return
                except UNUSABLE as error:
                    self._pass_over_of(store, left, _what(error))
            self._merge(store)
            self._damage = next((why for why, _ in self._unusable.values()), "")
            retention.keep_within(store, self._bounds, self._clock())
            sweep(store, self._clock())
            notice(store, self._clock(), self._stopping.is_set)

    def _merge(self, store: Store) -> None:
        """Merge while nothing waits to be rolled: falling behind is worse than many files."""
        while groups := to_merge(store, self._unusable):
            for group in groups:
                sealed = catalogue.files(store.connection, ("sealed",))
                if self._stopping.is_set() or any(file.path not in self._unusable for file in sealed):
                    return
                try:
                    merge(store, group, self._clock())
                except UNUSABLE as error:
                    self._pass_over_of(store, group, _what(error))

    # --- what cannot be read: it stays where it is, and holds up no other

    def _look_again(self, store: Store) -> None:
        """Forget of unusable files what is long ago, or is not in the archive any more."""
        if self._unusable:
            there = {file.path for file in catalogue.files(store.connection, ("sealed", "live"))}
            for path, (_, again) in list(self._unusable.items()):
                if path not in there or self._clock() >= again:
                    del self._unusable[path]

    def _pass_over(self, file: File, why: str) -> None:
        log.warning("a file of the archive cannot be read", extra={"file": file.path, "reason": why})
        self._unusable[file.path] = why, self._clock() + LOOK_AGAIN_SECONDS * 1_000_000_000

    def _pass_over_of(self, store: Store, files: Sequence[File], why: str) -> None:
        """Those of the files that are at fault; all of them where each looks well."""
        wrong = {file: told for file in files if (told := what_is_wrong(store, file))}
        for file, told in (wrong or dict.fromkeys(files, why)).items():
            self._pass_over(file, told)
