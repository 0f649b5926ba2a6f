"""Decompress what a Kafka batch holds, never to more than a cap.

In: the records of a batch as the broker sent them and their codec's number. Out: the records. A few
kilobytes can claim gigabytes, so each codec is held to the cap before or while it writes: by what its blocks
can hold at most (lz4, snappy) or piece by piece (gzip, zstd).
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator

import cramjam
import zstandard

CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
"""By the number in a batch's attributes."""

_PIECE = 1 << 20
_WINDOW = 1 << 27  # the largest that zstd's levels use; a frame that asks for more is refused
_XERIAL = b"\x82SNAPPY\x00"
_LZ4_MAGIC = 0x184D2204
_LZ4_BLOCKS = {4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22}
_LZ4_RATIO = 256  # no lz4 block grows by more than 255


class _Mine(threading.local):
    """A decompressor for each thread: to make one takes as long as to use it."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdDecompressor(max_window_size=_WINDOW)


_mine = _Mine()


class TooLarge(ValueError):
    """The records are larger than the cap when decompressed."""


class Broken(ValueError):
    """The bytes are not of this codec."""


def expand(codec: int, data: bytes | memoryview, most: int) -> bytes:
    """The records within, at most so many bytes. Raises TooLarge, Broken; Broken too for an unknown codec."""
    try:
        if codec == 0:
            return _fits(bytes(data), most)
        if codec == 1:
            return _joined(_gzip(bytes(data), most), most)
        if codec == 2:
            return _snappy(bytes(data), most)
        if codec == 3:
            return _lz4(bytes(data), most)
        if codec == 4:
            return _joined(_zstd(bytes(data)), most)
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError, struct.error, EOFError) as error:
        raise Broken(f"{CODECS[codec]}: {error}"[:200]) from None
    raise Broken(f"unknown codec {codec}")


def _fits(data: bytes, most: int) -> bytes:
    if len(data) > most:
        raise TooLarge(f"more than {most:,} bytes")
    return data


def _joined(pieces: Iterator[bytes], most: int) -> bytes:
    found, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise TooLarge(f"more than {most:,} bytes when decompressed")
        found.append(piece)
    return found[0] if len(found) == 1 else b"".join(found)


def _gzip(data: bytes, most: int) -> Iterator[bytes]:
    while data:
        member = zlib.decompressobj(wbits=31)
        rest = data
        while not member.eof:
            piece = member.decompress(rest, min(_PIECE, most + 1))
            rest = member.unconsumed_tail
            if not piece and not rest and not member.eof:
                raise EOFError("cut short")
            yield piece
        data = member.unused_data.lstrip(b"\x00")


def _zstd(data: bytes) -> Iterator[bytes]:
    if not data:
        raise EOFError("cut short")
    reader = _mine.zstd.stream_reader(data, read_across_frames=True)
    while piece := reader.read(_PIECE):
        yield piece


def _snappy(data: bytes, most: int) -> bytes:
    if not data.startswith(_XERIAL):
        if cramjam.snappy.decompress_raw_len(data) > most:
            raise TooLarge(f"more than {most:,} bytes when decompressed")
        return bytes(cramjam.snappy.decompress_raw(data))
    blocks, at = [], 16
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if size < 0 or at + size > len(data):
            raise EOFError("a block is cut short")
        blocks.append(data[at : at + size])
        at += size
    if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > most:
        raise TooLarge(f"more than {most:,} bytes when decompressed")
    return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)


def _lz4(data: bytes, most: int) -> bytes:
    if _lz4_bound(data) > most:
        raise TooLarge(f"more than {most:,} bytes when decompressed")
    return bytes(cramjam.lz4.decompress(data))


def _lz4_bound(data: bytes) -> int:
    """The most that frames can hold: of each block its own limit, or its compressed size times 256."""
    at, bound = 0, 0
    while at < len(data):
        magic, flags, descriptor = struct.unpack_from("<IBB", data, at)
        if magic != _LZ4_MAGIC:
            raise Broken("lz4: no frame")
        limit = _LZ4_BLOCKS.get(descriptor >> 4 & 7)
        if limit is None:
            raise Broken("lz4: unknown size of blocks")
        at += 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
        while True:
            (size,) = struct.unpack_from("<I", data, at)
            at += 4
            if not size:
                break
            plain, size = size >> 31, size & 0x7FFFFFFF
            bound += size if plain else min(limit, size * _LZ4_RATIO)
            at += size + (4 if flags & 16 else 0)
        at += 4 if flags & 4 else 0
    return bound
