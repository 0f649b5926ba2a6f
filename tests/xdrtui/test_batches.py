"""Fetch replies as they come: what of them a client may see, and what is wrong where that ends."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.sources.batches import screen

END = 1_000


def batch(base: int, values: Sequence[bytes], codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1_000_000)
    for number, value in enumerate(values):
        builder.append(number, 1_700_000_000_000, b"k", value, [("name", b"v")])
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, base)
    return bytes(made)


def records(data: bytes) -> list[tuple[int, bytes | None]]:
    found = MemoryRecords(data)
    values = []
    while found.has_next():
        one = found.next_batch()
        assert one is not None
        values += [(record.offset, record.value) for record in one]
    return values


WHOLE = [
    batch(10, [b"a", b"b"]),
    batch(12, [b"c" * 300, b"", b"e"], codec=4),
    batch(15, [b"f"], codec=1),
    batch(20, [b"g", b"h"], codec=3),  # what was between is compacted away
]
REPLY = b"".join(WHOLE)
ALL = [(10, b"a"), (11, b"b"), (12, b"c" * 300), (13, b""), (14, b"e"), (15, b"f"), (20, b"g"), (21, b"h")]


def test_good_batches_come_out_unpacked_and_end_where_the_next_begins() -> None:
    found = screen(REPLY, 10, END)
    assert (records(found.readable), found.damage, found.after) == (ALL, None, 22)


@pytest.mark.parametrize("cut", [1, 11, 30, 60, 70])
def test_a_batch_that_the_broker_cut_off_is_left_for_the_next_reply(cut: int) -> None:
    found = screen(REPLY[:-cut], 10, END)
    assert (records(found.readable), found.damage, found.after) == (ALL[:6], None, 16)


def test_what_comes_before_damage_is_handed_out_first() -> None:
    bad = bytearray(REPLY)
    bad[len(WHOLE[0]) + 70] ^= 1
    assert records(screen(bytes(bad), 10, END).readable) == ALL[:2]
    damage = screen(bytes(bad[len(WHOLE[0]) :]), 12, END).damage
    assert damage is not None
    assert (damage.first, damage.next, damage.count, damage.reason, damage.certain) == (
        12,
        15,
        3,
        "bad checksum",
        False,
    )


def test_a_reply_brings_no_more_at_once_than_there_is_room_for() -> None:
    found = screen(REPLY, 10, END, room=len(WHOLE[0]) + 100)
    assert (records(found.readable), found.damage) == (ALL[:2], None)
    assert records(screen(REPLY[len(WHOLE[0]) :], 12, END, room=1, most=10_000).readable) == []


def test_a_batch_larger_than_the_room_is_read_where_it_is_the_first() -> None:
    found = screen(REPLY, 10, END, room=1, whole=True)
    assert found.parts and found.after == screen(WHOLE[0], 10, END).after and found.full


@given(at=st.integers(0, len(REPLY) - 1), flip=st.integers(1, 255))
@settings(max_examples=400, deadline=None)
def test_whatever_byte_is_flipped_no_message_is_changed_moved_or_made_up(at: int, flip: int) -> None:
    """But for a base offset that is wrong by so little that only the broker can tell."""
    bad = bytearray(REPLY)
    bad[at] ^= flip
    found = screen(bytes(bad), 10, END)
    seen = records(found.readable)
    starts = [sum(map(len, WHOLE[:number])) for number in range(4)]
    if any(start <= at < start + 8 for start in starts):
        assert {value for _, value in seen} <= {value for _, value in ALL}
    else:
        assert seen == ALL[: len(seen)]
    assert seen or found.damage


@given(st.binary(max_size=300), st.integers(0, 50))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_damage_or_nothing(data: bytes, wanted: int) -> None:
    found = screen(data, wanted, END)
    assert found.damage is None or found.damage.raw == data[: len(found.damage.raw)]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("codec", [0, 1, 2])
def test_messages_of_old_brokers_are_checked_and_handed_on_as_they_are(magic: int, codec: int) -> None:
    builder = LegacyRecordBatchBuilder(magic=magic, compression_type=codec, batch_size=100_000)
    for number in range(3):
        builder.append(number, timestamp=9, key=b"k", value=b"value %d" % number)
    made = bytearray(builder.build())
    if codec:  # as the broker does: the offset of the last message within
        struct.pack_into(">q", made, 0, 2)
    data = bytes(made)
    found = screen(data, 0, END)
    assert (found.readable, found.damage, found.after) == (data, None, 3)
    made[-1] ^= 1
    bad = screen(bytes(made), 0, END)
    assert bad.damage is not None if codec else records(bad.readable) == records(data)[:2]
    if codec:
        bomb = screen(data, 0, END, most=20)
        assert bomb.damage is not None and "more than 20 bytes" in bomb.damage.reason
