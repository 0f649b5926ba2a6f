"""Decoders made to measure: JSON lines into only those paths that are wanted, as columns.

In: paths, then payloads. Out: one decoded struct a payload, and from many structs one column a path. Leaves
are typed `object` in projections, so that no wrong type can hide an event; where a struct was expected and
something else stands, msgspec raises and the row goes the slow way (`values.find`), which means the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Optional, Union

import msgspec
from msgspec.structs import astuple

from detectors.contract import Text
from xdrtui.events.values import Number, Path, cell, find

UNSET = msgspec.UNSET


class Node:
    """A key of the wanted paths: what stands below it, and whether the key's own value is wanted too."""

    __slots__ = ("children", "empty", "leaf")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.leaf = False
        self.empty: Any = None

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Node:
        root = cls()
        for path in paths:
            node = root
            for key in path:
                node = node.children.setdefault(key, cls())
            node.leaf = True
        return root

    @property
    def branches(self) -> bool:
        """True if only what stands below is wanted: then it is decoded as a struct of its own."""
        return bool(self.children) and not self.leaf

    def keys(self) -> Iterable[str]:
        for key, child in self.children.items():
            yield key
            yield from child.keys()


def make_struct(node: Node, leaf: Any, other: Any = None) -> type[msgspec.Struct]:
    """A frozen struct type with a field for each child, `f0` and so on, in the order of `node.children`.

    A key whose value and whose inside are wanted is decoded whole; with `other`, as a struct or as that.
    """
    fields: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    for index, (key, child) in enumerate(node.children.items()):
        name = f"f{index}"
        names[name] = key
        if child.branches:
            inner = make_struct(child, leaf, other)
            child.empty = inner()
            fields.append((name, Optional[inner], child.empty))  # noqa: UP045
        elif child.children and other is not None:
            fields.append((name, Union[make_struct(child, leaf, other), other, None], UNSET))  # noqa: UP007
        else:
            fields.append((name, leaf, UNSET))
    return msgspec.defstruct("Row", fields, frozen=True, gc=False, rename=names)


def decoder_of(struct: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct, float_hook=Number).decode
    return decode


REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, ValueError)


def attempt(
    function: Callable[[Any], Any], items: Iterable[Any], instead: Any = None
) -> tuple[list[Any], dict[int, Exception]]:
    """Apply a function to each item, in C while all goes well; where it refuses, put `instead` and go on.

    Returns as many results as there are items, and the refusals by row: rows never slide apart.
    """
    results: list[Any] = []
    refused: dict[int, Exception] = {}
    rest = iter(items)
    while True:
        try:
            results.extend(map(function, rest))
            return results, refused
        except REFUSED as error:  # list.extend keeps what came before the error; the item itself is consumed
            # without its traceback: that would hold the caller's frames, and so the whole batch, in a cycle
            refused[len(results)] = error.with_traceback(None)
            results.append(instead)


def read_columns(node: Node, rows: Sequence[Any], prefix: Path, found: dict[Path, Sequence[Any]]) -> None:
    """Turn structs into one column of decoded values for each wanted path."""
    for (key, child), column in zip(
        node.children.items(), zip(*map(astuple, rows), strict=True), strict=True
    ):
        if child.branches:
            inner: Sequence[Any] = column
            if None in set(map(_none, column)):
                inner = [child.empty if value is None else value for value in column]
            read_columns(child, inner, (*prefix, key), found)
            continue
        found[(*prefix, key)] = column
        if child.children:
            _inside(child, column, (*prefix, key), (), found)


def _none(value: Any) -> type | None:
    return None if value is None else object


def _inside(
    node: Node, column: Sequence[Any], prefix: Path, path: Path, found: dict[Path, Sequence[Any]]
) -> None:
    """Columns of what stands below a key that was decoded whole."""
    for key, child in node.children.items():
        below = (*path, key)
        if child.leaf:
            found[(*prefix, *below)] = [
                UNSET if (text := find(value, below)) is None else Found(text) for value in column
            ]
        _inside(child, column, prefix, below, found)


class Found(msgspec.Struct, frozen=True):
    """A value that is a cell already."""

    text: Text


def as_cells(column: Sequence[Any], absent: list[Text]) -> Sequence[Text]:
    """Decoded values as cells. A column that no row has becomes `absent` itself, so that it can be told; one
    that stays a tuple has a text in every row."""
    if column[0] is UNSET and column.count(UNSET) == len(column):
        return absent
    kinds = set(map(type, column))
    if kinds == _TEXT:
        return column if type(column) is tuple else tuple(column)
    if kinds == _SOME:
        return [None if value is UNSET else value for value in column]
    if kinds == _INTEGERS:
        return list(map(str, column))
    return [
        value
        if value.__class__ is str
        else None
        if value is UNSET
        else value.text
        if value.__class__ is Found
        else cell(value)
        for value in column
    ]


_TEXT: set[type] = {str}
_SOME: set[type] = {str, type(UNSET)}
_INTEGERS: set[type] = {int}
