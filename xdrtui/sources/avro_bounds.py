"""How far a message can grow when it is read by an Avro schema: known from the schema, before any is read.

In Avro a value may take no bytes (null, an empty record), a symbol of any length takes one, and names of
fields none. So a schema decides whether a message of a hundred bytes becomes a gigabyte. Pure.

Measured in characters of JSON and a constant for each node. `RATIO` of them are granted to each byte of a
message; what a value may take beyond that is its type's excess, which does not depend on the message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

RATIO = 200
"""A nullable field costs a byte and gives its name: schemas that people write stay far below."""

NODE = 60
LARGEST = 32 << 20
"""Of the excess of a whole message."""

_LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}


class Boundless(ValueError):
    """The schema lets a message grow without bound; the text is one clause."""


def check(parts: Sequence[Any], definitions: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Raises Boundless. parts: schemas as plain data; definitions: the types in them, by their short names;
    of several with one name the worst counts. May raise RecursionError."""
    excess = _Excess(definitions)
    for part in parts:
        if excess.of(part) > LARGEST:
            raise Boundless("it makes much of next to no bytes, so that it has no bound")


class _Excess:
    def __init__(self, definitions: Iterable[tuple[str, dict[str, Any]]]) -> None:
        self._named: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name, node in definitions:
            self._named[name].append(node)
        self._known: dict[str, int] = {}
        self._within: set[str] = set()

    def of(self, node: Any) -> int:
        if isinstance(node, list):  # a union: a byte says which
            return max(map(self.of, node), default=0) - RATIO
        if isinstance(node, str):
            name = _short(node)
            return self._of_name(name) if name in self._named else NODE - RATIO * _LEAST.get(node, 0)
        if not isinstance(node, dict):
            return NODE
        kind, own = node.get("type"), node.get("name")
        if kind in ("record", "error", "enum", "fixed") and isinstance(own, str):
            return self._of_name(_short(own))
        if kind in ("array", "map"):
            item = NODE + self.of(node.get("items" if kind == "array" else "values"))
            if item > (RATIO if kind == "map" else 0):
                raise Boundless("it has an array whose items take next to no bytes, so that it has no bound")
            return NODE - RATIO
        return self.of(kind) if isinstance(kind, str | list | dict) else NODE

    def _of_name(self, name: str) -> int:
        """A type that comes to itself again may have no excess: then it has none however often it does."""
        if name in self._within:
            self._known[name] = 0
        if name not in self._known:
            self._within.add(name)
            excess = max(map(self._of_definition, self._named[name]))
            self._within.discard(name)
            if name in self._known and excess > 0:
                raise Boundless("it has a type within itself that takes next to no bytes: it has no bound")
            self._known[name] = excess
        return self._known[name]

    def _of_definition(self, node: dict[str, Any]) -> int:
        kind = node["type"]
        if kind == "enum":
            symbols = node.get("symbols")
            return NODE - RATIO + max(map(_length, symbols if isinstance(symbols, list) else ()), default=0)
        if kind == "fixed":
            size = node.get("size")
            return NODE - RATIO * (size if isinstance(size, int) and size > 0 else 0)
        fields = node.get("fields")
        return NODE + sum(
            _length(field.get("name")) + self.of(field.get("type"))
            for field in (fields if isinstance(fields, list) else ())
            if isinstance(field, dict)
        )


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _length(text: Any) -> int:
    return len(text) if isinstance(text, str) else 0
