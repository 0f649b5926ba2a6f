"""Which matches of a satisfied window show why it is satisfied: at most 100, in order.

In: the items of the window that ends at an alert's first satisfied time. Out: some of them. The choice
follows from the set of items alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.correlate.model import CorrelationRule, Type
from detectors.correlate.windows import Item, satisfied

MOST_MEMBERS = 100


def witness(rule: CorrelationRule, window: Sequence[Item], end: int) -> tuple[Item, ...]:
    """The latest match of each distinct value or rule, the chain in order, or the latest matches."""
    if rule.type is Type.VALUE_COUNT:
        return _newest(list({value: item for item in window for value in item.values}.values()))
    if rule.type is Type.TEMPORAL:
        at = next(satisfied(rule, window, end, end), None)
        rules = set(at.note) if at else set()
        return _newest(list({item.rule: item for item in window if item.rule in rules}.values()))
    if rule.type is Type.TEMPORAL_ORDERED:
        return _chain(rule, window, end)
    if rule.type is Type.VALUE_PERCENTILE and rule.percentile is None:
        at = next(satisfied(rule, window, end, end), None)
        rare = at.note if at else ()
        return _newest([item for item in window if rare in item.values])
    return _newest(list(window[-MOST_MEMBERS:]))


def _newest(items: list[Item]) -> tuple[Item, ...]:
    distinct = sorted({item[:5]: item for item in items}.values(), key=lambda item: item[:5])
    return tuple(distinct[-MOST_MEMBERS:])


def _chain(rule: CorrelationRule, window: Sequence[Item], end: int) -> tuple[Item, ...]:
    """The chain with the latest matches, found from its last step back."""
    at = next(satisfied(rule, window, end, end), None)
    if at is None:
        return ()
    if rule.clauses:
        return _backwards(window, tuple(int(step) for step in at.note), end)
    length = int(at.note[0])
    ends: list[list[tuple[Item, ...]]] = [[()] * len(rule.rules) for _ in range(length)]
    found: tuple[Item, ...] = ()
    for item in sorted(window, key=lambda item: (item.time, item.position, -item.rule)):
        for size in range(min(length - 1, item.rule), -1, -1):
            best: tuple[Item, ...] = ()
            for chain in ends[size - 1][: item.rule] if size else []:
                if chain and chain[-1][:2] < item[:2] and (not best or chain[0][:2] > best[0][:2]):
                    best = chain
            if not size or best:
                ends[size][item.rule] = (*best, item)
                if size == length - 1 and item.time == end:
                    found = ends[size][item.rule]
    return found


def _backwards(window: Sequence[Item], steps: tuple[int, ...], end: int) -> tuple[Item, ...]:
    chain: list[Item] = []
    wanted = len(steps) - 1
    for item in reversed(window):
        if wanted < 0:
            break
        if item.rule == steps[wanted] and (item[:2] < chain[-1][:2] if chain else item.time == end):
            chain.append(item)
            wanted -= 1
    return tuple(reversed(chain))
