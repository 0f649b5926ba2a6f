"""Fetched messages cut into pieces, put together again, waiting for their turn: bounded, in order, whole."""

from __future__ import annotations

import asyncio
from itertools import pairwise, zip_longest

from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.events.message import DeadLetter, Messages, Position, Source
from xdrtui.pipeline.waiting import TAKEN_MESSAGES, WAITING_PIECES, Waiting
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


def letter(offset: int) -> DeadLetter:
    return DeadLetter(Position(SOURCE.uid, 0, offset), "a batch that cannot be read", b"", 0, 0)


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


async def test_of_messages_that_weigh_nothing_no_more_are_taken_than_a_store_takes_at_once() -> None:
    waiting, tombstones = Waiting(), fetched(0, [0] * PIECE_MESSAGES)
    for _ in range(WAITING_PIECES):
        await waiting.put(tombstones, 0)
    assert sum(len(each.messages) for each in await waiting.take(0, 1_000_000)) == TAKEN_MESSAGES


LENGTHS = st.lists(st.sampled_from([0, 1, 3, PIECE_BYTES, 600_000]), min_size=1, max_size=30)


@given(LENGTHS, LENGTHS, st.lists(st.integers(0, 70), max_size=5), st.integers(0, 2))
@settings(max_examples=200, deadline=None)
def test_what_was_cut_and_joined_again_is_the_whole(
    one: list[int], other: list[int], holes: list[int], turn: int
) -> None:
    """Of two partitions in turns, with letters of what cannot be read between them: what is joined holds all
    of it in order, and each partition's positions follow one another without a gap."""
    batch: list[list[Fetched]] = []
    for partition, sizes in enumerate((one, other)):
        at, pieces = 0, list[Fetched]()
        for piece in cut(sizes, sizes):
            whole = fetched(at, list(piece), partition=partition)
            pieces.append(whole)
            at = whole.next_offset
            if len(pieces) in holes:
                pieces.append(Fetched(nothing_of(SOURCE, partition), at, at + 5, b"", 0, 1, (letter(at),)))
                at += 5
        batch.append(pieces)
    mixed = [each for pair in zip_longest(*(batch if turn else batch[::-1])) for each in pair if each]
    runs = joined(mixed)
    for partition, pieces in enumerate(batch):
        mine = [each for each in runs if each.messages.partition == partition]
        assert [o for each in mine for o in each.messages.offsets] == [
            o for each in pieces for o in each.messages.offsets
        ]
        assert [p for each in mine for p in each.messages.payloads] == [
            p for each in pieces for p in each.messages.payloads
        ]
        assert all(one.next_offset == other.start for one, other in pairwise(mine))
        assert (mine[0].start, mine[-1].next_offset) == (pieces[0].start, pieces[-1].next_offset)
        assert mine[-1].anchor == pieces[-1].anchor
        assert [each.dead for each in mine if each.dead] == [each.dead for each in pieces if each.dead]
        assert all(bool(one.dead) or bool(other.dead) for one, other in pairwise(mine))


async def test_what_is_in_hand_counts_until_it_is_settled() -> None:
    waiting, each = Waiting(), fetched(0, [50, 50])
    waiting.count([each, each])
    await waiting.put(each, 0)
    assert (waiting.pieces, waiting.messages) == (2, 4)
    waiting.settled(await waiting.take(0, 1000))
    assert (waiting.pieces, waiting.messages) == (1, 2)
