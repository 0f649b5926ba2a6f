"""A rule's logic as data: tests joined by and, or, not. Shared by the fast matcher and the explainer.

`Test` is the only leaf: one field against one thing. A rule with `contains` and three values is an `Or` of
three tests; with `contains|all` an `And`. These structs go into the on-disk cache as they are."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

ANY = 0
"""Wildcard `*`: any run of characters, also none."""
ONE = 1
"""Wildcard `?`: exactly one character."""
DASH = 2
"""Any of the five characters that Windows programs take for an option's dash (modifier windash)."""
DASHES = "-/–—―"


class Like(msgspec.Struct, frozen=True, tag="like"):
    """The whole value against literal parts and wildcards. parts: text, or ANY, ONE, DASH; cased: as written,
    else by Unicode case folding. No parts at all: the empty text."""

    parts: tuple[str | int, ...]
    cased: bool = False


class Regex(msgspec.Struct, frozen=True, tag="regex"):
    """A regular expression searched in the value. flags: some of "ims"."""

    pattern: str
    flags: str = ""


class Cidr(msgspec.Struct, frozen=True, tag="cidr"):
    """The value is an address inside the network (v4 or v6)."""

    network: str


class Compare(msgspec.Struct, frozen=True, tag="compare"):
    """The value is a number that compares so. operator: lt lte gt gte; number: exact decimal as text."""

    operator: str
    number: str


class TimePart(msgspec.Struct, frozen=True, tag="timepart"):
    """A part of the value's time (UTC). unit: minute hour day week month year; operator: eq lt lte gt gte."""

    unit: str
    operator: str
    number: int


class IsNull(msgspec.Struct, frozen=True, tag="null"):
    """The field is absent, or present and null."""


class Exists(msgspec.Struct, frozen=True, tag="exists"):
    """The field is present, whatever its value; or with wanted=False, it is not."""

    wanted: bool


class FieldRef(msgspec.Struct, frozen=True, tag="fieldref"):
    """The value against the value of another field of the same event. mode: equals contains startswith
    endswith."""

    other: str
    mode: str = "equals"
    cased: bool = False


Check: TypeAlias = Like | Regex | Cidr | Compare | TimePart | IsNull | Exists | FieldRef


class Test(msgspec.Struct, frozen=True, tag="test"):
    """One field against one check. field: as rules write it; empty for a keyword (all values of the event).
    negated: modifier neq: the field has a value and none of its values passes the check.
    written: the item's modifiers, as written, for the explanation."""

    field: str
    check: Check
    negated: bool = False
    written: str = ""


class And(msgspec.Struct, frozen=True, tag="and"):
    """All of them. name: the selection it came from, for the explanation."""

    items: tuple[Expression, ...]
    name: str = ""


class Or(msgspec.Struct, frozen=True, tag="or"):
    """Any of them. name: the selection it came from, for the explanation."""

    items: tuple[Expression, ...]
    name: str = ""


class Not(msgspec.Struct, frozen=True, tag="not"):
    """Not this."""

    item: Expression


Expression: TypeAlias = Test | And | Or | Not


def joined(items: list[Expression], kind: type[And] | type[Or], name: str = "") -> Expression:
    """The items under And or Or; one unnamed item stands for itself."""
    if len(items) == 1 and not name:
        return items[0]
    return kind(tuple(items), name)
