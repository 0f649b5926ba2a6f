"""What findings make of an alert. Pure.

In: what is known of an alert, and findings that belong to it, in any order. Out: the alert as the set of all
of them makes it: nothing here depends on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from xdrtui.store.alerts import RANKS, Folded
from xdrtui.store.findings import Stored

ENTITIES_A_KIND = 32
"""How many entities of a kind an alert shows: those seen first."""


def first_of(row: Stored) -> Folded:
    """The alert that one finding makes."""
    return Folded(
        id=row.alert,
        rule=row.rule,
        rule_hash=row.rule_hash,
        kind="rule",
        group=row.group,
        window_start=row.window_time // row.window * row.window,
        window=row.window,
        level=row.level,
        host=row.host,
        user=row.user,
        summary=row.summary,
        count=0,
        duplicates=0,
        first_seen=row.window_time,
        last_seen=row.window_time,
        head=row.key,
        head_seq=row.seq,
        entities={},
    )


def absorb(alert: Folded, rows: Sequence[Stored], duplicates: int) -> Folded:
    """Add findings to an alert, in place; return it.

    The first of them by time says what the alert shows; its level is the highest. duplicates: how many of
    these findings have an event that the alert held already.
    """
    for row in rows:
        if row.key < alert.head or row.seq == alert.head_seq:
            alert.head, alert.head_seq = row.key, row.seq
            alert.host, alert.user, alert.summary = row.host, row.user, row.summary
            if alert.kind == "rule":
                alert.group, alert.rule_hash = row.group, row.rule_hash
        if alert.kind == "rule" and RANKS.get(row.level, 0) > RANKS.get(alert.level, 0):
            alert.level = row.level
        alert.first_seen = min(alert.first_seen, row.window_time)
        alert.last_seen = max(alert.last_seen, row.window_time)
        for kind, value in msgspec.json.decode(row.entities, type=list[tuple[str, str]]):
            known = alert.entities.get((kind, value))
            if known is None or row.window_time < known:
                alert.entities[kind, value] = row.window_time
    alert.count += len(rows)
    alert.duplicates += duplicates
    alert.entities = earliest(alert.entities)
    return alert


def earliest(entities: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """The entities of each kind that were seen first, up to the cap. Those of the final choice are in the
    choice among any part, so that the order of arrival does not matter."""
    if len(entities) <= ENTITIES_A_KIND:
        return entities
    taken: dict[str, int] = {}
    kept: dict[tuple[str, str], int] = {}
    for pair, first in sorted(entities.items(), key=lambda item: (item[1], item[0])):
        taken[pair[0]] = taken.get(pair[0], 0) + 1
        if taken[pair[0]] <= ENTITIES_A_KIND:
            kept[pair] = first
    return kept
