"""The filter language, whatever its words mean: the queue's conditions on alerts, a hunt's tests of events.

Terms that stand side by side must all hold; `or`, `not` and brackets as usual. Defanged values
(`10[.]0[.]0[.]5`, `hxxp`) are taken as what they stand for. In: text, and what the words mean. Out: what the
whole means; every error says where it stands.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Generic, Protocol, TypeVar

import msgspec

from xdrtui.errors import XdrtuiError
from xdrtui.triage.defang import refang

T = TypeVar("T")


class QueryError(XdrtuiError):
    """The filter cannot be understood. position: where, counted in characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position


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
    if name in FIELDS or name in NAMES:
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
