"""A correlation's document into a `CorrelationRule`; everything wrong with it is said at once, with its
place.

In: the document as plain data (numbers int, Decimal or float) and `Where` it stands. Unknown keys are errors.
References are names or ids still: `links.resolve` ties them to rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from detectors.correlate.model import LEVELS, SECOND, Bound, Clause, CorrelationRule, Number, Type
from detectors.correlate.problem import CorrelationProblem, Path, Where, nearest
from detectors.correlate.words import WordsProblem, names_in, parse_words
from detectors.sigma.problem import Problem

OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2629746, "y": 31556952}
MOST_RULES = 64
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
_TOP = frozenset(
    (
        *("title", "id", "name", "status", "description", "author", "references", "reference", "date"),
        *("modified", "correlation", "falsepositives", "level", "generate", "tags", "related", "taxonomy"),
        *("license", "fields", "scope", "sigma-version", "custom"),
    )
)
_SECTION = frozenset(("type", "rules", "aliases", "group-by", "timespan", "condition", "generate"))
_CONDITION = frozenset((*OPERATORS, "field", "percentile"))
_TIMESPAN = re.compile(r"^([0-9]{1,9})([smhdwMy])$")


def parse_correlation(document: Mapping[str, object], where: Where) -> CorrelationRule:
    """The correlation of a document. Raises CorrelationProblem with all that is wrong."""
    reader = _Reader(where)
    rule = reader.rule(document)
    if reader.problems or rule is None:
        raise CorrelationProblem(reader.problems)
    return rule


class _Reader:
    """Collects the problems of one document while reading it."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def wrong(self, message: str, remedy: str, *path: str | int) -> None:
        self.problems.append(self.where.problem(message, remedy, path))

    def rule(self, document: Mapping[str, object]) -> CorrelationRule | None:
        self.unknown(document, _TOP, ())
        title = self.text(document, "title")
        if not title:
            self.wrong("a correlation needs a title", "add `title:`")
        section = document.get("correlation")
        if not isinstance(section, Mapping):
            self.wrong(
                "`correlation` is not a map", "give it type, rules, timespan, condition", "correlation"
            )
            return None
        self.unknown(section, _SECTION, ("correlation",))
        kind = self.kind(section.get("type"))
        condition = section.get("condition")
        rules = self.rules(section, condition)
        bounds, fields, percentile = self.bounds(condition, kind)
        clauses = self.clauses(condition, kind, rules) if isinstance(condition, str) else ()
        if kind and kind.temporal and not clauses and not self.problems:
            bounds = self.steps(bounds or (Bound("gte", len(rules)),), len(rules))
            if kind is Type.TEMPORAL_ORDERED and bounds == (Bound("gte", len(rules)),):
                clauses, bounds = (Clause(tuple(range(len(rules)))),), ()
        span_text = section.get("timespan")
        span = self.timespan(span_text)
        if self.problems or kind is None:
            return None
        identifier = self.text(document, "id").lower()
        return CorrelationRule(
            id=identifier or "title:" + hashlib.blake2b(title.encode(), digest_size=8).hexdigest(),
            title=title,
            type=kind,
            rules=rules,
            timespan=span,
            timespan_text=str(span_text),
            name=self.text(document, "name"),
            group_by=self.group_by(section),
            aliases=self.aliases(section),
            bounds=bounds,
            clauses=clauses,
            condition_text=_said(bounds, fields, percentile, condition, kind),
            fields=fields,
            percentile=Fraction(50) if kind is Type.VALUE_MEDIAN else percentile,
            generate=self.generate(document, section),
            level=self.one_of(document, "level", LEVELS),
            status=self.one_of(document, "status", STATUSES),
            description=self.text(document, "description"),
            author=self.text(document, "author"),
            references=self.texts(document, "references") or self.texts(document, "reference"),
            falsepositives=self.texts(document, "falsepositives"),
            tags=tuple(tag.lower() for tag in self.texts(document, "tags")),
            file=self.where.file,
        )

    def unknown(self, mapping: Mapping[str, object], known: frozenset[str], path: Path) -> None:
        for key in mapping:
            if key not in known and not (not path and str(key).startswith(("x-", "x_"))):
                self.wrong(f"unknown key '{key}'", nearest(str(key), known), *path, str(key))

    def text(self, mapping: Mapping[str, object], key: str) -> str:
        value = mapping.get(key)
        if isinstance(value, Mapping | list):
            self.wrong(f"`{key}` is not text", "write one value", key)
        return "" if value is None else str(value).strip()

    def texts(self, mapping: Mapping[str, object], key: str) -> tuple[str, ...]:
        value = mapping.get(key)
        values = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(str(each) for each in values)

    def one_of(self, mapping: Mapping[str, object], key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(mapping, key).lower()
        if value and value not in allowed:
            self.wrong(f"`{key}` cannot be '{value}'", nearest(value, allowed), key)
        return value

    def kind(self, value: object) -> Type | None:
        names = [kind.value for kind in Type]
        if value is None:
            self.wrong("no correlation type", "add `type:`, one of " + ", ".join(names), "correlation")
        elif value not in names:
            self.wrong(f"unknown type '{value}'", nearest(str(value), names), "correlation", "type")
        else:
            return Type(value)
        return None

    def rules(self, section: Mapping[str, object], condition: object) -> tuple[str, ...]:
        value = section.get("rules")
        if value is None and isinstance(condition, str):
            return names_in(condition)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values:
            self.wrong("no rules", "name the rules it counts, by name or id", "correlation", "rules")
            return ()
        if len(values) > MOST_RULES:
            self.wrong(f"{len(values)} rules", f"use at most {MOST_RULES}", "correlation", "rules")
        seen: dict[str, None] = {}
        for index, each in enumerate(values):
            if not isinstance(each, str) or not each.strip():
                self.wrong("a rule is named by its name or id", "write text", "correlation", "rules", index)
            elif each in seen:
                self.wrong(f"'{each}' stands there twice", "name it once", "correlation", "rules", index)
            else:
                seen[each] = None
        return tuple(seen)

    def group_by(self, section: Mapping[str, object]) -> tuple[str, ...]:
        value = section.get("group-by")
        values = [] if value is None else value if isinstance(value, list) else [value]
        for index, each in enumerate(values):
            if not isinstance(each, str) or not each:
                self.wrong("a group-by key is a field", "write its name", "correlation", "group-by", index)
        return tuple(dict.fromkeys(str(each) for each in values))

    def aliases(self, section: Mapping[str, object]) -> dict[str, dict[str, str]]:
        value = section.get("aliases")
        result: dict[str, dict[str, str]] = {}
        if value is None:
            return result
        if not isinstance(value, Mapping):
            self.wrong("`aliases` is not a map", "write alias: {rule: field}", "correlation", "aliases")
            return result
        for alias, mapping in value.items():
            if not isinstance(mapping, Mapping) or not all(
                isinstance(f, str) and f for f in mapping.values()
            ):
                remedy = "write rule: field for each rule"
                self.wrong(f"alias '{alias}' is not a map of fields", remedy, "correlation", "aliases", alias)
                continue
            result[str(alias)] = {str(rule): str(field) for rule, field in mapping.items()}
        return result

    def timespan(self, value: object) -> int:
        found = _TIMESPAN.match(value) if isinstance(value, str) else None
        if value is None:
            self.wrong("no timespan", "add `timespan:`, such as 10m", "correlation")
        elif not found or not int(found[1]):
            remedy = "write a number and one of s m h d w M (month) y, such as 90m"
            self.wrong(f"'{value}' is no timespan", remedy, "correlation", "timespan")
        else:
            return int(found[1]) * UNITS[found[2]] * SECOND
        return 0

    def generate(self, document: Mapping[str, object], section: Mapping[str, object]) -> bool:
        said = False
        for mapping, path in ((document, ()), (section, ("correlation",))):
            value = mapping.get("generate")
            if value is not None and not isinstance(value, bool):
                self.wrong("`generate` is true or false", "write true or false", *path, "generate")
            said = said or value is True
        if isinstance(section.get("generate"), bool) and isinstance(document.get("generate"), bool):
            return bool(section["generate"])
        return said

    def bounds(
        self, condition: object, kind: Type | None
    ) -> tuple[tuple[Bound, ...], tuple[str, ...], Number | None]:
        """Bounds, fields and p of a condition that is a map."""
        here = ("correlation", "condition")
        temporal = kind is not None and kind.temporal
        if condition is None or isinstance(condition, str):
            if condition is None and not temporal:
                self.wrong("no condition", "add `condition:` with a bound, such as gte: 10", "correlation")
            return (), (), None
        if not isinstance(condition, Mapping):
            self.wrong("the condition is neither a map nor text", "write bounds, such as gte: 10", *here)
            return (), (), None
        self.unknown(condition, _CONDITION, here)
        bounds = []
        for operator in OPERATORS:
            if operator in condition:
                limit = _number(condition[operator])
                if limit is None:
                    self.wrong(f"'{condition[operator]}' is no number", "write a number", *here, operator)
                else:
                    bounds.append(Bound(operator, limit))
        if not any(operator in condition for operator in OPERATORS):
            self.wrong("the condition has no bound", "add one of " + ", ".join(OPERATORS), *here)
        return tuple(bounds), self.fields(condition, kind), self.percentile(condition, kind)

    def steps(self, bounds: tuple[Bound, ...], rules: int) -> tuple[Bound, ...]:
        """Bounds on the number of distinct rules, as one `gte` where more rules can only help."""
        holding = [number for number in range(1, rules + 1) if all(bound.holds(number) for bound in bounds)]
        if not holding:
            remedy = f"it refers to {rules} rules: bound their number within 1 and {rules}"
            self.wrong("the condition can never hold", remedy, "correlation", "condition")
        elif holding == list(range(holding[0], rules + 1)):
            return (Bound("gte", holding[0]),)
        return bounds

    def fields(self, condition: Mapping[str, object], kind: Type | None) -> tuple[str, ...]:
        here = ("correlation", "condition")
        value = condition.get("field")
        fields = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(field, str) and field for field in fields):
            self.wrong("`field` is not a field's name", "write its name", *here, "field")
            return ()
        if kind is None:
            return ()
        if kind is Type.EVENT_COUNT or kind.temporal:
            if fields:
                self.wrong(f"{kind.value} counts no field", "remove `field`", *here, "field")
        elif not fields:
            self.wrong(f"{kind.value} needs the field it measures", "add `field:`", *here)
        elif len(fields) > 1 and kind is not Type.VALUE_COUNT:
            self.wrong(f"{kind.value} measures one field", "name one, or use value_count", *here, "field")
        return tuple(str(field) for field in fields)

    def percentile(self, condition: Mapping[str, object], kind: Type | None) -> Number | None:
        if "percentile" not in condition:
            return None
        here = ("correlation", "condition", "percentile")
        value = _number(condition["percentile"])
        if kind is not None and kind is not Type.VALUE_PERCENTILE:
            self.wrong(f"{kind.value} has no percentile", "remove it, or use value_percentile", *here)
        elif value is None or not 0 <= value <= 100:
            self.wrong(f"'{condition['percentile']}' is no percentile", "write a number from 0 to 100", *here)
        return value

    def clauses(self, condition: str, kind: Type | None, rules: tuple[str, ...]) -> tuple[Clause, ...]:
        here = ("correlation", "condition")
        if kind is None or not kind.temporal:
            name = kind.value if kind else "this"
            remedy = "write bounds, such as gte: 10, or use temporal"
            self.wrong(f"{name} takes no condition in words", remedy, *here)
            return ()
        for rule in rules:
            if rule not in names_in(condition):
                self.wrong(f"the condition does not use '{rule}'", "use it or take it out of rules", *here)
        try:
            return parse_words(condition, rules)
        except WordsProblem as problem:
            self.wrong(f"the condition cannot be used: {problem}", "write it like `a and (b or c)`", *here)
            return ()


def _number(value: object) -> Number | None:
    """Exact: an int stays one; a decimal as it is written. None for what is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal | float) and Decimal(str(value)).is_finite() and len(str(value)) < 400:
        fraction = Fraction(str(value))
        return fraction.numerator if fraction.denominator == 1 else fraction
    return None


def _said(
    bounds: tuple[Bound, ...],
    fields: tuple[str, ...],
    percentile: Number | None,
    condition: object,
    kind: Type,
) -> str:
    """The condition as one line, for explanations."""
    if isinstance(condition, str):
        return condition
    if kind.temporal and not bounds:
        return "all rules"
    what = kind.value + (f"({', '.join(fields)})" if fields else "")
    if percentile is not None:
        what += f" at {percentile}%"
    return what + " " + " and ".join(str(bound) for bound in bounds)
