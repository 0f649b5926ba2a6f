"""Take the records of a batch apart where no client can.

In: the records of one batch, decompressed. Out: the same with what a client stumbles over set right: names of
headers that are no UTF-8, which any producer may send. Slow, so only for batches that failed once.
Source: the format of records, magic 2, in Kafka's protocol guide.
"""

from __future__ import annotations

from xdrtui.sources.expand import Broken


def mended(records: bytes, count: int) -> bytes:
    """All records, each byte where it was; a header's name that is no UTF-8 becomes question marks. Raises
    Broken where the records do not fit into each other."""
    found = bytearray(records)
    at = 0
    try:
        for number in range(count):
            length, at = _number(found, at)
            stop = at + length
            at = _mend_record(found, at + 1, number)
            if at != stop:
                raise Broken(f"record {number} is not as long as it says")
    except IndexError:
        raise Broken("its records are cut short") from None
    if at != len(found):
        raise Broken("there is more in it than its records")
    return bytes(found)


def _mend_record(found: bytearray, at: int, number: int) -> int:
    """Mend the headers of the record whose attributes end here; return where it ends."""
    for _ in ("time", "offset"):
        _, at = _number(found, at)
    for _ in ("key", "value"):
        at = _skip(found, at)
    headers, at = _number(found, at)
    if headers < 0:
        raise Broken(f"record {number} has {headers} headers")
    for _ in range(headers):
        size, at = _number(found, at)
        if size < 0:
            raise Broken(f"record {number} has a header without a name")
        name = bytes(found[at : at + size])
        try:
            name.decode("utf-8")
        except UnicodeDecodeError:
            found[at : at + len(name)] = b"?" * len(name)
        at = _skip(found, at + size)
    return at


def _skip(found: bytearray, at: int) -> int:
    size, at = _number(found, at)
    return at + max(size, 0)


def _number(found: bytearray, at: int) -> tuple[int, int]:
    """A zigzag varint of at most ten bytes, and where it ends. Raises IndexError, Broken."""
    value = shift = 0
    while True:
        byte = found[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            raise Broken("a number in it is too long")
