"""The record batches of a fetch reply, looked at before any client decodes them.

In: the bytes that a broker sent for one partition. Out: those of its batches that can be read, decompressed
to no more than a cap, and what is wrong with the batch where that ends. Pure: asking again, and finding out
where reading can go on, are `screen.py`'s.
Source: the formats of record batches, magic 2, and of message sets, magic 0 and 1, in Kafka's protocol guide.
"""

from __future__ import annotations

import struct
import zlib

import msgspec
from aiokafka.record.util import calc_crc32c

from xdrtui.events.items import DEAD_PAYLOAD
from xdrtui.sources.expand import CODECS, Broken, TooLarge, expand
from xdrtui.sources.records import mended

MOST_EXPANDED = 64_000_000
"""Bytes that one batch may hold when decompressed."""

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LEGACY = struct.Struct(">qiIbb")
_OVERHEAD = 12  # base offset and length, which the length does not count
_CRC_FROM = 21
_LEGACY_CRC_FROM = 16


class Damage(msgspec.Struct, frozen=True):
    """A batch that cannot be read. Offsets are as its header says; next is -1 where that makes no sense.

    first: of its messages, the first not read yet; count: how many those are; certain: its checksum holds,
    so that reading it again changes nothing; raw: the batch, as far as it came; size: its length.
    """

    first: int
    next: int
    count: int
    reason: str
    certain: bool
    raw: bytes
    size: int


class Screened(msgspec.Struct, frozen=True):
    """parts: of batches for a client that checks and decompresses no more, in order; damage: of the first
    batch, only where nothing could be read before it; expanded: bytes that the readable ones take; after: the
    offset at which they end; read: so many bytes of the reply they were; full: more would come, had there
    been room."""

    parts: tuple[bytes | memoryview, ...]
    damage: Damage | None = None
    expanded: int = 0
    after: int = -1
    read: int = 0
    full: bool = False

    @property
    def readable(self) -> bytes:
        """The batches in one piece."""
        return b"".join(self.parts)

    def followed_by(self, rest: Screened) -> Screened:
        """These and those that came after them in the same reply."""
        if not self.parts:
            return rest
        return Screened(self.parts + rest.parts, None, self.expanded + rest.expanded, rest.after)


class _Header(msgspec.Struct, frozen=True):
    """Of one batch. start, stop: where it stands in the reply; first: its first message that is not read
    yet; sound: it can be what it says it is."""

    base: int
    last: int
    first: int
    count: int
    magic: int
    crc: int
    attributes: int
    start: int
    stop: int
    sound: bool

    @property
    def codec(self) -> int:
        return self.attributes & 7


def screen(
    data: bytes,
    wanted: int,
    end: int,
    *,
    most: int = MOST_EXPANDED,
    room: int = MOST_EXPANDED,
    whole: bool = False,
    distrusted: int = -1,
    aligned: bool = False,
    strict: bool = False,
) -> Screened:
    """Read batches until one cannot be read.

    wanted: the offset that was asked for; end: one past the partition's last; most: bytes that a batch may
    take when decompressed; room: bytes that all of them may take; whole: the first may take `most`,
    whatever the room; distrusted: batches that begin before this offset are mended, since a client stumbled
    over one of them though checksums held; aligned: a batch ended just before `wanted`, so none that is sound
    begins before it; strict: what is before `wanted` cannot be read, so a batch is believed only where the
    next one agrees with it.
    """
    parts: list[bytes | memoryview] = []
    expanded, expected, at = 0, wanted, 0
    view = memoryview(data)
    full = False
    while at < len(data):
        if full := expanded >= room:
            break
        header = _header(data, at, expected, end, aligned or at > 0)
        if header is None or not header.sound or _overlaps(data, header, expected, end, strict):
            if parts:  # cut off by the broker, or damage that the next reply begins with
                break
            return Screened((), _nonsense(data, header, wanted))
        limit = most if whole and not parts else min(most, room - expanded)
        try:
            found = _readable(view[at : header.stop], header, limit, distrusted)
        except TooLarge as error:
            full = limit < most
            if parts or full:
                break
            return Screened((), _damage(data, header, f"{_codec(header)}: {error}", certain=True))
        except Broken as error:
            if parts:
                break
            certain = not isinstance(error, BadChecksum)
            return Screened((), _damage(data, header, str(error), certain=certain))
        parts += found
        expanded += sum(map(len, found))
        expected, at = header.last + 1, header.stop
    return Screened(tuple(parts), None, expanded, expected, at, full)


