"""The archive's rows, given back: files in the order of time, each as frames with the columns asked for.

What was committed when reading began is read, all of it, once: files that are replaced meanwhile stay until
the reader has let go (`files.GRACE_SECONDS` at most); what retention takes away meanwhile is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import polars as pl

from detectors.contract import NULL, EventType, Text
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.files import READING, lock
from xdrtui.store.archive.roll import META, ROWS_AT_ONCE, frame_of
from xdrtui.store.archive.segment import Damaged, chunks, decode_type
from xdrtui.store.store import Store


class Part(msgspec.Struct, frozen=True):
    """Rows of one event type. data: the columns `META` and those of fields; known: the fields that the
    archive has columns of for these rows, whether asked for or not."""

    event_type: EventType
    data: pl.DataFrame
    known: frozenset[str]


class Reader:
    """A view of the archive as it was when it was opened. Use as a context manager: it holds a lock."""

    def __init__(self, store: Store, since: int | None = None, until: int | None = None) -> None:
        """since, until: nanoseconds; of events at or after the one and before the other."""
        self._store = store
        self.since = since
        self.until = until
        self.faults: list[str] = []
        self.files: list[File] = []
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Reader:
        self._held.enter_context(lock(self._store.directory, READING, shared=True))
        self.files = catalogue.files(self._store.connection, since=self.since, until=self.until)
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    @property
    def rows(self) -> int:
        """Rows in the files that will be read."""
        return sum(file.rows for file in self.files)

    def types(self, file: File) -> EventType | None:
        """The event type of a file; None where it holds several."""
        return decode_type(file.event_type) if file.event_type else None

    def parts(self, file: File, fields: Collection[str] | None = None) -> Iterator[Part]:
        """The rows of a file. fields: the columns wanted, where there are such; None for all."""
        path = file.where(self._store.directory)
        try:
            made = self._hot(path, file) if file.kind == "hot" else self._parquet(path, file, fields)
            for part in made:
                kept = self._within(part)
                if kept.data.height:
                    yield kept
        except FileNotFoundError:
            self.faults.append(f"{file.path}: deleted by retention before it could be read")
        except (Damaged, OSError, pl.exceptions.PolarsError) as error:
            self.faults.append(f"{file.path}: {error}")

    def _hot(self, path: Path, file: File) -> Iterator[Part]:
        for chunk in chunks(path, file.size):
            for kind, rows in chunk.parts():
                data = frame_of([rows])
                yield Part(decode_type(kind), data, _fields(data))

    def _parquet(self, path: Path, file: File, fields: Collection[str] | None) -> Iterator[Part]:
        stored = msgspec.json.decode(file.columns, type=list[str])
        event_type = decode_type(file.event_type)
        known = frozenset(name for name in stored if not name.endswith("?"))
        wanted = [*META, *(name for name in stored if fields is None or name.removesuffix("?") in fields)]
        for at in range(0, file.rows, ROWS_AT_ONCE):
            lazy = pl.scan_parquet(path, glob=False).select(wanted).slice(at, ROWS_AT_ONCE)
            yield Part(event_type, lazy.collect(), known)

    def _within(self, part: Part) -> Part:
        times = part.data["@time"]
        kept = pl.repeat(True, len(times), dtype=pl.Boolean, eager=True)
        if self.since is not None:
            kept &= times >= self.since
        if self.until is not None:
            kept &= times < self.until
        return part if kept.all() else Part(part.event_type, part.data.filter(kept), part.known)


def _fields(data: pl.DataFrame) -> frozenset[str]:
    return frozenset(name for name in data.columns if name not in META and not name.endswith("?"))


def cells_of(data: pl.DataFrame, field: str) -> list[Text]:
    """A field's cells as detectors take them: the reverse of what rolling made of them."""
    cells: list[Text]
    if isinstance(data.schema[field], pl.List):
        lists: list[list[str] | None] = data[field].to_list()
        cells = [None if each is None else each[0] if len(each) == 1 else tuple(each) for each in lists]
    else:
        cells = data[field].to_list()
    mark = f"{field}?"
    if mark in data.columns:
        cells = [
            NULL if cell is None and present else cell
            for cell, present in zip(cells, data[mark], strict=True)
        ]
    return cells
