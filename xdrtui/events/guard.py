"""Asks of a payload whether its fast decoding may mean something else than its tree.

In: the keys that projections read, then payloads. Out: rows to look at twice. msgspec keeps the last of
equal keys and knows no dotted ones, so an attacker could hide a field behind a second one of the same name.
One Hyperscan scan of each payload finds any needed key that stands twice (`"Image":` .. `"Image":`), nested
names written with dots, keys written with escapes, and blanks before a colon. It may hit in vain (a key
that stands once in each of two objects); the caller then reads the tree. The scan costs about a fifth of
decoding, whatever the number of keys (tests/benchmarks/decode.py).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

import hyperscan

from detectors.sigma.cache import Cache
from xdrtui.events.values import Path

_FLAGS = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL

ESCAPED_KEY = rb'\\u00[2-7][0-9a-fA-F](?:[^"\\]|\\u00[2-7][0-9a-fA-F])*"\s*:'
BLANK_BEFORE_COLON = (rb'"[ \t\r\n]:', rb"[ \t\r\n]{2}:")  # two: as literals they are scanned faster
ALWAYS = frozenset((ESCAPED_KEY, *BLANK_BEFORE_COLON))

MOST_DATABASES = 4


def expressions(keys: Iterable[str], paths: Iterable[Path], dotted: bool) -> frozenset[bytes]:
    """What to look for where these keys are read, at these paths."""
    found = set(ALWAYS)
    for key in keys:
        literal = re.escape(key).encode()
        found.add(b'"%s":.*"%s":' % (literal, literal))
    for path in paths:
        for key in path[1:]:
            found.add(b'\\.%s":' % re.escape(key).encode())
        if dotted:
            found.update(b'"%s":' % re.escape(prefix).encode() for prefix in prefixes(path[0]))
    return frozenset(found)


def prefixes(name: str) -> list[str]:
    """What a dotted name may begin with as a key of its own: `a` and `a.b` of `a.b.c`."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


class Guard:
    """Hyperscan databases over all expressions asked for so far: one, and a few small ones for late
    comers."""

    def __init__(self, cache: Cache | None = None) -> None:
        """cache: where compiled databases are kept between runs."""
        self._cache = cache or Cache(None)
        self._parts: list[tuple[list[bytes], Any]] = []
        self._known: set[bytes] = set()
        self._scans_of: dict[frozenset[bytes], list[tuple[frozenset[int], Any]]] = {}

    def cover(self, wanted: Iterable[bytes]) -> None:
        """Make these expressions known. Compiling takes about a millisecond each; call it for many at
        once."""
        new = set(wanted) - self._known
        if not new:
            return
        self._known |= new
        self._scans_of.clear()
        if len(self._parts) >= MOST_DATABASES:
            new, self._parts = set(self._known), []
        chosen = sorted(new)
        database, refused = self._cache.database(
            b"guard\0" + b"\0".join(chosen), lambda: [(expression, _FLAGS) for expression in chosen]
        )
        assert database is not None and not refused, "keys are short literals: none is refused"
        self._parts.append((chosen, database))

    def hits(self, payloads: Sequence[bytes], wanted: frozenset[bytes]) -> set[int]:
        """Rows in which one of the wanted expressions (all known by now) occurs."""
        found: set[int] = set()
        for mine, scan in self._scans(wanted):
            hit = _collect(mine, found)
            deque(map(scan, payloads, repeat(hit), repeat(0), range(len(payloads))), 0)
        return found

    def _scans(self, wanted: frozenset[bytes]) -> list[tuple[frozenset[int], Any]]:
        """The databases that know of wanted expressions, each with the numbers of these in it."""
        known = self._scans_of.get(wanted)
        if known is None:
            known = self._scans_of[wanted] = [
                (mine, database.scan)
                for chosen, database in self._parts
                if (mine := frozenset(n for n, expression in enumerate(chosen) if expression in wanted))
            ]
        return known


def _collect(mine: frozenset[int], found: set[int]) -> Callable[[int, int, int, int, int], None]:
    def hit(index: int, _start: int, _end: int, _flags: int, row: int) -> None:
        if index in mine:
            found.add(row)

    return hit
