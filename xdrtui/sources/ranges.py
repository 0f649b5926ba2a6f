"""Large files of lines in parts, so that several processes can read one file.

In: a path. Out: ranges of bytes that begin and end between lines, and the messages of a range. Only plain
files of lines are cut; all others are one range from start to end. Nobody counts lines beforehand: offsets
count from the range's own first line, and whoever joins the ranges again adds how many lines stood before.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from xdrtui.events.message import Messages, Source
from xdrtui.sources.files import BATCH_BYTES, BATCH_MESSAGES, HEAD, batches, open_files, uid_of
from xdrtui.sources.readers import lines_of, payloads_of

PART = 24 << 20
"""Small beside the whole, so that all processes end at about the same time."""

FIRST = 4 << 20
"""The first part is smaller: it is read before the other processes are begun."""

_BLOCK = 1 << 16


class Range(msgspec.Struct, frozen=True):
    """Bytes start to end of a file; whole: not cut, whatever the file is."""

    path: str
    start: int = 0
    end: int = 0
    whole: bool = True


class Lines:
    """How many lines a range turned out to have, once it was read to its end."""

    number = 0


def cut(path: str, part: int = PART) -> list[Range]:
    """The ranges of a file, of about `part` bytes each. Reads only around their borders."""
    size = Path(path).stat().st_size
    whole = [Range(path, 0, size)]
    if size < 2 * part:
        return whole
    with Path(path).open("rb", buffering=0) as file:
        head = file.read(HEAD)
        if head[:4] in (b"\x28\xb5\x2f\xfd",) or head[:2] == b"\x1f\x8b":
            return whole
        if payloads_of(head, io.BytesIO(head), path) is not None:
            return whole
        borders = [0]
        while size - borders[-1] > part:
            border = _next_line(file, borders[-1] + (part if borders[-1] else min(part, FIRST)))
            if border is None or border >= size:
                break
            borders.append(border)
    borders.append(size)
    return [Range(path, start, end, False) for start, end in itertools.pairwise(borders)]


def _next_line(file: BinaryIO, position: int) -> int | None:
    """Where the next line begins after a position; None where there is none."""
    file.seek(position)
    while block := file.read(_BLOCK):
        found = block.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(block)
    return None


def open_range(part: Range, batch_bytes: int = BATCH_BYTES, lines: Lines | None = None) -> Iterator[Messages]:
    """The messages of a range, as `open_files` gives them of a whole file, but that offsets count from the
    range's first line. lines: is told how many lines there were."""
    if part.whole:
        yield from open_files([part.path], batch_bytes=batch_bytes)
        return
    with Path(part.path).open("rb", buffering=0) as file:
        source = Source(uid_of(file.read(HEAD)), part.path, "file")
        file.seek(part.start)
        for first, payloads in lines_of(_Limited(file, part.end - part.start), batch_bytes):
            if lines is not None:
                lines.number = first + len(payloads)
            yield from batches(source, first, payloads, batch_bytes, BATCH_MESSAGES)


class _Limited:
    """The next bytes of a file, as if it ended there."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, size: int, /) -> bytes:
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        return block
