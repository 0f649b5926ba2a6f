"""The archive's rows, given back: files in the order of time, each as frames with the columns asked for.

What was committed when reading began is read, all of it, once: files that are replaced meanwhile stay until
the reader has let go (`files.GRACE_SECONDS` at most); what retention takes away meanwhile is told.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
import polars as pl

from detectors.contract import NULL, EventType, Text
from xdrtui.store.archive import catalogue, segment
from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.columns import BROKEN, META, ROWS_AT_ONCE, frame_of, same_columns
from xdrtui.store.archive.files import READING, lock
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

    @property
    def fields(self) -> frozenset[str]:
        """The fields that some file has columns of, or a hot segment cells (130 MB of events: 0.1 s)."""
        return frozenset().union(*map(self._named, self.files))

    def _named(self, file: File) -> frozenset[str]:
        if file.kind != "hot":
            return self.known(file)
        with contextlib.suppress(segment.Damaged, OSError, *BROKEN):  # told when it is read
            names = segment.fields(file.where(self._store.directory), file.size)
            return frozenset(name for name in names if not name.startswith("@") and not name.endswith("?"))
        return frozenset()

    def type_of(self, file: File) -> EventType | None:
        """The event type of a file; None where it holds several."""
        return segment.decode_type(file.event_type) if file.event_type else None

    def known(self, file: File) -> frozenset[str]:
        """The fields that a Parquet file has columns of."""
        names = msgspec.json.decode(file.columns, type=list[str])
        return frozenset(name for name in names if not name.endswith("?"))

    def parts(self, file: File, fields: Collection[str] | None = None) -> Iterator[Part]:
        """The rows of a file within the time asked for, some ten thousand at a time, with the columns META
        and those of these fields (None = all)."""
        with self._telling(file):
            for part in self._hot(file) if file.kind == "hot" else self._parquet(file, fields):
                kept = self._within(part)
                if kept.data.height:
                    yield kept

    def columns(self, file: File, fields: Collection[str], *, raw: bool) -> Iterator[tuple[int, Part]]:
        """These columns alone of a Parquet file, and the raw events if asked: where each part begins in the
        file, and the part. Rows outside the time asked for are among them: see `rows_at`."""
        with self._telling(file):
            for at in range(0, file.rows, ROWS_AT_ONCE):
                yield at, self._slice(file, at, fields, ["@raw"] if raw else [])

    def rows_at(self, file: File, at: int, rows: Collection[int]) -> pl.DataFrame:
        """The columns META of these rows of the part that begins at `at`, with `@row`, the number of each in
        the part; less the rows outside the time asked for."""
        with self._telling(file):
            part = self._slice(file, at, (), META)
            numbers = pl.Series("@row", sorted(rows), pl.Int64)
            chosen = Part(part.event_type, part.data[numbers].with_columns(numbers), part.known)
            return self._within(chosen).data
        return pl.DataFrame(schema={"@row": pl.Int64})

    @contextlib.contextmanager
    def _telling(self, file: File) -> Iterator[None]:
        """What cannot be read is told, and the hunt goes on."""
        try:
            yield
        except FileNotFoundError:
            self.faults.append(f"{file.path}: deleted by retention before it could be read")
        except (segment.Damaged, OSError, *BROKEN) as error:
            self.faults.append(f"{file.path}: {error}")

    def _hot(self, file: File) -> Iterator[Part]:
        """A hot segment's chunks, those of one type together."""
        gathered: dict[str, list[segment.Part]] = defaultdict(list)
        damage: BaseException | None = None
        rows = 0
        try:
            for chunk in segment.chunks(file.where(self._store.directory), file.size):
                for kind, part in chunk.parts():
                    gathered[kind].append(part)
                    rows += part.rows.height
                if rows >= ROWS_AT_ONCE:
                    yield from _framed(gathered)
                    gathered.clear()
                    rows = 0
        except (segment.Damaged, OSError, *BROKEN) as error:
            damage = error
        yield from _framed(gathered)  # what stands before the damage, if there is any
        if damage is not None:
            raise damage

    def _parquet(self, file: File, fields: Collection[str] | None) -> Iterator[Part]:
        for at in range(0, file.rows, ROWS_AT_ONCE):
            yield self._slice(file, at, self.known(file) if fields is None else fields, META)

    def _slice(self, file: File, at: int, fields: Collection[str], more: Sequence[str]) -> Part:
        stored = msgspec.json.decode(file.columns, type=list[str])
        wanted = [*more, *(name for name in stored if name.removesuffix("?") in fields)] or ["@quality"]
        path = file.where(self._store.directory)
        rows = min(ROWS_AT_ONCE, file.rows - at)
        data = pl.scan_parquet(path, glob=False).select(wanted).slice(at, rows).collect()
        return Part(segment.decode_type(file.event_type), data, self.known(file))

    def _within(self, part: Part) -> Part:
        if self.since is None and self.until is None:
            return part
        times = part.data["@time"]
        kept = pl.repeat(True, len(times), dtype=pl.Boolean, eager=True)
        if self.since is not None:
            kept &= times >= self.since
        if self.until is not None:
            kept &= times < self.until
        return part if kept.all() else Part(part.event_type, part.data.filter(kept), part.known)


def _framed(gathered: Mapping[str, list[segment.Part]]) -> Iterator[Part]:
    for kind, parts in gathered.items():
        for same in same_columns(parts):
            data = frame_of(same)
            names = (name for name in data.columns if name not in META and not name.endswith("?"))
            yield Part(segment.decode_type(kind), data, frozenset(names))


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
        present = data[mark].to_list()
        cells = [NULL if cell is None and there else cell for cell, there in zip(cells, present, strict=True)]
    return cells
