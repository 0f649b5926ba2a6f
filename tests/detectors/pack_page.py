"""The table of the manual's page on the rule pack, made from the rules.

Renew the page by: python -m tests.detectors.pack_page
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from detectors.correlate.model import CorrelationRule
from detectors.sigma.rules import Rule
from detectors.taxonomy.attack import technique
from tests.detectors.pack_files import book, rules
from xdrtui.commands.help import MANUAL

PAGE = MANUAL / "rule-pack.md"
MARK = "<!-- from here on made by: python -m tests.detectors.pack_page -->\n\n"
NAMES = {
    "aws": "Amazon Web Services",
    "linux": "Linux",
    "metrics": "Host metrics",
    "suricata": "Suricata",
    "windows": "Windows",
    "zeek": "Zeek",
}
_HEAD = "| rule | level | looks at | techniques |\n|---|---|---|---|\n"
_LEVELS = ("critical", "high", "medium", "low", "informational")


def page() -> str:
    """The whole page: what is written by hand, and the table."""
    by_hand = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    return by_hand + MARK + table()


def table() -> str:
    parts = []
    for product, chosen in groupby(rules(), lambda rule: Path(rule.file).parent.name):
        ordered = sorted(chosen, key=lambda rule: (_LEVELS.index(rule.level), rule.title))
        parts.append(f"### {NAMES[product]}: {len(ordered)} rules\n\n{_HEAD}" + "".join(map(_row, ordered)))
    return "\n".join(parts)


def _row(rule: Rule | CorrelationRule) -> str:
    only = ", only counted" if rule.id in book().muted else ""
    return f"| {rule.title} | {rule.level} | {_looks_at(rule)}{only} | {_techniques(rule)} |\n"


def _looks_at(rule: Rule | CorrelationRule) -> str:
    if isinstance(rule, CorrelationRule):
        return f"correlation ({rule.type.value}, {rule.timespan_text})"
    return rule.log_source.category or rule.log_source.service


def _techniques(rule: Rule | CorrelationRule) -> str:
    known = [technique(tag) for tag in rule.tags]
    return ", ".join(f"{each.id} {each.name}" for each in known if each is not None)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
