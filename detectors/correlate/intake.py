"""A match into the groups of a correlation: its keys, the values it brings, what is left out and counted.

Hot: once for each match and correlation; answers for a key's cells are kept. `benchmarks/correlations` holds
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from detectors.contract import Text
from detectors.correlate.keys import MOST_KEYS, keys_of, numbers_of, tuples_of
from detectors.correlate.model import CorrelationRule, Match, Number, Type
from detectors.correlate.plan import Route
from detectors.correlate.windows import COUNTED, Item

MOST_CHILD_KEYS = 100
_CACHED = 50_000
_NOTHING: Mapping[str, Text] = {}
_GLOBAL: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (((), ()),)


class Counts(Protocol):
    """What intake counts (see `engine.Health`)."""

    no_key: int
    no_value: int
    no_number: int
    negative: int
    cut: int


class Intake:
    """Makes items of matches for one correlation."""

    def __init__(self, rule: CorrelationRule, health: Counts) -> None:
        self.rule = rule
        self.health = health
        self.numeric = rule.type.numeric or (
            rule.type is Type.VALUE_PERCENTILE and rule.percentile is not None
        )
        self.only_positive = rule.type is Type.VALUE_SUM and rule.growing
        self.keeps_rule = rule.type.temporal
        self.keys: dict[tuple[Text, ...], tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {}

    def items(self, route: Route, match: Match) -> Iterator[tuple[tuple[str, ...], Item]]:
        """(group key, item) for each group that the match enters."""
        keys = self._keys(route, match) if route.keys else _GLOBAL
        if not keys:
            self.health.no_key += 1
            return
        values: tuple[tuple[str, ...], ...] | tuple[Number, ...] = ()
        if route.fields:
            values = self._values(route, match)
            if not values:
                return
        carried: Mapping[str, Text] = (
            {name: match.values.get(field) for name, field in route.carried} if route.carried else _NOTHING
        )
        if route.child:
            carried = {**carried, COUNTED: match.counted}
        who = match.finding if route.child else ""
        finding = "" if route.child else match.finding
        for key, spelling in keys:
            yield (
                key,
                Item(match.time, match.position, who, values, route.index, finding, spelling, carried),
            )

    def _keys(self, route: Route, match: Match) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
        values = match.values
        cells = tuple([values.get(field) for field in route.keys])
        found = self.keys.get(cells)
        if found is None:
            most = MOST_CHILD_KEYS if route.child else MOST_KEYS
            found = keys_of(cells, most + 1)
            if len(found) > most:
                found = found[:most]
                self.health.cut += 1
            if len(self.keys) >= _CACHED:
                self.keys.clear()
            self.keys[cells] = found
        return found

    def _values(self, route: Route, match: Match) -> tuple[tuple[str, ...], ...] | tuple[Number, ...]:
        cells = [match.values.get(field) for field in route.fields]
        if not self.numeric:
            found = tuples_of(cells, MOST_CHILD_KEYS if route.child else MOST_KEYS)
            self.health.no_value += not found
            return found
        numbers, wrong = numbers_of(cells[0])
        self.health.no_number += wrong
        if not numbers:
            self.health.no_value += not wrong
        elif self.only_positive and numbers[0] < 0:
            positive = tuple(value for value in numbers if value >= 0)
            self.health.negative += len(numbers) - len(positive)
            return positive
        return numbers
