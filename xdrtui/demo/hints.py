"""What a student is told about an alert: hints in three grades, and its truth once it is closed. Pure.

In: an alert, its scenario's truth, its rule. The first two grades name no step and no technique; an alert
that is none of the attack's gets three grades too, so that their number tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sample_data.truth import Step, Truth
from xdrtui.demo.score import RIGHT, Judged, steps_of


class About(msgspec.Struct, frozen=True):
    """What the alert itself shows. main: host or user it is about; fields: those its rule met;
    falsepositives: the rule's own notes."""

    main: str = ""
    fields: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()


def grades(alert: Judged, truth: Truth, about: About) -> list[str]:
    """Where to look; which field; the answer."""
    steps = steps_of(alert, truth)
    if steps:
        return [
            f"look at {steps[0].hint_where}",
            f"read {steps[0].hint_field}",
            f"{_attack(steps, truth)} {steps[0].sentence} Close it as a true positive.",
        ]
    where = f" on {about.main}" if about.main else ""
    fields = ", ".join(about.fields) or "the raw event"
    return [
        f"Look here: the events{where} on this day before and after this one: does it happen at other times?",
        f"Read this: {fields}.",
        f"{_innocent(about)} Close it as benign if somebody was allowed to do this, or as a false positive if"
        " the rule should not have fired.",
    ]


def answer(alert: Judged, truth: Truth, about: About) -> list[str]:
    """The truth of an alert, and how its disposition fits; nothing while it is open."""
    if not alert.disposition:
        return []
    steps = steps_of(alert, truth)
    said = alert.disposition.replace("_", " ")
    fits = alert.disposition in RIGHT[bool(steps)]
    verdict = f"You closed it as {said}: " + ("that is right." if fits else _otherwise(alert, bool(steps)))
    if steps:
        return [_attack(steps, truth), *(step.sentence for step in steps[:3]), verdict]
    return [_innocent(about), verdict]


def _attack(steps: Sequence[Step], truth: Truth) -> str:
    first = steps[0]
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    return (
        f"The attack, step {first.order} of {len(truth.steps)}{more}: {first.title}"
        f" ({first.technique}, {first.tactic})."
    )


def _innocent(about: About) -> str:
    notes = f" The rule's own notes: {'; '.join(about.falsepositives)}." if about.falsepositives else ""
    return f"Harmless: no step of the attack stands on these events.{notes}"


def _otherwise(alert: Judged, attack: bool) -> str:
    what = "the attack" if attack else "harmless"
    if alert.disposition in ("duplicate", "undetermined"):
        return f"fair, but it can be told: it was {what}."
    return f"look again, it was {what}."
