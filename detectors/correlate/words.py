"""Conditions in words: `a and (b or c) and not d` into clauses (see `model.Clause`).

A clause is one way to satisfy the condition: rules that must occur and rules that must not. Grammar: names of
rules, `and`, `or`, `not`, parentheses; `not` binds closest, then `and`, then `or`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from detectors.correlate.model import Clause

MOST_CLAUSES = 256
MOST_DEPTH = 100
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


class WordsProblem(Exception):
    """The text is no condition, or none that can be decided."""


Way = tuple[frozenset[str], frozenset[str]]


def names_in(text: str) -> tuple[str, ...]:
    """The rules that a condition names, in order of appearance."""
    words = [word for word in _TOKEN.findall(text) if word not in ("(", ")")]
    return tuple(dict.fromkeys(word for word in words if word.lower() not in ("and", "or", "not")))


def parse_words(text: str, rules: Sequence[str]) -> tuple[Clause, ...]:
    """The clauses of a condition over these rules. Raises WordsProblem."""
    parser = _Parser([token for token in _TOKEN.findall(text)], frozenset(rules))
    ways = parser.either(False, 0)
    if parser.at < len(parser.tokens):
        raise WordsProblem(f"'{parser.tokens[parser.at]}' was not expected")
    index = {rule: number for number, rule in enumerate(rules)}
    clauses = []
    for present, absent in ways:
        if present & absent:
            continue
        if not present:
            raise WordsProblem(
                "it can hold when nothing has happened, and a window needs a match to be tested"
            )
        clauses.append(
            Clause(
                tuple(sorted(index[name] for name in present)), tuple(sorted(index[name] for name in absent))
            )
        )
    if not clauses:
        raise WordsProblem("it can never hold")
    return tuple(sorted(set(clauses), key=lambda clause: (clause.present, clause.absent)))


class _Parser:
    """Recursive descent; `inverted` pushes each `not` down to the names."""

    def __init__(self, tokens: list[str], rules: frozenset[str]) -> None:
        self.tokens, self.rules, self.at = tokens, rules, 0

    def next_is(self, word: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at].lower() == word:
            self.at += 1
            return True
        return False

    def either(self, inverted: bool, depth: int) -> list[Way]:
        parts = [self.both(inverted, depth)]
        while self.next_is("or"):
            parts.append(self.both(inverted, depth))
        return _all_of(parts) if inverted else _any_of(parts)

    def both(self, inverted: bool, depth: int) -> list[Way]:
        parts = [self.one(inverted, depth)]
        while self.next_is("and"):
            parts.append(self.one(inverted, depth))
        return _any_of(parts) if inverted else _all_of(parts)

    def one(self, inverted: bool, depth: int) -> list[Way]:
        if depth > MOST_DEPTH:
            raise WordsProblem("it nests too deep")
        if self.next_is("not"):
            return self.one(not inverted, depth + 1)
        if self.next_is("("):
            ways = self.either(inverted, depth + 1)
            if not self.next_is(")"):
                raise WordsProblem("a parenthesis is not closed")
            return ways
        if self.at == len(self.tokens):
            raise WordsProblem("it ends where a rule was expected")
        name = self.tokens[self.at]
        self.at += 1
        if name.lower() in ("and", "or", ")"):
            raise WordsProblem(f"'{name}' stands where a rule was expected")
        if name not in self.rules:
            raise WordsProblem(f"'{name}' is not among its rules")
        alone = frozenset((name,))
        return [(frozenset(), alone)] if inverted else [(alone, frozenset())]


def _any_of(parts: list[list[Way]]) -> list[Way]:
    return _bounded(list(dict.fromkeys(way for part in parts for way in part)))


def _all_of(parts: list[list[Way]]) -> list[Way]:
    ways: list[Way] = [(frozenset(), frozenset())]
    for part in parts:
        ways = _bounded(list(dict.fromkeys((a | c, b | d) for a, b in ways for c, d in part)))
    return ways


def _bounded(ways: list[Way]) -> list[Way]:
    if len(ways) > MOST_CLAUSES:
        raise WordsProblem(
            f"it has more than {MOST_CLAUSES} ways to hold; split it into several correlations"
        )
    return ways
