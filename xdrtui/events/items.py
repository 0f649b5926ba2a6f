"""Messages taken apart into events, each with its route: what stands between a source and the projection.

In: messages. Out: `Items`, and a dead letter for each message in which no event is. Arrays, `Records`, and
the envelopes of shippers (an event as JSON or a log line inside another) give the events inside; an
envelope whose inside nobody knows stays one unrouted event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from xdrtui.events.codecs.json_text import Piece, events_in, listed
from xdrtui.events.codecs.lines import read_line
from xdrtui.events.layouts.layout import Shape
from xdrtui.events.message import DeadLetter, Messages, Position
from xdrtui.events.route import Route, Router
from xdrtui.events.structs import REFUSED
from xdrtui.events.values import NotJson, Path, canonical, find, first_text, tree

DEAD_PAYLOAD = 65_536
"""So much of a dead letter's payload is kept."""

LARGEST = 16_000_000
"""Bytes of one event: a larger one is a dead letter, since taken apart whole it holds twenty times as much. A
message may be larger, as an array of events."""

DEEPEST = 3
"""Envelopes in envelopes that are opened."""


class Items:
    """Events of a batch in parallel lists: entry i is event `indexes[i]` of message `messages[i]`.

    trees: events read as trees already, by entry; repaired: entries whose text had to be mended. An entry
    whose route is None became a dead letter.
    """

    __slots__ = ("indexes", "messages", "raws", "repaired", "routes", "trees")

    def __init__(self, payloads: list[bytes], routes: list[Route | None]) -> None:
        self.messages = list(range(len(payloads)))
        self.indexes = [0] * len(payloads)
        self.raws = payloads
        self.routes = routes
        self.trees: dict[int, Any] = {}
        self.repaired: set[int] = set()

    def put(self, entry: int, route: Route, piece: Piece) -> None:
        self.routes[entry] = route
        self.raws[entry] = piece.raw
        if piece.tree is not None:
            self.trees[entry] = piece.tree
        if piece.repaired:
            self.repaired.add(entry)

    def groups(self) -> dict[Route, list[int]]:
        """Entries by route, each in message order."""
        order: Sequence[int] = range(len(self.routes))
        if len(self.routes) > 1 and self.messages[-1] != len(self.routes) - 1:
            order = sorted(order, key=lambda entry: (self.messages[entry], self.indexes[entry]))
        found: dict[Route, list[int]] = {}
        routes = self.routes
        for entry in order:
            route = routes[entry]
            if route is not None:
                group = found.get(route)
                if group is None:
                    found[route] = [entry]
                else:
                    group.append(entry)
        return found


def take_apart(messages: Messages, router: Router) -> tuple[Items, list[DeadLetter]]:
    """Find and route the events of messages."""
    payloads = list(messages.payloads)
    if None in set(map(_none, payloads)):
        payloads = [b"" if payload is None else payload for payload in payloads]
    largest = max(map(len, payloads), default=0)
    light = payloads if largest <= LARGEST else [b"" if len(each) > LARGEST else each for each in payloads]
    routes, refused = router.route(light)
    items = Items(payloads, routes)
    dead: list[DeadLetter] = []
    odd = list(refused)
    carriers = {route for route in set(routes) if route is not None and route.shape.envelope}
    if carriers:
        odd += [entry for entry, route in enumerate(routes) if route in carriers]
    for entry in sorted(odd):
        payload = payloads[entry]
        try:
            if len(payload) > LARGEST:
                pieces = listed(payload, LARGEST)
            else:
                pieces = [Piece(payload)] if entry not in refused or _sound(payload) else _pieces(payload)
        except NotJson as error:
            routes[entry] = None
            dead.append(dead_letter(messages, entry, 0, str(error), payload))
            continue
        found = [inner for piece in pieces for inner in _opened(piece, router)]
        routes[entry] = None
        if all(piece.broken for _, piece in found):
            dead.append(dead_letter(messages, entry, 0, found[0][1].broken, payload))
            continue
        place = entry  # of the first event; the others go to the end
        for index, (route, piece) in enumerate(found):
            if piece.broken:
                dead.append(dead_letter(messages, entry, index, piece.broken, piece.raw))
                continue
            if place == len(items.routes):
                items.messages.append(entry)
                items.indexes.append(index)
                items.raws.append(b"")
                items.routes.append(None)
            items.indexes[place] = index
            items.put(place, route, piece)
            place = len(items.routes)
    return items, dead


def dead_letter(messages: Messages, message: int, index: int, reason: str, payload: bytes) -> DeadLetter:
    """The dead letter of a message (or of one event in it)."""
    position = Position(messages.source.uid, messages.partition, messages.offsets[message], index)
    came = messages.ingest[message] if messages.ingest is not None else 0
    return DeadLetter(position, reason[:300], payload[:DEAD_PAYLOAD], len(payload), came)


