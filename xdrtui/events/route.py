"""Which layout an event is written in, and of what type it is.

In: layouts; then payloads. Out: a `Route` each. The values that decide (a Windows event's channel and id, a
Suricata record's event_type) are few, so they are decoded alone into a small frozen struct, and the route of
each distinct struct is looked up: two C calls an event. What these values leave open is decided by which keys
are there at all; what no struct can be made of is routed by its whole tree, by the same predicates.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from xdrtui.events.layouts.layout import Layout, Layouts, Predicate, Resolved, Shape
from xdrtui.events.structs import REFUSED, UNSET, Node, attempt, decoder_of, make_struct
from xdrtui.events.values import Path, find, first_text

MOST_ROUTES = 16_384
"""Distinct routing values that are remembered; a source that makes them up is slower, not larger."""

MOST_SAID = 8
"""So many values of one key are looked at where an event says several."""

LONGEST_KEY = 1000
"""Characters of routing values that are remembered."""

_VALUE = str | int | None
_ANYTHING = str | int | float | bool | list[Any] | None


class Route(msgspec.Struct, frozen=True, eq=False):
    """How to decode an event. dotted: nested names stand as flat keys with dots."""

    shape: Shape
    resolved: Resolved
    dotted: bool

    @property
    def routed(self) -> bool:
        return self.shape.layout != "unrouted"


class Router:
    """Routes payloads; remembers the routes of the values met."""

    def __init__(self, layouts: Layouts, pinned: str = "") -> None:
        chosen = [
            layout
            for layout in layouts.layouts
            if not pinned or layout.name in (pinned, "unrouted") or any(s.envelope for s in layout.shapes)
        ]
        self._shapes = [(layout, shape) for layout in chosen for shape in layout.shapes]
        self.carriers = [(shape, path) for _, shape in self._shapes for path in shape.envelope]
        deciding = dict.fromkeys(path for _, shape in self._shapes for path in _deciding(shape))
        self._first = [pair for pair in self._shapes if _decided_by(pair[1], deciding) and not pair[1].codec]
        self._later = [pair for pair in self._shapes if pair not in self._first]
        self._routes: dict[tuple[object, ...], Route] = {}
        self._full = self._narrow = _Tier(self, len(self._first))
        self._tiers = {len(self._first): self._full}
        present = {path for _, shape in self._shapes for when in shape.when for path in when.paths}
        self._presence = Node.of(_both_ways(dict.fromkeys(sorted(present - set(deciding)))))
        self._decode_presence = decoder_of(make_struct(self._presence, msgspec.Raw, _ANYTHING))
        self._by_presence: dict[tuple[Any, Any], Route] = {}
        self._by_line: dict[tuple[str, ...], Route] = {}
        self._line_keys: dict[str, list[Path]] = {}
        for _, shape in self._shapes:
            if shape.codec:
                self._line_keys.setdefault(shape.codec, []).extend(
                    [path for paths in shape.keys.values() for path in paths]
                    + [path for predicate in shape.when for path in predicate.paths]
                )
        self.unrouted = self.route_tree({})

    def deciding(self, shapes: int) -> dict[Path, None]:
        """The paths of the values that decide the first so many shapes; if these are all, of any shape."""
        if shapes >= len(self._first):
            return dict.fromkeys(path for _, shape in self._shapes for path in _deciding(shape))
        chosen = [shape for _, shape in self._first[:shapes]]
        asked = [path for shape in chosen for predicate in shape.when for path in predicate.paths]
        return dict.fromkeys([*asked, *(path for shape in chosen for path in _deciding(shape))])

    def route(self, payloads: Sequence[bytes]) -> tuple[list[Route | None], dict[int, Exception]]:
        """The route of each payload; None where no struct could be made of it, with the reason."""
        tier = self._narrow
        values, refused = attempt(tier.decode, payloads)
        routes: list[Any] = list(map(tier.known.__getitem__, values))
        open_rows = (
            [row for row, found in enumerate(routes) if found is None and row not in refused]
            if None in set(routes)
            else []
        )
        if open_rows and tier is not self._full:
            rest = [payloads[row] for row in open_rows]
            again, failed = attempt(self._full.decode, rest)
            for row, value, found in zip(
                open_rows, again, map(self._full.known.__getitem__, again), strict=True
            ):
                values[row], routes[row] = value, found
            refused.update((open_rows[at], error) for at, error in failed.items())
            open_rows = [row for row in open_rows if routes[row] is None and row not in refused]
        for row in open_rows:
            try:
                routes[row] = self._by_keys(payloads[row], values[row])
            except REFUSED as error:
                refused[row] = error.with_traceback(None)
        self._narrow = self._tier_for(routes)
        return routes, refused

    def _tier_for(self, routes: Sequence[Route | None]) -> _Tier:
        """How many shapes the next payloads should be held against first: as far as most of these went.

        Changes the cost alone: shapes are tried in their order, so what an earlier one takes is settled.
        """
        if not routes:
            return self._narrow
        route, count = Counter(routes).most_common(1)[0]
        shapes = [shape for _, shape in self._first]
        size = len(shapes)
        if route is not None and count * 3 >= len(routes):
            size = next((at + 1 for at, shape in enumerate(shapes) if shape is route.shape), size)
        if size not in self._tiers:
            self._tiers[size] = _Tier(self, size)
        return self._tiers[size]

    def route_tree(self, tree: Any, codec: str = "") -> Route:
        """The route of an event that was read as a tree; the same as `route` gives."""
        if not codec:
            return self._search(tree, "")
        key = (
            codec,
            *(first_text(find(tree, path)) for path in self._line_keys.get(codec, ())),
        )
        found = self._by_line.get(key)
        if found is None:
            found = self._search(tree, codec)
            _remember(self._by_line, key, found)
        return found

    def _search(self, tree: Any, codec: str) -> Route:
        for layout, shape in (*self._first, *self._later):
            if shape.codec == codec or not (shape.codec or shape.when):
                found = self._match(layout, shape, tree)
                if found is not None:
                    return found
        raise AssertionError("the layout `unrouted` recognises everything")

    def by_values(self, node: Node, values: Any, shapes: int) -> Route | None:
        """The route that values give among the first so many shapes; None where they leave it open."""
        tree = _tree(node, values)
        for layout, shape in self._first[:shapes]:
            found = self._match(layout, shape, tree)
            if found is not None:
                return found
        return None

    def _by_keys(self, payload: bytes, values: Any) -> Route:
        """Decided by which keys are there: decoded again, without making anything of the values."""
        struct = self._decode_presence(payload)
        presence = _presence(self._presence, struct)
        found = self._by_presence.get((values, presence))
        if found is None:
            tree = _merge(_keys_tree(self._presence, struct), _tree(self._full.node, values))
            found = self.route_tree(tree)
            _remember(self._by_presence, (values, presence), found)
        return found

    def _match(self, layout: Layout, shape: Shape, tree: Any) -> Route | None:
        if not all(_holds(predicate, tree) for predicate in shape.when):
            return None
        keys: dict[str, str] = {}
        more: list[tuple[str, str]] = []  # an event that says several: it must meet the rules of each
        dotted, otherwise = shape.literal, False
        for name, paths in shape.keys.items():
            for path in paths:
                cell = find(tree, path)
                written = first_text(cell)
                text = key_of(written)
                if text:
                    keys[name] = text
                    if isinstance(cell, tuple):
                        others = map(key_of, cell[1:MOST_SAID])
                        more += [(name, other) for other in others if other != text]
                    otherwise = otherwise or isinstance(cell, tuple) or text != written
                    dotted = dotted or (len(path) > 1 and isinstance(tree, dict) and ".".join(path) in tree)
                    break
        resolved = layout.kind(shape, keys)
        if otherwise:  # then its columns do not say what its type says
            resolved = resolved.joined([layout.kind(shape, {**keys, name: other}) for name, other in more])
        key: tuple[object, ...] = (
            shape.layout,
            shape.name,
            resolved.event_type.name,
            resolved.event_type.constants,
            resolved.event_type.log_sources,
            resolved.summary,
            *sorted(resolved.fields),
            dotted,
        )
        found = self._routes.get(key)
        if found is None:
            found = Route(shape, resolved, dotted)
            if len(self._routes) >= MOST_ROUTES:
                self._routes.clear()
            if len(repr(resolved.event_type.constants)) < LONGEST_KEY:
                self._routes[key] = found
        return found


_NUMBER = re.compile(r"\+?\d{1,20}(?:\.\d{0,20})?(?:[eE][+-]?\d{1,2})?")


def key_of(text: str) -> str:
    """A routing value as layouts write it: without blanks around it, a whole number in plain digits (`1.0`,
    `1e0` and `01` are 1)."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() and number < 1e9 else text


