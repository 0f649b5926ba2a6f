"""The filter language over events: what a person types becomes a Sigma rule, so that one engine matches all.

    CommandLine:*-enc* not user:SYSTEM       type:windows.sysmon.1 (Image:*cmd.exe or Image:*pwsh.exe)
    "encoded command" DestinationPort>=1024     address:10.0.0.0/8 host:web-*

The same words as in the queue's filter (`triage.grammar`), with the events' own fields. Fields are named as
rules name them; `host`, `user`, `address`, `source`, `destination` and `type` stand for the core fields and
the event type. Text without a field is looked for in all values of an event.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from detectors.contract import LogSource
from detectors.sigma.expression import ANY, And, Cidr, Compare, Expression, Like, Not, Or, Test
from detectors.sigma.rules import Rule
from xdrtui.triage.grammar import Grammar, QueryError, Token, tokens_of

TYPE = "@type"
"""The field that holds an event type's name; no event has it, hunts give it."""

QUERY = "query"
"""Id of the rule that a query becomes."""

CORE = {
    "host": ("host.name",),
    "user": ("user.name",),
    "address": ("source.ip", "destination.ip"),
    "ip": ("source.ip", "destination.ip"),
    "source": ("source.ip",),
    "destination": ("destination.ip",),
    "type": (TYPE,),
}
FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_.@-]+)(:|>=|<=|>|<|=)")
MOST_FIELDS = 200
"""That a query asks of: a hunt decodes all of them at once, half a megabyte each. Values may be thousands."""

_ORDERS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def parse_query(text: str, fields: Collection[str] = ()) -> Rule:
    """The rule that a query means. fields: names that are known; one of these is meant in whatever case it
    is typed. Raises QueryError, which says where."""
    tokens = tokens_of(text, field=FIELD, fold=False)
    if not tokens:
        raise QueryError("say what to look for", 0)
    expression = Grammar(tokens, Events(fields)).parse()
    return Rule(
        id=QUERY,
        title=text,
        level="informational",
        status="",
        log_source=LogSource(),
        expression=expression,
        file="",
        text_hash="",
    )


class Events:
    """What the words mean for events: see `triage.grammar.Meaning`."""

    def __init__(self, fields: Collection[str]) -> None:
        self._exact = frozenset(fields)
        self._folded: dict[str, str] = {}
        self._asked: set[str] = set()
        for name in sorted(fields):
            self._folded.setdefault(name.casefold(), name)

    def term(self, token: Token) -> Expression:
        names = CORE.get(token.field.lower()) or (self._named(token.field),)
        self._asked.update(names)
        if len(self._asked) > MOST_FIELDS:
            raise QueryError(f"a query asks of at most {MOST_FIELDS} different fields", token.position)
        tests: list[Expression] = [Test(name, self._check(token)) for name in names]
        if token.field.lower() == "host" and not {".", "*", ":"} & set(token.value):
            tests.append(Test(names[0], like(f"{token.value}.*")))  # as in the queue: in whatever domain
        if names[0] == TYPE and "*" not in token.value:
            tests.append(Test(TYPE, like(f"{token.value}.*")))  # `windows` is all of windows
        return tests[0] if len(tests) == 1 else Or(tuple(tests))

    def _named(self, name: str) -> str:
        return name if name in self._exact else self._folded.get(name.casefold(), name)

    def _check(self, token: Token) -> Like | Compare | Cidr:
        if token.operator in _ORDERS:
            try:
                number = Decimal(token.value)
            except InvalidOperation:
                raise QueryError(f"{token.operator} wants a number", token.at) from None
            if not number.is_finite():
                raise QueryError(f"{token.operator} wants a number", token.at)
            return Compare(_ORDERS[token.operator], token.value)
        if "/" in token.value and not token.quoted:
            try:
                return Cidr(str(ipaddress.ip_network(token.value, strict=False)))
            except ValueError:
                pass  # a path
        return like(token.value)

    def text(self, token: Token) -> Expression:
        value = token.value
        if not token.quoted:
            try:
                return Test("", like(str(ipaddress.ip_address(value.strip("[]")))))
            except ValueError:
                pass
        if not value.strip("* "):
            raise QueryError("there is nothing to look for", token.position)
        return Test("", like(f"*{value}*"))

    def negated(self, part: Expression) -> Expression:
        return Not(part)

    def all_of(self, parts: list[Expression]) -> Expression:
        return And(tuple(parts))

    def any_of(self, parts: list[Expression]) -> Expression:
        return Or(tuple(parts))


def like(text: str) -> Like:
    """The whole value against a text in which only `*` is special."""
    parts: list[str | int] = []
    for number, piece in enumerate(re.split(r"\*+", text)):
        if number:
            parts.append(ANY)
        if piece:
            parts.append(piece)
    return Like(tuple(parts))


def types_of(expression: Expression) -> list[Like] | None:
    """What the name of an event type must look like, one of these; None where nothing is said of it."""
    if isinstance(expression, Test):
        named = expression.field == TYPE and isinstance(expression.check, Like)
        return [expression.check] if named and isinstance(expression.check, Like) else None
    if isinstance(expression, And):
        said = (types_of(each) for each in expression.items)
        return next((part for part in said if part is not None), None)
    if isinstance(expression, Or):
        found: list[Like] = []
        for each in expression.items:
            part = types_of(each)
            if part is None:
                return None
            found += part
        return found
    return None


def fits(name: str, wanted: Collection[Like]) -> bool:
    """Whether a name looks like one of these."""
    return any(re.fullmatch(pattern(each), name, re.I | re.S) for each in wanted)


def pattern(wanted: Like) -> str:
    """The regular expression of the whole value."""
    return "".join(".*" if part == ANY else re.escape(str(part)) for part in wanted.parts)
