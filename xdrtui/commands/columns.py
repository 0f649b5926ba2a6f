"""How wide the columns of a table are where the terminal is narrow: pure arithmetic.

In: the columns' own widths, the room, which columns may be narrower or missing. Out: the columns to show with
their widths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

GAP = 2
"""Blanks between columns."""


def fitted(
    widths: Sequence[int], room: int, least: Mapping[int, int], first_to_go: Sequence[int] = ()
) -> list[tuple[int, int]]:
    """(column, width) of what is shown.

    room: columns of the terminal, 0 for no limit; least: the width below which a column is not cut, for those
    that may be cut (the widest by this measure first); first_to_go: columns that may be left out, in order.
    """
    shown = dict(enumerate(widths))
    if not room:
        return list(shown.items())
    smallest = {column: min(width, least.get(column, width)) for column, width in shown.items()}
    for column in first_to_go:
        if _sum(smallest) > room:
            del smallest[column], shown[column]
    while _sum(shown) > room:
        able = [column for column in shown if shown[column] > smallest[column]]
        if not able:
            break
        widest = max(able, key=lambda column: (shown[column] / smallest[column], column))
        shown[widest] -= 1
    return list(shown.items())


def _sum(shown: Mapping[int, int]) -> int:
    return sum(shown.values()) + GAP * (len(shown) - 1)
