"""Long lists of ids in pieces that fit into one statement's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

SIZE = 500


def chunks(values: Iterable[T]) -> Iterator[tuple[str, list[T]]]:
    """Pieces of `values`, each with its `?,?,...`."""
    rest = iter(values)
    while part := list(islice(rest, SIZE)):
        yield ",".join("?" * len(part)), part
