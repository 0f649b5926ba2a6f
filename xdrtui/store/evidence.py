"""Which events of an alert are pinned as evidence, because Kafka and the archive forget. Pure.

The first 20, the last 20, and the first of each distinct capture. The choice depends on the set of findings
alone: whatever belongs to the final choice belongs to the choice among any part that holds it, so choosing
batch by batch, in any order, ends with the same evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

FIRST = 20
LAST = 20
DISTINCT = 100
RAW_LIMIT = 256 * 1024


class Key(NamedTuple):
    """What evidence is ordered by: time that windows use, then content, then position. Content stands before
    position so that the same events, split otherwise over partitions, give the same choice."""

    time: int
    event_hash: bytes
    source: str
    partition: int
    offset: int
    idx: int


class Candidate(NamedTuple):
    """A finding that could be pinned. capture: canonical JSON of its captures; handle: whose it is."""

    key: Key
    capture: str
    handle: int


def pick(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates to pin, in order of their keys."""
    ordered = sorted(candidates)
    if len(ordered) <= FIRST + LAST:
        return ordered
    chosen = dict.fromkeys((*ordered[:FIRST], *ordered[-LAST:]))
    seen: set[str] = set()
    for candidate in ordered:
        if len(seen) == DISTINCT:
            break
        if candidate.capture not in seen:
            seen.add(candidate.capture)
            chosen[candidate] = None
    return sorted(chosen)
