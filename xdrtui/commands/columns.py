"""How wide the columns of a table are where the terminal is narrow, and where lines break: pure arithmetic.

In: the columns' own widths, the room, which columns may be narrower or missing. Out: the columns to show with
their widths.
"""

from __future__ import annotations

import unicodedata
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


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def cut(text: str, room: int) -> str:
    """The text, its end left out where it does not fit; room: columns, 0 for no limit."""
    if not room or cells(text) <= room:
        return text
    text = text[:room]
    while text and cells(text) >= room:
        text = text[:-1]
    return text + "…"


def wrapped(text: str, room: int, most: int) -> list[str]:
    """The text in lines of at most so many columns, broken at blanks where there are some; the last of
    `most` lines is cut."""
    lines: list[str] = []
    while cells(text) > room and len(lines) < most - 1:
        head = text[:room]
        while len(head) > 1 and (cells(head) > room or unicodedata.combining(text[len(head)])):
            head = head[:-1]
        blank = head.rfind(" ") if text[len(head)] != " " else -1
        head = head[:blank] if blank > 0 else head
        lines.append(head.rstrip(" "))
        text = text[len(head) :].lstrip(" ")
    return [*lines, cut(text, room)] if text or not lines else lines


def _sum(shown: Mapping[int, int]) -> int:
    return sum(shown.values()) + GAP * (len(shown) - 1)
