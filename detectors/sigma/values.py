"""Values as tests see them: case folding, numbers, parts of times, and the slow but bounded paths.

Case is Unicode's full case folding on both sides. Numbers are integers or exact decimals: no nan, no hex, no
underscores; what is no number is no match.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import regex

from detectors.sigma.expression import ANY, DASH, DASHES, ONE, Like, Regex

_NUMBER = re.compile(r"[-+]?(?:\d{1,400})(?:\.\d{1,400})?(?:[eE][-+]?\d{1,4})?", re.ASCII)
_LONGEST, _SHORTEST = 0.05, 0.002
"""Seconds that one value may take in an expression that Hyperscan refuses."""


def fold(text: str) -> str:
    """The text without case."""
    return text.lower() if text.isascii() else text.casefold()


def number_of(text: str) -> Decimal | None:
    """The number that the text is, or None."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def in_order(number: Decimal, operator: str, bound: Decimal) -> bool:
    """number operator bound, for lt lte gt gte eq."""
    match operator:
        case "lt":
            return number < bound
        case "lte":
            return number <= bound
        case "gt":
            return number > bound
        case "gte":
            return number >= bound
    return number == bound


def time_part(text: str, unit: str) -> int | None:
    """One part of the time that the text tells, in UTC, or None. week: ISO week; day: of the month."""
    moment = _moment(text)
    if moment is None:
        return None
    return moment.isocalendar().week if unit == "week" else int(getattr(moment, unit))


def _moment(text: str) -> datetime | None:
    number = number_of(text)
    try:
        if number is not None:
            if number.adjusted() > 30:  # no time in any unit; as a float it might be infinite
                return None
            seconds = float(number)
            while abs(seconds) > 1e11:  # milliseconds, microseconds, nanoseconds
                seconds /= 1000
            return datetime.fromtimestamp(seconds, UTC)
        moment = datetime.fromisoformat(text[:19] + re.sub(r"^[.,]\d+", "", text[19:]).strip())
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class LinearLike:
    """A string pattern too large for Hyperscan, matched piece by piece from the left: no backtracking."""

    def __init__(self, check: Like) -> None:
        self._cased = check.cased
        pieces: list[str] = [""]
        for part in check.parts:
            if part == ANY:
                pieces.append("")
            elif part == ONE:
                pieces[-1] += "."
            elif part == DASH:
                pieces[-1] += f"[{re.escape(DASHES)}]"
            else:
                pieces[-1] += re.escape(str(part) if check.cased else fold(str(part)))
        self._pieces = [re.compile(piece, re.DOTALL) for piece in pieces]
        self._last = re.compile(f"(?:{pieces[-1]})\\Z", re.DOTALL)

    def matches(self, text: str, folded: str) -> bool:
        value = text if self._cased else folded
        if len(self._pieces) == 1:
            return self._pieces[0].fullmatch(value) is not None
        position = 0
        for index, piece in enumerate(self._pieces[:-1]):
            found = piece.search(value, position) if index else piece.match(value)
            if found is None:
                return False
            position = found.end()
        return self._last.search(value, position) is not None


class TimedRegex:
    """A regular expression that Hyperscan refuses (look-around, back-references, size), in an engine that can
    be stopped. A value that takes too long does not match and is counted in `timeouts`.

    The time a value may take halves with each that took too long, from 50 ms down to 2 ms, and grows again
    with each that did not: a flood of hostile values stays cheap, and none of them switches the expression
    off for those that come after.
    """

    def __init__(self, check: Regex) -> None:
        options = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
        self.pattern = check.pattern
        self.timeouts = 0
        self._limit = _LONGEST
        self._compiled = regex.compile(check.pattern, sum(options[flag] for flag in check.flags))

    def matches(self, text: str, folded: str) -> bool:
        try:
            found = self._compiled.search(text, timeout=self._limit, concurrent=True) is not None
        except TimeoutError:
            self.timeouts += 1
            self._limit = max(self._limit / 2, _SHORTEST)
            return False
        self._limit = min(self._limit * 1.1, _LONGEST)
        return found
