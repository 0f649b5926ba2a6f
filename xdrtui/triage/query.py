"""The filter of the queue: what a person types becomes a condition on alerts.

    level>=medium state:open host:web-* user:ada rule:mimikatz not owner:me "encoded command" powershell
    (host:dc01 or host:dc02) attack:T1003 address:10.0.0.5 seen>=-2h

A bare word or a quoted phrase is looked for in title, summary, entities, host and user; a bare address among
the entities. The language itself is `grammar.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import msgspec

from xdrtui.store.alerts import LEVELS, RANKS
from xdrtui.store.filter import (
    All,
    AnyOf,
    Compare,
    Condition,
    Equals,
    FreeText,
    Involves,
    Not,
    RuleIs,
    Snoozed,
    Technique,
)
from xdrtui.triage.grammar import ENTITY_KINDS, FIELDS, Grammar, QueryError, Token, tokens_of


class AlertQuery(msgspec.Struct, frozen=True):
    """What the queue shows. text: the filter language, empty = all; order: severity, newest, host, user,
    rule; me: whom `owner:me` means; now: nanoseconds since 1970 UTC, for `-2h` (0 = no such times)."""

    text: str = ""
    order: str = "severity"
    me: str = ""
    now: int = 0


STATES = ("new", "acknowledged", "investigating", "closed")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SECOND = 1_000_000_000

MOST_WORDS = 500
"""SQLite takes no expression deeper than 1,000, and as deep is one of as many words."""


def parse(query: AlertQuery) -> Condition:
    """The condition that the query's text means. Raises QueryError."""
    tokens = tokens_of(query.text)
    if len(tokens) > MOST_WORDS:
        raise QueryError(f"a filter has at most {MOST_WORDS} words", tokens[MOST_WORDS].position)
    return Grammar(tokens, _Alerts(query)).parse() if tokens else All()


class _Alerts:
    """What the words mean in the queue: see `Meaning`."""

    def __init__(self, query: AlertQuery) -> None:
        self.query = query

    def term(self, token: Token) -> Condition:
        return term(token, self.query)

    def text(self, token: Token) -> Condition:
        return text_of(token)

    def negated(self, part: Condition) -> Condition:
        return Not(part)

    def all_of(self, parts: list[Condition]) -> Condition:
        return All(tuple(parts))

    def any_of(self, parts: list[Condition]) -> Condition:
        return AnyOf(tuple(parts))


def text_of(token: Token) -> Condition:
    """Free text. A bare address is looked for among the entities: as words, `10` and `0` are everywhere."""
    if not token.quoted:
        with suppress(ValueError):
            return Involves("", str(ip_address(token.value.strip("[]"))))
    return FreeText(phrase(token))


def phrase(token: Token) -> str:
    """A word or phrase in FTS5's language; a `*` at its end stands for the rest of the word."""
    value, star = token.value, ""
    if not token.quoted and value.endswith("*"):
        value, star = value.rstrip("*"), "*"
    if "*" in value and not token.quoted:
        raise QueryError("in free text a * can only stand at the end of a word", token.position)
    if not any(char.isalnum() for char in value):
        raise QueryError("there is no letter or digit to look for", token.position)
    return '"' + value.replace('"', '""').replace("\0", " ") + '"' + star


def term(token: Token, query: AlertQuery) -> Condition:
    """What `field:value` means. Raises QueryError for a field, an operator or a value that does not exist."""
    make = TERMS.get(token.field)
    if make is None:
        close = nearest(token.field, FIELDS)
        hint = f"; did you mean {close}?" if close else f"; there are {', '.join(FIELDS)}."
        quote = " Or put it in quotes to look for it as text"
        raise QueryError(f"there is no field {token.field}{hint}{quote}", token.position)
    if token.operator not in (":", "=") and token.field not in ORDERED:
        raise QueryError(f"{token.field} takes only ':'", token.position)
    return make(token, query)


def nearest(name: str, names: tuple[str, ...]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(name, names, 1)), "")


