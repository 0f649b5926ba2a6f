"""Conditions on alerts, and the SQL they mean.

`triage.query` makes a condition of what a person typed; `select` asks the database. Values only ever travel
as parameters.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

Parameter: TypeAlias = "str | int"
Sql: TypeAlias = "tuple[str, list[Parameter]]"


class Compare(msgspec.Struct, frozen=True):
    """A column against a number. column: one of `NUMBERS`; operator: = < <= > >=."""

    column: str
    operator: str
    value: int


class Equals(msgspec.Struct, frozen=True):
    """A column that holds this text, folded where the column is. `*` in a pattern stands for any text."""

    column: str
    pattern: str


class RuleIs(msgspec.Struct, frozen=True):
    """Alerts of rules with this id, or with this in their title."""

    text: str


class Involves(msgspec.Struct, frozen=True):
    """Alerts that involve an entity. kind: empty = of any kind; pattern: case-folded, `*` for any text."""

    kind: str
    pattern: str


class Technique(msgspec.Struct, frozen=True):
    """Alerts of this ATT&CK technique, or of one below it (T1003 holds T1003.001)."""

    id: str


class FreeText(msgspec.Struct, frozen=True):
    """Alerts whose text holds this. expression: in FTS5's own language, quoted by whoever made it."""

    expression: str


class Snoozed(msgspec.Struct, frozen=True):
    """Alerts that sleep at this moment (nanoseconds since 1970 UTC)."""

    now: int


class Not(msgspec.Struct, frozen=True):
    part: Condition


class All(msgspec.Struct, frozen=True):
    """Every part holds; with no part: everything."""

    parts: tuple[Condition, ...] = ()


class AnyOf(msgspec.Struct, frozen=True):
    parts: tuple[Condition, ...]


Condition: TypeAlias = (
    "Compare | Equals | RuleIs | Involves | Technique | FreeText | Snoozed | Not | All | AnyOf"
)

NUMBERS = frozenset({"rank", "open", "count", "duplicates", "first_seen", "last_seen", "waiting"})
TEXTS = frozenset(
    {"id", "state", "disposition", "owner", "host_key", "user_key", "rule", "kind", "escalated"}
)
OPERATORS = frozenset({"=", "<", "<=", ">", ">="})

MATCH = "SELECT rowid FROM alerts_fts WHERE alerts_fts MATCH ?"


def glob(pattern: str) -> str:
    """The pattern in SQLite's GLOB, where only `*` is special to people."""
    return "".join(f"[{c}]" if c in "[?" else c for c in pattern)


def matches(column: str, pattern: str) -> Sql:
    if "*" in pattern:
        return f"{column} GLOB ?", [glob(pattern)]
    return f"{column} = ?", [pattern]


def to_sql(condition: Condition, held: Mapping[str, str] | None = None) -> Sql:
    """The condition on table `alerts a`. held: text -> the rows that hold it, as JSON, where only some rows
    are asked for (`near`); else all rows that hold the text are gathered first."""
    match condition:
        case Compare(column, operator, value) if column in NUMBERS and operator in OPERATORS:
            return f"a.{column} {operator} ?", [value]
        case Equals(column, pattern) if column in TEXTS:
            return matches(f"a.{column}", pattern)
        case RuleIs(text):
            return (
                "a.rule IN (SELECT ? UNION SELECT id FROM rules WHERE instr(lower(title), ?) > 0)",
                [text, text.lower()],
            )
        case Involves(kind, pattern):
            sql, parameters = matches("key", pattern)
            if kind:
                sql, parameters = f"{sql} AND kind = ?", [*parameters, kind]
            return f"a.id IN (SELECT alert FROM alert_entities WHERE {sql})", parameters
        case Technique(technique):
            quoted = technique.upper()
            return (
                "EXISTS (SELECT 1 FROM json_each(a.techniques) WHERE value = ? OR value GLOB ?)",
                [quoted, glob(quoted) + ".*"],
            )
        case FreeText(expression) if held is not None:
            return "a.seq IN (SELECT value FROM json_each(?))", [held[expression]]
        case FreeText(expression):
            return f"+a.seq IN ({MATCH})", [expression]
        case Snoozed(now):
            return "a.seq IN (SELECT seq FROM alerts WHERE snoozed > 0 AND snoozed > ?)", [now]
        case Not(Not() | All() | AnyOf()):
            return to_sql(_inward(condition), held)
        case Not(part):
            sql, parameters = to_sql(part, held)
            return f"NOT ({sql})", parameters
        case All(parts):
            return _joined(parts, " AND ", held, "1")
        case AnyOf(parts):
            return _joined(parts, " OR ", held, "0")
        case _:
            raise ValueError(f"no such condition: {condition}")


def _inward(condition: Condition) -> Condition:
    """The same with `not` at the words themselves: the fewer brackets, the deeper SQLite takes it."""
    match condition:
        case Not(Not(part)):
            return _inward(part)
        case Not(All(parts)):
            return AnyOf(tuple(map(Not, parts)))
        case Not(AnyOf(parts)):
            return All(tuple(map(Not, parts)))
        case _:
            return condition


def _joined(parts: tuple[Condition, ...], word: str, held: Mapping[str, str] | None, empty: str) -> Sql:
    texts, parameters = [], []
    for part in parts:
        part = _inward(part)
        sql, values = to_sql(part, held)
        texts.append(f"({sql})" if isinstance(part, All | AnyOf) else sql)
        parameters += values
    return word.join(texts) or empty, parameters


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that must all hold."""
    if not isinstance(condition, All):
        return (condition,)
    return tuple(each for part in condition.parts for each in parts_of(part))


def few(part: Condition) -> bool:
    """Whether an index leads to few rows at once."""
    if isinstance(part, AnyOf):
        return all(map(few, part.parts))
    by_name = isinstance(part, Equals) and part.column in ("id", "host_key", "user_key", "owner")
    return by_name or isinstance(part, Involves)
