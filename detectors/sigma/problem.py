"""What is wrong with a rule, and where: file, line, column, what, how to right it.

Problems are values, so that one broken rule never stops the rest; `RuleProblem` carries one out of the depths
of parsing to the place that collects them.
"""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """file: as given; line, column: 1-based, 0 where unknown; message: what is wrong, in one clause;
    remedy: what to do about it; fatal: the rule is left out (else it is only warned of)."""

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class RuleProblem(Exception):
    """A rule cannot be used. path: the keys that lead to the wrong place in its document, so that line and
    column can be found when they are needed, and need not be kept when nothing is wrong."""

    def __init__(self, message: str, remedy: str = "", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.path = path