def choose(token: Token, values: tuple[str, ...]) -> str:
    """One of a few words, which may be cut short where that is clear."""
    found = [value for value in values if value == token.value.lower()] or [
        value for value in values if value.startswith(token.value.lower())
    ]
    if len(found) != 1:
        raise QueryError(f"{token.field} is one of {', '.join(values)}", token.at)
    return found[0]


def level(token: Token, query: AlertQuery) -> Condition:
    return Compare("rank", sign(token), RANKS[choose(token, LEVELS)])


def state(token: Token, query: AlertQuery) -> Condition:
    word = choose(token, ("open", *STATES, "snoozed", "escalated"))
    if word == "open":  # what sleeps comes back by itself
        return All((Compare("open", "=", 1), Not(Snoozed(query.now))))
    if word == "closed":
        return Compare("open", "=", 0)
    if word == "snoozed":
        return All((Compare("open", "=", 1), Snoozed(query.now)))
    if word == "escalated":
        return Compare("waiting", "=", 1)
    return Equals("state", word)


def owner(token: Token, query: AlertQuery) -> Condition:
    name = {"me": query.me, "none": "", "-": ""}.get(token.value, token.value)
    return Equals("owner", name)


def number(token: Token, query: AlertQuery) -> Condition:
    if not token.value.isascii() or not token.value.isdigit() or len(token.value) > 18:
        raise QueryError(f"{token.field} wants a whole number", token.at)
    return Compare(token.field, sign(token), int(token.value))


def moment(token: Token, query: AlertQuery) -> Condition:
    return Compare(f"{token.field}_seen", sign(token, ">="), time_of(token, query.now))


def time_of(token: Token, now: int) -> int:
    """`-2h` before now, `14:00Z` today, `2024-03-03` or `2024-03-03T14:00Z`; UTC where no zone is said."""
    text = token.value
    if match := re.fullmatch(r"-(\d{1,6})([smhdw])", text):
        if not now:
            raise QueryError("a time before now has no meaning here", token.at)
        return now - int(match[1]) * UNITS[match[2]] * SECOND
    try:
        if re.fullmatch(r"\d\d:\d\d(:\d\d)?Z?", text) and now:
            today = datetime.fromtimestamp(now // SECOND, UTC).date().isoformat()
            text = f"{today}T{text}"
        when = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    except ValueError as error:
        raise QueryError("a time is -2h, 14:00Z, 2024-03-03 or 2024-03-03T14:00Z", token.at) from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    since = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    return max(-(2**62), min(since, 2**63 - 1))  # what can be stored; nothing happened beyond


def sign(token: Token, default: str = "=") -> str:
    return default if token.operator == ":" else token.operator


def host(token: Token) -> Condition:
    """A name without a dot is also the name of the host in whatever domain: so it stands on the screen."""
    name = token.value.casefold()
    if "." in name or "*" in name or ":" in name:
        return Equals("host_key", name)
    return AnyOf((Equals("host_key", name), Equals("host_key", f"{name}.*")))


def disposition(token: Token, query: AlertQuery) -> Condition:
    from xdrtui.triage.states import DISPOSITIONS

    return Equals("disposition", choose(token, DISPOSITIONS))


TERMS: dict[str, Callable[[Token, AlertQuery], Condition]] = {
    "level": level,
    "state": state,
    "owner": owner,
    "disposition": disposition,
    "count": number,
    "duplicates": number,
    "first": moment,
    "last": moment,
    "host": lambda token, query: host(token),
    "user": lambda token, query: Equals("user_key", token.value.casefold()),
    "rule": lambda token, query: RuleIs(token.value),
    "attack": lambda token, query: Technique(token.value),
    "escalated": lambda token, query: Equals("escalated", token.value),
    "alert": lambda token, query: Equals("id", token.value.lower()),
    "kind": lambda token, query: Equals("kind", choose(token, ("rule", "correlation"))),
    "involves": lambda token, query: Involves("", token.value.casefold()),
    **{kind: lambda token, query: Involves(token.field, token.value.casefold()) for kind in ENTITY_KINDS},
}
ORDERED = frozenset({"level", "count", "duplicates", "first", "last"})