def _none(value: object) -> type | None:
    return None if value is None else object


def _pieces(payload: bytes) -> list[Piece]:
    if payload[:1] not in _MAYBE_JSON:
        piece = _line(payload.decode("utf-8", "replace"))
        if piece is not None:
            return [piece]
    try:
        return events_in(payload)
    except NotJson:
        text = payload.decode("utf-8", "replace")
        piece = _line(text)
        if piece is None:
            raise
        if "\ufffd" in text and text.encode() != payload:
            return [msgspec.structs.replace(piece, repaired=True)]
        return [piece]


_SKIP = msgspec.json.Decoder(msgspec.Raw).decode


def _sound(payload: bytes) -> bool:
    """True if a payload is one whole object, whatever is in it: only the router could make nothing of some
    value, so whether the event must be mended is the projection's to say, as it is of any other."""
    try:
        _SKIP(payload)
    except REFUSED:
        return False
    return payload.lstrip()[:1] == b"{"


_MAYBE_JSON = frozenset((b"{", b"[", b" ", b"\t", b"\r", b"\n", b"\xef", b'"', b"\x00", b""))


def _line(text: str) -> Piece | None:
    line = text.strip("\ufeff \t\r\n\x00")
    read = read_line(line) if line else None
    return None if read is None else Piece(line.encode("utf-8", "replace"), read[1], False, read[0])


def _opened(piece: Piece, router: Router) -> list[tuple[Route, Piece]]:
    """The routed events that a piece is, or carries; where it cannot be read, itself as broken."""
    try:
        return _open(piece, router, 0)
    except NotJson as error:
        return [(router.unrouted, msgspec.structs.replace(piece, broken=str(error)))]


def _open(piece: Piece, router: Router, depth: int) -> list[tuple[Route, Piece]]:
    """The routed events that a piece is, or carries."""
    if piece.broken:
        return [(router.unrouted, piece)]
    if piece.tree is not None:
        route = router.route_tree(piece.tree, piece.codec)
    else:
        found, _ = router.route([piece.raw])
        if found[0] is None:
            node = tree(piece.raw)
            if not _sound(piece.raw):
                piece = msgspec.structs.replace(piece, tree=node, repaired=True)
            route = router.route_tree(node)
        else:
            route = found[0]
    if not route.shape.envelope:
        return [(route, piece)]
    if depth < DEEPEST:
        node = piece.tree if piece.tree is not None else tree(piece.raw)
        for shape, path in router.carriers:  # a key of another kind of envelope hides nothing
            inside = _inside(piece, node, path, shape)
            opened = [inner for one in inside for inner in _open(one, router, depth + 1)]
            if opened and (len(inside) > 1 or _listed(node, path) or any(r.routed for r, _ in opened)):
                return opened
    return [(route if route.resolved.event_type.log_sources else router.unrouted, piece)]


def _value(node: Any, path: Path) -> Any:
    if isinstance(node, dict) and ".".join(path) in node:
        return node[".".join(path)]
    for key in path:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _listed(node: Any, path: Path) -> bool:
    return isinstance(_value(node, path), list)


def _inside(piece: Piece, node: Any, path: Path, shape: Shape) -> list[Piece]:
    value = _value(node, path)
    if isinstance(value, list):
        texts = any(isinstance(item, str) for item in value)
        inner = _raws(piece.raw, path) if not (piece.repaired or texts) else None
        if inner is not None:
            return [Piece(raw) for raw in inner]
        return [one for item in value for one in _carried(piece, node, item, shape)]
    return _carried(piece, node, value, shape)


def _carried(piece: Piece, node: Any, value: Any, shape: Shape) -> list[Piece]:
    """The events that one value of an envelope is: an object, JSON in a text, or a log line."""
    if isinstance(value, dict):
        return [Piece(canonical(value).encode("utf-8", "replace"), value, piece.repaired)]
    if not isinstance(value, str):
        return []
    if value.lstrip()[:1] in ("{", "["):
        try:
            inner_pieces = events_in(value.encode("utf-8", "replace"))
        except NotJson:
            return []
        return [msgspec.structs.replace(one, repaired=piece.repaired) for one in inner_pieces]
    found = _line(value)
    if found is None:
        return []
    hosts = shape.rule("host.name", {}).paths
    host = next((text for p in hosts if (text := find(node, p))), None)
    if host is not None:
        found.tree.setdefault("hostname", first_text(host))
    return [found]


def _raws(raw: bytes, path: Path) -> list[bytes] | None:
    """The objects of a list, as the bytes they are."""
    kind: Any = list[msgspec.Raw]
    for key in reversed(path):
        kind = msgspec.defstruct("Carrier", [("inside", kind)], rename={"inside": key})
    try:
        found = msgspec.json.decode(raw, type=kind)
        for _ in path:
            found = found.inside
        return [one for one in map(bytes, found) if one[:1] == b"{"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
