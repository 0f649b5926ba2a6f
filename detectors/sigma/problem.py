"""What is wrong with a rule, and where: file, line, column, what, how to right it.

Problems are values, so that one broken rule never stops the rest; `RuleProblem` carries one out of the depths
of parsing to the place that collects them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

MOST = 20
"""Faults of one rule that are told: a file may hold thousands."""


class Problem(msgspec.Struct, frozen=True):
    """file: as given; line, column: 1-based, 0 where unknown; message: what is wrong, in one clause;
    remedy: what to do about it; fatal: the rule is left out (else it is only warned of); also: a further
    fault of a rule that another problem leaves out already."""

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""
    fatal: bool = True
    also: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class RuleProblem(Exception):
    """A rule cannot be used. path: the keys that lead to the wrong place in its document, so that line and
    column can be found when they are needed, and need not be kept when nothing is wrong; more: what else is
    wrong with the same rule."""

    def __init__(self, message: str, remedy: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.path = path
        self.more: list[RuleProblem] = []

    def under(self, *keys: str | int) -> RuleProblem:
        """The same, and all that is beside it, as it is seen from above these keys."""
        for each in (self, *self.more):
            each.path = (*keys, *each.path)
        return self

    def every(self) -> list[RuleProblem]:
        """All that is wrong, each on its own."""
        return [self, *self.more]


def gathered(found: Sequence[RuleProblem]) -> RuleProblem:
    """Several as one, to be raised; the first so many are kept."""
    first, *rest = (each for problem in found for each in problem.every())
    first.more = rest[: MOST - 1]
    return first
