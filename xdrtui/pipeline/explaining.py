"""Why a rule fired on an event or did not, and which rules it almost met.

In: rules, and an event: a place in a file, or what an alert has pinned. Out: the explainer's trees with the
event and the rule they are about, as data. Fields are decoded as detection decodes them, by the rules' names.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from detectors.contract import EventType, Needs, Text
from detectors.correlate.explain import Explanation
from detectors.correlate.explain import explain as explain_correlation
from detectors.correlate.model import CorrelationRule
from detectors.sigma.atoms import column_of, fields_of
from detectors.sigma.explain import Why, explain
from detectors.sigma.near import NearMiss, near_misses
from detectors.sigma.plan import looks_at
from detectors.sigma.rules import Rule, parse_rules, tests_of
from xdrtui.errors import RuleError, SourceError
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import texts_of
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.sources.files import modified, open_files
from xdrtui.store import findings
from xdrtui.store.batch import RuleRow
from xdrtui.store.store import Store
from xdrtui.triage.correlated import id_of, match_of
from xdrtui.triage.rows import Evidence


class Place(msgspec.Struct, frozen=True):
    """Where an event stands: a file (`-`: standard input), its 0-based line or record (None: the first), and
    which event of it (None: any)."""

    file: str
    offset: int | None = None
    index: int | None = None


class Event(msgspec.Struct, frozen=True):
    """An event taken apart. cells: the fields that rules ask for, by their names; texts: all its values, for
    keywords."""

    source: str
    offset: int
    index: int
    time: int
    event_type: EventType
    summary: str
    cells: Mapping[str, Text]
    texts: tuple[str, ...]


class Explained(msgspec.Struct, frozen=True):
    """A rule on an event. serves: the rule looks at events of this type; fires: it does and its tree is
    true."""

    rule: Rule
    event: Event
    serves: bool
    why: Why

    @property
    def fires(self) -> bool:
        return self.serves and self.why.true


def place_of(text: str) -> Place | None:
    """`FILE`, `FILE:OFFSET`, `FILE:OFFSET:INDEX` or `-`, where there is such a file; else None."""
    if text == "-" or Path(text).is_file():
        return Place(text)
    numbers: list[int] = []
    while len(numbers) < 2:
        text, colon, last = text.rpartition(":")
        if not colon or not (last.isascii() and last.isdigit()):
            return None
        numbers.insert(0, int(last))
        if text == "-" or Path(text).is_file():
            return Place(text, *numbers)
    return None


def fields_asked(rules: Iterable[Rule]) -> Callable[[EventType], Needs]:
    """What must be decoded to explain these rules, whether or not they look at the event's type."""
    fields = frozenset(
        field for rule in rules for test in tests_of(rule.expression) for field in fields_of(column_of(test))
    )
    return lambda event_type: Needs(fields, whole_event=True)


def read_place(place: Place, needs: Callable[[EventType], Needs]) -> list[Event]:
    """The events at a place. Raises SourceError where there is none, or it cannot be read."""
    for messages in open_files([place.file]):
        offset = messages.offsets[0] if place.offset is None else place.offset
        if offset in messages.offsets:
            at = messages.offsets.index(offset)
            found = _events(messages.source, offset, messages.payloads[at], None, needs)
            chosen = [event for event in found if place.index in (None, event.index)]
            if not chosen:
                raise SourceError(f"{place.file}:{offset} has {len(found)} events, counted from 0")
            return chosen
        if messages.offsets[0] > offset:
            break
    where = "" if place.offset is None else f":{place.offset}"
    raise SourceError(f"{place.file}{where}: there is no event (lines and records are counted from 0)")


def read_evidence(evidence: Evidence, needs: Callable[[EventType], Needs]) -> Event:
    """The event that an alert has pinned. Raises SourceError where it was too long to be kept whole."""
    if evidence.size > len(evidence.raw):
        raise SourceError(
            f"only {len(evidence.raw):,} of the event's {evidence.size:,} bytes are kept; "
            f"explain it where it stands: {evidence.source}:{evidence.position.offset}"
        )
    layout = evidence.event_type.partition(".")[0]
    source = Source(evidence.position.source, evidence.source, "file", layout)
    found = _events(source, evidence.position.offset, evidence.raw, evidence.ingest, needs, unreadable=True)
    return msgspec.structs.replace(found[0], index=evidence.position.index)


def _events(
    source: Source,
    offset: int,
    payload: bytes,
    ingest: int | None,
    needs: Callable[[EventType], Needs],
    unreadable: bool = False,
) -> list[Event]:
    """unreadable: also what nothing can read, as keyword rules see it."""
    messages = Messages(source, 0, [offset], [payload], None if ingest is None else [ingest])
    clock = ReplayClock(around=modified(source.name)) if ingest is None else None
    decoded = Decoder(load_layouts(), needs).decode(messages, clock)
    frames = decoded.scanned if unreadable else decoded.frames
    if not frames:
        reason = decoded.dead[0].reason if decoded.dead else "it is empty"
        raise SourceError(f"{source.name}:{offset} cannot be read: {reason}")
    found = [_event(source.name, frame, row) for frame in frames for row in range(frame.rows)]
    return sorted(found, key=lambda event: event.index)


