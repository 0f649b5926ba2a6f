"""Files, folders and standard input as messages.

In: paths (`-` for standard input, folders walked in order). Out: `Messages` of one file each, a message a
line or record; offset = its 0-based line or record. What a file is, its first bytes say, not its name:
gzip, zstd, EVTX, UTF-16, JSON lines, one JSON array or indented documents, Zeek tables, text. Everything is
streamed; a line or value above 32 MB is cut there, and what is left of it becomes one dead letter.
"""

from __future__ import annotations

import gzip
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import zstandard

from xdrtui.errors import SourceError
from xdrtui.events.message import Messages, Source
from xdrtui.sources.readers import lines_of, payloads_of, peeked

HEAD = 65_536
IDENTITY = 4_096
BATCH_BYTES = 8 << 20
BATCH_MESSAGES = 32_768

Report = Callable[[SourceError], None]


def open_files(
    paths: Iterable[str | Path],
    *,
    batch_bytes: int = BATCH_BYTES,
    batch_messages: int = BATCH_MESSAGES,
    layout: str = "",
    report: Report | None = None,
) -> Iterator[Messages]:
    """Yield the messages of files, one file after the other.

    A file that cannot be read, or not to its end, is told to `report`; without one SourceError is raised.
    """
    for name in paths:
        try:
            files = ["-"] if str(name) == "-" else list(walk(name, report))
        except SourceError as error:
            _tell(error, report)
            continue
        for file in files:
            try:
                yield from _open(file, batch_bytes, batch_messages, layout)
            except SourceError as error:
                _tell(error, report)
            except OSError as error:
                _tell(SourceError(f"{file}: {error.strerror or error}"), report)
            except (EOFError, zlib.error, zstandard.ZstdError) as error:
                _tell(SourceError(f"{file}: the compressed data ends or breaks: {error}"), report)


def walk(path: str | Path, report: Report | None = None) -> Iterator[str]:
    """The regular files at a path in sorted order; links inside a folder are not followed. A folder below it
    that cannot be read is told to `report`. Raises SourceError."""
    top = Path(path)
    if top.is_dir():

        def tell(error: OSError) -> None:
            _tell(SourceError(f"{error.filename}: {error.strerror}"), report)

        for folder, folders, files in os.walk(top, onerror=tell):
            folders.sort()
            for name in sorted(files):
                file = Path(folder, name)
                if stat.S_ISREG(file.lstat().st_mode):
                    yield str(file)
    elif not top.exists():
        raise SourceError(f"{path}: no such file or folder")
    else:
        yield str(path)


def modified(name: str) -> int | None:
    """When the file was last written (nanoseconds), for stamps that lack the year; None for standard
    input."""
    try:
        return Path(name).stat().st_mtime_ns
    except OSError:
        return None


def uid_of(head: bytes) -> str:
    """The uid of the file that begins so. Few bytes, so that a log keeps its uid while it grows; where two
    files begin alike, whoever stores positions tells them apart by their anchors."""
    return "file:" + blake2b(head[:IDENTITY], digest_size=16).hexdigest()


def _tell(error: SourceError, report: Report | None) -> None:
    if report is None:
        raise error
    report(error)


def _open(name: str, batch_bytes: int, batch_messages: int, layout: str) -> Iterator[Messages]:
    if name == "-":
        yield from _messages(sys.stdin.buffer, name, batch_bytes, batch_messages, layout)
    else:
        with Path(name).open("rb", buffering=0) as raw:
            yield from _messages(raw, name, batch_bytes, batch_messages, layout)


def _messages(
    raw: BinaryIO, name: str, batch_bytes: int, batch_messages: int, layout: str
) -> Iterator[Messages]:
    head, stream = peeked(raw, HEAD)
    source = Source(uid_of(head), name, "file", layout)
    for _ in range(3):  # a gzip file in a zstd file is read; a chain of them is not
        if head.startswith(b"\x1f\x8b"):
            head, stream = peeked(gzip.GzipFile(fileobj=stream, mode="rb"), HEAD)
        elif head.startswith(b"\x28\xb5\x2f\xfd"):
            reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
                stream, read_across_frames=True
            )
            head, stream = peeked(reader, HEAD)
    plain = name if stream is not None and head.startswith(b"ElfFile\x00") and _is_plain(name) else ""
    blocks = payloads_of(head, stream, plain) or lines_of(stream, batch_bytes)
    for first, payloads in blocks:
        yield from batches(source, first, payloads, batch_bytes, batch_messages)


def _is_plain(name: str) -> bool:
    if name == "-":
        return False
    with Path(name).open("rb") as file:
        return file.read(8) == b"ElfFile\x00"


def batches(
    source: Source, first: int, payloads: list[bytes], batch_bytes: int, batch_messages: int
) -> Iterator[Messages]:
    """Cut a block of payloads, the first of them at this offset, into batches; a line of blanks is no
    message."""
    offsets: range | list[int] = range(first, first + len(payloads))
    if not all(map(bytes.strip, payloads)):
        numbered = [(at, one) for at, one in zip(offsets, payloads, strict=True) if one.strip()]
        offsets = [at for at, _ in numbered]
        payloads = [one for _, one in numbered]
    if not payloads:
        return
    if len(payloads) <= batch_messages and sum(map(len, payloads)) <= 2 * batch_bytes:
        yield Messages(source, 0, offsets, payloads)
        return
    start = size = 0
    for at, payload in enumerate(payloads):
        if at > start and (at - start >= batch_messages or size + len(payload) > batch_bytes):
            yield Messages(source, 0, offsets[start:at], payloads[start:at])
            start, size = at, 0
        size += len(payload)
    yield Messages(source, 0, offsets[start:], payloads[start:])
