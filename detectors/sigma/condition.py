"""A rule's condition: text into an expression over its named detections.

Source: Sigma specification 2.1, "Condition": and, or, not, parentheses, `1 of`, `all of`, `any of`, `them`,
name patterns with `*`. not binds before and, and before or. `them` and patterns leave out names that begin
with an underscore, unless the pattern does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from detectors.sigma.expression import And, Expression, Not, Or, joined
from detectors.sigma.problem import RuleProblem

_TOKEN = re.compile(r"\s*(?:([()|])|([^\s()|]+))")
_DEPTH = 100


def parse_condition(text: str, detections: Mapping[str, Expression]) -> tuple[Expression, set[str]]:
    """The expression of a condition, and the names of the detections that it uses.

    Raises RuleProblem with the column (1-based, in the condition) in its message.
    """
    parser = _Parser(text, detections)
    expression = parser.alternatives(0)
    if parser.token == "|":  # noqa: S105
        parser.fail("aggregations behind '|' left Sigma with version 2", "write a correlation rule")
    if parser.token:
        parser.fail(f"'{parser.token}' was not expected here")
    return expression, parser.used


class _Parser:
    def __init__(self, text: str, detections: Mapping[str, Expression]) -> None:
        self.detections = detections
        self.used: set[str] = set()
        self.tokens = [(m.start(m.lastindex or 0) + 1, m[m.lastindex or 0]) for m in _TOKEN.finditer(text)]
        self.tokens.append((len(text) + 1, ""))
        self.index = 0

    @property
    def token(self) -> str:
        return self.tokens[self.index][1]

    @property
    def word(self) -> str:
        return self.token.lower()

    def fail(self, message: str, remedy: str = "") -> None:
        raise RuleProblem(f"condition, column {self.tokens[self.index][0]}: {message}", remedy)

    def take(self) -> str:
        token = self.token
        self.index += 1
        return token

    def alternatives(self, depth: int) -> Expression:
        items = [self.conjunction(depth)]
        while self.word == "or":
            self.take()
            items.append(self.conjunction(depth))
        return joined(items, Or)

    def conjunction(self, depth: int) -> Expression:
        items = [self.negation(depth)]
        while self.word == "and":
            self.take()
            items.append(self.negation(depth))
        return joined(items, And)

    def negation(self, depth: int) -> Expression:
        if depth > _DEPTH:
            self.fail(f"nested more than {_DEPTH} deep")
        if self.word == "not":
            self.take()
            return Not(self.negation(depth + 1))
        return self.operand(depth)

    def operand(self, depth: int) -> Expression:
        if not self.token:
            self.fail("the condition ends too early", "name a detection")
        if self.token == "(":  # noqa: S105
            self.take()
            inner = self.alternatives(depth + 1)
            if self.token != ")":  # noqa: S105
                self.fail("a closing parenthesis is missing")
            self.take()
            return inner
        following = self.tokens[self.index + 1][1].lower() if self.index + 1 < len(self.tokens) else ""
        if following == "of" and self.word in ("1", "any", "all"):
            return self.quantified()
        if following == "of" and self.word.isdigit():
            self.fail(f"'{self.token} of' is not Sigma", "use '1 of' or 'all of'")
        if self.word in ("and", "or", "not") or self.token == ")":  # noqa: S105
            self.fail(f"a detection's name was expected, not '{self.token}'")
        return self.named()

    def named(self) -> Expression:
        name = self.token
        if name not in self.detections:
            near = difflib.get_close_matches(name, self.detections, 1)
            self.fail(f"no detection is named '{name}'", f"did you mean '{near[0]}'?" if near else "")
        self.take()
        self.used.add(name)
        return self.detections[name]

    def quantified(self) -> Expression:
        quantity = self.take().lower()
        self.take()
        pattern = self.token
        if not pattern or pattern in "()":
            self.fail(f"a name, a pattern or 'them' must follow '{quantity} of'")
        wanted = "*" if pattern.lower() == "them" and pattern not in self.detections else pattern
        names = [
            name
            for name in self.detections
            if _fits(name, wanted) and (not name.startswith("_") or wanted.startswith("_"))
        ]
        if not names:
            near = difflib.get_close_matches(pattern.rstrip("*"), self.detections, 1)
            self.fail(f"'{pattern}' fits no detection", f"did you mean '{near[0]}'?" if near else "")
        self.take()
        self.used.update(names)
        return joined([self.detections[name] for name in names], And if quantity == "all" else Or)


def _fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, in which only `*` is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None
