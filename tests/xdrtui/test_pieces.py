"""Fetched messages cut into pieces, put together again, waiting for their turn: bounded, in order, whole."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.waiting import WAITING_PIECES, Waiting
from xdrtui.sources.partitions import Fetched, nothing_of
from xdrtui.sources.pieces import PIECE_BYTES, PIECE_MESSAGES, cut, joined

SOURCE = Source("kafka:c:t:0", "t", "kafka")
SIZES = st.sampled_from([0, 1, 1000, PIECE_BYTES // 2, PIECE_BYTES, PIECE_BYTES + 1, 5_000_000])


def fetched(start: int, sizes: list[int], *, partition: int = 0, placing: int = 1) -> Fetched:
    end = start + len(sizes)
    offsets = list(range(start, end))
    messages = Messages(
        SOURCE, partition, offsets, [bytes(size) for size in sizes], [at * 10 for at in offsets]
    )
    return Fetched(messages, start, end, b"%d" % end, 0, placing, unread={start: "why"} if sizes else {})


@given(st.lists(SIZES, max_size=40), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_pieces_hold_all_in_order_and_no_more_than_they_may(sizes: list[int], times: int) -> None:
    sizes = [*sizes, *[10] * (times * PIECE_MESSAGES)]
    records = list(range(len(sizes)))
    pieces = [list(piece) for piece in cut(records, sizes)]
    assert [record for piece in pieces for record in piece] == records
    assert all(pieces)
    for piece in pieces:
        assert len(piece) <= PIECE_MESSAGES
        assert len(piece) == 1 or sum(sizes[record] for record in piece) <= PIECE_BYTES


def test_pieces_that_follow_one_another_are_one_again() -> None:
    a, b, c = fetched(0, [1, 2]), fetched(2, [3]), fetched(3, [4, 5])
    other = fetched(0, [7], partition=1)
    whole, beside = joined([a, other, b, c])
    assert beside == other
    assert (whole.start, whole.next_offset, whole.anchor) == (0, 5, b"5")
    assert (list(whole.messages.offsets), whole.messages.ingest) == ([0, 1, 2, 3, 4], [0, 10, 20, 30, 40])
    assert [len(payload) for payload in whole.messages.payloads] == [1, 2, 3, 4, 5]
    assert whole.unread == {0: "why", 2: "why", 3: "why"}


def test_what_does_not_follow_stays_apart() -> None:
    a, gap, again = fetched(0, [1]), fetched(5, [1]), fetched(6, [1], placing=2)
    opening = Fetched(nothing_of(SOURCE, 0), 7, 9, b"", 0, 2)
    assert joined([a, gap, again, opening]) == [a, gap, again, opening]


async def test_what_waits_is_bounded_by_bytes_but_one_always_passes() -> None:
    waiting = Waiting(100)
    huge, small = fetched(0, [500]), fetched(1, [60])
    assert await waiting.put(huge, 0)
    assert not await waiting.put(small, 0.01)
    assert await waiting.take(0, 1) == [huge]
    assert await waiting.put(small, 0) and not await waiting.put(small, 0.01)


async def test_pieces_without_messages_are_bounded_too() -> None:
    waiting, opening = Waiting(), Fetched(nothing_of(SOURCE, 0), 7, 9, b"", 0, 2)
    taken = [await waiting.put(opening, 0) for _ in range(WAITING_PIECES + 1)]
    assert taken == [True] * WAITING_PIECES + [False]


async def test_who_waits_for_room_goes_on_when_there_is_some() -> None:
    waiting, each = Waiting(100), fetched(0, [80])
    await waiting.put(each, 0)
    putting = asyncio.create_task(waiting.put(each, 10))
    await asyncio.sleep(0)
    assert await waiting.take(0, 1) == [each]
    assert await putting
    assert await waiting.take(0, 1) == [each]
    assert await waiting.take(0, 1) == []


async def test_no_more_is_taken_than_asked_for_but_one() -> None:
    waiting, each = Waiting(), fetched(0, [50])
    for _ in range(4):
        await waiting.put(each, 0)
    assert [len(await waiting.take(0, room)) for room in (10, 100, 100)] == [1, 2, 1]


async def test_what_is_in_hand_counts_until_it_is_settled() -> None:
    waiting, each = Waiting(), fetched(0, [50, 50])
    waiting.count([each, each])
    await waiting.put(each, 0)
    assert (waiting.pieces, waiting.messages) == (2, 4)
    waiting.settled(await waiting.take(0, 1000))
    assert (waiting.pieces, waiting.messages) == (1, 2)