def base_offset(data: bytes, wanted: int, end: int) -> int:
    """Where the first batch begins by its header; -1 where that makes no sense."""
    header = _header(data, 0, wanted, end, aligned=False)
    if header is None or not header.sound or _overlaps(data, header, wanted, end, strict=True):
        return -1
    return header.base


class BadChecksum(Broken):
    """The bytes are not those that the producer sent."""


def _header(data: bytes, at: int, expected: int, end: int, aligned: bool) -> _Header | None:
    """The header of the batch that begins here; None where the batch is not here as a whole."""
    if len(data) - at < _LEGACY.size:
        return None
    base, length, crc, magic, attributes = _LEGACY.unpack_from(data, at)
    stop = at + _OVERHEAD + length
    if length < 0 or stop > len(data):
        return None
    if magic != 2:
        first = expected if attributes & 7 else base
        sound = magic in (0, 1) and length >= _LEGACY.size - _OVERHEAD and expected <= base < end
        return _Header(base, base, first, base - first + 1, magic, crc, attributes & 0xFF, at, stop, sound)
    if length < _HEADER.size - _OVERHEAD:
        return _Header(base, base, base, 0, magic, 0, 0, at, stop, sound=False)
    base, _, _, _, crc, attributes, delta, _, _, _, _, _, count = _HEADER.unpack_from(data, at)
    last = base + delta
    follows = base >= expected or not aligned
    sound = 0 <= count <= delta + 1 and base >= 0 and expected <= last < end and follows
    first = max(base, expected)
    return _Header(base, last, first, min(count, last - first + 1), magic, crc, attributes, at, stop, sound)


def _overlaps(data: bytes, header: _Header, expected: int, end: int, strict: bool) -> bool:
    """The batch leaves offsets out, as compaction does, and reaches into the next one: its base offset, which
    no checksum covers, is wrong. strict: it need not leave any out for that."""
    if (header.base <= expected and not strict) or header.stop == len(data):
        return False
    follows = _header(data, header.stop, expected, end, aligned=True)
    return follows is not None and follows.sound and follows.first <= header.last


def _readable(batch: memoryview, header: _Header, limit: int, distrusted: int) -> list[bytes | memoryview]:
    """The batch without its compression. Raises TooLarge, Broken."""
    if header.magic != 2:
        return _readable_legacy(batch, header, limit)
    if calc_crc32c(batch[_CRC_FROM:]) != header.crc:
        raise BadChecksum("bad checksum")
    doubted = header.base < distrusted
    if header.codec == 0 and not doubted:
        return [batch]
    records = expand(header.codec, batch[_HEADER.size :], limit)
    if doubted:
        records = mended(records, header.count)
    length = _HEADER.size - _OVERHEAD + len(records)
    attributes = header.attributes & ~7
    head = struct.pack(">qi", header.base, length) + bytes(batch[_OVERHEAD:_CRC_FROM])
    return [head + struct.pack(">h", attributes) + bytes(batch[_CRC_FROM + 2 : _HEADER.size]), records]


def _readable_legacy(batch: memoryview, header: _Header, limit: int) -> list[bytes | memoryview]:
    """An old message or set of them, as it is: only checked. Raises TooLarge, Broken."""
    if zlib.crc32(batch[_LEGACY_CRC_FROM:]) != header.crc:
        raise BadChecksum("bad checksum")
    if header.codec:
        at = _LEGACY.size + (8 if header.magic else 0)
        try:
            (key,) = struct.unpack_from(">i", batch, at)
            at += 4 + max(key, 0)
            (size,) = struct.unpack_from(">i", batch, at)
        except struct.error:
            raise Broken("cut short") from None
        expand(header.codec, batch[at + 4 : at + 4 + max(size, 0)], limit)
    return [batch]


def _codec(header: _Header) -> str:
    return CODECS.get(header.codec, f"codec {header.codec}")


def _damage(data: bytes, header: _Header, reason: str, *, certain: bool) -> Damage:
    size = header.stop - header.start
    raw = data[header.start : header.start + min(size, DEAD_PAYLOAD)]
    return Damage(header.first, header.last + 1, header.count, reason, certain, raw, size)


def _nonsense(data: bytes, header: _Header | None, wanted: int) -> Damage:
    size = len(data) if header is None else header.stop - header.start
    return Damage(wanted, -1, 0, "its header makes no sense", False, data[: min(size, DEAD_PAYLOAD)], size)
