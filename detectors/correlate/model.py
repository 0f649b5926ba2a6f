"""The words of correlations: a rule as parsed, a match that comes in, an alert that goes out.

Times are int nanoseconds since the epoch, UTC; timespans are nanoseconds too. Numbers are exact: int or
Fraction. Behaviour stands elsewhere: `parse` makes rules, `links` resolves their references, `engine` runs
them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

import msgspec

from detectors.contract import Text

SECOND = 1_000_000_000
Number: TypeAlias = "int | Fraction"
Position: TypeAlias = "tuple[str | int, ...]"
"""Where an event stands, e.g. (source, partition, offset, index): unique, and ordered within one source."""

LEVELS = ("informational", "low", "medium", "high", "critical")
DEFAULT_LEVEL = "medium"


class Type(enum.Enum):
    """What a correlation measures in a window."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"

    @property
    def temporal(self) -> bool:
        return self in (Type.TEMPORAL, Type.TEMPORAL_ORDERED)

    @property
    def numeric(self) -> bool:
        """The field's values are read as numbers. (A percentile without p ranks values of any kind.)"""
        return self in (Type.VALUE_SUM, Type.VALUE_AVG, Type.VALUE_MEDIAN)


class Bound(msgspec.Struct, frozen=True):
    """One comparison of a condition, e.g. gte 10."""

    operator: str
    limit: int | Fraction

    def holds(self, value: Number) -> bool:
        match self.operator:
            case "gte":
                return value >= self.limit
            case "gt":
                return value > self.limit
            case "lte":
                return value <= self.limit
            case "lt":
                return value < self.limit
            case "eq":
                return value == self.limit
            case _:
                return value != self.limit

    def __str__(self) -> str:
        return f"{self.operator} {shown(self.limit)}"


class Clause(msgspec.Struct, frozen=True):
    """One way to satisfy a condition written in words: all of `present` in the window, none of `absent`.

    Members are indexes into the rule's `rules`; present is in their order.
    """

    present: tuple[int, ...]
    absent: tuple[int, ...] = ()


class CorrelationRule(msgspec.Struct, frozen=True, kw_only=True):
    """A correlation as its file says it, and after `links.resolve` with ids in `rules` and `aliases`.

    rules: the rules it refers to, by name or id, in order. group_by: fields or aliases. aliases: alias ->
    rule -> field. timespan: ns; timespan_text as written. bounds: all must hold (empty where `clauses`
    decide). fields: of the condition. percentile: p, None where the share of a value is meant. generate: the
    rules it refers to alert by themselves too. file: where it stands.
    """

    id: str
    title: str
    type: Type
    rules: tuple[str, ...]
    timespan: int
    timespan_text: str
    name: str = ""
    group_by: tuple[str, ...] = ()
    aliases: Mapping[str, Mapping[str, str]] = {}
    bounds: tuple[Bound, ...] = ()
    clauses: tuple[Clause, ...] = ()
    condition_text: str = ""
    fields: tuple[str, ...] = ()
    percentile: int | Fraction | None = None
    generate: bool = False
    level: str = ""
    status: str = ""
    description: str = ""
    author: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    file: str = ""

    @property
    def growing(self) -> bool:
        """More matches can only add times at which the condition holds, so that it may fire at once."""
        if self.clauses:
            return not any(clause.absent for clause in self.clauses)
        if any(bound.operator not in ("gt", "gte") for bound in self.bounds):
            return False
        return self.type.temporal or self.type in (Type.EVENT_COUNT, Type.VALUE_COUNT, Type.VALUE_SUM)

    def holds(self, value: Number) -> bool:
        return all(bound.holds(value) for bound in self.bounds)


class Match(msgspec.Struct, frozen=True):
    """One finding of a rule that some correlation uses.

    rule: id of the rule; time: the event's, ns; position: of the event; values: what `Correlations.needs`
    asked to capture of it; finding: its id in the store (any text that names it); counted: of a child's
    alert, the findings that show why it fired.
    """

    rule: str
    time: int
    position: tuple[str | int, ...]
    values: Mapping[str, Text]
    finding: str = ""
    counted: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True):
    """A match that counted. rule: id; values: those that counted, as text; alert: id of the child's alert,
    and counted the findings that it counted when it became final."""

    rule: str
    time: int
    position: tuple[str | int, ...]
    finding: str
    values: tuple[str, ...] = ()
    alert: str = ""
    counted: tuple[str, ...] = ()


class Key(msgspec.Struct, frozen=True):
    """One part of a group key: compared case-folded, shown as it was first spelled."""

    field: str
    value: str
    spelling: str


class Fired(msgspec.Struct, frozen=True):
    """An alert of a correlation, as it stands now. The same id comes again when it has grown: take the
    newest.

    id: correlation, group key, bucket. bucket: floor(time / timespan). time: the earliest moment in the
    bucket at which the condition held; last: the latest. began: the earliest member's time. value: what was
    measured, exact, as text. count: matches that belong to it. members: those that show why it fired (at
    most 100).
    """

    id: tuple[str, tuple[tuple[str, str], ...], int]
    correlation: str
    group: tuple[Key, ...]
    bucket: int
    timespan: int
    time: int
    last: int
    began: int
    position: tuple[str | int, ...]
    value: str
    count: int
    level: str
    members: tuple[Member, ...]


def shown(value: Number) -> str:
    """A number as exact text: 12, 2.5, or 1/3 where no decimal ends."""
    fraction = Fraction(value)
    if fraction.denominator == 1:
        return str(fraction.numerator)
    rest, digits = fraction.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        digits = max(digits, power)
    if rest != 1 or digits > 30:
        return str(fraction)
    scaled = str(abs(fraction.numerator) * 10**digits // fraction.denominator).rjust(digits + 1, "0")
    return ("-" if fraction < 0 else "") + f"{scaled[:-digits]}.{scaled[-digits:]}"
