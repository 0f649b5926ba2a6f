"""What a rule can come to where some fields never occur: able to fire, or blind for lack of them.

In: an expression and the fields that do occur. Out: whether it can be true, which fields stand in the way.
Tests on fields that occur may come out either way; one on a field that never does has one outcome.
Pure, and on the safe side: tests are taken to be independent of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import msgspec

from detectors.sigma.atoms import column_of, fields_of
from detectors.sigma.explain import explain
from detectors.sigma.expression import And, Exists, Expression, IsNull, Not, Test


def settle(expression: Expression, constants: Mapping[str, str]) -> Expression | bool:
    """What is left of the expression on events whose fields have these values: true, false, or the rest."""
    if isinstance(expression, Test):
        fields = _fields(expression)
        if fields and all(field in constants for field in fields):
            return explain(expression, constants.get).true
        return expression
    if isinstance(expression, Not):
        inner = settle(expression.item, constants)
        return not inner if isinstance(inner, bool) else Not(inner)
    decisive = isinstance(expression, And)
    left: list[Expression] = []
    for item in expression.items:
        rest = settle(item, constants)
        if isinstance(rest, bool):
            if rest != decisive:
                return rest
        else:
            left.append(rest)
    return msgspec.structs.replace(expression, items=tuple(left)) if left else decisive


def able(expression: Expression, seen: Set[str], wanted: bool = True) -> bool:
    """Whether the expression can come out as wanted on an event that has none but these fields."""
    if isinstance(expression, Test):
        if all(field in seen for field in _fields(expression)):
            return True
        if expression.negated and expression.field in seen:
            return True  # it has a value or is null: the field it refers to decides nothing
        return _without(expression) == wanted
    if isinstance(expression, Not):
        return able(expression.item, seen, not wanted)
    outcomes = (able(item, seen, wanted) for item in expression.items)
    return all(outcomes) if isinstance(expression, And) == wanted else any(outcomes)


def lacking(
    expression: Expression, seen: Set[str], wanted: bool = True, likely: Set[str] = frozenset()
) -> frozenset[str]:
    """The fewest fields that would have to occur for the expression to come out as wanted; empty if it can
    already. likely: fields to be chosen before others (they did occur once)."""
    found: frozenset[str] = frozenset()
    while more := _lacking(expression, seen | found, wanted, likely):
        found |= more  # rarely a second time: what one test needs may settle another
    return found


def _lacking(expression: Expression, seen: Set[str], wanted: bool, likely: Set[str]) -> frozenset[str]:
    if isinstance(expression, Test):
        if able(expression, seen, wanted):
            return frozenset()
        return frozenset(field for field in _fields(expression) if field not in seen)
    if isinstance(expression, Not):
        return _lacking(expression.item, seen, not wanted, likely)
    each = [_lacking(item, seen, wanted, likely) for item in expression.items]
    if isinstance(expression, And) == wanted:
        return frozenset().union(*each)
    order = [(len(fields - likely), len(fields), sorted(fields)) for fields in each]
    return each[order.index(min(order))] if each else frozenset()


def unused(expression: Expression, seen: Set[str]) -> frozenset[str]:
    """Fields by which the rule could also fire, were they there: of positive tests that cannot hold."""
    return frozenset(
        field
        for test in _positive(expression, True)
        if not able(test, seen)
        for field in _fields(test)
        if field not in seen
    )


def asked(expression: Expression) -> frozenset[str]:
    """All fields the expression looks at."""
    if isinstance(expression, Test):
        return frozenset(_fields(expression))
    if isinstance(expression, Not):
        return asked(expression.item)
    return frozenset().union(*map(asked, expression.items))


def _fields(test: Test) -> tuple[str, ...]:
    return fields_of(column_of(test))


def _without(test: Test) -> bool:
    """What the test comes to where its field is absent."""
    if test.negated:
        return False
    return isinstance(test.check, IsNull) or (isinstance(test.check, Exists) and not test.check.wanted)


def _positive(expression: Expression, wanted: bool) -> Iterator[Test]:
    if isinstance(expression, Test):
        if wanted:
            yield expression
    elif isinstance(expression, Not):
        yield from _positive(expression.item, not wanted)
    else:
        for item in expression.items:
            yield from _positive(item, wanted)
