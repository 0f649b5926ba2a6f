"""Checks on text as Hyperscan expressions, and a database of many of them.

String patterns become expressions over the UTF-8 bytes of the case-folded text (of the text itself where case
matters); regular expressions are searched in the text as it is.

Hyperscan 0.9.1 overlooks some literals of two to five bytes that end with the last byte it is given, in
databases of a few expressions. So no match may end there: a text is given with bytes after it that no text
holds, and a pattern ends with the first of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import hyperscan

from detectors.sigma.expression import ANY, DASH, DASHES, ONE, Like, Regex
from detectors.sigma.values import TimedRegex, fold

AFTER = b"\xff\xff"
_END = b"\\xff"
_FLAGS = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH
_CHARACTER = rb"(?:[\x00-\x7f]|[\xc0-\xf7][\x80-\xbf]*)"
_DASH = b"(?:" + b"|".join(b"".join(b"\\x%02x" % byte for byte in dash.encode()) for dash in DASHES) + b")"
_BYTES = [bytes((byte,)) if byte < 128 and chr(byte).isalnum() else b"\\x%02x" % byte for byte in range(256)]


class Patterns:
    """A database whose expressions are string patterns and stand for atoms, by their order."""

    def __init__(self, database: hyperscan.Database, atoms: Sequence[int]) -> None:
        self._scan = database.scan
        self._database = database
        self._atoms = atoms

    def search(self, text: str, found: list[int]) -> None:
        """Add the atoms whose patterns occur in the text."""
        hits: list[int] = []
        data = text.encode("utf-8", "surrogatepass") + AFTER
        self._scan(data, match_event_handler=_collect, context=hits)
        if hits:
            found.extend(map(self._atoms.__getitem__, hits))


class Regexes:
    """The same for regular expressions. They may ask for the end of a text in many ways, so it is searched
    as it is and with a line's end after it; what only the latter brings, and ends there, is asked of the
    other engine."""

    def __init__(
        self, database: hyperscan.Database, atoms: Sequence[int], checks: Sequence[Like | Regex]
    ) -> None:
        self._scan = database.scan
        self._database = database
        self._atoms = atoms
        self._checks = checks
        self._asked: dict[int, TimedRegex] = {}

    def search(self, text: str, found: list[int]) -> None:
        """Add the atoms whose expressions match somewhere in the text."""
        data = text.encode("utf-8", "replace")
        hits: list[int] = []
        ends: list[tuple[int, int]] = []
        self._scan(data, match_event_handler=_collect, context=hits)
        self._scan(data + b"\n", match_event_handler=_collect_end, context=ends)
        for pattern, end in ends:
            if pattern not in hits and (end <= len(data) or self._matches(pattern, text)):
                hits.append(pattern)
        found.extend(map(self._atoms.__getitem__, hits))

    def _matches(self, pattern: int, text: str) -> bool:
        if pattern not in self._asked:
            check = self._checks[pattern]
            assert isinstance(check, Regex)
            self._asked[pattern] = TimedRegex(check)
        return self._asked[pattern].matches(text, "")


def _collect(pattern: int, start: int, end: int, flags: int, hits: object) -> None:
    hits.append(pattern)  # type: ignore[attr-defined]


def _collect_end(pattern: int, start: int, end: int, flags: int, hits: object) -> None:
    hits.append((pattern, end))  # type: ignore[attr-defined]


def compile_pattern(check: Like | Regex) -> tuple[bytes, int]:
    """A check as a Hyperscan expression with its flags."""
    if isinstance(check, Like):
        return _like(check), _FLAGS
    flags: int = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY | hyperscan.HS_FLAG_UTF8
    if "i" in check.flags:
        flags |= hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_UCP
    if "m" in check.flags:
        flags |= hyperscan.HS_FLAG_MULTILINE
    if "s" in check.flags:
        flags |= hyperscan.HS_FLAG_DOTALL
    return check.pattern.encode("utf-8", "replace"), flags


def _like(check: Like) -> bytes:
    parts = list(check.parts)
    start, end = b"\\A", _END
    if parts[0] == ANY:
        start, parts = b"", parts[1:]
    if parts and parts[-1] == ANY:
        end, parts = b"", parts[:-1]
    pieces: dict[int, bytes] = {ANY: b".*", ONE: _CHARACTER, DASH: _DASH}
    body = b"".join(
        _literal(part if check.cased else fold(part)) if isinstance(part, str) else pieces[part]
        for part in parts
    )
    return start + body + end


def _literal(text: str) -> bytes:
    return b"".join([_BYTES[byte] for byte in text.encode("utf-8", "surrogatepass")])
