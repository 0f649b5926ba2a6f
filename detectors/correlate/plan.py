"""What a set of correlations asks for: order of chains, routes of matches, fields to capture.

In: resolved rules. Out: a `Plan`: children before parents, and for each rule that some correlation refers to
where its matches go and which of their fields matter there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from detectors.correlate.model import CorrelationRule


class Route(msgspec.Struct, frozen=True):
    """The way of one rule's matches into one correlation.

    source: id of the rule they come from; index: of it in the correlation's rules; keys: the fields of the
    group key; fields: what is measured; carried: name -> field, for the correlations above; child: the
    matches are alerts of another correlation.
    """

    source: str
    index: int
    keys: tuple[str, ...]
    fields: tuple[str, ...]
    carried: tuple[tuple[str, str], ...]
    child: bool


class Plan(msgspec.Struct, frozen=True):
    """rules: children first; routes, carries: by correlation; needs: by base rule; parents: correlations that
    others refer to; reach: ns before the horizon that still matter, see `engine.Correlations.reach`."""

    rules: tuple[CorrelationRule, ...]
    routes: Mapping[str, tuple[Route, ...]]
    carries: Mapping[str, frozenset[str]]
    needs: Mapping[str, frozenset[str]]
    parents: frozenset[str]
    reach: int


def plan_of(rules: Sequence[CorrelationRule]) -> Plan:
    """The plan of these rules. Raises ValueError where a chain is circular."""
    known = {rule.id: rule for rule in rules}
    ordered = _children_first(known)
    carries: dict[str, set[str]] = {}
    needs: dict[str, set[str]] = {}
    routes: dict[str, tuple[Route, ...]] = {}
    for rule in reversed(ordered):  # parents say what they want of their children first
        own = []
        for index, source in enumerate(rule.rules):
            child = known.get(source)
            keys = tuple(field_of(rule, source, field) for field in rule.group_by)
            fields = tuple(field_of(rule, source, field) for field in rule.fields)
            carried = tuple((name, field_of(rule, source, name)) for name in sorted(carries.get(rule.id, ())))
            wanted = {*keys, *fields, *(field for _, field in carried)}
            if child is None:
                needs.setdefault(source, set()).update(wanted)
            else:
                carries.setdefault(source, set()).update(wanted - set(child.group_by))
            own.append(Route(source, index, keys, fields, carried, child is not None))
        routes[rule.id] = tuple(own)
    reach: dict[str, int] = {}
    for rule in ordered:
        below = max((reach[source] for source in rule.rules if source in reach), default=0)
        reach[rule.id] = 3 * rule.timespan + below  # what a group keeps, and what its alerts were made of
    return Plan(
        rules=tuple(ordered),
        routes=routes,
        carries={key: frozenset(fields) for key, fields in carries.items()},
        needs={key: frozenset(fields) for key, fields in needs.items()},
        parents=frozenset(source for rule in ordered for source in rule.rules if source in known),
        reach=max(reach.values(), default=0),
    )


def field_of(rule: CorrelationRule, source: str, name: str) -> str:
    """The field of a rule's matches that a correlation calls by this name."""
    return rule.aliases.get(name, {}).get(source, name)


def parents_first(rules: Sequence[CorrelationRule]) -> list[CorrelationRule]:
    """The rules, each before those that it refers to. Raises ValueError where a chain is circular."""
    return _children_first({rule.id: rule for rule in rules})[::-1]


def _children_first(known: Mapping[str, CorrelationRule]) -> list[CorrelationRule]:
    ordered: dict[str, CorrelationRule] = {}
    open_: dict[str, None] = {}
    for start in sorted(known):
        todo = [(start, False)]
        while todo:
            current, done = todo.pop()
            if done:
                open_.pop(current)
                ordered[current] = known[current]
            elif current in open_:
                raise ValueError(f"the chain through {current} is circular")
            elif current not in ordered:
                open_[current] = None
                todo.append((current, True))
                todo += [(source, False) for source in known[current].rules if source in known]
    return list(ordered.values())
