"""Asks of a payload whether its fast decoding may mean something else than its tree.

In: the keys that projections read, and what else is sought in raw events; then payloads. Out: rows to look
at twice, and rows in which something sought occurs, by one scan for both. msgspec keeps the last of equal
keys and knows no dotted ones, so an attacker could hide a field behind a second one of the same name.
One Hyperscan scan of each payload finds any needed key that stands twice (`"Image":` .. `"Image":`), nested
names written with dots, keys written with escapes, and blanks before a colon. It may hit in vain (a key
that stands once in each of two objects); the caller then reads the tree. The scan costs about a fifth of
decoding, whatever the number of keys (tests/benchmarks/decode.py); a third less for what is asked for often,
which has a database of its own.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeAlias

import hyperscan

from detectors.sigma.cache import Cache
from xdrtui.events.values import Path

_FLAGS = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL

ESCAPED_KEY = rb'\\u00[2-7][0-9a-fA-F](?:[^"\\]|\\u00[2-7][0-9a-fA-F])*"\s*:'
BLANK_BEFORE_COLON = (rb'"[ \t\r\n]:', rb"[ \t\r\n]{2}:")  # two: as literals they are scanned faster
ALWAYS = frozenset((ESCAPED_KEY, *BLANK_BEFORE_COLON))

MOST_DATABASES = 4
OFTEN = 20_000
"""Payloads after which what is asked of them gets a database of its own: compiling it takes some 20 ms, and
scanning with it saves 0.4 us each."""

MOST_OWN = 32

Asked: TypeAlias = tuple[frozenset[bytes], frozenset[bytes]]
"""Expressions wanted and sought."""

Scan: TypeAlias = tuple[frozenset[int], frozenset[int], Any]
"""The numbers in a database of the expressions wanted and sought, and how to scan with it."""


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
        self._scans_of: dict[Asked, list[Scan]] = {}
        self._own: dict[Asked, list[Scan]] = {}
        self._payloads: Counter[Asked] = Counter()

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
        self._parts.append((chosen, self._database(chosen)))

    def _database(self, chosen: Sequence[bytes]) -> Any:
        database, refused = self._cache.database(
            b"guard\0" + b"\0".join(chosen), lambda: [(expression, _FLAGS) for expression in chosen]
        )
        assert database is not None and not refused, "keys and pieces are short: none is refused"
        return database

    def hits(
        self, payloads: Sequence[bytes], wanted: frozenset[bytes], sought: frozenset[bytes] = frozenset()
    ) -> tuple[set[int], set[int]]:
        """Rows in which one of the wanted expressions (all known by now) occurs, and one of those sought."""
        found: set[int] = set()
        suspects: set[int] = set()
        for mine, others, scan in self._scans((wanted, sought), len(payloads)):
            hit = _collect(mine, found, others, suspects)
            deque(map(scan, payloads, repeat(hit), repeat(0), range(len(payloads))), 0)
        return found, suspects

    def _scans(self, asked: Asked, payloads: int) -> list[Scan]:
        """The databases that know of these expressions."""
        if asked in self._own:
            return self._own[asked]
        if len(self._own) < MOST_OWN:
            self._payloads[asked] += payloads
            if self._payloads[asked] > OFTEN:
                chosen = sorted(asked[0] | asked[1])
                self._own[asked] = [_scan_for(asked, chosen, self._database(chosen))]
                return self._own[asked]
        known = self._scans_of.get(asked)
        if known is None:
            scans = [_scan_for(asked, chosen, database) for chosen, database in self._parts]
            known = self._scans_of[asked] = [scan for scan in scans if scan[0] or scan[1]]
        return known


def _scan_for(asked: Asked, chosen: Sequence[bytes], database: Any) -> Scan:
    wanted, sought = asked
    mine = frozenset(number for number, expression in enumerate(chosen) if expression in wanted)
    others = frozenset(number for number, expression in enumerate(chosen) if expression in sought)
    return mine, others, database.scan


def _collect(
    mine: frozenset[int], found: set[int], others: frozenset[int], suspects: set[int]
) -> Callable[[int, int, int, int, int], None]:
    def hit(index: int, _start: int, _end: int, _flags: int, row: int) -> None:
        if index in mine:
            found.add(row)
        if index in others:
            suspects.add(row)

    return hit
