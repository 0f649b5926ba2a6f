"""Time and chance for the generated scenarios.

Times are integer microseconds since the epoch, UTC. Chance comes from `Dice`, one per part of a scenario,
seeded by a text: a part that draws more numbers changes no other part. Only integer arithmetic and
`random()` are used, so the same seed gives the same bytes on every platform. The worlds themselves are in
domain.py, farm.py and account.py.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

MILLI = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# How busy an office, and a service with users in several countries, is in each hour of the day (UTC).
OFFICE = (1, 1, 1, 1, 1, 2, 6, 16, 30, 34, 34, 32, 22, 30, 34, 32, 26, 14, 6, 3, 2, 2, 1, 1)
SERVICE = (10, 8, 7, 6, 7, 9, 13, 17, 21, 23, 24, 24, 23, 23, 24, 23, 22, 21, 20, 20, 18, 16, 14, 12)
ALWAYS = (1,) * 24


class Day:
    """One calendar day; `at("08:41:03.5")` is a moment in it."""

    def __init__(self, date: str) -> None:
        self.start = (
            round((datetime.fromisoformat(date).replace(tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND
        )
        self.end = self.start + DAY

    def at(self, clock: str) -> int:
        hours, minutes, seconds = (
            (clock + ":00")[:8].split(":") if clock.count(":") == 1 else clock.split(":")
        )
        whole, _, fraction = seconds.partition(".")
        micro = int(fraction.ljust(6, "0")[:6]) if fraction else 0
        return self.start + int(hours) * HOUR + int(minutes) * MINUTE + int(whole) * SECOND + micro

    def every(
        self, period: int, jitter: int, dice: Dice, start: str = "00:00", end: str = "24:00"
    ) -> Iterator[int]:
        """Moments `period` apart, each moved by up to `jitter` either way, kept inside the day."""
        moment, last = self.at(start) + dice.upto(period), self.at(end)
        while moment < last:
            moved = moment + dice.between(-jitter, jitter)
            if self.start <= moved < self.end - 2 * MINUTE:
                yield moved
            moment += period


class Dice:
    """Repeatable chance."""

    def __init__(self, seed: int, part: str) -> None:
        self._random = random.Random(f"{seed}/{part}")

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def upto(self, limit: int) -> int:
        """An integer in [0, limit)."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, items: Sequence[T]) -> T:
        return items[self.upto(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """`count` different items, in random order."""
        left = list(items)
        return [left.pop(self.upto(len(left))) for _ in range(min(count, len(left)))]

    def weighted(self, items: Sequence[tuple[int, T]]) -> T:
        ticket = self.upto(sum(weight for weight, _ in items))
        for weight, item in items:
            ticket -= weight
            if ticket < 0:
                return item
        raise AssertionError("weights must be positive")

    def hexes(self, count: int) -> str:
        return "".join("0123456789abcdef"[self.upto(16)] for _ in range(count))

    def letters(
        self, count: int, alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    ) -> str:
        return "".join(alphabet[self.upto(len(alphabet))] for _ in range(count))

    def uuid(self) -> str:
        text = self.hexes(32)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def moments(self, day: Day, count: int, rhythm: Sequence[int]) -> list[int]:
        """`count` moments of the day, more in its busy hours, in rising order."""
        hours = [(weight, hour) for hour, weight in enumerate(rhythm)]
        found = [day.start + self.weighted(hours) * HOUR + self.upto(HOUR) for _ in range(count)]
        return sorted(min(moment, day.end - 2 * MINUTE) for moment in found)


def _moment(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time)


def iso_milli(time: int) -> str:
    """2026-03-03T08:41:03.123Z"""
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time % SECOND // MILLI:03d}Z"


def iso_micro(time: int, zone: str = "+00:00") -> str:
    """2026-03-03T08:41:03.123456+00:00"""
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%S.%f") + zone


def iso_second(time: int) -> str:
    """2026-03-03T08:41:03Z"""
    return _moment(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_milli(time: int) -> str:
    """2026-03-03 08:41:03.123"""
    return _moment(time).strftime("%Y-%m-%d %H:%M:%S.") + f"{time % SECOND // MILLI:03d}"


def plain_second(time: int) -> str:
    """2026-03-03 08:41:03"""
    return _moment(time).strftime("%Y-%m-%d %H:%M:%S")


def digest(text: str, kind: str) -> str:
    """A stand-in for a file's hash: the hash of a text that names the file."""
    return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()
