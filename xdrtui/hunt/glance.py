"""A query held against recent events one by one, as the live tail has them, without rules' machinery.

In: the text of a query, and events as `LiveRow`s. Out: whether an event fits; and which raw messages may fit
at all. The language is `hunt.query`'s, with the moments of the queue's filter: `time>=-2h`, `time<14:00Z`.
What a row does not hold (a raw event is cut at some KB) is looked for in what is left of it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeAlias

from detectors.sigma.expression import And, Cidr, Compare, Expression, Like, Not, Or, Test
from xdrtui.hunt.query import FIELD, TYPE, Events, pattern
from xdrtui.store.live import LiveRow
from xdrtui.triage.grammar import Grammar, QueryError, Token, tokens_of
from xdrtui.triage.query import sign, time_of

TIME = "@time"
"""The field that holds an event's time; no event has it."""

_ADDRESSES = {
    "source.ip": ("source.ip", "id.orig_h", "src_ip", "sourceip", "ipaddress", "sourceaddress",
                  "sourceipaddress", "clientaddress", "srcip", "client_ip", "src", "addr"),
    "destination.ip": ("destination.ip", "id.resp_h", "dest_ip", "destinationip", "destaddress",
                       "destinationaddress", "dst_ip", "dst"),
}  # fmt: skip
"""What layouts take these core fields from; a row does not bring them."""

_MOST = 2_000
_VALUE_LIMIT = 4_000
_PAIR = re.compile(r'"([^"\\]{1,200})"\s*:\s*(?:"((?:[^"\\]|\\.)*)|(-?[\d.]+))')

Fits: TypeAlias = Callable[["_Seen"], bool]


class Glance:
    """A query, made ready. Raises QueryError, which says where."""

    def __init__(self, text: str, now: int) -> None:
        """now: nanoseconds since 1970 UTC, for `-2h`; empty text: everything fits."""
        tokens = tokens_of(text, field=FIELD, fold=False)
        self.expression: Expression | None = Grammar(tokens, _Recent(now)).parse() if tokens else None
        self._fits = _made(self.expression) if self.expression is not None else None

    def fits(self, row: LiveRow) -> bool:
        return self._fits is None or self._fits(_Seen(row))

    def suspects(self, raws: Sequence[bytes]) -> Sequence[int]:
        """Places of the raw messages that may fit: see `hunt.suspects`."""
        return range(len(raws)) if self.expression is None else self._suspects(raws)

    def _suspects(self, raws: Sequence[bytes]) -> Sequence[int]:
        from xdrtui.hunt.suspects import Suspects

        assert self.expression is not None
        finder = Suspects([self.expression])
        self._suspects = finder.among  # type: ignore[method-assign] # made when first asked: it is heavy
        return finder.among(raws)


class _Recent(Events):
    """What words mean for recent events: as in a hunt, and their time."""

    def __init__(self, now: int) -> None:
        super().__init__(())
        self._now = now

    def term(self, token: Token) -> Expression:
        if token.field.lower() not in ("time", "seen"):
            return super().term(token)
        operator = {"<": "lt", "<=": "lte", ">": "gt"}.get(sign(token, ">="), "gte")
        return Test(TIME, Compare(operator, str(time_of(token, self._now))))


class _Seen:
    """An event, taken apart when it is first asked."""

    def __init__(self, row: LiveRow) -> None:
        self.row = row

    def values(self, field: str) -> Sequence[str]:
        row = self.row
        match field:
            case "":
                return (row.summary, row.host, row.user, row.event_type, *_texts(row.raw))
            case "host.name":
                return (row.host,)
            case "user.name":
                return (row.user,)
            case _ if field == TYPE:
                return (row.event_type,)
            case _ if field == TIME:
                return (str(row.time),)
        found = leaves(row.raw)
        if field in _ADDRESSES:
            return [value for name in _ADDRESSES[field] for value in found.get(name, ())]
        return found.get(field.casefold(), ())


def _made(expression: Expression) -> Fits:
    match expression:
        case And(items):
            parts = [_made(each) for each in items]
            return lambda seen: all(part(seen) for part in parts)
        case Or(items):
            parts = [_made(each) for each in items]
            return lambda seen: any(part(seen) for part in parts)
        case Not(item):
            inner = _made(item)
            return lambda seen: not inner(seen)
        case Test(field, check):
            passes = _check(check)
            return lambda seen: any(passes(value) for value in seen.values(field))
    raise QueryError("this cannot be looked for here", 0)


def _check(check: object) -> Callable[[str], bool]:
    match check:
        case Like():
            wanted = re.compile(pattern(check).casefold(), re.DOTALL)
            return lambda value: wanted.fullmatch(value.casefold()) is not None
        case Cidr(network):
            inside = ipaddress.ip_network(network)
            return lambda value: (at := _address(value)) is not None and at in inside
        case Compare(operator, number):
            limit = Decimal(number)
            return lambda value: _holds(operator, value, limit)
    raise QueryError("this cannot be looked for here", 0)


def _address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def _holds(operator: str, value: str, limit: Decimal) -> bool:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    if not number.is_finite():
        return False
    match operator:
        case "lt":
            return number < limit
        case "lte":
            return number <= limit
        case "gt":
            return number > limit
        case _:
            return number >= limit


def _texts(raw: bytes) -> Iterable[str]:
    """All values of an event; of what is no JSON its text."""
    found = leaves(raw)
    return (
        (value for values in found.values() for value in values)
        if found
        else (raw.decode("utf-8", "replace"),)
    )


@lru_cache(512)
def leaves(raw: bytes) -> Mapping[str, tuple[str, ...]]:
    """Values of a JSON event by their last name and by their whole path, both in lower case; of one that was
    cut what is still there; an event of another kind has none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return _left_over(raw)
    found: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[str, object]] = [("", value)]
    looked_at = 0
    while waiting and looked_at < _MOST:
        path, node = waiting.pop()
        if isinstance(node, dict):
            waiting += [(f"{path}.{name}" if path else str(name), inner) for name, inner in node.items()]
        elif isinstance(node, list):
            waiting += [(path, inner) for inner in node[:100]]
        elif node is not None:
            looked_at += 1
            _put(found, path, node)
    return found


def _put(found: dict[str, tuple[str, ...]], path: str, node: object) -> None:
    text, name = str(node)[:_VALUE_LIMIT], path.casefold()
    for key in {name, name.rpartition(".")[2]}:
        found[key] = (*found.get(key, ()), text)[:100]


def _left_over(raw: bytes) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if raw.lstrip()[:1] not in (b"{", b"["):
        return found
    for place, pair in enumerate(_PAIR.finditer(raw.decode("utf-8", "replace"))):
        if place == _MOST:
            break
        _put(found, pair[1], _unescaped(pair[2]) if pair[3] is None else pair[3])
    return found


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
