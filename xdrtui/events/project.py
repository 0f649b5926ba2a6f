"""Projection: from the payloads of one route to the columns that detectors need.

In: a route, the needed fields, payloads. Out: cells by field, in rows. The fast way decodes each payload
into a struct that has only the needed paths. A row goes the slow way (its whole tree, `values.find`) where
msgspec refuses it, or where a key stands twice or has its dots in it (`guard.py` asks that of every
payload).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from detectors.contract import NULL, Text
from xdrtui.events.guard import Guard, expressions, prefixes
from xdrtui.events.layouts.layout import FieldRule
from xdrtui.events.route import Route
from xdrtui.events.structs import Node, as_cells, attempt, decoder_of, make_struct, read_columns
from xdrtui.events.transforms import apply
from xdrtui.events.values import Many, NotJson, Path, find, first_text, tree


class Projection:
    """Decodes payloads of one route into columns for one set of fields."""

    def __init__(
        self,
        route: Route,
        fields: Iterable[str],
        guard: Guard | None = None,
        sought: frozenset[bytes] = frozenset(),
    ) -> None:
        """sought: expressions that detectors look for in the raw events, found on the way."""
        self.route = route
        shape, kind = route.shape, route.resolved.fields
        self.rules: dict[str, FieldRule] = {name: shape.rule(name, kind) for name in sorted(fields)}
        self._plain = {name: rule.paths[0] for name, rule in self.rules.items() if rule.is_plain}
        self._time = FieldRule(shape.time)
        self._host = shape.rule("host.name", kind)
        wanted = [path for rule in (*self.rules.values(), self._time, self._host) for path in rule.paths]
        self.paths: list[Path] = list(dict.fromkeys((*wanted, *shape.pairs)))
        self._pairs = shape.pairs
        written = {path: (".".join(path),) if route.dotted else path for path in self.paths}
        self._written = written
        node = Node.of(written.values())
        self._node = node
        struct = make_struct(node, object)
        self._decode = decoder_of(struct)
        self._empty = struct()
        self._prefixes = {key for path in self.paths for key in prefixes(".".join(path))}
        self._nested = any(len(path) > 1 for path in written.values())
        self._guard = None if shape.codec else guard
        self.sought = sought if self._guard is not None else frozenset()
        deciding = [path for paths in shape.keys.values() for path in paths]
        keys = Node.of([(".".join(path),) if route.dotted else path for path in deciding]).keys()
        self.guarded = expressions({*node.keys(), *keys}, [*written.values(), *deciding], route.dotted)

    def read(self, payloads: Sequence[bytes], trees: dict[int, Any]) -> Columns:
        """Decode. trees: rows that were read as trees already; those that had to be are added to it."""
        absent: list[Text] = [None] * len(payloads)
        cells: dict[Path, Sequence[Text]] = {}
        slow = set(trees)
        repaired: set[int] = set()
        unreadable: dict[int, str] = {}
        doubtful, suspects = self._scanned(payloads)
        if len(slow) < len(payloads):
            fast: Sequence[bytes] = payloads
            if slow:
                fast = [b"{}" if row in slow else payload for row, payload in enumerate(payloads)]
            structs, refused = attempt(self._decode, fast, self._empty)
            found: dict[Path, Sequence[Any]] = {}
            if self.paths:
                read_columns(self._node, structs, (), found)
            for path in self.paths:
                cells[path] = as_cells(found[self._written[path]], absent)
            again = set(refused) | {row for row in doubtful - slow if self._ambiguous(payloads[row])}
            again.update(
                row for path in self._pairs for row, text in enumerate(cells[path]) if text is not None
            )
            for row in again - slow:
                try:
                    trees[row] = tree(payloads[row])
                except NotJson as error:
                    unreadable[row], trees[row] = str(error), {}
                if _broken(refused.get(row)) or _any_odd(trees[row], False):
                    repaired.add(row)
            slow |= again
        else:
            cells = {path: absent for path in self.paths}
        if slow:
            patched = {path: list(column) for path, column in cells.items()}
            for row in slow:
                node = self.normal(trees[row])
                for path, column in patched.items():
                    column[row] = find(node, path)
            cells = dict(patched)
        columns = {name: _apply(rule, cells, absent) for name, rule in self.rules.items()}
        times, hosts = _apply(self._time, cells, absent), _apply(self._host, cells, absent)
        return Columns(columns, times, hosts, absent, repaired, unreadable, suspects)

    def normal(self, node: Any) -> Any:
        """A tree with its lists of named values (`pairs`) unfolded."""
        for path in self._pairs:
            node = _unfold(node, path)
        return node

    def row(self, node: Any) -> dict[str, Text]:
        """The fields of the projection that one tree has: what a row of `read` has."""
        node = self.normal(node)
        cells = {path: cell for path in self.paths if (cell := find(node, path)) is not None}
        found: dict[str, Text] = {}
        for name, rule in self.rules.items():
            if name in self._plain:
                cell = cells.get(self._plain[name])
            else:
                cell = _apply_once(rule, [cells[path] for path in rule.paths if path in cells])
            if cell is not None:
                found[name] = cell
        return found

    def _scanned(self, payloads: Sequence[bytes]) -> tuple[set[int], set[int]]:
        """Rows that may mean something else than they seem to, and those in which something sought is."""
        if self._guard is None:
            return set(), set()
        return self._guard.hits(payloads, self.guarded, self.sought)

    def _ambiguous(self, payload: bytes) -> bool:
        """True if some key really stands twice, or has its dots in it where nesting is expected."""
        try:
            node = tree(payload)
        except NotJson:
            return False
        if self.route.dotted and any(isinstance(node.get(key), dict | list) for key in self._prefixes):
            return True
        return _any_odd(node, self._nested)


class Columns:
    """Cells by field; the texts that state each row's time, and its host; rows that had to be repaired; rows
    that could not be read after all, with the reason; rows in which something sought occurs."""

    __slots__ = ("absent", "cells", "hosts", "repaired", "suspects", "times", "unreadable")

    def __init__(
        self,
        cells: dict[str, Sequence[Text]],
        times: Sequence[Text],
        hosts: Sequence[Text],
        absent: Sequence[Text],
        repaired: set[int],
        unreadable: dict[int, str],
        suspects: set[int],
    ) -> None:
        self.cells = cells
        self.times = times
        self.hosts = hosts
        self.absent = absent
        self.repaired = repaired
        self.unreadable = unreadable
        self.suspects = suspects


def _broken(refusal: Exception | None) -> bool:
    """True if the payload's text was at fault, not the type of a value in it."""
    return refusal is not None and type(refusal) is not msgspec.ValidationError


