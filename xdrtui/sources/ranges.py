"""Large files of lines in parts, so that several processes can read one file.

In: a path. Out: ranges of bytes that begin and end between lines, each with the number of its first line,
and the messages of a range. Only plain files of lines are cut; all others are one range from start to end.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from xdrtui.events.message import Messages, Source
from xdrtui.sources.files import BATCH_BYTES, HEAD, open_files, uid_of
from xdrtui.sources.readers import lines_of, payloads_of

PART = 64 << 20
_BLOCK = 4 << 20


class Range(msgspec.Struct, frozen=True):
    """Bytes start to end of a file; first: number of the first line; whole: not cut, whatever the file is."""

    path: str
    start: int = 0
    end: int = 0
    first: int = 0
    whole: bool = True


def cut(path: str, part: int = PART) -> list[Range]:
    """The ranges of a file, of about `part` bytes each. Costs one count of newlines over the file."""
    size = Path(path).stat().st_size
    whole = [Range(path, 0, size)]
    if size < 2 * part:
        return whole
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
        if head[:4] in (b"\x28\xb5\x2f\xfd",) or head[:2] == b"\x1f\x8b":
            return whole
        if payloads_of(head, io.BytesIO(head), path) is not None:
            return whole
        ranges: list[Range] = []
        start = first = line = position = 0
        file.seek(0)
        while block := file.read(min(_BLOCK, part)):
            position += len(block)
            if position - start >= part:
                border = block.rfind(b"\n") + 1
                if border:
                    end = position - len(block) + border
                    line += block.count(b"\n", 0, border)
                    ranges.append(Range(path, start, end, first, False))
                    start, first = end, line
                    line += block.count(b"\n", border)
                    continue
            line += block.count(b"\n")
        if position > start:
            ranges.append(Range(path, start, position, first, False))
    return ranges


def open_range(part: Range, batch_bytes: int = BATCH_BYTES) -> Iterator[Messages]:
    """The messages of a range, as `open_files` gives them of a whole file."""
    if part.whole:
        yield from open_files([part.path], batch_bytes=batch_bytes)
        return
    with Path(part.path).open("rb") as file:
        source = Source(uid_of(file.read(HEAD)), part.path, "file")
        file.seek(part.start)
        for first, lines in lines_of(_Limited(file, part.end - part.start), batch_bytes):
            yield from _numbered(source, part.first + first, lines)


class _Limited:
    """The next bytes of a file, as if it ended there."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, size: int, /) -> bytes:
        block = self._file.read(min(size, self._left))
        self._left -= len(block)
        return block


def _numbered(source: Source, first: int, lines: list[bytes]) -> Iterator[Messages]:
    offsets: range | list[int] = range(first, first + len(lines))
    if any(len(line) < 3 for line in lines):
        kept = [(offset, line) for offset, line in zip(offsets, lines, strict=True) if line.strip()]
        offsets, lines = [offset for offset, _ in kept], [line for _, line in kept]
    if lines:
        yield Messages(source, 0, offsets, lines)
