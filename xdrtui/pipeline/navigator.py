"""Coverage by ATT&CK technique: as rows, and as a layer for the ATT&CK Navigator.

In: what `coverage` says of each rule. Out: a `Technique` each, and the layer as JSON (format 4.5). Ids that
ATT&CK has withdrawn count for those that took their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from detectors.taxonomy.attack import technique
from xdrtui.pipeline.coverage import FIRES, GONE, STATUSES, Covered

_NAMED = 12
"""Rules that a technique's comment names."""


class Technique(msgspec.Struct, frozen=True):
    """Rules of one technique. counts: status -> rules, by the best each has; gone: rules that have gone blind
    on some host, whatever they see on others."""

    id: str
    name: str
    counts: dict[str, int]
    gone: int
    rules: tuple[Covered, ...]

    @property
    def able(self) -> int:
        """Rules that can fire."""
        return sum(n for status, n in self.counts.items() if status in FIRES)

    @property
    def score(self) -> int:
        """The share of its rules that can fire, in percent."""
        return round(100 * self.able / len(self.rules)) if self.rules else 0


def by_technique(covered: Iterable[Covered]) -> list[Technique]:
    """Techniques in the order of their ids; rules without one, or with an unknown one, are left out."""
    rules: dict[str, list[Covered]] = {}
    names: dict[str, str] = {}
    for each in covered:
        for tag in dict.fromkeys(each.techniques):
            found = technique(tag)
            if found is not None and each not in rules.setdefault(found.id, []):
                rules[found.id].append(each)
                names[found.id] = found.full_name
    return [
        Technique(
            id,
            names[id],
            {status: sum(each.status == status for each in rules[id]) for status in STATUSES},
            sum(any(sight.status == GONE for sight in each.sights) for each in rules[id]),
            tuple(rules[id]),
        )
        for id in sorted(rules)
    ]


def layer(techniques: Sequence[Technique], name: str, description: str) -> dict[str, object]:
    """The Navigator's layer: the score is the share of a technique's rules that can fire, 0 to 100."""
    return {
        "name": name,
        "versions": {"attack": "19", "navigator": "5.1.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": description,
        "sorting": 3,
        "hideDisabled": False,
        "techniques": [
            {
                "techniqueID": each.id,
                "score": each.score,
                "enabled": True,
                "comment": _comment(each),
                "metadata": [{"name": status, "value": str(n)} for status, n in each.counts.items() if n]
                + ([{"name": "gone blind on a host", "value": str(each.gone)}] if each.gone else []),
            }
            for each in techniques
        ],
        "gradient": {"colors": ["#d7301f", "#fee08b", "#1a9850"], "minValue": 0, "maxValue": 100},
        "legendItems": [
            {"label": "no rule can fire", "color": "#d7301f"},
            {"label": "half of the rules can", "color": "#fee08b"},
            {"label": "all rules can fire", "color": "#1a9850"},
        ],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
    }


def _comment(each: Technique) -> str:
    lines = [f"{each.able} of {len(each.rules)} rules can fire"]
    graver = sorted(each.rules, key=lambda rule: STATUSES.index(rule.status))
    lines += [f"{rule.status}: {rule.title}" for rule in graver[:_NAMED]]
    if len(graver) > _NAMED:
        lines.append(f"and {len(graver) - _NAMED} more")
    return "\n".join(lines)
