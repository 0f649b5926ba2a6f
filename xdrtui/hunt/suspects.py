"""Which raw events may match at all, told from their bytes: so that a hunt over fields that the archive has
no columns of takes few events apart.

Sound, never sharp: what is left out cannot match. A text that every matching event must hold is looked for in
the bytes, beside whatever could hide it there (escapes, case folding, hexadecimal audit records). Where a
layout could bring the text in by itself, or none is known, every event is a suspect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from detectors.sigma.expression import And, Expression, Like, Or, Test
from detectors.sigma.keywords import Keywords
from xdrtui.events import layouts
from xdrtui.hunt.query import TYPE

_PIECE = re.compile(r"[A-Za-z0-9 _.:;,@#$%()=+-]{3,}")
_LETTER = re.compile(r"[g-wyzG-WYZ]")
"""No number has one, decimal or hexadecimal: a transform may have written numbers anew."""


class Suspects:
    """The events that some of these expressions may match."""

    def __init__(self, expressions: Iterable[Expression]) -> None:
        pieces: set[str] | None = set()
        for expression in expressions:
            needed = necessary(expression)
            pieces = None if pieces is None or needed is None else pieces | needed
        self.all = pieces is None
        checks = [(number, Like((piece,)), False) for number, piece in enumerate(sorted(pieces or ()))]
        self._keywords = Keywords(checks)

    def among(self, raws: Sequence[bytes]) -> Sequence[int]:
        """The rows of the suspects."""
        return range(len(raws)) if self.all else list(self._keywords.suspects(raws))


def necessary(expression: Expression) -> set[str] | None:
    """Texts one of which occurs in every event that matches; None where none are known."""
    if isinstance(expression, Test):
        piece = _piece(expression)
        return {piece} if piece else None
    if isinstance(expression, And):
        found = [each for each in map(necessary, expression.items) if each is not None]
        return max(found, key=lambda pieces: min(map(len, pieces)), default=None)
    if isinstance(expression, Or):
        parts = [necessary(each) for each in expression.items]
        return None if None in parts else {piece for each in parts for piece in each or ()}
    return None


def _piece(test: Test) -> str:
    if test.negated or not isinstance(test.check, Like) or test.field == TYPE:
        return ""
    runs = [run for part in test.check.parts if isinstance(part, str) for run in _PIECE.findall(part)]
    runs = [run for run in runs if _LETTER.search(run) and run.casefold() not in _said_by_layouts()]
    return max(runs, key=len, default="")


@lru_cache(1)
def _said_by_layouts() -> str:
    """All texts that layouts themselves put into events: what their tables make of values, and what stands
    for a whole shape."""
    said: list[str] = []
    for file in sorted(Path(layouts.__file__).parent.glob("*.yml")):
        said += _said(yaml.safe_load(file.read_bytes()))
    return "\n".join(said).casefold()


def _said(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "is":
                yield str(value)
            yield from _said(value)
    elif isinstance(node, list):
        if node[:1] == ["table"] and len(node) > 1 and isinstance(node[1], dict):
            yield from map(str, node[1].values())
        for value in node:
            yield from _said(value)
