"""Which columns of a table fit, and how wide each is: pure arithmetic.

In: columns with their least and most widths, and the cells there are. Out: the columns kept and their widths,
which with one cell between them never exceed the room, so that no table scrolls sideways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

NOTHING: Mapping[str, int] = MappingProxyType({})

COMFORT = 46
"""Cells the flexible column gets before the others grow."""


@dataclass(frozen=True)
class Column:
    """A column. least, most: cells (most = 0: takes what is left); right: numbers stand at the right edge;
    rank: where there is no room the highest rank goes first, 0 stays always; claim: cells that what is shown
    may take, where it needs them, before the flexible column grows; room: cells that this, the flexible
    column, should have: where it has fewer, columns that yield go, the highest rank first; alone: where it
    would have fewer cells than these, and there are lines enough, it stands on a line of its own, above the
    others (see `Layout`); end: of a value that is too long the end is shown, not the beginning; idle: a value
    that says nothing: where all that is shown says it, the column is left out; gentle: when it grows, by what
    a person does, it drives no other column out."""

    name: str
    title: str
    least: int
    most: int = 0
    right: bool = False
    rank: int = 0
    claim: int = 0
    room: int = 0
    yields: bool = False
    alone: int = 0
    end: bool = False
    idle: str = ""
    gentle: bool = False


Fitted: TypeAlias = "list[tuple[Column, int]]"

TALL = 26
"""Lines of a table from which on a row may take two of them."""


@dataclass(frozen=True)
class Layout:
    """The lines of a row: the columns of each with their widths; indent: cells before the second line."""

    lines: tuple[Fitted, ...]
    indent: int = 0


def row_lines(columns: Sequence[Column], cells: int, height: int) -> int:
    """How many lines a row takes in a table of this size. What is shown does not matter: no table changes its
    face while one works in it."""
    wanted = next((column.alone for column in columns if column.alone), 0)
    if not wanted or height < TALL:
        return 1
    flexible = cells - sum(column.least + 1 for column in columns if column.most)
    return 2 if flexible < wanted else 1


def lay_out(columns: Sequence[Column], cells: int, lines: int, needs: Mapping[str, int] = NOTHING) -> Layout:
    """The columns in one line, or in two: the first and the flexible one, and below them the others; there a
    cell stays free at the end, for sentences reach it."""
    if lines == 1:
        return Layout((fit_columns(columns, cells, needs),))
    cells -= 1
    first = columns[0]
    above = fit_columns([first, *(column for column in columns if column.alone)], cells, needs)
    indent = above[0][1] + 1
    others = [column for column in columns[1:] if not column.alone]
    return Layout((above, fit_columns(others, cells - indent, needs)), indent)


def fit_columns(
    columns: Sequence[Column], cells: int, needs: Mapping[str, int] = NOTHING
) -> list[tuple[Column, int]]:
    """The columns that fit into `cells`, in order, each with its width. needs: cells that what is shown in a
    column takes; 0 = it has nothing to say."""
    kept = [column for column in columns if not column.idle or needs.get(column.name, 1)]
    calm = {**needs, **{column.name: column.least for column in columns if column.gentle}}
    while True:
        fitted = _fitted(kept, cells, calm)
        yielding = [column for column, _ in fitted if column.yields]
        if not yielding or all(size >= column.room for column, size in fitted):
            return _fitted(kept, cells, needs)
        last = max(yielding, key=lambda column: column.rank)
        kept = [column for column, _ in fitted if column is not last]


def _fitted(columns: Sequence[Column], cells: int, needs: Mapping[str, int]) -> list[tuple[Column, int]]:
    """The same, when nothing yields."""
    kept = list(columns)
    while len(kept) > 1 and _least(kept) > cells:
        last = max(kept, key=lambda column: (column.rank, kept.index(column)))
        if not last.rank:
            break
        kept.remove(last)
    widths = {column.name: column.least for column in kept}
    spare = cells - _least(kept)
    if spare < 0:
        widest = max(kept, key=lambda column: column.least)
        widths[widest.name] = max(1, widths[widest.name] + spare)
        return [(column, widths[column.name]) for column in kept]
    for column in kept:
        claimed = min(column.claim, needs.get(column.name, 0)) - widths[column.name]
        if claimed > 0:
            given = min(spare, claimed)
            widths[column.name] += given
            spare -= given
    flexible = [column for column in kept if not column.most]
    for column in flexible:
        grown = min(spare, max(0, COMFORT - widths[column.name]))
        widths[column.name] += grown
        spare -= grown
    growing = [column for column in kept if _grows(column, widths, needs)]
    while spare and growing:
        for column in growing:
            if spare:
                widths[column.name] += 1
                spare -= 1
        growing = [column for column in growing if _grows(column, widths, needs)]
    if flexible:
        widths[flexible[0].name] += spare
    return [(column, widths[column.name]) for column in kept]


def _grows(column: Column, widths: Mapping[str, int], needs: Mapping[str, int]) -> bool:
    """It may be wider, and what is shown in it would be seen."""
    most = min(column.most, needs[column.name]) if column.claim and column.name in needs else column.most
    return most > widths[column.name]


def _least(columns: Sequence[Column]) -> int:
    return sum(column.least for column in columns) + len(columns) - 1
