"""The filter language of the queue: what a person types becomes a condition on alerts.

    level>=medium state:open host:web-* user:ada rule:mimikatz not owner:me "encoded command" powershell
    (host:dc01 or host:dc02) attack:T1003 address:10.0.0.5 seen>=-2h

Terms that stand side by side must all hold; `or`, `not` and brackets as usual. A bare word or a quoted phrase
is looked for in title, summary, entities, host and user; a bare address among the entities.
Defanged values (`10[.]0[.]0[.]5`, `hxxp`) are taken as what they stand for. Every error says where it
stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Generic, Protocol, TypeVar

import msgspec

from xdrtui.errors import XdrtuiError
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
from xdrtui.triage.defang import refang

T = TypeVar("T")


class QueryError(XdrtuiError):
    """The filter cannot be understood. position: where, counted in characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


class AlertQuery(msgspec.Struct, frozen=True):
    """What the queue shows. text: the filter language, empty = all; order: severity, newest, host, user,
    rule; me: whom `owner:me` means; now: nanoseconds since 1970 UTC, for `-2h` (0 = no such times)."""

    text: str = ""
    order: str = "severity"
    me: str = ""
    now: int = 0


STATES = ("new", "acknowledged", "investigating", "closed")
ENTITY_KINDS = ("address", "process", "hash", "domain", "file")
NAMES = {
    "severity": "level",
    "ip": "address",
    "technique": "attack",
    "id": "alert",
    "entity": "involves",
    "seen": "last",
}
FIELDS = (
    *(
        "level",
        "state",
        "host",
        "user",
        "rule",
        "owner",
        "disposition",
        "escalated",
        "attack",
        "alert",
        "kind",
    ),
    *("count", "duplicates", "first", "last", "involves", *ENTITY_KINDS),
)
FIELD = re.compile(r"([A-Za-z_.]+)(:|>=|<=|>|<|=)")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SECOND = 1_000_000_000

MOST_WORDS = 500
"""SQLite takes no expression deeper than 1,000, and as deep is one of as many words."""

DEEPEST = 40


class Token(msgspec.Struct, frozen=True):
    """A word of the filter. kind: "(", ")", "and", "or", "not", "term", "text"; position: where it begins;
    at: where its value begins."""

    kind: str
    position: int
    field: str = ""
    operator: str = ""
    value: str = ""
    quoted: bool = False
    at: int = 0


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


def tokens_of(text: str, *, field: re.Pattern[str] = FIELD, fold: bool = True) -> list[Token]:
    """The words of a filter, each with its place. field: what a field and its operator look like; fold: names
    of fields are the queue's own, in whatever case; else they stay as they are written."""
    tokens: list[Token] = []
    at = 0
    if (broken := re.search("[\ud800-\udfff]", text)) is not None:
        raise QueryError("this is no character", broken.start())
    while at < len(text):
        start = at
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "()":
            tokens.append(Token(char, start))
            at += 1
        elif (match := field.match(text, at)) is not None and not _is_value(
            match[1].lower(), _value(text, at)[0]
        ):
            value, at, quoted = _value(text, match.end())
            if not value and not quoted:
                raise QueryError(f"{match[0]} wants a value", match.end())
            name = match[1]
            if fold:
                name = NAMES.get(name.lower(), name.lower())
            tokens.append(Token("term", start, name, match[2], value, quoted, match.end()))
        else:
            value, at, quoted = _value(text, at)
            word = value.lower() if not quoted and value.lower() in ("and", "or", "not") else "text"
            tokens.append(Token(word, start, value=value, quoted=quoted, at=start))
    return tokens


def _value(text: str, at: int) -> tuple[str, int, bool]:
    """A value from here on, where it ends, and whether it stood in quotes."""
    if at < len(text) and text[at] == '"':
        end = text.find('"', at + 1)
        if end < 0:
            raise QueryError("this quote is not closed", at)
        return text[at + 1 : end], end + 1, True
    end = at
    while end < len(text) and not text[end].isspace() and text[end] not in "()":
        end += 1
    return refang(text[at:end]), end, False


def _is_value(name: str, whole: str) -> bool:
    """Whether what looks like `field:value` is a value with a colon in it: a URL, an IPv6 address."""
    if name in TERMS or name in NAMES:
        return False
    if whole[len(name) :].startswith("://"):
        return True
    with suppress(ValueError):
        return bool(ip_address(whole))
    return False


class Meaning(Protocol[T]):
    """What the parts of a filter mean: conditions on alerts in the queue, tests of events in a hunt."""

    def term(self, token: Token) -> T: ...
    def text(self, token: Token) -> T: ...
    def negated(self, part: T) -> T: ...
    def all_of(self, parts: list[T]) -> T: ...
    def any_of(self, parts: list[T]) -> T: ...


class Grammar(Generic[T]):
    """The filter language, whatever its words mean. Recursive descent: or below and below not."""

    def __init__(self, tokens: list[Token], meaning: Meaning[T]) -> None:
        self.tokens = tokens
        self.meaning = meaning
        self.at = self.depth = 0

    def parse(self) -> T:
        """What all the tokens mean; there must be some. Raises QueryError."""
        whole = self.either()
        if self.at < len(self.tokens):
            raise QueryError("there is no '(' for this ')'", self.tokens[self.at].position)
        return whole

    def peek(self) -> str:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else "end"

    def either(self) -> T:
        parts = [self.both()]
        while self.peek() == "or":
            self.at += 1
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else self.meaning.any_of(parts)

    def both(self) -> T:
        parts = [self.one()]
        while self.peek() not in ("or", ")", "end"):
            if self.peek() == "and":
                self.at += 1
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else self.meaning.all_of(parts)

    def one(self) -> T:
        if self.at >= len(self.tokens):
            last = self.tokens[-1]
            raise QueryError("something is missing after this", last.position)
        token = self.tokens[self.at]
        self.at += 1
        match token.kind:
            case "not" | "(" if self.depth >= DEEPEST:
                raise QueryError(f"this is nested deeper than {DEEPEST}", token.position)
            case "not":
                self.depth += 1
                part = self.one()
                self.depth -= 1
                return self.meaning.negated(part)
            case "(":
                self.depth += 1
                inner = self.either()
                self.depth -= 1
                if self.peek() != ")":
                    raise QueryError("this '(' is not closed", token.position)
                self.at += 1
                return inner
            case "term":
                return self.meaning.term(token)
            case "text":
                return self.meaning.text(token)
            case _:
                raise QueryError(f"'{token.kind}' cannot stand here", token.position)


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
