"""A decoded frame: the detectors' frame, with where and when each row stands, and what people see of it.

In: what `decode.py` made of the payloads of one route. Out: positions, times, core fields, entities, a
sentence. All but the times is worked out for a row when asked, since few rows ever match.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from detectors.contract import EventFrame, Null, Text
from detectors.taxonomy.observables import observables
from xdrtui.events.layouts.layout import CORE
from xdrtui.events.message import DeadLetter, Position
from xdrtui.events.one_line import one_line
from xdrtui.events.route import Route
from xdrtui.events.values import first_text, flatten


class Core(msgspec.Struct, frozen=True):
    """What every event may have: texts, empty where it has not."""

    host: str = ""
    user: str = ""
    source_ip: str = ""
    destination_ip: str = ""


class Counts(msgspec.Struct):
    """What a batch was made of.

    messages = messages with events + dead; events = routed + unrouted. event_types and layouts: events by
    name; shapes: unrouted events by their top keys (of the first few hundred of a batch); presence: (event
    type, host) -> field -> how many events have it, for the fields that detectors need, with "" -> all.
    """

    messages: int = 0
    events: int = 0
    routed: int = 0
    unrouted: int = 0
    salvaged: int = 0
    dead: int = 0
    layouts: Counter[str] = msgspec.field(default_factory=Counter)
    event_types: Counter[str] = msgspec.field(default_factory=Counter)
    shapes: Counter[str] = msgspec.field(default_factory=Counter)
    presence: dict[tuple[str, str], Counter[str]] = msgspec.field(default_factory=dict)

    def add(self, other: Counts) -> None:
        """Add another batch's counts to these."""
        for name in ("messages", "events", "routed", "unrouted", "salvaged", "dead"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("layouts", "event_types", "shapes"):
            getattr(self, name).update(getattr(other, name))
        for key, fields in other.presence.items():
            self.presence.setdefault(key, Counter()).update(fields)


class DecodedFrame:
    """Rows of one event type, from one layout's shape, in message order.

    messages: which message of the batch each row came in, and `indexes`, which event of it; stated: what
    the rows say of their times; times: what windows use (event time, or ingest time where the event's own
    is missing or not believed); ingest: when it came in (or the replay clock); quality: see `times.py`; all
    one value a row.
    """

    __slots__ = (
        "_latest", "_offsets", "_partition", "_source", "frame", "indexes", "ingest", "messages",
        "quality", "repaired", "route", "rows", "stated", "times",
    )  # fmt: skip

    def __init__(
        self,
        route: Route,
        frame: EventFrame,
        where: tuple[str, int, Sequence[int]],
        messages: Sequence[int],
        indexes: Sequence[int],
        stated: Sequence[int | str | None],
        repaired: set[int],
    ) -> None:
        self.route = route
        self.frame = frame
        self.rows = frame.rows
        self.indexes = indexes
        self.times: Sequence[int] = ()
        self.ingest: Sequence[int] = ()
        self.quality: Sequence[int] = ()
        self._source, self._partition, self._offsets = where
        self.messages = messages
        self.stated = stated
        self.repaired = repaired
        self._latest: tuple[int, Mapping[str, Text]] = (-1, {})

    @property
    def offsets(self) -> list[int]:
        """The offset of each row's message."""
        return [self._offsets[message] for message in self.messages]

    def position(self, row: int) -> Position:
        return Position(self._source, self._partition, self._offsets[self.messages[row]], self.indexes[row])

    positions = position

    def fields(self, row: int) -> Mapping[str, Text]:
        """All fields of a row by the rules' names, the core fields among them."""
        if self._latest[0] != row:  # asked for several times in a row: core, entities, summary
            self._latest = row, self.frame.event(row)
        return self._latest[1]

    def core(self, row: int) -> Core:
        event = self.fields(row)
        return Core(*(first_text(event.get(name)) for name in CORE))

    def entities(self, row: int) -> tuple[tuple[str, str], ...]:
        """Kind and value of what the event names: hosts, users, processes, addresses, hashes, domains, ..."""
        found: dict[tuple[str, str], None] = {}
        kinds = observables()
        for name, value in self.fields(row).items():
            if kind := kinds.get(name):
                for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
                    found.update(dict.fromkeys(entities_of(kind, text)))
        return tuple(found)

    def summary(self, row: int) -> str:
        """What happened, in one plain sentence."""
        return one_line(self.route.resolved.summary, self.fields(row))


_NOTHING = frozenset(["", "-", "?", "(null)", "(none)", "::", "0.0.0.0"])  # noqa: S104
_NOBODY = frozenset(["4294967295", "unset", "unknown"])


def entities_of(kind: str, text: str) -> list[tuple[str, str]]:
    """The entities of one value: `SHA1=..,MD5=..` holds several hashes, `-` none."""
    if text in _NOTHING or text in _NOBODY or len(text) > 1024:
        return []
    if kind == "hash" and "=" in text:
        parts = [part.partition("=")[2].strip() for part in text.split(",")]
        return [(kind, part.lower()) for part in parts if part and set(part) != {"0"}]
    if kind in ("hash", "domain", "host"):
        return [(kind, text.lower().rstrip("."))]
    return [(kind, text)]


def named(route: Route, node: Any) -> dict[str, Text]:
    """Every field of an event by the rules' name: the prefix of its layout's templates taken off, then the
    fields that the layout names otherwise. Several paths with one name give all their values."""
    shape = route.shape
    prefixes = [template.removesuffix("{field}") for template in shape.templates if template != "{field}"]
    found: dict[str, Text] = {}
    for name, value in flatten(node).items():
        for prefix in prefixes:
            if name.startswith(prefix):
                name = name[len(prefix) :]
                break
        old = found.get(name)
        found[name] = value if old is None or isinstance(old, Null) else _both(old, value)
    return found


def _both(one: Text, other: Text) -> Text:
    values = [
        text
        for cell in (one, other)
        for text in ((cell,) if isinstance(cell, str) else cell if isinstance(cell, tuple) else ())
    ]
    unique = tuple(dict.fromkeys(values))
    return unique[0] if len(unique) == 1 else unique


class Decoded(msgspec.Struct):
    """A batch, decoded: frames by event type and shape, what could not be read, and the counts.

    dead_frame: the dead letters once more, as unrouted events with one field `message`: for detectors alone,
    since they are no events and are not counted as such.
    """

    frames: list[DecodedFrame]
    dead: list[DeadLetter]
    counts: Counts
    dead_frame: DecodedFrame | None = None

    @property
    def scanned(self) -> list[DecodedFrame]:
        """All that detectors are given."""
        return self.frames if self.dead_frame is None else [*self.frames, self.dead_frame]
