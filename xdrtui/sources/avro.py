"""Avro messages as JSON, by schemas of a registry, whatever message or schema comes.

In: a schema's text and the schemas it refers to. Out: a function from a message's bytes to JSON bytes.

What is guarded against, each seen with fastavro 1.13: a recursive schema overflows the stack of its C reader
and kills the process (such schemas are read by its Python reader, which raises); an array whose items take no
bytes grows to any length from ten of them, and a symbol or names of any length from one (schemas without a
bound are refused, see `avro_bounds`); a decimal of 400 KB takes 20 seconds in which no other thread runs, and
so does a number of the Python reader (longer ones are none); a time out of range raises (the message is read
again without its logical types).
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from xdrtui.plain import visible
from xdrtui.sources import avro_bounds

ToJson: TypeAlias = Callable[[bytes], bytes]

DEEPEST = 64
LONGEST_DECIMAL = 512
"""Bytes; its digits cost the square of it, and nobody else may run meanwhile."""

LONGEST_NUMBER = 100
"""Bytes that a number of the Python reader may have: likewise."""


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
    _bound_decimals()
    parts = [_plain(text) for text in (*references, schema)]
    definitions = [each for part in parts for each in _definitions(part)]
    try:
        avro_bounds.check(parts, definitions)
    except avro_bounds.Boundless as bomb:
        raise UnusableSchema(str(bomb)) from None
    except RecursionError:
        raise UnusableSchema("its types are nested too deep") from None
    recursive = _recursive(dict(definitions))
    readers = importlib.import_module("fastavro._read_py") if recursive else fastavro
    try:
        full = _parsed(fastavro, parts)
        bare = _parsed(fastavro, [_without_logical(part) for part in parts])
    except (
        fastavro.schema.SchemaParseException,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        raise UnusableSchema(f"fastavro cannot use it: {visible(str(error))[:200]}") from None

    def to_json(payload: bytes) -> bytes:
        for parsed in (full, bare):
            try:
                bytes_of = _ShortNumbers(payload) if recursive else io.BytesIO(payload)
                value = readers.schemaless_reader(bytes_of, parsed, handle_unicode_errors="replace")
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


class _ShortNumbers(io.BytesIO):
    """Bytes that the Python reader reads; ValueError where a number has no end."""

    _going_on = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._going_on = self._going_on + 1 if size == 1 and data >= b"\x80" else 0
        if self._going_on > LONGEST_NUMBER:
            raise ValueError("a number is too long")
        return data


def _bound_decimals() -> None:
    """Let fastavro take no decimal that is longer than any that means something."""
    readers = importlib.import_module("fastavro.read").LOGICAL_READERS
    for name in ("bytes-decimal", "fixed-decimal"):
        if not isinstance(readers[name], _Decimals):
            readers[name] = _Decimals(readers[name])


class _Decimals:
    def __init__(self, inner: Callable[..., Any]) -> None:
        self._inner = inner

    def __call__(self, data: bytes, *schemas: Any) -> Any:
        if len(data) > LONGEST_DECIMAL:
            raise ValueError("a decimal is too long")
        return self._inner(data, *schemas)


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


def _recursive(named: dict[str, dict[str, Any]]) -> bool:
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
