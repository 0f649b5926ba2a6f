"""Correlations of a scan that stores nothing: matches in, what fired out, when all has been read.

A scan reads its files one after the other, so times do not come in order: the matches that correlations
count are kept until the end and decided then, as `scan --into` decides them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from detectors.contract import Text
from detectors.correlate.model import Fired, Match
from xdrtui.pipeline.rulebook import Rulebook

MOST = 2_000_000
"""Matches that are kept, some 400 bytes each."""


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """A match that some correlation counts. source: the file; time: as windows use it, nanoseconds."""

    rule: str
    source: str
    offset: int
    index: int
    time: int
    values: Mapping[str, Text]


class Counting:
    """The matches so far that correlations count. dropped: how many came beyond the most that are kept."""

    def __init__(self, rulebook: Rulebook, most: int = MOST) -> None:
        self._rulebook = rulebook
        self._most = most
        self._kept: list[Counted] = []
        self.dropped = 0

    def add(self, matches: Iterable[Counted]) -> None:
        self._kept.extend(matches)
        over = len(self._kept) - self._most
        if over > 0:
            del self._kept[self._most :]
            self.dropped += over

    def finish(self) -> list[Fired]:
        """What fired, in order of time; less the correlations that only feed others."""
        correlations = self._rulebook.correlations
        if not correlations.rules:
            return []
        order = sorted(self._kept, key=lambda one: (one.time, one.source, one.offset, one.index, one.rule))
        state = correlations.new_state()
        fired = state.feed(
            Match(one.rule, one.time, (one.source, 0, one.offset, one.index), one.values) for one in order
        )
        fired += state.finish()
        newest = {one.id: one for one in fired if one.correlation not in self._rulebook.muted}
        return sorted(newest.values(), key=lambda one: (one.time, one.id))
