"""Keyword tests: patterns looked for in all values of an event.

The event's raw bytes are first searched for one plain piece of each keyword; only where one occurs, or where
escapes or unusual letters could hide it, the event is taken apart and its values are tested exactly.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate

import hyperscan

from detectors.contract import Text
from detectors.sigma.atoms import Atom, Column
from detectors.sigma.expression import ANY, Check, Like
from detectors.sigma.patterns import AFTER

_PIECE = re.compile(r"[A-Za-z0-9 _.:;,@#$%()=+-]{3,}")
_LONGEST = 200  # of a piece; Hyperscan refuses patterns of 16,000 bytes
# What could hide such a piece: JSON escapes of its characters, and the letters outside ASCII that case
# folding brings into it, themselves or escaped. (Writers escape < > & ' " all the time; no piece holds one.)
# An audit record writes texts as hexadecimal, and its arguments one by one.
_FOLDING = "\u212a\u017f\u00df\u1e9e\u0149\u01f0\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
_HIDERS = [
    rb"\\u00(?:2[013-589a-f]|3[0-9abdf]|[4-7][0-9a-f])",
    *(char.encode() for char in _FOLDING),
    *(b"\\\\u%04x" % ord(char) for char in _FOLDING),
    rb"msg=audit\(",
]


class Keywords:
    """All keyword atoms of one plan.

    pieces: what to search raw events for (Hyperscan's expressions); none where every event is a suspect.
    """

    def __init__(self, checks: Iterable[tuple[Atom, Check, bool]]) -> None:
        checks = list(checks)
        self._column = Column(checks)
        pieces = [_piece(check) for _, check, _ in checks]
        negated = any(negated for _, _, negated in checks)
        self._inside = all(isinstance(check, Like) and check.parts[:1] == check.parts[-1:] == (ANY,)
                           for _, check, _ in checks)  # fmt: skip
        self.pieces: frozenset[bytes] = frozenset()
        if checks and all(pieces) and not negated:
            plain = [re.escape(piece).encode() for piece in pieces]
            self.pieces = frozenset(b"(?i)" + expression for expression in (*plain, *_HIDERS))

    @cached_property
    def _prefilter(self) -> hyperscan.Database:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(expressions=sorted(self.pieces), ids=list(range(len(self.pieces))), flags=0)
        return database

    def suspects(self, raws: Sequence[bytes]) -> Iterable[int]:
        """The rows that may hold a keyword. All events are searched in one go: no piece holds a newline."""
        if not self.pieces:
            return range(len(raws))
        ends: list[int] = []
        self._prefilter.scan(b"\n".join(raws) + AFTER, match_event_handler=_note_end, context=ends)
        if not ends:
            return ()
        borders = list(accumulate(len(raw) + 1 for raw in raws))
        return sorted({bisect_left(borders, end) for end in ends})

    def match(self, event: Mapping[str, Text]) -> frozenset[Atom]:
        """The atoms that are true for this event."""
        values = tuple(
            text
            for cell in event.values()
            for text in (cell if isinstance(cell, tuple) else (cell,))
            if isinstance(text, str)
        )
        if self._inside and self.pieces and not self._column.match("\n".join(values)):
            return frozenset()  # patterns look inside: what no value together holds, none holds alone
        return self._column.match(values)


def _note_end(pattern: int, start: int, end: int, flags: int, ends: object) -> None:
    ends.append(end)  # type: ignore[attr-defined]


def _piece(check: Check) -> str:
    """The longest plain piece that any text matching the check must hold; empty if there is none."""
    if not isinstance(check, Like):
        return ""
    runs = [run for part in check.parts if isinstance(part, str) for run in _PIECE.findall(part)]
    return max(runs, key=len, default="")[:_LONGEST]
