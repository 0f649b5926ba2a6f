"""Which rules can fire here: by the fields that were present in the events of each type and host.

In: rules, and what decoding counted (of files, or of a workspace's whole life). Out: a `Covered` a rule:
able, blind because a field is never there, or gone blind, since when. `navigator` joins it to ATT&CK.
Nothing is matched here, so a rule that can fire may still never do so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import msgspec

from detectors.contract import EventType, LogSource
from detectors.correlate.model import Type
from detectors.sigma.able import able, asked, lacking, settle, unused
from detectors.sigma.expression import And, Expression
from detectors.sigma.rules import Rule
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import Layouts, load_layouts
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.sources.files import open_files
from xdrtui.store.presence import Sighting, Sightings, add

ABLE, PARTLY, GONE, UNKNOWN, BLIND, NOTHING = (
    "able",
    "partly",
    "gone blind",
    "unknown",
    "blind",
    "no events",
)
STATUSES = (GONE, BLIND, NOTHING, UNKNOWN, PARTLY, ABLE)
"""The gravest first."""

FIRES = frozenset((ABLE, PARTLY))
BATCH = 1_000
"""Messages of files that are counted together: 'since when' is told to that many."""

_LEAST = 20
_CHANCE = 14.0
"""A field is gone when so many events with it were due since it was there last: were they still to come as
before, each for itself, the chance of none would be below e**-14, one in a million."""


class Sight(msgspec.Struct, frozen=True):
    """A rule on one event type and host. fields: that stand in the way (with `partly`: by which it could also
    fire); since: time (ns) of the last batch that had them, where it has gone blind; missed: events since."""

    event_type: str
    host: str
    status: str
    fields: tuple[str, ...]
    events: int
    since: int = 0
    missed: int = 0


class Covered(msgspec.Struct, frozen=True):
    """A rule over all it looks at. status: the best of its sights, so a rule that has gone blind on one host
    alone is `able`; why: one clause where it has no sights."""

    rule: str
    title: str
    level: str
    log_source: str
    techniques: tuple[str, ...]
    status: str
    sights: tuple[Sight, ...] = ()
    why: str = ""


class Data(msgspec.Struct, frozen=True):
    """What was counted, and the event types it is about, by name."""

    sightings: Sightings
    event_types: dict[str, EventType]


def look(
    paths: Iterable[str | Path],
    book: Rulebook,
    on_progress: Callable[[int, int], None] = lambda size, events: None,
    batch: int = BATCH,
) -> Data:
    """Count over files. batch: messages counted together. Raises SourceError."""
    decoder = Decoder(load_layouts(), book.detector.needs)
    sightings: Sightings = {}
    clock, uid = ReplayClock(), ""
    size = events = 0
    for messages in open_files(paths, batch_messages=batch):
        if messages.source.uid + messages.source.name != uid:
            clock, uid = ReplayClock(), messages.source.uid + messages.source.name
        decoded = decoder.decode(messages, clock)
        time = max((max(frame.times) for frame in decoded.frames if frame.rows), default=0)
        add(sightings, decoded.counts.presence, time)
        size += sum(map(len, messages.payloads))
        events += decoded.counts.events
        on_progress(size, events)
    return Data(sightings, dict(decoder.event_types_seen))


def remembered(sightings: Sightings) -> Data:
    """What a store has counted; event types are known by their names."""
    layouts = load_layouts()
    names = {event_type for event_type, _ in sightings}
    found = {name: event_type_named(layouts, name) for name in names}
    return Data(sightings, {name: event_type for name, event_type in found.items() if event_type})


def event_type_named(layouts: Layouts, name: str) -> EventType | None:
    """The event type of this name, also one with an open part (`windows.system.7045`)."""
    for layout in layouts.layouts:
        if name != layout.name and not name.startswith(f"{layout.name}."):
            continue
        rest = name.removeprefix(layout.name).removeprefix(".")
        for kind in layout.kinds:
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[a-z0-9_-]+)", re.escape(kind.name))
            found = re.fullmatch(pattern, rest) if kind.name else None
            if found is None:
                continue
            said = {key: min(values) for key, values in kind.when}
            event_type = layout.kind(layout.shapes[0], {**said, **found.groupdict()}).event_type
            if event_type.name == name:
                return event_type
        if not rest:
            return layout.kind(layout.shapes[0], {}).event_type
    return None


def cover(book: Rulebook, data: Data) -> list[Covered]:
    """Every rule, in the book's order, correlations last."""
    rows = _Rows(data)
    layouts = load_layouts()
    found = {rule.id: _cover(rule, rows, layouts) for rule in book.rules.values()}
    for correlation in book.correlations.rules:  # children stand before those that count them
        below = [found[rule] for rule in correlation.rules if rule in found]
        every = correlation.type in (Type.TEMPORAL, Type.TEMPORAL_ORDERED)
        statuses = sorted((each.status for each in below), key=STATUSES.index)
        status = (statuses[0] if every else statuses[-1]) if statuses else NOTHING
        worst = [f"{each.title}: {each.status}" for each in below if each.status not in FIRES]
        techniques = tuple(tag[7:].upper() for tag in correlation.tags if tag.lower().startswith("attack.t"))
        found[correlation.id] = Covered(
            correlation.id,
            correlation.title,
            correlation.level,
            "correlation",
            techniques,
            status,
            why=f"it counts {'; '.join(worst)}" if worst else "",
        )
    return list(found.values())


