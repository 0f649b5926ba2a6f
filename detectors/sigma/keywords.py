"""Keyword tests: patterns looked for in all values of an event.

The event's raw bytes are first searched for one plain piece of each keyword; only where one occurs, or where
escapes or unusual letters could hide it, the event is taken apart and its values are tested exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import hyperscan

from detectors.contract import Text
from detectors.sigma.atoms import Atom, Column
from detectors.sigma.expression import Check, Like

_PIECE = re.compile(r"[A-Za-z0-9 _.:;,@#$%&()=+-]{3,}")
_ODD = re.compile(rb"[^\x00-\x7f]")
# JSON escapes, and the letters outside ASCII that case folding brings into it
_HIDERS = [
    rb"\\u",
    *(
        char.encode()
        for char in "\u212a\u017f\u00df\u1e9e\u0149\u01f0\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
    ),
]


class Keywords:
    """All keyword atoms. `match(raw, event)` gives those that are true for the event."""

    def __init__(self, checks: Iterable[tuple[Atom, Check, bool]]) -> None:
        checks = list(checks)
        self._column = Column(checks)
        pieces = [_piece(check) for _, check, _ in checks]
        negated = any(negated for _, _, negated in checks)
        self._prefilter: hyperscan.Database | None = None
        if checks and all(pieces) and not negated:
            expressions = [re.escape(piece).encode() for piece in sorted(set(pieces))] + _HIDERS
            self._prefilter = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._prefilter.compile(
                expressions=expressions,
                ids=list(range(len(expressions))),
                flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH] * len(expressions),
            )

    def match(self, raw: bytes, event: Callable[[], Mapping[str, Text]]) -> frozenset[Atom]:
        """The atoms true for this event. event is called only where a keyword may occur."""
        if self._prefilter is not None:
            hits: list[int] = []
            self._prefilter.scan(raw, match_event_handler=_hit, context=hits)
            if not hits:
                return frozenset()
        values = tuple(
            text
            for cell in event().values()
            for text in (cell if isinstance(cell, tuple) else (cell,))
            if isinstance(text, str)
        )
        return self._column.match(values)


def _hit(atom: int, start: int, end: int, flags: int, hits: object) -> None:
    assert isinstance(hits, list)
    hits.append(atom)


def _piece(check: Check) -> str:
    """The longest plain piece that any text matching the check must hold; empty if there is none."""
    if not isinstance(check, Like):
        return ""
    runs = [run for part in check.parts if isinstance(part, str) for run in _PIECE.findall(part)]
    return max(runs, key=len, default="")