class _Tier:
    """The first so many shapes that values decide: how to decode these values, and the routes known."""

    def __init__(self, router: Router, shapes: int) -> None:
        deciding = router.deciding(shapes)
        self.node = Node.of(_both_ways(deciding))
        self.decode = decoder_of(make_struct(self.node, _VALUE, _VALUE))
        self.known = _Known(lambda values: router.by_values(self.node, values, shapes))


class _Known(dict[Any, Any]):
    """Routing values -> route, filled as they are met."""

    def __init__(self, find_route: Callable[[Any], Route | None]) -> None:
        self._find = find_route

    def __missing__(self, values: Any) -> Route | None:
        if values is None:
            return None
        found = self._find(values)
        _remember(self, values, found)
        return found


def _remember(routes: dict[Any, Any], key: Any, route: Route | None) -> None:
    """Keep a route, unless its key is so long that many of them would fill the memory."""
    if len(routes) >= MOST_ROUTES:
        routes.clear()
    if len(repr(key)) < LONGEST_KEY:
        routes[key] = route


def _deciding(shape: Shape) -> list[Path]:
    if shape.codec:
        return []
    paths = [path for paths in shape.keys.values() for path in paths]
    return paths + [path for predicate in shape.when if predicate.values for path in predicate.paths]


def _decided_by(shape: Shape, deciding: Mapping[Path, None]) -> bool:
    paths = [path for predicate in shape.when for path in predicate.paths]
    return bool(paths) and all(path in deciding for path in paths)


