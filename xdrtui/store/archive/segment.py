"""Hot segments: files of Arrow chunks, appended to by one worker.

A chunk is what one batch brought: a header (magic, checksum, two lengths) and two Arrow streams: its frames
(event type, where from, names and cells of the columns that detectors had decoded) and its rows (position,
times, raw bytes). Rows stand in the order of the frames. A hot chunk is made on the way of every event, so
the cells of a frame are one MessagePack value: a Polars series for each column of each small frame took
longer than writing the raw bytes. Rolling makes columns of many chunks at once.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl

from detectors.contract import NULL, EventType, Null, Text
from xdrtui.errors import StoreError
from xdrtui.events.frame import DecodedFrame
from xdrtui.store.clean import text as mended

T = TypeVar("T")

HEADER = struct.Struct("<4sIQQ")
MAGIC = b"XAR1"

_cells = msgspec.msgpack.Encoder()
_uncells = msgspec.msgpack.Decoder()
_named = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_type = msgspec.json.Decoder(EventType)


class Damaged(StoreError):
    """A segment does not hold what the database says it does."""


class Rows(msgspec.Struct, frozen=True):
    """Events of one type, from one partition: what is archived of a decoded frame. columns: field ->
    cells."""

    event_type: EventType
    source: str
    partition: int
    columns: dict[str, Sequence[Text]]
    offsets: Sequence[int]
    indexes: Sequence[int]
    times: Sequence[int]
    ingest: Sequence[int]
    quality: Sequence[int]
    raws: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.raws)


def rows_of(frame: DecodedFrame, after: int = -1) -> Rows:
    """What is archived of a frame: its rows from this offset on."""
    place = frame.position(0)
    offsets = frame.offsets
    rows = Rows(
        frame.frame.event_type,
        place.source,
        place.partition,
        dict(frame.frame.columns),
        offsets,
        frame.indexes,
        frame.times,
        frame.ingest,
        frame.quality,
        frame.frame.raws,
    )
    if after <= 0 or min(offsets) >= after:
        return rows
    kept = [row for row, offset in enumerate(offsets) if offset >= after]
    return Rows(
        rows.event_type,
        rows.source,
        rows.partition,
        {name: _taken(cells, kept) for name, cells in rows.columns.items()},
        _taken(offsets, kept),
        _taken(rows.indexes, kept),
        _taken(rows.times, kept),
        _taken(rows.ingest, kept),
        _taken(rows.quality, kept),
        _taken(rows.raws, kept),
    )


def _taken(values: Sequence[T], rows: Sequence[int]) -> list[T]:
    return [values[row] for row in rows]


def encode_type(event_type: EventType) -> str:
    """An event type as text, always the same."""
    return msgspec.json.encode(event_type, order="deterministic").decode("utf-8", "replace")


def decode_type(text: str) -> EventType:
    return _type.decode(text)


def encode(batch: Sequence[Rows]) -> bytes:
    """The chunk of a batch; no rows at all make none (empty)."""
    batch = [rows for rows in batch if len(rows)]
    if not batch:
        return b""
    frames = _frames(
        [mended(encode_type(rows.event_type)) for rows in batch],
        [(mended(rows.source), rows.partition, len(rows)) for rows in batch],
        [pack(rows.columns) for rows in batch],
    )
    whole = pl.DataFrame(
        {
            "offset": _numbers([rows.offsets for rows in batch], pl.Int64),
            "index": _numbers([rows.indexes for rows in batch], pl.Int64),
            "time": _numbers([rows.times for rows in batch], pl.Int64),
            "ingest": _numbers([rows.ingest for rows in batch], pl.Int64),
            "quality": _numbers([rows.quality for rows in batch], pl.UInt8),
            "raw": pl.Series(list(chain.from_iterable(rows.raws for rows in batch)), dtype=pl.Binary),
        }
    )
    return _chunk(frames, whole)


def _frames(kinds: list[str], places: list[tuple[str, int, int]], cells: list[bytes]) -> pl.DataFrame:
    """places: source, partition, number of rows."""
    sources, partitions, rows = zip(*places, strict=True)
    return pl.DataFrame(
        {
            "event_type": pl.Series(kinds, dtype=pl.String),
            "source": pl.Series(sources, dtype=pl.String),
            "partition": pl.Series(partitions, dtype=pl.Int64),
            "rows": pl.Series(rows, dtype=pl.UInt32),
            "cells": pl.Series(cells, dtype=pl.Binary),
        }
    )


def _chunk(frames: pl.DataFrame, rows: pl.DataFrame) -> bytes:
    one, other = _stream(frames), _stream(rows)
    body = one + other
    return HEADER.pack(MAGIC, zlib.crc32(body), len(one), len(other)) + body


def _numbers(parts: Sequence[Sequence[int]], kind: type[pl.DataType]) -> pl.Series:
    return pl.Series(list(chain.from_iterable(parts)), dtype=kind)


def _stream(data: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    data.write_ipc_stream(out, compression="zstd")
    return out.getvalue()


def pack(columns: dict[str, Sequence[Text]]) -> bytes:
    """Columns as bytes. Rows that hold null are listed beside the cells: null is not absent."""
    packed = {name: _packed(cells) for name, cells in columns.items()}
    try:
        return _cells.encode(packed)
    except UnicodeEncodeError:  # an unpaired surrogate
        return _cells.encode({mended(name): _mended(entry) for name, entry in packed.items()})


def _packed(cells: Sequence[Text]) -> Any:
    if Null not in set(map(type, cells)):
        return cells
    nulls = [row for row, cell in enumerate(cells) if cell is NULL]
    return {"null": nulls, "cells": [None if cell is NULL else cell for cell in cells]}


def _mended(entry: Any) -> Any:
    if isinstance(entry, str):
        return mended(entry)
    if isinstance(entry, dict):
        return {"null": entry["null"], "cells": _mended(entry["cells"])}
    return [_mended(each) for each in entry] if isinstance(entry, list | tuple) else entry


def unpack(packed: bytes) -> dict[str, list[Text]]:
    """Columns from their bytes."""
    columns: dict[str, list[Text]] = {}
    for name, entry in _uncells.decode(packed).items():
        nulls: Sequence[int] = ()
        if isinstance(entry, dict):
            nulls, entry = entry["null"], entry["cells"]
        if list in set(map(type, entry)):
            entry = [tuple(cell) if isinstance(cell, list) else cell for cell in entry]
        for row in nulls:
            entry[row] = NULL
        columns[name] = entry
    return columns


class Part:
    """The rows of one frame: the cells of its columns, the rest as Arrow, and where they come from."""

    def __init__(
        self, packed: bytes, rows: pl.DataFrame, source: str, partition: int, raw_size: int = 0
    ) -> None:
        """packed: the columns as `pack` made them, unpacked when asked for; raw_size: bytes of the raw
        events."""
        self.packed = packed
        self.rows = rows
        self.source = source
        self.partition = partition
        self.raw_size = raw_size

    @cached_property
    def columns(self) -> dict[str, list[Text]]:
        return unpack(self.packed)


class Chunk:
    """A chunk as read: `frames` and `rows` as `encode` made them; each is unpacked when asked for."""

    def __init__(self, body: bytes, border: int) -> None:
        self._body = body
        self._border = border

    @cached_property
    def frames(self) -> pl.DataFrame:
        return pl.read_ipc_stream(io.BytesIO(self._body[: self._border]))

    @cached_property
    def rows(self) -> pl.DataFrame:
        return pl.read_ipc_stream(io.BytesIO(self._body[self._border :]))

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Each frame's event type (as JSON) and rows."""
        at = 0
        sizes = self.rows["raw"].bin.size()
        for kind, source, partition, rows, packed in self.frames.iter_rows():
            size = int(sizes.slice(at, rows).sum() or 0)
            yield kind, Part(packed, self.rows.slice(at, rows), source, partition, size)
            at += rows


