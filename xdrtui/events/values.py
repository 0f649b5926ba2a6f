"""One JSON event as a tree, read slowly and forgivingly: the meaning that the fast path must equal.

In: text. Out: a tree of dict, list, `Many` (the values of a key that stands twice), str, `Number`, bool,
None; and from a tree the cells (`detectors.contract.Text`) of a dotted path. Numbers keep their text,
unpaired surrogates become U+FFFD, dotted flat keys equal nested keys, paths cross arrays. Nothing here
raises for the content of an event, except `NotJson`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from detectors.contract import NULL, Null, Text

Path = tuple[str, ...]
"""A dotted name, split: ("winlog", "event_data", "Image")."""

MAX_DEPTH = 64
"""Deeper parts of an event are shown as one text; parsing itself is bounded by the interpreter's limit."""

TOO_DEEP = "(nested deeper than 64 levels)"

_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(ValueError):
    """The text is no JSON; `str(error)` says why in one clause. at: up to where it was read; negative: who
    knows."""

    def __init__(self, reason: str, at: int = -1) -> None:
        super().__init__(reason)
        self.at = at


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


class Many(list):  # type: ignore[type-arg]
    """All values of a key that stands more than once in one object."""

    __slots__ = ()


def whole(text: str) -> str:
    """Return the text with unpaired surrogates replaced by U+FFFD (a pair of halves becomes its
    character)."""
    if not text.isascii() and _SURROGATE.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = dict(pairs)
    if len(found) != len(pairs):
        found = {}
        for key, value in pairs:
            if key not in found:
                found[key] = value
            elif type(found[key]) is Many:
                found[key].append(value)
            else:
                found[key] = Many((found[key], value))
    return found


def _integer(text: str) -> Number:
    return Number("0" if text == "-0" else text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=Number,
    parse_constant=Number,
    strict=False,
)
_BLANK = re.compile(r"[\s\x00\ufeff]*")


def first_value(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins at this place, and where it ends. Raises NotJson."""
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except json.JSONDecodeError as error:
        place = -1 if error.msg.startswith("Unterminated") else error.pos
        raise NotJson(
            f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at character {error.pos}", place
        ) from error
    except ValueError as error:
        raise NotJson(f"not JSON: {error}") from error


def values_of(text: str) -> Iterator[tuple[Any, int, int]]:
    """Yield every JSON value that follows the last one, with where it begins and ends in the text.

    Raises NotJson where something else stands, after what could be read was yielded.
    """
    at = _BLANK.match(text).end()  # type: ignore[union-attr]
    while at < len(text):
        value, end = first_value(text, at)
        yield value, at, end
        at = _BLANK.match(text, end).end()  # type: ignore[union-attr]


def tree(raw: bytes) -> Any:
    """The first JSON value of an event's bytes, however broken its text encoding. Raises NotJson."""
    for value, _, _ in values_of(raw.decode("utf-8", "replace")):
        return value
    raise NotJson("empty")


def canonical(value: Any, depth: int = 0) -> str:
    """A value as JSON text with sorted keys and no blanks; numbers as they were written."""
    kind = type(value)
    if kind is str:
        return json.dumps(whole(value), ensure_ascii=False)
    if kind is dict or isinstance(value, Mapping):
        if depth > MAX_DEPTH:
            return json.dumps(TOO_DEEP)
        return (
            "{"
            + ",".join(f"{canonical(str(key))}:{canonical(value[key], depth + 1)}" for key in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        if depth > MAX_DEPTH:
            return json.dumps(TOO_DEEP)
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def cell(value: Any) -> Text:
    """One decoded value as a cell: text, NULL, or a tuple where there are several."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else whole(value)
    if kind is Number:
        return str(value)
    if value is None:
        return NULL
    if isinstance(value, list):
        return cell_of(_leaves(value, 0))
    return whole(canonical(value))


def _leaves(values: list[Any], depth: int) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        if isinstance(value, list):
            flat.extend(_leaves(value, depth + 1) if depth < MAX_DEPTH else [TOO_DEEP])
        else:
            flat.append(value)
    return flat


def cell_of(leaves: Sequence[Any]) -> Text:
    """Several values (no lists among them) as one cell; none at all, or only nulls, is NULL."""
    if len(leaves) == 1:
        return cell(leaves[0])
    texts = [cell(leaf) for leaf in leaves if leaf is not None]
    if len(texts) == 1:
        return texts[0]
    return tuple(text for text in texts if isinstance(text, str)) if texts else NULL


def find(node: Any, path: Path) -> Text:
    """The cell of a path: None where no part of the event has it."""
    if len(path) == 1 and type(node) is dict:
        return cell(node[path[0]]) if path[0] in node else None
    found: list[Any] = []
    _collect(node, path, 0, found, 0)
    if not found:
        return None
    if len(found) == 1:
        return cell(found[0])
    return cell_of(_leaves(found, 0))


def _collect(node: Any, path: Path, at: int, found: list[Any], depth: int) -> None:
    if type(node) is dict:
        for end in range(at + 1, len(path) + 1):
            key = path[at] if end == at + 1 else ".".join(path[at:end])
            if key in node:
                value = node[key]
                if end == len(path):
                    if type(value) is Many:
                        found.extend(value)
                    else:
                        found.append(value)
                else:
                    _collect(value, path, end, found, depth + 1)
    elif isinstance(node, list) and depth <= MAX_DEPTH:
        for item in node:
            if isinstance(item, dict | list):
                _collect(item, path, at, found, depth + 1)


_NESTED = {dict, list, Many}


def flatten(node: Any) -> dict[str, Text]:
    """Every leaf of an event by its dotted path, as cells. Lists of values stay together under their path."""
    if type(node) is dict and _NESTED.isdisjoint(map(type, node.values())):  # a flat event, as many are
        return {whole(name): cell(value) for name, value in node.items()}
    found: dict[str, list[Any]] = {}
    stack: list[tuple[str, Iterator[tuple[str | None, Any]], int]] = [("", iter([(None, node)]), 0)]
    while stack:
        name, items, depth = stack[-1]
        for key, value in items:  # goes on here when what was put on the stack has ended
            path = name if key is None else f"{name}.{key}" if name else key
            if not isinstance(value, dict | list) or (value == {} and depth <= MAX_DEPTH):
                found.setdefault(path, []).append(value)
            elif depth > MAX_DEPTH:
                found.setdefault(path, []).append(TOO_DEEP)
            elif isinstance(value, dict):
                stack.append((path, iter(value.items()), depth + 1))
                break
            else:
                found.setdefault(path, [])
                stack.append((path, zip(repeat(None), value), depth))
                break
        else:
            stack.pop()
    return {
        whole(name): cell(leaves[0]) if len(leaves) == 1 else cell_of(leaves)
        for name, leaves in found.items()
    }


def first_text(value: Text) -> str:
    """A cell as one plain text: the first of several, empty where there is none."""
    if isinstance(value, tuple):
        return value[0] if value else ""
    return "" if value is None or isinstance(value, Null) else value