class _Rows:
    """The counted pairs of event type and host, each with the fields ever seen, still seen, and asked for."""

    def __init__(self, data: Data) -> None:
        self.event_types = list(data.event_types.values())
        self.by_type: dict[str, list[_Row]] = {}
        named: dict[str, int] = {}
        for (event_type, host), fields in data.sightings.items():
            if host and "" in fields:
                named[event_type] = named.get(event_type, 0) + fields[""].n
                asked_for = frozenset(data.sightings.get((event_type, ""), fields))
                self.by_type.setdefault(event_type, []).append(_Row(host, fields, asked_for))
        for (event_type, host), fields in data.sightings.items():
            if not host and "" in fields and fields[""].n > named.get(event_type, 0):
                row = _Row("", fields, frozenset(fields))  # events that name no host, or one beyond the cap
                self.by_type.setdefault(event_type, []).append(row)


class _Row:
    def __init__(self, host: str, fields: Mapping[str, Sighting], asked_for: frozenset[str]) -> None:
        self.host = host
        self.fields = fields
        self.asked_for = asked_for
        self.events = fields[""].n
        self.seen = frozenset(field for field, one in fields.items() if one.n)
        self.now = frozenset(field for field in self.seen if not is_gone(fields[field], self.events))


def is_gone(sighting: Sighting, events: int) -> bool:
    """Whether a field has been absent for so many events that it is no chance. events: all of the type and
    host."""
    since = events - sighting.events
    if not sighting.events or since < _LEAST:
        return False
    return since * sighting.n / sighting.events >= _CHANCE


def _cover(rule: Rule, rows: _Rows, layouts: Layouts) -> Covered:
    judged: dict[_Case, tuple[str, frozenset[str]]] = {}
    sights: list[Sight] = []
    passed_by = 0
    for event_type in rows.event_types:
        if not event_type.serves(rule.log_source):
            continue
        left = settle(rule.expression, dict(event_type.constants))
        if left is False:  # it asks for another EventID, say
            passed_by += 1
            continue
        expression = And(()) if left is True else left
        fields = asked(expression)
        for row in rows.by_type.get(event_type.name, ()):
            case = _Case(expression, row.seen & fields, row.now & fields, row.asked_for & fields)
            if case not in judged:
                judged[case] = _judge(case)
            status, wanting = judged[case]
            sight = Sight(event_type.name, row.host, status, tuple(sorted(wanting)), row.events)
            if status == GONE:
                last = [row.fields[field] for field in wanting if field in row.seen]
                since = min(one.last for one in last)
                missed = row.events - min(one.events for one in last)
                sight = msgspec.structs.replace(sight, since=since, missed=missed)
            sights.append(sight)
    sights.sort(key=lambda sight: (STATUSES.index(sight.status), sight.event_type, sight.host))
    status = max((sight.status for sight in sights), key=STATUSES.index, default=NOTHING)
    why = "" if sights else _no_events(rule.log_source, layouts, passed_by)
    return Covered(
        rule.id, rule.title, rule.level, str(rule.log_source), rule.techniques, status, tuple(sights), why
    )


class _Case(NamedTuple):
    """What a rule's ability on one event type and host follows from; many hosts are one case."""

    expression: Expression
    seen: Set[str]
    now: Set[str]
    asked_for: Set[str]


def _judge(case: _Case) -> tuple[str, frozenset[str]]:
    """Status, and the fields that it comes from."""
    expression, seen, now, asked_for = case
    if able(expression, now):
        more = unused(expression, now)
        return (PARTLY, more) if more else (ABLE, frozenset())
    if able(expression, seen):
        return GONE, lacking(expression, now, likely=seen)
    unasked = asked(expression) - asked_for
    if unasked and able(expression, seen | unasked):
        return UNKNOWN, lacking(expression, seen)
    return BLIND, lacking(expression, seen)


def _no_events(wanted: LogSource, layouts: Layouts, passed_by: int) -> str:
    if passed_by:
        return f"events of {wanted} came in, but none of the kind (EventID) it asks for"
    for layout in layouts.layouts:
        sources = {source for kind in layout.kinds for source in kind.log_sources}
        every = EventType("", "", frozenset(sources))
        if every.serves(wanted) or any("{" in s.service and s.product == wanted.product for s in sources):
            return f"no event of {wanted} came in"
    return f"no layout knows {wanted}: add one (see the manual's page on layouts)"


def tally(covered: Sequence[Covered]) -> dict[str, int]:
    """How many rules have each status, in the order of `STATUSES`."""
    return {status: sum(each.status == status for each in covered) for status in STATUSES}