def _event(name: str, frame: DecodedFrame, row: int) -> Event:
    position = frame.position(row)
    return Event(
        source=name,
        offset=position.offset,
        index=position.index,
        time=frame.times[row],
        event_type=frame.frame.event_type,
        summary=frame.summary(row),
        cells={field: column[row] for field, column in frame.frame.columns.items()},
        texts=texts_of(frame.fields(row)),
    )


def explain_rule(rule: Rule, events: Iterable[Event]) -> Explained:
    """The rule on the first of these events that it fires on, else on the first that it looks at, else on
    the first."""
    explained = [
        Explained(
            rule,
            event,
            looks_at(rule, event.event_type),
            explain(rule.expression, event.cells.get, event.texts),
        )
        for event in events
    ]
    return max(explained, key=lambda each: (each.fires, each.serves))  # of equals, the first


def near(rules: Iterable[Rule], event: Event, most: int) -> tuple[list[Rule], list[NearMiss]]:
    """The rules that fire on the event, and those that lack at most so many items, nearest first."""
    chosen = [rule for rule in rules if looks_at(rule, event.event_type)]
    fire = [rule for rule in chosen if explain(rule.expression, event.cells.get, event.texts).true]
    return fire, near_misses(chosen, event.event_type, event.cells.get, event.texts, most=most)


def find_rule(book: Rulebook, wanted: str) -> Rule | CorrelationRule:
    """A rule by id, the beginning of one, title, or a part of a title that is clear. Raises RuleError."""
    every: dict[str, Rule | CorrelationRule] = {**book.rules}
    every.update((rule.id, rule) for rule in book.correlations.rules)
    asked = wanted.strip().casefold()
    ways: tuple[Callable[[Rule | CorrelationRule], bool], ...] = (
        lambda rule: rule.id == asked,
        lambda rule: rule.title.casefold() == asked or rule.name.casefold() == asked != "",
        lambda rule: len(asked) >= 6 and rule.id.startswith(asked),
        lambda rule: len(asked) >= 3 and asked in rule.title.casefold(),
    )
    for way in ways:
        found = [rule for rule in every.values() if way(rule)]
        if len(found) == 1:
            return found[0]
        if found:
            titles = "; ".join(f"{rule.title} ({rule.id})" for rule in found[:4])
            raise RuleError(f"{len(found)} rules are called {wanted!r}: {titles}: give an id.")
    titles_known = {rule.title.casefold(): rule.title for rule in every.values()}
    close = difflib.get_close_matches(asked, titles_known, n=1, cutoff=0.6)
    hint = f"the nearest is {titles_known[close[0]]!r}" if close else "`xdrtui rules list` shows them"
    raise RuleError(f"no rule is called {wanted!r}: {hint}.")


def only_rule(book: Rulebook, file: str) -> Rule | CorrelationRule:
    """The one rule of a file. Raises RuleError where there is none, or are several."""
    found: list[Rule | CorrelationRule] = [*book.rules.values(), *book.correlations.rules]
    if len(found) == 1:
        return found[0]
    if not found:
        reason = str(book.problems[0]) if book.problems else f"{file} holds no rule"
        raise RuleError(f"{reason}.")
    raise RuleError(f"{file} holds {len(found)} rules: give an id or a title, and the file by --rules.")


def rule_as_stored(row: RuleRow, book: Rulebook) -> Rule:
    """The rule in the version that made an alert: the one in force, if it is the same. Raises RuleError."""
    current = book.rules.get(row.id)
    if current is not None and current.text_hash == row.hash:
        return current
    stored = parse_rules({row.path or "stored": row.text.encode("utf-8", "surrogatepass")})
    for rule in stored.rules:
        if rule.id == row.id:
            return rule
    if current is not None:
        return current
    reason = str(stored.problems[0]) if stored.problems else "its text is not stored"
    raise RuleError(f"the rule {row.title!r} cannot be read again: {reason}.")


def explain_alert(store: Store, alert: str, rule: CorrelationRule, book: Rulebook) -> Explanation:
    """The events and values that made a correlation fire: its findings counted again. Raises RuleError."""
    state = book.correlations.new_state()
    rows = findings.read_feeding(store.connection, book.correlations.needs(), -(2**62), 2**62)
    fired = {each.id: each for each in (*state.feed(match_of(row) for row in rows), *state.finish())}
    for each in fired.values():
        if each.correlation == rule.id and id_of(each) == alert:
            return explain_correlation(rule, each, dict(_titles(book)))
    raise RuleError(
        f"counted again, the correlation {rule.title!r} does not make this alert: the rule has changed since."
    )


def _titles(book: Rulebook) -> Iterator[tuple[str, str]]:
    yield from ((rule.id, rule.title) for rule in book.rules.values())
    yield from ((rule.id, rule.title) for rule in book.correlations.rules)


__all__ = [
    "Event",
    "Explained",
    "Place",
    "explain_alert",
    "explain_rule",
    "fields_asked",
    "find_rule",
    "near",
    "only_rule",
    "place_of",
    "read_evidence",
    "read_place",
    "rule_as_stored",
]
