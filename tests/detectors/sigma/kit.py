"""Small tools for tests of the Sigma engine: one rule, one event, and both evaluators must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping

from detectors.contract import NULL, EventFrame, EventType, LogSource, Text
from detectors.sigma.explain import Why, explain
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import RuleSet, parse_rules

TYPE = EventType("test.event", "test", frozenset((LogSource("test", "event", "log"),)))


def rule_text(detection: str, **more: str) -> bytes:
    """A whole rule around a detection written as YAML."""
    head = {"title": "T", "id": "00000000-0000-4000-8000-000000000001", "level": "high", **more}
    lines = [f"{key}: {value}" for key, value in head.items()]
    body = "\n".join("  " + line for line in detection.strip("\n").splitlines())
    return "\n".join([*lines, "logsource:", "  product: test", "detection:", body, ""]).encode()


def rules_of(*texts: bytes, placeholders: Mapping[str, list[str]] | None = None) -> RuleSet:
    return parse_rules({f"r{n}.yml": text for n, text in enumerate(texts)}, placeholders=placeholders or {})


def cells(event: Mapping[str, object]) -> dict[str, Text]:
    """An event of plain Python values as cells: None stands for an explicit null."""

    def cell(value: object) -> Text:
        if value is None:
            return NULL
        if isinstance(value, list | tuple):
            return tuple(str(each) for each in value)
        return str(value)

    return {name: cell(value) for name, value in event.items()}


def frame_of(
    detector: SigmaDetector, events: list[dict[str, Text]], event_type: EventType = TYPE
) -> EventFrame:
    fields = detector.needs(event_type).fields
    raws = [
        json.dumps({k: v for k, v in e.items() if v is not NULL}, ensure_ascii=False).encode() for e in events
    ]
    columns = {field: [event.get(field) for event in events] for field in fields}
    return EventFrame(event_type, columns, raws, lambda row: events[row])


def verdict(rules: RuleSet, event: Mapping[str, object]) -> bool:
    """Whether the first rule matches the event, by the fast engine; the explainer must say the same."""
    assert rules.rules, [str(problem) for problem in rules.problems]
    detector = SigmaDetector(rules)
    found = detector.detect(frame_of(detector, [cells(event)]))
    fast = rules.rules[0].id in found.rules
    slow = why(rules, event).true
    assert fast == slow, f"the engine says {fast}, the explainer {slow}"
    return fast


def why(rules: RuleSet, event: Mapping[str, object]) -> Why:
    """The explainer's tree for the first rule on the event."""
    row = cells(event)
    texts = tuple(
        str(text)
        for cell in row.values()
        if cell is not NULL
        for text in (cell if isinstance(cell, tuple) else (cell,))
    )
    return explain(rules.rules[0].expression, row.get, texts)


def matches(detection: str, event: Mapping[str, object], **placeholders: list[str]) -> bool:
    """Whether a rule with this detection matches the event."""
    return verdict(rules_of(rule_text(detection), placeholders=placeholders), event)


def selects(item: str, event: Mapping[str, object], **placeholders: list[str]) -> bool:
    """Whether a rule whose one selection is this item matches the event."""
    body = "\n".join("  " + line for line in item.splitlines())
    return matches(f"sel:\n{body}\ncondition: sel", event, **placeholders)
