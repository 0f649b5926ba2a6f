"""Why a rule fired on an event, or did not: a slow, simple evaluator over the same parsed rule.

It shares nothing with the fast matcher but the expression and the values' definitions of number and case,
and so is a second opinion on it. In: an expression, a way to look fields up, all values of the event. Out:
the same tree with true or false at each node and, at each test, the value and the place in it that matched.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import msgspec
import regex

from detectors.contract import NULL, Text
from detectors.sigma.expression import (
    ANY,
    DASH,
    DASHES,
    ONE,
    And,
    Check,
    Cidr,
    Compare,
    Exists,
    Expression,
    FieldRef,
    IsNull,
    Like,
    Not,
    Regex,
    Test,
    TimePart,
)
from detectors.sigma.values import fold, in_order, number_of, time_part

Lookup: TypeAlias = Callable[[str], Text]
Span: TypeAlias = tuple[int, int]

_ORDER_WORDS = {"lt": "is below", "lte": "is at most", "gt": "is above", "gte": "is at least", "eq": "is"}


class Why(msgspec.Struct, frozen=True):
    """One node. kind: and, or, not, test; true: whether it holds; name: its selection, if it has one;
    below: what it is made of. Of a test: field (empty: any value), words ("ends with"), pattern as people
    read it, value: what the event holds (empty where absent), state: "value", "null" or "absent", start,
    end: where in value it matched (-1 where it is no place), of: how many values the field has."""

    kind: str
    true: bool
    name: str = ""
    below: tuple[Why, ...] = ()
    field: str = ""
    words: str = ""
    pattern: str = ""
    value: str = ""
    state: str = "value"
    start: int = -1
    end: int = -1
    of: int = 1


def explain(expression: Expression, lookup: Lookup, values: Sequence[str] = ()) -> Why:
    """The expression's tree on one event. values: all texts of the event, for keywords."""
    if isinstance(expression, Test):
        return _explain_test(expression, lookup, values)
    if isinstance(expression, Not):
        below = explain(expression.item, lookup, values)
        return Why("not", not below.true, below=(below,))
    nodes = tuple(explain(item, lookup, values) for item in expression.items)
    if isinstance(expression, And):
        return Why("and", all(node.true for node in nodes), expression.name, nodes)
    return Why("or", any(node.true for node in nodes), expression.name, nodes)


def helped(why: Why, wanted: bool = True) -> Iterator[Why]:
    """The tests that made the tree come out as it did: true ones, and below `not` false ones."""
    if why.kind == "test":
        if why.true == wanted:
            yield why
    elif why.kind == "not":
        yield from helped(why.below[0], not wanted)
    else:
        for node in why.below:
            if node.true == wanted:
                yield from helped(node, wanted)


def grounds(expression: Expression, lookup: Lookup) -> list[tuple[str, str]]:
    """Field and value of the true tests that helped the expression to be true; none where it is not. The
    same as `helped` gives, without the words: what a finding says of its matched values is made of this.
    lookup: gives all texts of the event for the empty field."""
    found: list[tuple[str, str]] = []
    _came_out(expression, True, lookup, found)
    return found


def _came_out(item: Expression, wanted: bool, lookup: Lookup, found: list[tuple[str, str]]) -> bool:
    """Whether it came out as wanted; only then `found` has grown."""
    if isinstance(item, Test):
        true, value, _ = _judged(item, lookup(item.field), lookup)
        if true and wanted and value:
            found.append((item.field, value))
        return true == wanted
    if isinstance(item, Not):
        return _came_out(item.item, not wanted, lookup, found)
    before = len(found)
    if isinstance(item, And) != wanted:  # one is enough, but all that did are told of
        return any([_came_out(each, wanted, lookup, found) for each in item.items])
    if all(_came_out(each, wanted, lookup, found) for each in item.items):
        return True
    del found[before:]
    return False


def missing(why: Why, wanted: bool = True) -> int:
    """How many tests would have to come out otherwise for the tree to be as wanted, at the least."""
    if why.kind == "test":
        return int(why.true != wanted)
    if why.kind == "not":
        return missing(why.below[0], not wanted)
    counts = [missing(node, wanted) for node in why.below]
    return sum(counts) if (why.kind == "and") == wanted else min(counts, default=0)


def _explain_test(test: Test, lookup: Lookup, values: Sequence[str]) -> Why:
    cell = tuple(values) if not test.field else lookup(test.field)
    words, pattern = in_words(test.check)
    state = "absent" if cell is None else "null" if cell is NULL else "value"
    true, value, span = _judged(test, cell, lookup)
    if test.negated:
        words = f"not: {words}"
    start, end = span or (-1, -1)
    of = max(len(_texts(cell)), 1)
    return Why("test", true, "", (), test.field, words, pattern, value, state, start, end, of)


def _judged(test: Test, cell: Text, lookup: Lookup) -> tuple[bool, str, Span | None]:
    """Whether a test is true of its cell, the value that decided, and where in it."""
    texts = _texts(cell)
    true, value, span = _passes(test.check, cell, texts, lookup)
    if test.negated:
        return cell is not None and cell is not NULL and not true, texts[0] if texts else "", None
    return true, value, span


def _texts(cell: Text) -> tuple[str, ...]:
    if cell is None or cell is NULL:
        return ()
    return (cell,) if isinstance(cell, str) else tuple(str(each) for each in cell)


