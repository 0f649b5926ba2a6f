"""Where reading of a partition begins: the table of what may have happened to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xdrtui.sources.generation import Stored, anchor, begin, renewed

NAME = "partition 0 of t"
STORED = Stored(10, b"anchor", 2)


def test_a_partition_never_read_begins_as_the_settings_say() -> None:
    assert [begin(None, 3, 9, NAME, otherwise).offset for otherwise in (3, 5, 9)] == [3, 5, 9]
    assert begin(None, 3, 9, NAME, 9).start == -1


def test_a_known_partition_goes_on_after_its_anchor_is_compared() -> None:
    begins = begin(STORED, 0, 15, NAME, 0)
    assert (begins.offset, begins.check, begins.start, begins.generation, begins.note) == (
        10,
        b"anchor",
        10,
        2,
        "",
    )


def test_one_that_ends_before_the_stored_position_is_new() -> None:
    begins = begin(STORED, 0, 9, NAME, 0)
    assert (begins.generation, begins.offset, begins.start) == (3, 0, -1)
    assert "new topic under an old name (generation 3)" in begins.note


def test_one_whose_start_moved_past_the_position_has_a_gap_and_stays_itself() -> None:
    begins = begin(STORED, 12, 15, NAME, 0)
    assert (begins.generation, begins.offset, begins.start, begins.check) == (2, 12, 10, b"")
    assert "Retention gap" in begins.note


def test_one_that_was_read_to_its_end_is_the_same_topic() -> None:
    begins = begin(STORED, 0, STORED.next_offset, NAME, 0)
    assert (begins.generation, begins.offset, begins.check, begins.note) == (2, 10, b"anchor", "")


def test_the_first_record_there_is_can_be_the_anchor() -> None:
    assert begin(STORED, 9, 15, NAME, 0).check == b"anchor"


def test_one_whose_anchor_alone_was_deleted_goes_on_unchecked() -> None:
    begins = begin(STORED, 10, 15, NAME, 0)
    assert (begins.offset, begins.check, begins.note) == (10, b"", "")


def test_another_record_before_the_position_is_a_new_generation_from_its_start() -> None:
    assert (renewed(STORED, 4, "why").offset, renewed(STORED, 4, "why").generation) == (4, 3)


MAYBE = st.none() | st.binary(max_size=8)


@given(st.tuples(st.integers(0, 99), st.integers(-1, 99), MAYBE, MAYBE), st.data())
def test_records_that_differ_in_anything_have_different_anchors(
    one: tuple[int, int, bytes | None, bytes | None], data: st.DataObject
) -> None:
    other = data.draw(st.tuples(st.integers(0, 99), st.integers(-1, 99), MAYBE, MAYBE))
    assert (anchor(*one) == anchor(*other)) == (one == other)
