"""Where reading of a Kafka partition begins, and whether it is still the partition it was.

In: the stored position with its anchor, the partition's first and last offset. Out: a `Begin`. A topic that
was deleted and made again bears the old name but other records: that shows in the record before the stored
position (its hash is the anchor) or in a position past the end. Then a new generation begins, read from its
first record, under a uid of its own. Pure arithmetic: nothing here asks a broker.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec


class Stored(msgspec.Struct, frozen=True):
    """What the store knows of a partition: the next offset to read, and the anchor of the one before it."""

    next_offset: int
    anchor: bytes = b""
    generation: int = 0


class Begin(msgspec.Struct, frozen=True):
    """How to begin reading a partition.

    offset: the first record to hand on; check: anchor that the record before it must have, empty where there
    is none to check; start: the stored position that the first batch continues, -1 = none is stored;
    note: one sentence for the log and the health page where something is unusual, else empty.
    """

    generation: int
    offset: int
    check: bytes = b""
    start: int = -1
    note: str = ""


def anchor(offset: int, timestamp: int, key: bytes | None, value: bytes | None) -> bytes:
    """Hash of one record: offset, timestamp (ms), key and value; None and empty differ."""
    parts = hashlib.blake2b(digest_size=16)
    for part in (key, value):
        parts.update(struct.pack(">q", -1 if part is None else len(part)))
        parts.update(part or b"")
    parts.update(struct.pack(">qq", offset, timestamp))
    return parts.digest()


def begin(stored: Stored | None, first: int, end: int, name: str, otherwise: int) -> Begin:
    """Decide where to begin. first: the partition's first offset; end: one past its last; name: for notes;
    otherwise: where to begin if nothing is stored."""
    if stored is None:
        return Begin(0, min(max(otherwise, first), end))
    if stored.next_offset > end:
        why = f"{name} ends at {end}, before the stored position {stored.next_offset}"
        return renewed(stored, first, why)
    if stored.next_offset < first:
        return Begin(
            stored.generation,
            first,
            start=stored.next_offset,
            note=f"Retention gap: {name} begins at {first} now; the messages from {stored.next_offset} on"
            " were deleted before they were read.",
        )
    before = stored.next_offset - 1
    check = stored.anchor if before >= first else b""
    return Begin(stored.generation, stored.next_offset, check, stored.next_offset)


def renewed(stored: Stored, first: int, why: str) -> Begin:
    """A new generation, from its first record."""
    return Begin(
        stored.generation + 1,
        first,
        note=f"{why}: it is a new topic under an old name (generation {stored.generation + 1}),"
        " read from its first message.",
    )
