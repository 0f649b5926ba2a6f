"""The explanation of an alert: its rule, as it was when it fired, run again on the event that is kept.

Runs in a reading thread. In: a rule's text and a piece of evidence. Out: the engine's `Why`, or None where
the event or the rule can no longer be read (the page then shows the values that were recorded).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from xdrtui.triage.why import Reason, reasons_from, reasons_of

if TYPE_CHECKING:
    from detectors.contract import Text
    from detectors.sigma.explain import Why
    from detectors.sigma.rules import Rule
    from xdrtui.events.decode import Decoder
    from xdrtui.triage.rows import AlertDetail, Evidence, RuleRow


_log = logging.getLogger(__name__)


RuleOf: TypeAlias = "Callable[[str], RuleRow | None]"
"""Rule id -> what is known of the rule; None where it is not known any more."""


def reasons(detail: AlertDetail, rule_of: RuleOf) -> list[Reason]:
    """Why this alert fired, by its first event; a correlation by the events that it counted."""
    if not detail.evidence:
        return []
    first = detail.evidence[0]
    if detail.row.kind == "correlation":
        return _counted(detail, rule_of)
    try:
        rule = _rule(detail.rule.text, first.rule) if detail.rule is not None else None
        why = _why(rule, first) if rule is not None else None
    except Exception:  # noqa: BLE001 - whatever an event does to its explanation, the alert must be readable
        _log.exception("the alert %s cannot be explained", detail.row.id)
        why = None
    if why is not None and why.true:
        return reasons_of(why)
    return reasons_from(first.matched)


def warm() -> None:
    """Load what the first alert that is opened needs, ahead of it: 0.3 s that nobody has to wait."""
    import xdrtui.store.archive.seen  # noqa: F401
    from detectors.taxonomy import attack

    decoder()
    attack.technique("T1003")


def _counted(detail: AlertDetail, rule_of: RuleOf) -> list[Reason]:
    """A line for each rule whose events the correlation counted, then the values that group them."""
    counts = Counter(each.rule for each in detail.evidence)
    lines = []
    for id, count in counts.most_common(8):
        rule = rule_of(id)
        first = next(each for each in detail.evidence if each.rule == id)
        plural = "event" if count == 1 else "events"
        lines.append(
            Reason("counted", f"{count} {plural} kept", f"{rule.title if rule else id}: {first.summary}")
        )
    return lines + [Reason(field, "is the same in all", value) for field, value in detail.row.group]


@lru_cache(maxsize=64)
def _rule(text: str, id: str) -> Rule | None:
    """The rule of this id in a file's text."""
    from detectors.sigma.rules import parse_rules

    return next((rule for rule in parse_rules({"rule": text.encode()}).rules if rule.id == id), None)


@lru_cache(maxsize=1)
def decoder() -> Decoder:
    """Decodes whole events; it takes 0.1 s to be made, and is kept."""
    from detectors.contract import Needs
    from xdrtui.events.decode import Decoder
    from xdrtui.events.layouts.layout import load_layouts

    return Decoder(load_layouts(), lambda event_type: Needs(whole_event=True))


def _why(rule: Rule, evidence: Evidence) -> Why | None:
    from detectors.sigma.explain import explain

    event = fields_of(evidence)
    if event is None:
        return None
    texts = tuple(
        text
        for cell in event.values()
        for text in (cell if isinstance(cell, tuple) else (cell,))
        if isinstance(text, str)
    )
    return explain(rule.expression, event.get, texts)


def fields_of(evidence: Evidence) -> Mapping[str, Text] | None:
    """All fields of the event by the rules' names."""
    from xdrtui.events.message import Messages, Source

    source = Source(evidence.position.source, evidence.source, "file")
    messages = Messages(source, 0, [0], [evidence.raw], [evidence.ingest])
    for frame in decoder().decode(messages).frames:
        if frame.frame.event_type.name == evidence.event_type and frame.rows:
            return frame.fields(0)
    return None