def _passes(
    check: Check, cell: Text, texts: tuple[str, ...], lookup: Lookup
) -> tuple[bool, str, Span | None]:
    """Whether the check passes, the value that decided, and where in it."""
    first = texts[0] if texts else ""
    if isinstance(check, IsNull):
        return cell is None or cell is NULL, first, None
    if isinstance(check, Exists):
        return (cell is not None) == check.wanted, first, None
    others = _texts(lookup(check.other)) if isinstance(check, FieldRef) else ()
    for text in texts:
        span = _refers(check, text, others) if isinstance(check, FieldRef) else _place(check, text)
        if span is not None:
            return True, text, span
    return False, first, None


def _place(check: Check, text: str) -> Span | None:
    """Where the check matches in the text, or None."""
    if isinstance(check, Like):
        return _like(check, text)
    if isinstance(check, Regex):
        flags = sum({"i": regex.I, "m": regex.M, "s": regex.S}[flag] for flag in check.flags)
        try:
            found = regex.search(check.pattern, text, flags=flags, timeout=0.5, concurrent=True)
        except TimeoutError:
            return None
        return found.span() if found else None
    whole = (0, len(text))
    if isinstance(check, Cidr):
        return whole if _inside(text, check.network) else None
    if isinstance(check, Compare):
        number = number_of(text)
        return (
            whole if number is not None and in_order(number, check.operator, Decimal(check.number)) else None
        )
    if isinstance(check, TimePart):
        part = time_part(text, check.unit)
        return (
            whole
            if part is not None and in_order(Decimal(part), check.operator, Decimal(check.number))
            else None
        )
    return None


def _inside(text: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    addresses = [address]
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        addresses.append(address.ipv4_mapped)
    return any(each in ipaddress.ip_network(network) for each in addresses)


def _refers(check: FieldRef, text: str, others: tuple[str, ...]) -> Span | None:
    for other in others:
        parts: dict[str, tuple[str | int, ...]] = {
            "equals": (other,),
            "contains": (ANY, other, ANY),
            "startswith": (other, ANY),
            "endswith": (ANY, other),
        }
        span = _like(Like(parts[check.mode], check.cased), text)
        if span is not None:
            return span
    return None


def _like(check: Like, text: str) -> Span | None:
    """The place of the pattern's first literal to its last. One atomic group a piece, so no backtracking."""
    value = text if check.cased else fold(text)
    first, *middle = _pieces(check)
    begin = first.match(value)
    if begin is None:
        return None
    if not middle:
        return _original(text, value, (0, len(value)))
    *middle, last = middle
    position, start = begin.end(), 0 if first.pattern else -1
    for piece in middle:
        found = piece.search(value, position)
        if found is None:
            return None
        start = found.start() if start < 0 else start
        position = found.end()
    if last.pattern:
        found = last.search(value, position)
        if found is None:
            return None
        start = found.start() if start < 0 else start
        position = found.end()
    return _original(text, value, (max(start, 0), position))


@lru_cache(16_384)
def _pieces(check: Like) -> tuple[re.Pattern[str], ...]:
    """What stands between the wildcards; the last one, where it is not empty, at the end of the text."""
    pieces: list[str] = [""]
    for part in check.parts:
        if part == ANY:
            pieces.append("")
        elif part == ONE:
            pieces[-1] += "."
        elif part == DASH:
            pieces[-1] += f"[{re.escape(DASHES)}]"
        else:
            pieces[-1] += re.escape(str(part) if check.cased else fold(str(part)))
    if pieces[-1] or len(pieces) == 1:
        pieces[-1] = f"(?:{pieces[-1]})\\Z"
    return tuple(re.compile(piece, re.DOTALL) for piece in pieces)


def _original(text: str, value: str, span: Span) -> Span:
    """A span of the folded text as one of the text itself."""
    if len(text) == len(value):
        return span
    starts: list[int] = []
    for index, char in enumerate(text):
        starts.extend([index] * len(fold(char)))
    starts.append(len(text))
    end = span[1]
    return starts[min(span[0], len(starts) - 1)], starts[end - 1] + 1 if 0 < end < len(starts) else 0


@lru_cache(16_384)
def in_words(check: Check) -> tuple[str, str]:
    """A check as people say it: the verb and the pattern."""
    if isinstance(check, Like):
        return _like_in_words(check)
    if isinstance(check, Regex):
        return "matches the expression", check.pattern
    if isinstance(check, Cidr):
        return "is in the network", check.network
    if isinstance(check, Compare):
        return _ORDER_WORDS[check.operator], check.number
    if isinstance(check, TimePart):
        return f"has {check.unit} that {_ORDER_WORDS[check.operator]}", str(check.number)
    if isinstance(check, IsNull):
        return "is absent or null", ""
    if isinstance(check, Exists):
        return ("is present" if check.wanted else "is absent"), ""
    verbs = {
        "equals": "is the same as",
        "contains": "contains",
        "startswith": "starts with",
        "endswith": "ends with",
    }
    return verbs[check.mode], f"field {check.other}"


def _like_in_words(check: Like) -> tuple[str, str]:
    parts = check.parts
    cased = " (case matters)" if check.cased else ""
    if not parts:
        return "is empty", ""
    if parts == (ANY,):
        return "has a value", ""
    before, after = parts[0] == ANY, parts[-1] == ANY
    inner = parts[1 if before else 0 : -1 if after else None]
    shown = "".join(
        {ANY: "*", ONE: "?", DASH: "-"}[part] if isinstance(part, int) else part for part in inner
    )
    verb = {(True, True): "contains", (False, True): "starts with", (True, False): "ends with"}.get(
        (before, after)
    )
    if verb is None:
        verb = "is" if all(isinstance(part, str) for part in inner) else "fits"
    return verb + cased, shown
