"""How the bytes of a file become payloads: by line, by JSON value, by EVTX record, by Zeek row.

In: a stream and its first bytes. Out: blocks: the number of the first payload, and payloads in order. Nothing
is read whole; a line or a value above LONGEST is cut.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import tempfile
from collections.abc import Iterator
from typing import Any, Protocol

import evtx
import msgspec

from xdrtui.errors import SourceError
from xdrtui.events.codecs.zeek_tsv import ZeekTable

LONGEST = 32 << 20
CHUNK = 1 << 20
BLOCK = 4_096
"""Payloads in a block, where they are made one by one."""

LARGEST_EVTX = 4 << 30

Blocks = Iterator[tuple[int, list[bytes]]]


class Stream(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class _Peeked(io.RawIOBase):
    """A stream that begins with bytes read before."""

    def __init__(self, head: bytes, rest: Stream) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        into = getattr(self._rest, "readinto", None)
        if not self._head and into is not None:
            return into(buffer) or 0
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            found, self._head = (self._head, b"") if size < 0 else (self._head[:size], self._head[size:])
            if size < 0 or len(found) < size:
                found += self._rest.read(size - len(found) if size >= 0 else -1) or b""
            return found
        return self._rest.read(size) or b""


def peeked(stream: Stream, size: int) -> tuple[bytes, Any]:
    """The first bytes of a stream, and the stream as if they had not been read."""
    parts: list[bytes] = []
    missing = size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    head = b"".join(parts)
    return head, _Peeked(head, stream)


def lines_of(stream: Stream, block: int) -> Blocks:
    """Lines of about `block` bytes at a time, without their newlines. A line above LONGEST is cut there; its
    rest is passed over."""
    part = _Part(stream)
    reader = io.BufferedReader(part, min(block, _BUFFER))
    tail: list[bytes] = []
    held = first = 0
    while True:
        part.left = block
        lines = reader.readlines()  # twice as fast as reading the block and splitting it
        if not lines:
            break
        whole = lines[-1].endswith(b"\n")
        if len(lines) == 1 and not whole:
            if held < LONGEST:
                tail.append(lines[0][: LONGEST - held])
            held += len(lines[0])
            continue
        if tail:
            lines[0] = b"".join((*tail, lines[0].removesuffix(b"\n")))[:LONGEST] + b"\n"
        last = b"" if whole else lines.pop()
        tail, held = ([last], len(last)) if last else ([], 0)
        yield first, [line[:-1] for line in lines]
        first += len(lines)
    if tail:
        yield first, [b"".join(tail)]


_BUFFER = 1 << 17


class _Part(io.RawIOBase):
    """The next `left` bytes of a stream, as if it ended there; then more may be left."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._into = getattr(stream, "readinto", None)
        self.left = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self.left)
        if size and self._into is not None:
            read = self._into(memoryview(buffer)[:size]) or 0
        else:
            data = self._stream.read(size) if size else b""
            read = len(data or b"")
            buffer[:read] = data or b""
        self.left -= read
        return int(read)


_RECORDS = re.compile(rb'\s*\{\s*"[Rr]ecords"\s*:\s*(?=\[)')


