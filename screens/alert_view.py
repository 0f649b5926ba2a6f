"""An alert made ready to be shown: what the desk knows, the explanation, ATT&CK in words.

Runs in a reading thread, where it may import what is heavy. In: the desk and an id. Out: an `AlertView`,
plain data that the page is drawn from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xdrtui.triage.explanation import reasons
from xdrtui.triage.why import Reason

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import AlertDetail, AlertRow


@dataclass(frozen=True)
class AlertView:
    """What the alert page shows. techniques: (id, words); raw: the first evidence's event as lines;
    closed_as: disposition -> how many alerts of this rule were closed so; place: which alert of its line this
    is, the newest being the first, and how many there are."""

    row: AlertRow
    detail: AlertDetail
    reasons: list[Reason] = field(default_factory=list)
    techniques: list[tuple[str, str]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    closed_as: dict[str, int] = field(default_factory=dict)
    place: tuple[int, int] = (1, 1)


def view_of(desk: Desk, id: str) -> AlertView:
    """Read an alert and make it ready. Raises what `desk.alert` raises where there is none."""
    detail = desk.alert(id)
    raw = event_lines(detail.evidence[0].raw) if detail.evidence else []
    techniques = [(technique, words_for(technique)) for technique in detail.row.techniques]
    return AlertView(
        row=detail.row,
        detail=detail,
        reasons=reasons(detail, desk.rule),
        techniques=techniques,
        raw=raw,
        closed_as=desk.closed_as(detail.row.rule),
        place=desk.place_in_line(id),
    )


def words_for(technique: str) -> str:
    """A technique in words: its name and what the attacker wants with it; "" where it is unknown."""
    from detectors.taxonomy import attack

    found = attack.technique(technique)
    if found is None:
        return ""
    tactics = ", ".join(tactic.replace("-", " ") for tactic in found.tactics)
    return f"{found.full_name} ({tactics})"


def event_lines(raw: bytes) -> list[str]:
    """An event as lines: JSON laid out, anything else by its own lines."""
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(text, object_pairs_hook=_all_pairs)
    except (ValueError, RecursionError):
        return text.splitlines()[:2_000] or [""]
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()[:2_000]


def _all_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object in which a key that stands twice is shown twice: what hides behind it must be seen."""
    shown: dict[str, object] = {}
    for key, value in pairs:
        name, again = key, 1
        while name in shown:
            again += 1
            name = f"{key} ({again})"
        shown[name] = value
    return shown
