"""The events in a message that is no single well-formed JSON object: arrays, several values, broken text.

In: bytes. Out: the events with their own bytes, in order, or why there is none (`NotJson`). A byte order
mark, blanks, NULs and carriage returns around values are passed over; commas between values too. Bytes that
are no UTF-8 and halves of surrogate pairs become U+FFFD; of broken text what can be read of it (see
`salvage.py`), and the message's events are marked as repaired.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from xdrtui.events.codecs.salvage import salvage
from xdrtui.events.values import NotJson, canonical, values_of

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_BOM = b"\xef\xbb\xbf"


class Piece(msgspec.Struct, frozen=True):
    """One event of a message. raw: its bytes; tree: read already (None: not yet); repaired: salvaged.
    broken: it is no event after all, for this reason."""

    raw: bytes
    tree: Any = None
    repaired: bool = False
    codec: str = ""
    broken: str = ""


def events_in(payload: bytes) -> list[Piece]:
    """Return the events of a message, and the broken parts between them. Raises NotJson where there is no
    event."""
    head = payload.removeprefix(_BOM).strip(b" \t\r\n\x00")
    if not head:
        raise NotJson("empty")
    if head[:1] == b"[":
        elements = _elements(head)
        if elements is not None:
            return elements
    pieces: list[Piece] = []
    text = head.decode("utf-8", "replace")
    exact = text.encode("utf-8") == head
    text = text.lstrip(",")
    at = 0
    try:
        for value, start, at in values_of(text):
            pieces.extend(_pieces(value, text[start:at], repaired=True))
    except NotJson as error:
        for part in salvage(text, at, str(error)):
            if part.reason:
                pieces.append(Piece(part.text.encode("utf-8", "replace"), broken=part.reason))
            else:
                pieces.extend(_pieces(part.value, part.text, repaired=True))
        if all(piece.broken for piece in pieces):
            raise
    if not pieces:
        raise NotJson("no object in it")
    if exact and len(pieces) == 1 and payload.removeprefix(_BOM).strip(b"\r\n\x00 \t") == pieces[0].raw:
        return [msgspec.structs.replace(pieces[0], raw=head)]
    return pieces


def listed(payload: bytes, most: int) -> list[Piece]:
    """The events of a message that is too large for one, where it is an array of smaller ones. Nothing is
    read as a tree. most: bytes that one event may take. Raises NotJson."""
    head = payload.removeprefix(_BOM).strip(b" \t\r\n\x00")
    found = _elements(head) if head[:1] == b"[" else None
    if found is None:
        raise NotJson(_too_large(payload, most))
    return [Piece(p.raw, broken=_too_large(p.raw, most)) if len(p.raw) > most else p for p in found]


def _too_large(raw: bytes, most: int) -> str:
    return f"larger than one event may be ({len(raw):,} bytes of at most {most:,})"


def _elements(head: bytes) -> list[Piece] | None:
    try:
        raws = _ELEMENTS.decode(head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not raws:
        raise NotJson("an empty array")
    found: list[Piece] = []
    for raw in raws:
        element = bytes(raw)
        if element[:1] != b"{":
            return None
        found.append(Piece(element))
    return found


def _pieces(value: Any, text: str, repaired: bool) -> Iterator[Piece]:
    if isinstance(value, dict):
        yield Piece(text.encode("utf-8", "replace"), value, repaired)
    elif isinstance(value, list):
        for item in _objects(value):
            yield Piece(canonical(item).encode("utf-8", "replace"), item, repaired)


def _objects(values: list[Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list) and depth < 8:
            yield from _objects(value, depth + 1)
