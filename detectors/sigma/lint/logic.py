"""Conditions that cannot come true, cannot come false, or take in more than they say.

A condition is tried over every choice of true and false for its detections (up to ten of them), equal
detections being one; inside a detection the tests that must all hold are compared two by two.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from detectors.sigma.condition import parse_condition
from detectors.sigma.expression import (
    ANY,
    And,
    Check,
    Compare,
    Exists,
    Expression,
    IsNull,
    Like,
    Not,
    Or,
    Test,
)
from detectors.sigma.items import parse_detection
from detectors.sigma.lint.document import Document, Path
from detectors.sigma.lint.remark import Remark
from detectors.sigma.problem import RuleProblem
from detectors.sigma.values import LinearLike, fold, in_order

_MOST = 10
_QUANTIFIED = re.compile(r"\b(1|any|all)\s+of\s+([^\s()|]+)", re.IGNORECASE)
_PAIRS = 300
_APART = {frozenset(("none", "value")), frozenset(("absent", "value")), frozenset(("absent", "there"))}


def check_logic(document: Document) -> Iterator[Remark]:
    """Every remark on a rule's detections and how its condition ties them."""
    detection = document.body.get("detection")
    if not isinstance(detection, dict) or "condition" not in detection:
        return
    try:
        named = {
            str(name): parse_detection(node, {})
            for name, node in detection.items()
            if name not in ("condition", "timeframe")
        }
    except RuleProblem:
        return  # parsing tells of it, or a placeholder leaves its values open
    for name, expression in named.items():
        yield from _contradictions(document, expression, ("detection", name))
    conditions = detection["condition"]
    for index, text in enumerate(conditions if isinstance(conditions, list) else [conditions]):
        path: Path = ("detection", "condition", index) if isinstance(conditions, list) else (
            "detection", "condition",
        )  # fmt: skip
        yield from _condition(document, str(text), named, path)


def _condition(
    document: Document, text: str, named: Mapping[str, Expression], path: Path
) -> Iterator[Remark]:
    for quantity, pattern in _QUANTIFIED.findall(text):
        if pattern in named and quantity.lower() != "them":
            what = f"'{quantity} of {pattern}' names one detection"
            yield document.remark("of-one", what, f"write '{pattern}', or '{pattern}*'", path)
        if pattern.lower() == "them" and pattern not in named:
            filters = [name for name in named if name.lower().startswith("filter")]
            if filters:
                what = f"'{quantity} of them' takes in '{filters[0]}', too"
                yield document.remark("them-filters", what, f"write '{quantity} of selection*'", path)
    variables: dict[bytes, Test] = {}
    stand_ins: dict[str, Expression] = {}
    for name, expression in named.items():
        content = msgspec.msgpack.encode(expression)
        stand_ins[name] = variables.setdefault(content, Test(str(len(variables)), IsNull()))
    try:
        condition, used = parse_condition(text, stand_ins)
    except RuleProblem:
        return
    chosen = sorted(
        {each.field for name, each in stand_ins.items() if name in used and isinstance(each, Test)}
    )
    if not chosen or len(chosen) > _MOST:
        return
    outcomes = [
        _holds(condition, frozenset(itertools.compress(chosen, choice)))
        for choice in itertools.product((False, True), repeat=len(chosen))
    ]
    if not any(outcomes):
        remedy = "look for a detection that is both wanted and not, or for two that are equal"
        yield document.remark("never", "this condition can never be met", remedy, path)
    elif all(outcomes):
        yield document.remark("always", "this condition is always met", "the rule fires on every event", path)
    elif outcomes[0]:  # nothing true at all
        positive = any(_negative(named[name]) for name in used)
        if not positive:
            what = "this condition is met where none of its detections is"
            remedy = "begin with a detection that an event must meet"
            yield document.remark("only-not", what, remedy, path)


def _holds(expression: Expression, true: frozenset[str]) -> bool:
    if isinstance(expression, Test):
        return expression.field in true
    if isinstance(expression, Not):
        return not _holds(expression.item, true)
    kind = all if isinstance(expression, And) else any
    return kind(_holds(item, true) for item in expression.items)


def _negative(expression: Expression) -> bool:
    """Whether a detection itself asks for absence, so that its negation asks for something."""
    if isinstance(expression, Test):
        return expression.negated or isinstance(expression.check, IsNull | Exists)
    if isinstance(expression, Not):
        return True
    return any(_negative(item) for item in expression.items)


def _contradictions(document: Document, expression: Expression, path: Path) -> Iterator[Remark]:
    """Two tests of one field that must both hold and cannot."""
    if isinstance(expression, Test | Not):
        return
    if isinstance(expression, Or):
        for item in expression.items[:_PAIRS]:
            yield from _contradictions(document, item, path)
        return
    tests: dict[str, list[Test]] = {}
    for test in _together(expression):
        if test.field and not test.negated:
            tests.setdefault(test.field, []).append(test)
    for field, same in tests.items():
        pairs = itertools.islice(itertools.combinations(same, 2), _PAIRS)
        wrong = next((pair for pair in pairs if _apart(*pair)), None)
        if wrong is not None:
            what = f"{_said(wrong[0])} and {_said(wrong[1])} cannot both hold of one {field}"
            yield document.remark("contradiction", what, "let it be any of them, or remove one", path)


def _together(expression: And) -> Iterator[Test]:
    for item in expression.items:
        if isinstance(item, Test):
            yield item
        elif isinstance(item, And):
            yield from _together(item)


def _said(test: Test) -> str:
    check = test.check
    if isinstance(check, Like):
        return "'" + "".join(p if isinstance(p, str) else "*" if p == ANY else "?" for p in check.parts) + "'"
    if isinstance(check, Compare):
        return f"{check.operator} {check.number}"
    return "null" if isinstance(check, IsNull) else f"exists {str(getattr(check, 'wanted', '')).lower()}"


def _apart(one: Test, other: Test) -> bool:
    """Whether no single value passes both."""
    a, b = one.check, other.check
    if frozenset((_presence(a), _presence(b))) in _APART:
        return True
    if isinstance(a, Compare) and isinstance(b, Compare):
        low, high = sorted((Decimal(a.number), Decimal(b.number)))
        return not any(
            in_order(number, a.operator, Decimal(a.number))
            and in_order(number, b.operator, Decimal(b.number))
            for number in (low - 1, low, (low + high) / 2, high, high + 1)
        )
    if isinstance(a, Like) and isinstance(b, Like):
        return _likes_apart(a, b) or _likes_apart(b, a)
    return False


def _presence(check: Check) -> str:
    """What a check asks of the field: to be absent, to have no value, to be there, or to have a value."""
    if isinstance(check, IsNull):
        return "none"
    if isinstance(check, Exists):
        return "there" if check.wanted else "absent"
    return "value"


def _likes_apart(a: Like, b: Like) -> bool:
    cased = a.cased and b.cased
    if all(isinstance(part, str) for part in a.parts):
        text = "".join(str(part) for part in a.parts)
        return not LinearLike(msgspec.structs.replace(b, cased=cased)).matches(text, fold(text))
    for at, meets in ((0, str.startswith), (-1, str.endswith)):
        ends = [check.parts[at] for check in (a, b) if check.parts and isinstance(check.parts[at], str)]
        if len(ends) == 2:
            first, second = (str(end) if cased else fold(str(end)) for end in ends)
            if not meets(first, second) and not meets(second, first):
                return True
    return False
