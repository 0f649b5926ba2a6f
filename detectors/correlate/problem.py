"""What is wrong with a correlation, each with its place; `CorrelationProblem` carries all of one document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeAlias

import msgspec

from detectors.sigma.documents import place
from detectors.sigma.problem import Problem

Path: TypeAlias = "tuple[str | int, ...]"


class Where(msgspec.Struct, frozen=True):
    """Where a document stands. locate: path of keys -> line and column, asked only when something is
    wrong."""

    file: str = "<text>"
    locate: Callable[[Path], tuple[int, int]] = lambda path: (0, 0)

    @classmethod
    def document(cls, file: str, text: bytes, index: int) -> Where:
        """Document `index` (0-based) of this file."""
        return cls(file, lambda path: place(text, index, path))

    def problem(self, message: str, remedy: str = "", path: Path = (), *, fatal: bool = True) -> Problem:
        line, column = self.locate(path)
        return Problem(self.file, line, column, message, remedy, fatal)


class CorrelationProblem(Exception):
    """A correlation cannot be used. problems: all that is wrong with it; the first is also at hand by
    field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
        first = self.problems[0]
        self.file, self.line, self.column = first.file, first.line, first.column
        self.message, self.remedy = first.message, first.remedy


def nearest(wrong: str, right: Iterable[str]) -> str:
    """'did you mean ...?' or the list of what is right."""
    names = sorted(right)
    close = get_close_matches(wrong.lower(), names, 1, 0.6)
    return f"did you mean '{close[0]}'?" if close else "use one of " + ", ".join(names)
