"""Avro messages as JSON, by schemas of a registry, whatever message or schema comes.

In: a schema's text and the schemas it refers to. Out: a function from a message's bytes to JSON bytes.

What is guarded against, each seen with fastavro 1.13: a recursive schema overflows the stack of its C reader
and kills the process (such schemas are read by its Python reader, which raises); an array whose items take no
bytes grows to any length from ten of them (such schemas are refused); a time out of range raises (the message
is read again without its logical types).
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from xdrtui.plain import visible

ToJson: TypeAlias = Callable[[bytes], bytes]

DEEPEST = 64
LARGEST_JSON = 32 << 20
_NO_BYTES = ("null",)


class UnusableSchema(Exception):
    """A schema by which no message is read; `str(error)` is one clause."""


class NoAvro(Exception):
    """fastavro is not installed."""


class Unreadable(Exception):
    """A message that its schema does not fit."""


def reader(schema: str, references: Sequence[str] = ()) -> ToJson:
    """Read messages (without the registry's five bytes) by this schema. references: schemas that it names, in
    such an order that each only needs those before it. Raises UnusableSchema, NoAvro."""
    try:
        fastavro = importlib.import_module("fastavro")
    except ImportError:
        raise NoAvro from None
    parts = [_plain(text) for text in (*references, schema)]
    named = {name: each for part in parts for name, each in _definitions(part)}
    _refuse_bombs(parts, named)
    recursive = _recursive(parts, named)
    readers = importlib.import_module("fastavro._read_py") if recursive else fastavro
    try:
        full = _parsed(fastavro, parts)
        bare = _parsed(fastavro, [_without_logical(part) for part in parts])
    except (fastavro.schema.SchemaParseException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnusableSchema(f"fastavro cannot use it: {visible(str(error))[:200]}") from None

    def to_json(payload: bytes) -> bytes:
        for parsed in (full, bare):
            try:
                value = readers.schemaless_reader(
                    io.BytesIO(payload), parsed, handle_unicode_errors="replace"
                )
                return value.encode() if isinstance(value, str) else _encoded(value)
            except (
                ArithmeticError,
                ValueError,
                TypeError,
                LookupError,
                EOFError,
                RecursionError,
                MemoryError,
                AttributeError,
                msgspec.MsgspecError,
            ) as error:
                problem = error
        raise Unreadable(visible(str(problem) or type(problem).__name__)[:200])

    return to_json


def _encoded(value: Any) -> bytes:
    return value if isinstance(value, bytes) else msgspec.json.encode(value)


def _parsed(fastavro: Any, parts: Sequence[Any]) -> Any:
    named: dict[str, Any] = {}
    for part in parts:
        parsed = fastavro.parse_schema(part, named_schemas=named)
    return parsed


def _plain(text: str) -> Any:
    """A schema as plain data, no deeper than fastavro's C parser can go."""
    try:
        schema = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        raise UnusableSchema("it is no JSON") from None
    level = [schema]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _children(each)]
        if not level:
            return schema
    raise UnusableSchema(f"it is nested deeper than {DEEPEST}")


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _types(node: Any) -> Iterator[dict[str, Any]]:
    """All type definitions in a schema."""
    if isinstance(node, dict):
        yield node
    for inner in _children(node):
        yield from _types(inner)


def _definitions(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Named types, under their short name: taking two of one name for one only makes us more careful."""
    for each in _types(part):
        if each.get("type") in ("record", "error", "fixed", "enum") and isinstance(each.get("name"), str):
            yield each["name"].rpartition(".")[2], each


def _refuse_bombs(parts: Sequence[Any], named: dict[str, dict[str, Any]]) -> None:
    for part in parts:
        for each in _types(part):
            if each.get("type") == "array" and _may_be_empty(each.get("items"), named, frozenset()):
                raise UnusableSchema("it has an array whose items take no bytes, so that it has no bound")


def _may_be_empty(node: Any, named: dict[str, dict[str, Any]], within: frozenset[str]) -> bool:
    """True if a value of this type may take no bytes at all."""
    if isinstance(node, str):
        name = node.rpartition(".")[2]
        if name not in named or name in within:
            return node in _NO_BYTES
        return _may_be_empty(named[name], named, within | {name})
    if not isinstance(node, dict):
        return False  # a union begins with its branch's number
    kind = node.get("type")
    if kind in ("record", "error"):
        inner = within | {str(node.get("name", "")).rpartition(".")[2]}
        fields = node.get("fields")
        return all(
            isinstance(field, dict) and _may_be_empty(field.get("type"), named, inner)
            for field in (fields if isinstance(fields, list) else ())
        )
    if kind == "fixed":
        return not node.get("size")
    if isinstance(kind, str) and kind not in ("array", "map", "enum"):
        return _may_be_empty(kind, named, within)
    return _may_be_empty(kind, named, within) if isinstance(kind, dict) else False


def _recursive(parts: Sequence[Any], named: dict[str, dict[str, Any]]) -> bool:
    """True if a named type comes to itself again."""
    uses = {name: set(_names_in(each)) & named.keys() for name, each in named.items()}
    for name in uses:
        seen: set[str] = set()
        reach = set(uses[name])
        while reach:
            if name in reach:
                return True
            seen |= reach
            reach = {further for each in reach for further in uses[each]} - seen
    return False


def _names_in(node: Any) -> Iterator[str]:
    """Type names that a definition uses, its own name apart."""
    if isinstance(node, str):
        yield node.rpartition(".")[2]
    elif isinstance(node, list):
        for each in node:
            yield from _names_in(each)
    elif isinstance(node, dict):
        for key in ("type", "items", "values"):
            yield from _names_in(node.get(key))
        fields = node.get("fields")
        for field in fields if isinstance(fields, list) else ():
            yield from _names_in(field.get("type") if isinstance(field, dict) else None)


def _without_logical(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_logical(value) for key, value in node.items() if key != "logicalType"}
    return [_without_logical(each) for each in node] if isinstance(node, list) else node