def payloads_of(head: bytes, stream: Any, plain_evtx: str) -> Blocks | None:
    """The payloads of a file that is not made of lines; None where it is."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        inner, recoded = peeked(_Recoded(stream, "utf-16"), len(head))
        return payloads_of(inner, recoded, "") or lines_of(recoded, 8 * CHUNK)
    if head.startswith(b"ElfFile\x00"):
        return _evtx(plain_evtx, stream)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"#separator", b"#fields\t")):
        return _zeek(stream)
    if start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]", b"["):
        return _blocks(_values(stream))
    if start[:1] == b"{" and _indented(start):
        return _blocks(_values(stream))
    return None


def _indented(start: bytes) -> bool:
    """True if the first line is no whole JSON value but looks like the beginning of one."""
    first, newline, _ = start.partition(b"\n")
    if _RECORDS.match(start):
        return True
    if not newline:
        return False
    first = first.rstrip()
    try:
        msgspec.json.decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return first[-1:] in (b"{", b"[", b",", b":")
    return False


class _Recoded:
    """Bytes of another encoding as UTF-8."""

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def read(self, size: int, /) -> bytes:
        while chunk := self._stream.read(max(size, 64)):
            text = self._decoder.decode(chunk)
            if text:
                return text.encode("utf-8", "replace")
        return b""


def _blocks(payloads: Iterator[bytes]) -> Blocks:
    first, block, size = 0, [], 0
    for payload in payloads:
        block.append(payload)
        size += len(payload)
        if len(block) >= BLOCK or size > 4 * CHUNK:
            yield first, block
            first, block, size = first + len(block), [], 0
    if block:
        yield first, block


def _zeek(stream: Any) -> Blocks:
    table = ZeekTable()
    for first, lines in lines_of(stream, 4 * CHUNK):
        rows: list[bytes] = []
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"#"):
                table.header(line)
                line = b""
            rows.append(table.row(line) if line else b"")
        yield first, rows


def _evtx(name: str, stream: Any) -> Blocks:
    with tempfile.TemporaryFile() as copy:
        if not name:
            remaining = LARGEST_EVTX
            while chunk := stream.read(CHUNK):
                remaining -= len(chunk)
                if remaining < 0:
                    raise SourceError("an unpacked EVTX file above 4 GB: unpack it first")
                copy.write(chunk)
            copy.seek(0)
        try:
            parser = evtx.PyEvtxParser(name or copy, 1)
        except (RuntimeError, OSError, ValueError) as error:
            raise SourceError(f"{name or 'EVTX'}: {error}") from error
        records: Any = parser.records_json()
        yield from _blocks(_records(iter(records)))


def _records(records: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Records as JSON. One that cannot be read is a payload that says so: it becomes a dead letter."""
    broken = 0
    while broken < 10_000:
        try:
            yield next(records)["data"].encode("utf-8", "replace")
            broken = 0
        except StopIteration:
            return
        except RuntimeError as error:
            broken += 1
            yield f"EVTX record that cannot be read: {error}".encode()


_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[\s,\x00\ufeff]*")


def _values(stream: Any) -> Iterator[bytes]:
    """Objects one after the other: of an array, of `Records`, or standing free over many lines.

    Bytes that are no UTF-8 are carried through as they are. What cannot be read is one payload up to the end
    of its line. The work is bounded: where too much of it was in vain, lines are handed on untried.
    """
    spare = 1 << 20  # characters that may be read in vain; more with each that comes in
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text, at, ended, step = "", 0, False, CHUNK
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        wrapped = _WRAPPER.match(text, at)
        if wrapped or text[at : at + 1] in ("[", "]"):
            at = wrapped.end() if wrapped else at + 1
            step = CHUNK
            continue
        end, vain = _end_of(text, at) if spare > 0 else (None, 0)
        spare -= vain
        if end is not None and (end < len(text) or ended):
            value = text[at:end].encode("utf-8", "surrogateescape")
            if value.strip() not in (b"}", b""):
                yield value
            at, step = end, CHUNK
            continue
        grows = _may_grow if spare > 0 else _last_line
        if not ended and len(text) - at < LONGEST and (end is not None or grows(text, at)):
            chunk = stream.read(step)
            step *= 2  # so that a value of many chunks is tried few times
            ended = not chunk
            spare += 8 * len(chunk or b"")
            text, at = text[at:] + decoder.decode(chunk or b"", final=ended), 0
            continue
        if at >= len(text):
            return
        newline = text.find("\n", at)
        stop = len(text) if newline < 0 else newline
        broken = text[at:stop].strip()
        if broken and broken not in ("}", "]", "},", "]}"):
            yield broken.encode("utf-8", "surrogateescape")
        at = stop


_WRAPPER = re.compile(r'\{\s*"[Rr]ecords"\s*:\s*\[')


_DEEP = 8_000


def _end_of(text: str, at: int) -> tuple[int | None, int]:
    """Where the JSON value at this place ends; None where it is cut off or broken, with how many characters
    were read in vain (and what the error itself costs: it counts the lines before it)."""
    if at >= len(text):
        return None, 0
    try:
        return _DECODER.raw_decode(text, at)[1], 0
    except json.JSONDecodeError as error:
        read = len(text) - at if error.msg.startswith("Unterminated") else error.pos - at
        return None, read + at // 64
    except (ValueError, RecursionError):
        return None, _DEEP


def _last_line(text: str, at: int) -> bool:
    return text.find("\n", at) < 0


def _may_grow(text: str, at: int) -> bool:
    """True unless the value is broken before the text ends."""
    if at >= len(text):
        return True
    try:
        _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) - 8 or error.msg.startswith("Unterminated")
    except (ValueError, RecursionError):
        return False
    return True
