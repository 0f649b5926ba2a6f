"""From messages to frames, under one law: every message gives at least one event or exactly one dead letter.

In: `Messages`. Out: `Decoded`: one frame for each event type and shape, dead letters, counts. Nearly all
messages are single JSON objects: they are routed (`route.py`), grouped, and projected (`project.py`), a few C
calls each. The rest is taken apart first (`items.py`). Never raises for any content.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from detectors.contract import EventFrame, EventType, Needs, Text
from detectors.sigma.cache import Cache
from xdrtui.events.dating import date_in_order
from xdrtui.events.dead import frame_of_dead
from xdrtui.events.frame import Counts, Decoded, DecodedFrame, named
from xdrtui.events.guard import Guard
from xdrtui.events.items import Items, dead_letter, take_apart
from xdrtui.events.layouts.layout import CORE, UNROUTED, Layouts
from xdrtui.events.message import DeadLetter, Messages
from xdrtui.events.presence import count_presence
from xdrtui.events.project import Columns, Projection
from xdrtui.events.route import MOST_ROUTES, Route, Router
from xdrtui.events.times import ReplayClock, stated_times
from xdrtui.events.values import NotJson, tree

__all__ = ["Decoded", "DecodedFrame", "Decoder"]

SHAPES_LOOKED_AT = 200
"""Unrouted events of a batch whose shape is counted."""


class Decoder:
    """Decodes messages into frames with the columns that `needs` asks for; asked once for each event type.

    event_types_seen: the types met so far, by name. cache: where compiled patterns are kept between runs.
    """

    def __init__(
        self, layouts: Layouts, needs: Callable[[EventType], Needs], cache: Cache | None = None
    ) -> None:
        self._layouts = layouts
        self._needs = needs
        self._guard = Guard(cache)
        self._covered: set[tuple[str, str]] = set()
        self._routers: dict[str, Router] = {}
        self._projections: dict[Route, Projection] = {}
        self._all_known: dict[Route, Projection] = {}
        self._by_content: dict[object, Projection] = {}
        self.event_types_seen: dict[str, EventType] = {}

    def decode(self, messages: Messages, clock: ReplayClock | None = None) -> Decoded:
        """Decode a batch. Without ingest times the clock stands for them, and goes on in message order."""
        counts = Counts(messages=len(messages))
        items, dead = take_apart(messages, self._router(messages.source.layout))
        frames: list[DecodedFrame] = []
        groups = items.groups()
        self._cover(route for route in groups if route not in self._projections)
        elsewhere: dict[Route, list[int]] = {}
        for route, entries in groups.items():
            frame = self._frame(messages, items, dead, counts, route, entries, elsewhere)
            if frame is not None:
                frames.append(frame)
        self._cover(route for route in elsewhere if route not in self._projections)
        for route, entries in elsewhere.items():
            frame = self._frame(messages, items, dead, counts, route, entries, {})
            if frame is not None:
                frames.append(frame)
        dead = _one_each(dead, frames)
        counts.dead = len(dead)
        decoded = Decoded(frames, dead, counts)
        if dead:
            route = self._router(messages.source.layout).unrouted
            decoded.dead_frame = frame_of_dead(messages, dead, route, _fields(self._needs(UNROUTED)))
        date_in_order(decoded.scanned, messages.ingest, clock)
        return decoded

    def _router(self, pinned: str) -> Router:
        name = pinned if self._layouts.named(pinned) is not None else ""
        if name not in self._routers:
            self._routers[name] = Router(self._layouts, name)
        return self._routers[name]

    def _projection(self, route: Route) -> Projection:
        found = self._projections.get(route)
        if found is None:
            event_type = route.resolved.event_type
            if len(self.event_types_seen) < MOST_ROUTES:
                self.event_types_seen.setdefault(event_type.name, event_type)
            if len(self._projections) >= MOST_ROUTES:
                self._projections.clear()
                self._all_known.clear()
            found = self._projections[route] = self._shared(route, self._needs(event_type))
        return found

    def _shared(self, route: Route, needs: Needs) -> Projection:
        """The projection of these needs: one for all types that differ in nothing but their name (whoever
        writes the events chooses these)."""
        kind = tuple((name, id(rule)) for name, rule in sorted(route.resolved.fields.items()))
        fields = _fields(needs)
        key = (route.shape.layout, route.shape.name, route.dotted, kind, fields, needs.pieces)
        found = self._by_content.get(key)
        if found is None:
            found = self._by_content[key] = Projection(route, fields, self._guard, needs.pieces)
        return found

    def _cover(self, routes: Iterable[Route]) -> None:
        """Let the guard know at once what the events of a batch, and all known types of their shapes,
        need."""
        wanted: set[bytes] = set()
        for route in routes:
            shape = route.shape
            projection = self._projection(route)
            wanted |= projection.guarded | projection.sought
            if (shape.layout, shape.name) not in self._covered and not shape.codec:
                self._covered.add((shape.layout, shape.name))
                for event_type in self._layouts.event_types():
                    if event_type.layout == shape.layout:
                        needs = self._needs(event_type)
                        wanted |= Projection(route, _fields(needs)).guarded | needs.pieces
        self._guard.cover(wanted)

    def _frame(
        self,
        messages: Messages,
        items: Items,
        dead: list[DeadLetter],
        counts: Counts,
        route: Route,
        entries: list[int],
        elsewhere: dict[Route, list[int]],
    ) -> DecodedFrame | None:
        """The frame of these entries; None where nothing is left of them. elsewhere: takes those whose tree
        says otherwise than their quick reading (a key that stands twice), by their true route."""
        projection = self._projection(route)
        raws = list(map(items.raws.__getitem__, entries))
        trees = _known_trees(items, entries)
        settled = set(trees)
        columns = projection.read(raws, trees)
        moved = self._moved(messages, route, trees, settled | columns.unreadable.keys())
        if moved:
            for row, other in moved.items():
                items.trees[entries[row]] = trees[row]
                elsewhere.setdefault(other, []).append(entries[row])
            rest = [entry for row, entry in enumerate(entries) if row not in moved]
            return self._frame(messages, items, dead, counts, route, rest, elsewhere) if rest else None
        if columns.unreadable:
            for row, reason in columns.unreadable.items():
                message, index = items.messages[entries[row]], items.indexes[entries[row]]
                dead.append(dead_letter(messages, message, index, reason, raws[row]))
            rest = [entry for row, entry in enumerate(entries) if row not in columns.unreadable]
            return self._frame(messages, items, dead, counts, route, rest, elsewhere) if rest else None
        lines = trees if route.shape.codec else {}

        def event(row: int) -> Mapping[str, Text]:
            return self._event(route, lines.get(row), raws[row])

        frame = DecodedFrame(
            route,
            EventFrame(
                route.resolved.event_type, columns.cells, raws, event, columns.suspects, projection.sought
            ),
            (messages.source.uid, messages.partition, messages.offsets),
            list(map(items.messages.__getitem__, entries)),
            list(map(items.indexes.__getitem__, entries)),
            stated_times(columns.times, columns.absent),
            columns.repaired | {row for row, entry in enumerate(entries) if entry in items.repaired}
            if items.repaired
            else columns.repaired,
        )
        self._count(counts, route, frame, columns)
        return frame

    def _moved(
        self, messages: Messages, route: Route, trees: Mapping[int, Any], settled: Container[int]
    ) -> dict[int, Route]:
        """Rows that had to be read as trees, and belong elsewhere by them."""
        if route.shape.codec:
            return {}
        router = self._router(messages.source.layout)
        found = {row: router.route_tree(node) for row, node in trees.items() if row not in settled}
        here = route.resolved.event_type
        return {row: other for row, other in found.items() if other.resolved.event_type != here}

    def _event(self, route: Route, node: Any, raw: bytes) -> Mapping[str, Text]:
        """All fields of one event by the rules' names: what it holds, and what its layout makes of it."""
        if node is None:
            try:
                node = tree(raw)
            except NotJson:
                return {}
        projection = self._all_known.get(route)
        if projection is None:
            known = {*CORE, *route.shape.fields, *route.resolved.fields}
            projection = self._all_known[route] = Projection(route, known)
        found = named(route, projection.normal(node))
        found.update(projection.row(node))
        return found

    def _count(self, counts: Counts, route: Route, frame: DecodedFrame, columns: Columns) -> None:
        rows, name = frame.rows, route.resolved.event_type.name
        counts.events += rows
        counts.salvaged += len(frame.repaired)
        counts.layouts[route.shape.layout] += rows
        counts.event_types[name] += rows
        if route.routed:
            counts.routed += rows
        else:
            counts.unrouted += rows
            for raw in frame.frame.raws[:SHAPES_LOOKED_AT]:
                counts.shapes[_shape_of(raw)] += 1
        count_presence(counts.presence, name, columns.cells, columns.hosts, columns.absent)


def _fields(needs: Needs) -> frozenset[str]:
    return needs.fields | needs.numbers | needs.observables


def _known_trees(items: Items, entries: Sequence[int]) -> dict[int, Any]:
    if not items.trees:
        return {}
    known = items.trees
    return {row: known[entry] for row, entry in enumerate(entries) if entry in known}


def _shape_of(raw: bytes) -> str:
    """The top keys of an event, as one text: events of one shape have the same."""
    try:
        node = tree(raw)
    except NotJson:
        return "text"
    if not isinstance(node, dict):
        return "text"
    return " ".join(sorted(node))[:200]


def _one_each(dead: list[DeadLetter], frames: Sequence[DecodedFrame]) -> list[DeadLetter]:
    """Letters in order; of a message that gave no event at all, only the first."""
    dead = sorted(dead, key=lambda letter: letter.position)
    if len({letter.position.offset for letter in dead}) == len(dead):
        return dead
    alive = {offset for frame in frames for offset in frame.offsets}
    kept: list[DeadLetter] = []
    for letter in dead:
        offset = letter.position.offset
        if offset in alive or not kept or kept[-1].position.offset != offset:
            kept.append(letter)
    return kept
