"""A worker's end of the archive: batches appended to a hot segment of its own, within exactly-once.

`append` writes and fsyncs; the batch's transaction then names the new length; `keep` or `undo` tells which
way that went. So the file holds all that is committed, and what lies behind the committed length was never
there: it is cut off when a segment is taken up again. The writer of a segment holds a lock on it, which the
system lets go of when the process dies: that tells a dead worker's segment from a living one's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from xdrtui.errors import StoreError
from xdrtui.events.frame import DecodedFrame
from xdrtui.points import reach
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import FOLDER, Appended
from xdrtui.store.archive.files import fsync_folder
from xdrtui.store.archive.segment import encode, rows_of
from xdrtui.store.batch import Mark
from xdrtui.store.store import Store

SEAL_ROWS = 200_000
SEAL_BYTES = 128 << 20
"""Of events, before compression: what is rolled at once, and so the memory that rolling takes."""

SEAL_LARGE, LARGE = 32 << 20, 16 << 10
"""The same where events are large on average: their fields take as much again, as text and in columns."""

SEAL_SECONDS = 900

FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class ArchiveFull(StoreError):
    """There is no room for the archive: nothing was appended."""


class Writer:
    """Appends to one hot segment at a time. Not for use by two threads at once."""

    def __init__(
        self, store: Store, *, keep_free: int = 0, most: int = SEAL_BYTES, clock: Callable[[], int]
    ) -> None:
        """keep_free: bytes of the disk that the archive leaves free for the database; most: bytes on disk at
        which a segment is full, for the archive shrinks by whole files."""
        self._store = store
        self._clock = clock
        self._keep_free = keep_free
        self._most = most
        self.folder = store.directory / FOLDER
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._file = -1
        self._path = ""
        self._length = self._appended = self._rows = self._raw_size = 0
        self._begun = clock()
        self._take_up()

    def close(self) -> None:
        """Let go of the segment; whoever works next goes on with it."""
        if self._file >= 0:
            if not self._length:
                (self.folder / self._path).unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    # --- batches

    def append(self, frames: Sequence[DecodedFrame], marks: Sequence[Mark]) -> Appended | None:
        """Append the rows of a batch and fsync; None where there is nothing to append.

        marks: the batch's own. Of a batch that is not fenced, only what lies behind the stored position is
        appended: it may be a second reading. Raises ArchiveFull, OSError; then nothing was appended.
        """
        begins = self._begins(marks)
        batch = [
            rows_of(frame, max(begins.get((place.source, place.partition), -1), 0))
            for frame in frames
            if frame.rows
            for place in (frame.position(0),)
        ]
        batch = [rows for rows in batch if len(rows)]
        chunk = encode(batch)
        if not chunk:
            return None
        try:
            self._write(chunk)
        except OSError as error:
            self.undo()
            if error.errno in FULL:
                raise ArchiveFull(f"there is no room for the archive ({error.strerror})") from error
            raise
        return Appended(
            path=self._path,
            length=self._length + len(chunk),
            rows=sum(map(len, batch)),
            raw_size=sum(sum(map(len, rows.raws)) for rows in batch),
            first=min(min(rows.times) for rows in batch),
            last=max(max(rows.times) for rows in batch),
            begins=begins,
        )

    def _begins(self, marks: Sequence[Mark]) -> Mapping[tuple[str, int], int]:
        begins: dict[tuple[str, int], int] = {}
        for mark in marks:
            if mark.start == -1:
                stored = self._store.positions(mark.source).get(mark.partition)
                begins[mark.source, mark.partition] = -1 if stored is None else stored.next_offset
        return begins

    def _write(self, chunk: bytes) -> None:
        if self._file < 0:
            self._begin()
        free = os.fstatvfs(self._file)
        if free.f_bavail * free.f_frsize < len(chunk) + self._keep_free:
            raise OSError(errno.ENOSPC, "less than the setting archive.free_megabytes would be left")
        os.lseek(self._file, self._length, os.SEEK_SET)
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._file, view) :]
        self._appended = len(chunk)
        reach("archive.append")
        reach("archive.fsync.before")
        os.fsync(self._file)
        reach("archive.fsync.after")

    def keep(self, appended: Appended) -> None:
        """The transaction that names what was appended has been committed."""
        self._length = appended.length
        self._appended = 0
        self._rows += appended.rows
        self._raw_size += appended.raw_size

    def undo(self) -> None:
        """It has not: cut it off again."""
        self._appended = 0
        if self._file >= 0:
            with contextlib.suppress(OSError):  # what stays lies behind the committed length
                os.ftruncate(self._file, self._length)

    @property
    def filled(self) -> bool:
        """Whether the segment holds anything."""
        return self._rows > 0

    @property
    def due(self) -> bool:
        """Whether the segment is full, or old enough to be rolled."""
        old = self._clock() - self._begun > SEAL_SECONDS * 1_000_000_000
        most = SEAL_LARGE if self._raw_size > LARGE * self._rows else SEAL_BYTES
        full = self._rows >= SEAL_ROWS or self._raw_size >= most or self._length >= self._most
        return full or (old and self._rows > 0)

    def seal(self) -> None:
        """Give the segment up to be rolled; the next batch begins another one."""
        with self._store.transaction():
            catalogue.set_state(self._store.connection, [self._path], "sealed", self._clock())
            reach("archive.seal.before")
        reach("archive.seal.after")
        self.close()
        self._length = self._rows = self._raw_size = 0

    # --- taking up

    def _begin(self) -> None:
        """Make a segment and lock it. Another process may take it for a dead one's in between: try again."""
        while self._file < 0:
            name = f"hot-{uuid.uuid4().hex}.arrows"
            file = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if _locked(file) and (self.folder / name).exists():
                self._file, self._path = file, name
            else:
                os.close(file)
        fsync_folder(self.folder)
        self._length = self._rows = self._raw_size = 0
        self._begun = self._clock()

    def _take_up(self) -> None:
        """Go on with the segment of a worker that has ended; seal the others of this kind, and take away what
        was begun and never named. Every one is cut back to its committed length."""
        for path in sorted(self.folder.glob("hot-*.arrows")):
            file = self._locked_dead(path)
            if file is None:
                continue
            # asked after locking: what its worker committed last is there
            known = catalogue.file(self._store.connection, path.name)
            if known is None:
                path.unlink(missing_ok=True)
            elif known.state == "open":
                os.ftruncate(file, known.size)
                reach("archive.take_up.cut")
                os.fsync(file)
                if self._file < 0 and known.rows < SEAL_ROWS and known.raw_size < SEAL_BYTES:
                    self._file, self._path, self._length = file, path.name, known.size
                    self._rows, self._raw_size, self._begun = known.rows, known.raw_size, known.updated
                    continue
                with self._store.transaction():
                    catalogue.set_state(self._store.connection, [path.name], "sealed", self._clock())
            os.close(file)

    @staticmethod
    def _locked_dead(path: Path) -> int | None:
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        if _locked(file):
            return file
        os.close(file)
        return None


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
