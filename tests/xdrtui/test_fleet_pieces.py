"""What of a range that was counted before is new: the law that makes a second count harmless."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.store.fleet import KEPT, Piece, Tally, take

HOSTS = ("a", "b")


def tally(events: Sequence[int], start: int, end: int) -> Tally:
    """The true counts of a range. events: how many events each message holds."""
    part = events[start:end]
    presence = {("t", host): {"": sum(n for i, n in enumerate(part, start) if i % 2 == at)}
                for at, host in enumerate(HOSTS)}  # fmt: skip
    return Tally({"messages": len(part), "events": sum(part)}, presence)


def total(parts: Sequence[Tally | None]) -> Tally:
    whole = Tally()
    for part in parts:
        if part is not None:
            whole.add(part)
    return whole


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    """Readers that begin where an offset was committed; the one before may still write after that, but not
    what it committed: that was written before."""
    events = draw(st.lists(st.integers(0, 3), min_size=1, max_size=60))
    committed = 0
    chains: list[tuple[list[tuple[int, int]], int]] = []
    while committed < len(events):
        at, chain = committed, []
        for length in draw(st.lists(st.integers(1, 20), min_size=1, max_size=4)):
            end = min(len(events), at + length)
            if end > at:
                chain.append((at, end))
            at = end
        committed = draw(st.sampled_from([end for _, end in chain])) if chain else len(events)
        chains.append((chain, committed))
    written: list[tuple[int, int]] = []
    late: list[tuple[int, int]] = []
    for chain, done in chains:  # the last write of a reader may come after its successor has begun
        keep = draw(st.integers(0, 1)) if len(chain) > 1 and done < chain[-1][1] else 0
        cut = len(chain) - keep
        written += chain[:cut] + late
        late = chain[cut:]
    return events, written + late


@given(readings())
@settings(max_examples=300, deadline=None)
def test_whatever_comes_twice_every_message_is_counted_once(
    case: tuple[list[int], list[tuple[int, int]]],
) -> None:
    events, written = case
    pieces: list[Piece] = []
    parts = []
    for start, end in written:
        new, pieces = take(pieces, Piece(start, end, tally(events, start, end)))
        parts.append(new)
        assert all(one.end == other.start for one, other in itertools.pairwise(pieces))
    counted = total(parts)
    true = tally(events, 0, len(events))
    assert counted.counts == true.counts
    assert {key: fields[""] for key, fields in counted.presence.items() if fields[""]} == {
        key: fields[""] for key, fields in true.presence.items() if fields[""]
    }


def test_what_begins_where_no_piece_ends_is_left_out_and_the_next_goes_on() -> None:
    events = [1] * 30
    pieces: list[Piece] = []
    _, pieces = take(pieces, Piece(0, 10, tally(events, 0, 10)))
    new, pieces = take(pieces, Piece(5, 20, tally(events, 5, 20)))
    assert new is None
    new, pieces = take(pieces, Piece(10, 30, tally(events, 10, 30)))
    assert new is not None and new.counts["messages"] == 20


def test_only_so_many_pieces_are_remembered() -> None:
    pieces: list[Piece] = []
    for at in range(100):
        _, pieces = take(pieces, Piece(at, at + 1, Tally()))
    assert len(pieces) == KEPT


def counted(events: Sequence[int], ranges: Sequence[tuple[int, int]]) -> list[int]:
    """How many messages of each range were new."""
    pieces: list[Piece] = []
    new: list[int] = []
    for start, end in ranges:
        part, pieces = take(pieces, Piece(start, end, tally(events, start, end)))
        new.append(part.counts["messages"] if part else 0)
    return new


@pytest.mark.parametrize(
    ("ranges", "new"),
    [
        ([(0, 5), (5, 10), (5, 15)], [5, 5, 5]),  # read on from what the dead one had committed
        ([(0, 5), (5, 10), (0, 15)], [5, 5, 5]),
        ([(0, 5), (5, 10), (10, 15), (7, 20), (20, 25)], [5, 5, 5, 0, 5]),  # begins where none ends
        ([(0, 5), (5, 15), (5, 10), (10, 20)], [5, 10, 0, 5]),  # cut elsewhere, then read on
        ([(0, 10), (15, 20), (10, 30)], [10, 5, 15]),  # a hole that a second reading fills
        ([(0, 10), (10, 10), (20, 20), (20, 25)], [10, 0, 0, 5]),
        ([*((at, at + 1) for at in range(KEPT)), (1, KEPT + 4)], [*[1] * KEPT, 4]),  # the oldest but one
        ([(40, 50), (30, 60), (50, 55)], [10, 0, 5]),  # from before all that is known
    ],
)
def test_what_overlaps_is_taken_off_exactly(ranges: list[tuple[int, int]], new: list[int]) -> None:
    assert counted([1] * 100, ranges) == new