def _both_ways(paths: Mapping[Path, None]) -> dict[Path, None]:
    """Each path nested, and as one flat key with dots."""
    return dict.fromkeys(way for path in paths for way in (path, (".".join(path),)))


def _holds(predicate: Predicate, tree: Any) -> bool:
    for path in predicate.paths:
        value = find(tree, path)
        if value is not None:
            if not predicate.values:
                return predicate.wanted
            texts = value if isinstance(value, tuple) else (first_text(value),)
            if any(text.casefold() in predicate.values for text in texts):
                return True
    return not predicate.wanted


def _tree(node: Node, struct: Any) -> dict[str, Any]:
    """A routing struct as the part of the event's tree that it is."""
    tree: dict[str, Any] = {}
    for index, (key, child) in enumerate(node.children.items()):
        value = getattr(struct, f"f{index}")
        if isinstance(value, msgspec.Struct):
            inner = _tree(child, value)
            if inner or value is not child.empty:
                tree[key] = inner
        elif value is not UNSET:
            tree[key] = value
    return tree


def _keys_tree(node: Node, struct: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for index, (key, child) in enumerate(node.children.items()):
        value = getattr(struct, f"f{index}")
        if isinstance(value, msgspec.Struct):
            if value is not child.empty:
                tree[key] = _keys_tree(child, value)
        elif value is not UNSET:
            tree[key] = ""
    return tree


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
    return into


def _presence(node: Node, struct: Any) -> tuple[Any, ...]:
    flags: list[Any] = []
    for index, child in enumerate(node.children.values()):
        value = getattr(struct, f"f{index}")
        if isinstance(value, msgspec.Struct):
            flags.append(None if value is child.empty else _presence(child, value))
        else:
            flags.append(value is not UNSET)
    return tuple(flags)