def chunks(path: Path, length: int, start: int = 0) -> Iterator[Chunk]:
    """The chunks of a segment up to its committed length. Raises Damaged, FileNotFoundError."""
    with path.open("rb") as file:
        at = start
        file.seek(at)
        while at < length:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size or head[:4] != MAGIC:
                raise _damaged(path, at)
            _, checksum, one, other = HEADER.unpack(head)
            end = at + HEADER.size + one + other
            body = file.read(one + other) if end <= length else b""
            if len(body) != one + other or zlib.crc32(body) != checksum:
                raise _damaged(path, at)
            yield Chunk(body, one)
            at = end


def fields(path: Path, length: int) -> frozenset[str]:
    """The fields that a segment has cells of, up to its committed length. Raises as `chunks`."""
    names: set[str] = set()
    for chunk in chunks(path, length):
        for packed in chunk.frames["cells"]:
            names.update(_named.decode(packed))
    return frozenset(names)


def chunk_of(parts: Sequence[tuple[str, Part]]) -> bytes:
    """A chunk of parts of others."""
    rows = pl.concat([part.rows for _, part in parts])
    return _chunk(
        _frames(
            [kind for kind, _ in parts],
            [(part.source, part.partition, part.rows.height) for _, part in parts],
            [part.packed for _, part in parts],
        ),
        rows,
    )


def _damaged(path: Path, at: int) -> Damaged:
    return Damaged(f"{path} is damaged at byte {at:,}: what follows there cannot be hunted through.")
