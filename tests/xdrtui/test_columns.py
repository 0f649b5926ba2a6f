"""Tables on a narrow terminal: what is cut, what is left out, and that the rest fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xdrtui.commands.columns import GAP, fitted

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
