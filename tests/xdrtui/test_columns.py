"""Tables on a narrow terminal: what is cut, what is left out, and that the rest fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xdrtui.commands.columns import GAP, cells, cut, fitted, wrapped

tables = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def test_where_there_is_room_all_is_shown_whole() -> None:
    assert fitted([5, 10], 17, {1: 3}, (0,)) == [(0, 5), (1, 10)]
    assert fitted([5, 1000], 0, {1: 3}, (0,)) == [(0, 5), (1, 1000)]


def test_columns_go_in_their_order_and_only_as_far_as_needed() -> None:
    assert fitted([10, 10, 10], 22, {}, (1, 0)) == [(0, 10), (2, 10)]


def test_what_is_widest_for_what_it_needs_is_cut_first() -> None:
    assert fitted([5, 40, 20], 50, {1: 8, 2: 8}) == [(0, 5), (1, 21), (2, 20)]
    assert fitted([5, 40, 36], 70, {1: 30, 2: 8}) == [(0, 5), (1, 40), (2, 21)]


@given(tables, st.integers(1, 200), st.integers(1, 20))
def test_it_fits_or_nothing_more_can_give_way(widths: list[int], room: int, least: int) -> None:
    shown = fitted(widths, room, dict.fromkeys(range(len(widths)), least), range(1, len(widths)))
    total = sum(width for _, width in shown) + GAP * (len(shown) - 1)
    assert total <= room or shown == [(0, min(widths[0], least))]
    assert all(width <= widths[column] for column, width in shown)


@given(st.text("ab \u4e2d\u0301", max_size=80), st.integers(2, 30))
def test_wrapped_lines_fit_and_hold_every_word(text: str, room: int) -> None:
    lines = wrapped(text, room, 100)
    assert all(cells(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.text("ab \u4e2d", max_size=300), st.integers(2, 30), st.integers(1, 5))
def test_no_more_lines_are_taken_than_there_may_be(text: str, room: int, most: int) -> None:
    lines = wrapped(text, room, most)
    assert len(lines) <= most and all(cells(line) <= room for line in lines)


def test_words_stay_whole_where_they_can_and_what_is_cut_says_so() -> None:
    assert wrapped("one two three", 8, 5) == ["one two", "three"]
    assert wrapped("abcdefghij", 4, 5) == ["abcd", "efgh", "ij"]
    assert wrapped("one two three", 5, 2) == ["one", "two …"]
    assert cut("one two", 4) == "one…" and cut("one", 0) == "one"
