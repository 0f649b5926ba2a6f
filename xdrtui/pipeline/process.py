"""One batch of messages through decoding and detection: messages in, everything the store needs out.

Pure but for the caches of decoder and detectors: the same messages give the same result, whatever came
before. A matched row is rare, so only it is taken apart in full: its entities, its sentence, and which
values met the rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from detectors.contract import NULL, Detector, EventType, Needs, Text
from detectors.sigma.explain import grounds
from detectors.sigma.rules import Rule
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import Core, Counts, Decoded, DecodedFrame
from xdrtui.events.layouts.layout import Layouts, load_layouts
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.store.archive.seen import wanted
from xdrtui.store.batch import BatchResult, CapturedText, Found, Mark

HOUR = 3_600_000_000_000
_LONGEST_VALUE = 4096
_MAIN = {
    # a sensor or a cloud account is not what a network or cloud event is about
    "zeek": ("source.ip", "host.name", "destination.ip", "user.name"),
    "suricata": ("source.ip", "host.name", "destination.ip", "user.name"),
    "aws": ("user.name", "source.ip", "host.name", "destination.ip"),
}


class Process:
    """Decoder and detectors, bound together: each event type is decoded for just what the detectors need.

    rulebook: the rules in force; detectors: more of them beside Sigma; window: width of an alert's window in
    nanoseconds; archived: events are kept, with the columns that rarity asks for.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        layouts: Layouts | None = None,
        *,
        detectors: Sequence[Detector] = (),
        window: int = HOUR,
        archived: bool = True,
    ) -> None:
        self.rulebook = rulebook
        self.detectors: tuple[Detector, ...] = (rulebook.detector, *detectors)
        self.window = window
        self._archived = archived
        self.decoder = Decoder(layouts or load_layouts(), self.needs, rulebook.detector.cache)
        self.look: Callable[[Decoded], None] | None = None

    def needs(self, event_type: EventType) -> Needs:
        """What all detectors together need of an event type."""
        needs = Needs(fields=wanted(event_type)) if self._archived else Needs()
        for detector in self.detectors:
            needs |= detector.needs(event_type)
        return needs

    def run(self, messages: Messages, clock: ReplayClock | None = None) -> BatchResult:
        """Decode and detect. clock: for recorded data, where it stands for ingest time."""
        decoded = self.decoder.decode(messages, clock)
        if self.look is not None:
            self.look(decoded)
        found = [each for frame in decoded.scanned for each in self._found(frame)]
        found.sort(key=lambda each: (each.position, each.rule))
        return BatchResult(
            found=found,
            dead=decoded.dead,
            marks=[self._mark(messages, decoded)],
            counts=_counts(decoded.counts),
            presence={key: dict(fields) for key, fields in decoded.counts.presence.items()},
            sources=[messages.source],
        )

    def _mark(self, messages: Messages, decoded: Decoded) -> Mark:
        last = messages.offsets[-1] if len(messages) else -1
        anchor = anchor_of(messages.payloads[-1]) if len(messages) else b""
        return Mark(messages.source.uid, messages.partition, last + 1, anchor, _watermark(decoded))

    def _found(self, decoded: DecodedFrame) -> list[Found]:
        result: list[Found] = []
        hashes: dict[int, bytes] = {}
        for detector in self.detectors:
            findings = detector.detect(decoded.frame)
            for index, rule_id in enumerate(findings.rules):
                row = findings.rows[index]
                if row not in hashes:
                    hashes[row] = hashlib.blake2b(decoded.frame.raws[row], digest_size=16).digest()
                captures = {k: _json(v) for k, v in findings.captures[index].items() if v is not None}
                result.append(self._one(decoded, row, rule_id, captures, hashes[row]))
        return result

    def _one(
        self,
        decoded: DecodedFrame,
        row: int,
        rule_id: str,
        captures: dict[str, CapturedText],
        event_hash: bytes,
    ) -> Found:
        rule = self.rulebook.rules[rule_id]
        core = decoded.core(row)
        return Found(
            rule=rule_id,
            position=decoded.position(row),
            time=decoded.times[row],
            quality=decoded.quality[row],
            ingest=decoded.ingest[row],
            event_type=decoded.frame.event_type.name,
            level=rule.level,
            host=core.host,
            user=core.user,
            group=main_entity(decoded.frame.event_type, core),
            window=self.window,
            entities=decoded.entities(row),
            captures=captures,
            matched=matched(rule, decoded, row),
            summary=decoded.summary(row),
            raw=decoded.frame.raws[row],
            event_hash=event_hash,
            rule_hash=rule.text_hash,
            feeds=rule_id in self.rulebook.feeding,
            muted=rule_id in self.rulebook.muted,
        )


def anchor_of(payload: bytes) -> bytes:
    """What proves that a position still stands in the same file or topic: a hash of the message before it."""
    return hashlib.blake2b(payload, digest_size=16).digest()


def main_entity(event_type: EventType, core: Core) -> tuple[tuple[str, str], ...]:
    """The one entity that an alert of this event is about: what makes two findings of a rule one alert."""
    known = {
        "host.name": core.host,
        "user.name": core.user,
        "source.ip": core.source_ip,
        "destination.ip": core.destination_ip,
    }
    order = _MAIN.get(event_type.layout, ("host.name", "source.ip", "user.name", "destination.ip"))
    return next((((field, known[field]),) for field in order if known[field]), ())


def matched(rule: Rule, decoded: DecodedFrame, row: int) -> dict[str, str]:
    """The values that helped the rule to fire, by field; keywords under the empty name."""
    columns = decoded.frame.columns
    event = decoded.fields(row)  # taken apart once for all that is told of a finding

    def lookup(field: str) -> Text:
        return columns[field][row] if field in columns else event.get(field) if field else texts_of(event)

    return {field: value[:_LONGEST_VALUE] for field, value in grounds(rule.expression, lookup)}


def texts_of(event: Mapping[str, Text]) -> tuple[str, ...]:
    """Every text of an event."""
    return tuple(
        text
        for cell in event.values()
        for text in (cell if isinstance(cell, tuple) else (cell,))
        if isinstance(text, str)
    )


def _json(cell: Text) -> CapturedText:
    if cell is NULL or cell is None:
        return None
    return cell if isinstance(cell, str) else [str(each) for each in cell]


def _counts(counts: Counts) -> dict[str, int]:
    names = ("messages", "events", "routed", "unrouted", "salvaged", "dead")
    return {name: getattr(counts, name) for name in names}


def _watermark(decoded: Decoded) -> int:
    """The latest time that windows use."""
    return max((max(frame.times) for frame in decoded.frames if frame.rows), default=0)
