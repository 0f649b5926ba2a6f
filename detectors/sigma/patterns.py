"""Checks on text as Hyperscan expressions, and a database of many of them.

String patterns become expressions over the UTF-8 bytes of the case-folded text (of the text itself where case
matters); regular expressions are searched in the text as it is.
"""

from __future__ import annotations

import hyperscan

from detectors.sigma.expression import ANY, DASH, DASHES, ONE, Like, Regex
from detectors.sigma.values import fold

_FLAGS = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_SINGLEMATCH
_CHARACTER = rb"(?:[\x00-\x7f]|[\xc0-\xff][\x80-\xbf]*)"
_DASH = b"(?:" + b"|".join(b"".join(b"\\x%02x" % byte for byte in dash.encode()) for dash in DASHES) + b")"
_BYTES = [bytes((byte,)) if byte < 128 and chr(byte).isalnum() else b"\\x%02x" % byte for byte in range(256)]


class Patterns:
    """A database whose expressions stand for atoms, by their order."""

    def __init__(self, database: hyperscan.Database, atoms: list[int]) -> None:
        self._scan = database.scan
        self._database = database
        self._atoms = atoms

    def search(self, data: bytes, found: list[int]) -> None:
        """Add the atoms whose patterns occur in the data."""
        hits: list[int] = []
        self._scan(data, match_event_handler=_collect, context=hits)
        if hits:
            found.extend(map(self._atoms.__getitem__, hits))


def _collect(pattern: int, start: int, end: int, flags: int, hits: object) -> None:
    hits.append(pattern)  # type: ignore[attr-defined]


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
    start, end = b"\\A", b"\\z"
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
