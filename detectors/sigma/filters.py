"""Sigma filters: conditions that are added to rules without touching them.

Source: Sigma specification 2.1, "Filters". A filter names rules by id, title or name, or any, and a log
source; its condition is ANDed to each rule as it is written, so it is right to write `not selection`.
Filters apply to plain rules, never to correlations.
"""

from __future__ import annotations

import hashlib

import msgspec

from detectors.contract import LogSource
from detectors.sigma.condition import parse_condition
from detectors.sigma.expression import And, Expression, Not, Or, Test
from detectors.sigma.items import Placeholders, parse_detection
from detectors.sigma.problem import RuleProblem, gathered


class Filter(msgspec.Struct, frozen=True):
    """rules: ids, titles or names in lower case; empty for every rule of the log source."""

    title: str
    log_source: LogSource
    rules: frozenset[str]
    expression: Expression
    text_hash: str

    def applies(self, names: tuple[str, ...], log_source: LogSource) -> bool:
        """Whether the rule with these names and this log source is filtered."""
        fits = all(
            not wanted or wanted == given
            for wanted, given in (
                (self.log_source.product, log_source.product),
                (self.log_source.category, log_source.category),
                (self.log_source.service, log_source.service),
            )
        )
        return fits and (not self.rules or any(name.lower() in self.rules for name in names if name))


def parse_filter(body: dict[str, object], placeholders: Placeholders) -> tuple[Filter, list[RuleProblem]]:
    """One filter and what to warn of. Raises RuleProblem where it cannot be used."""
    wrong: list[RuleProblem] = []
    title = str(body.get("title") or "").strip()
    if not title:
        wrong.append(RuleProblem("a filter needs a title", "add `title:`"))
    source = body.get("logsource")
    if not isinstance(source, dict):
        wrong.append(RuleProblem("no log source", "name a product, a category or a service", ("logsource",)))
    inner = body.get("filter")
    if not isinstance(inner, dict) or "condition" not in inner:
        remedy = "add `condition: not selection` under filter"
        raise gathered([*wrong, RuleProblem("no condition", remedy, ("filter",))])
    named = inner.get("rules")
    if not named:
        remedy = "name them by id, name or title, or write rules: any"
        wrong.append(RuleProblem("no rules", remedy, ("filter",)))
    names = named if isinstance(named, list) else [named]
    rules = frozenset(str(name).lower() for name in names) - {"any"}
    detections: dict[str, Expression] = {}
    for name, node in inner.items():
        if name in ("rules", "condition"):
            continue
        try:
            detections[str(name)] = And((parse_detection(node, placeholders),), str(name))
        except RuleProblem as problem:
            wrong.append(problem.under("filter", str(name)))
            detections[str(name)] = And((), str(name))  # so that the condition can be looked at
    try:
        expression, _ = parse_condition(str(inner["condition"]), detections)
    except RuleProblem as problem:
        problem.path = ("filter", "condition")
        wrong.append(problem)
    if wrong:
        raise gathered(wrong)
    assert isinstance(source, dict)
    warnings = []
    if not _negates(expression):
        warnings.append(
            RuleProblem(
                "this filter keeps only what it selects",
                "write `not` before the selection if its events are to be left out",
                ("filter", "condition"),
            )
        )
    digest = hashlib.blake2b(repr(body).encode(), digest_size=16).hexdigest()
    parts = (str(source.get(key) or "").lower() for key in ("product", "category", "service"))
    return Filter(title, LogSource(*parts), rules, expression, digest), warnings


def filtered(expression: Expression, text_hash: str, filters: list[Filter]) -> tuple[Expression, str]:
    """A rule's expression and content hash with these filters added."""
    if not filters:
        return expression, text_hash
    parts = tuple(And((each.expression,), f"filter: {each.title}") for each in filters)
    digest = hashlib.blake2b(text_hash.encode(), digest_size=16)
    for each in filters:
        digest.update(each.text_hash.encode())
    return And((expression, *parts)), digest.hexdigest()


def _negates(expression: Expression) -> bool:
    if isinstance(expression, Not):
        return True
    return isinstance(expression, And | Or) and any(
        _negates(item) for item in expression.items if not isinstance(item, Test)
    )