def _any_odd(node: Any, dots: bool) -> bool:
    """True if some key of the tree stands twice, or (dots) has a dot in it."""
    stack = [node]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if dots and any("." in key for key in node):
                return True
            stack.extend(value for value in node.values() if isinstance(value, dict | list))
        elif type(node) is Many:
            return True
        else:
            stack.extend(value for value in node if isinstance(value, dict | list))
    return False


def _apply(rule: FieldRule, cells: dict[Path, Sequence[Text]], absent: Sequence[Text]) -> Sequence[Text]:
    """The first of a rule's paths that is present in each row, or all joined; then its transform."""
    column: Sequence[Text]
    if rule.join is not None:
        column = [
            _joined(rule.join, parts) for parts in zip(*(cells[path] for path in rule.paths), strict=True)
        ]
    else:
        column = absent
        for path in rule.paths:
            other = cells[path]
            if other is absent:
                continue
            if column is absent:
                column = other
            elif type(column) is not tuple and (None in column or NULL in column):
                column = [
                    b if a is None or (a is NULL and b is not None) else a
                    for a, b in zip(column, other, strict=True)
                ]
    if rule.transform is not None and column is not absent:
        transform = rule.transform
        made = {cell: apply(transform, cell) for cell in set(column)}
        column = [made[cell] for cell in column]
    return column


def _apply_once(rule: FieldRule, there: Sequence[Text]) -> Text:
    """The same for one event, from what it has at the rule's paths."""
    if not there:
        return None
    cell = _joined(rule.join, there) if rule.join is not None else _first(there)
    return cell if rule.transform is None else apply(rule.transform, cell)


def _first(there: Sequence[Text]) -> Text:
    """The first that is not null, where one is."""
    return next((cell for cell in there if cell is not NULL), NULL)


def _joined(separator: str, parts: Sequence[Text]) -> Text:
    texts = [first_text(part) for part in parts if part is not None and part is not NULL]
    return separator.join(texts) if texts else (NULL if NULL in parts else None)


_NAMES = ("@Name", "Name", "name")
_TEXTS = ("#text", "content", "value", "$")


def _unfold(node: Any, path: Path) -> Any:
    """Put the named values of a list beside it: [{"@Name": "Image", "#text": "x"}] gives Image: "x"."""
    holder = node
    for key in path[:-1]:
        holder = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(holder.get(path[-1]), list | dict):
        return node
    items = holder[path[-1]]
    named: dict[str, Any] = {}
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict):
            attributes = item.get("#attributes")
            inner = {**item, **attributes} if isinstance(attributes, dict) else item
            name = next((inner[key] for key in _NAMES if isinstance(inner.get(key), str)), None)
            if name is not None:
                value = next((inner[key] for key in _TEXTS if key in inner), None)
                named[name] = Many((*_several(named[name]), value)) if name in named else value
    if not named:
        return node
    for name, value in named.items():
        old = holder.get(name)
        named[name] = Many((*_several(old), *_several(value))) if name in holder else value
    return _with(node, path[:-1], {**holder, **named})


def _several(value: Any) -> list[Any]:
    return list(value) if type(value) is Many else [value]


def _with(node: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    return {**node, path[0]: _with(node[path[0]], path[1:], value)}
