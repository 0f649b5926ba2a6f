"""One group of one correlation: its matches, and the alerts that they make.

An alert stands for one bucket (floor(t / timespan)) that holds a satisfied end t; its first and last
satisfied ends, and its members, the matches in [first - timespan, last], follow from the set of matches
alone. `horizon` is the time up to which no match is still to come; what lies far enough behind it is
forgotten.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from detectors.correlate.model import CorrelationRule, Key, Member, Type, shown
from detectors.correlate.windows import Item, Satisfied, after, satisfied
from detectors.correlate.witness import MOST_MEMBERS, witness

MOST_ITEMS = 20_000
"""Matches a group keeps, unless its condition needs more to be met."""

NEVER = 1 << 63


class Terms:
    """A rule, and what follows from it, worked out once. need: the fewest matches (of value_count: values)
    that can satisfy it; counting: it is the business of `CountGroup`."""

    __slots__ = ("counting", "growing", "need", "rule", "same", "timespan", "values")

    def __init__(self, rule: CorrelationRule) -> None:
        self.rule = rule
        self.timespan = rule.timespan
        self.growing = rule.growing
        self.counting = rule.growing and rule.type is Type.EVENT_COUNT
        self.same = 5 if rule.type.temporal else 4  # else an event counts once, whatever rules it met
        self.values = rule.type is Type.VALUE_COUNT
        counted = rule.type in (Type.EVENT_COUNT, Type.VALUE_COUNT)
        self.need = needed(rule) if self.growing and counted else 1


class Open:
    """An alert whose bucket is not over. handed: given to the correlations above."""

    __slots__ = (
        *("began", "begins", "count", "ends", "first", "handed", "last", "members", "position", "spelling"),
        "value",
    )

    def __init__(self, time: int, value: str) -> None:
        self.first = self.last = time
        self.value = value
        self.handed = False
        self.count = self.begins = self.ends = 0  # begins, ends: ranks among all matches of the group
        self.began = time
        self.position: tuple[str | int, ...] = ()
        self.members: tuple[Item, ...] = ()
        self.spelling: tuple[str, ...] = ()


class Group:
    """The matches of one group key. The owner adds items, calls `settle`, and `advance` when `wake` has
    come."""

    __slots__ = ("alerts", "crowded", "decided", "fresh", "items", "key", "wake")

    def __init__(self, key: tuple[str, ...]) -> None:
        self.key = key
        self.items: list[Item] = []
        self.fresh: list[Item] = []
        self.alerts: dict[int, Open] = {}
        self.decided = -NEVER
        self.wake = NEVER
        self.crowded = 0

    def settle(self, terms: Terms, horizon: int) -> list[int]:
        """Take in the fresh items. Returns the buckets whose alerts are new or have grown."""
        span = self._merge(terms)
        if span is None:
            return []
        low, high = span
        grown: set[int] = set()
        if terms.growing and self._enough(terms):
            for at in satisfied(terms.rule, self.items, low, high + terms.timespan):
                grown.add(self._meet(terms, at))
        for bucket, alert in self.alerts.items():
            if alert.first - terms.timespan <= high and low <= alert.last:
                grown.add(bucket)
        self._refresh(terms, grown)
        if len(self.items) > MOST_ITEMS:
            self._thin(terms, horizon)
        return sorted(grown)

    def advance(self, terms: Terms, horizon: int) -> list[int]:
        """Decide what can be decided now, and forget what nothing needs. Returns the buckets as `settle`
        does."""
        grown: set[int] = set()
        if not terms.growing and horizon > self.decided:
            for at in satisfied(terms.rule, self.items, self.decided + 1, horizon):
                grown.add(self._meet(terms, at))
            self.decided = horizon
            self._refresh(terms, grown)
        return sorted(grown)

    def forget(self, terms: Terms, horizon: int) -> None:
        """Drop alerts whose buckets are over and items that no window or alert can need any more."""
        for bucket in [b for b, a in self.alerts.items() if (b + 1) * terms.timespan <= horizon]:
            del self.alerts[bucket]
        cut = after(self.items, horizon - 2 * terms.timespan)
        if cut:
            del self.items[:cut]

    def next_wake(self, terms: Terms, has_parents: bool, horizon: int) -> int:
        """The horizon at which `advance` has something to do; NEVER for an empty group."""
        if not self.items:
            return NEVER
        wake = max(self.items[0].time + 3 * terms.timespan, horizon + 1)
        if not terms.growing:
            undecided = after(self.items, self.decided)
            if undecided < len(self.items):
                wake = min(wake, self.items[undecided].time)
        for bucket, alert in self.alerts.items():
            wake = min(wake, (bucket + 1) * terms.timespan)
            if has_parents and not alert.handed:
                wake = min(wake, alert.first)
        return wake

    def _enough(self, terms: Terms) -> bool:
        """False where there are too few matches for the condition, whenever they came."""
        if len(self.items) >= terms.need:
            return True
        return terms.values and sum(len(item.values) for item in self.items) >= terms.need

    def _merge(self, terms: Terms) -> tuple[int, int] | None:
        """Sort the fresh items in, each match once. Returns the times of the earliest and the latest new
        one."""
        fresh = self.fresh
        if not fresh:
            return None
        self.fresh = []
        items = self.items
        if len(fresh) == 1 and (not items or items[-1].time < fresh[0].time):  # the usual case by far
            items.append(fresh[0])
            return fresh[0].time, fresh[0].time
        fresh.sort(key=_identity)
        if not items or items[-1][:4] < fresh[0][:4]:
            start = len(items)
            items.extend(fresh)
        else:
            start = bisect_left(items, fresh[0][:4])
            items.extend(fresh)
            items[start:] = sorted(items[start:], key=_identity)
        same = terms.same
        start = max(0, start - 1)
        before: tuple[object, ...] | None = None
        kept = start
        for index in range(start, len(items)):
            identity = items[index][:same]
            if identity != before:
                items[kept] = items[index]
                kept += 1
                before = identity
        del items[kept:]
        return fresh[0].time, fresh[-1].time

    def _meet(self, terms: Terms, at: Satisfied) -> int:
        bucket = at.time // terms.timespan
        alert = self.alerts.get(bucket)
        if alert is None:
            self.alerts[bucket] = Open(at.time, at.value)
        else:
            if at.time <= alert.first:
                alert.first, alert.value = at.time, at.value
            alert.last = max(alert.last, at.time)
        return bucket

    def _refresh(self, terms: Terms, buckets: set[int]) -> None:
        for bucket in buckets:
            alert = self.alerts[bucket]
            low = after(self.items, alert.first - terms.timespan - 1)
            middle = after(self.items, alert.first)
            if terms.counting:  # as CountGroup does
                met = first_met(self.items, alert.first, terms.need, terms.timespan)
                low, middle = met - terms.need + 1, met + 1
            window = self.items[low:middle]
            if not window:
                continue
            alert.count = after(self.items, alert.last) - low
            if terms.counting:
                alert.value = str(alert.count)
            alert.began, alert.spelling = window[0].time, window[0].spelling
            alert.position = window[-1].position
            alert.members = witness(terms.rule, window, alert.first)

    def _thin(self, terms: Terms, horizon: int) -> None:
        """Too many items: keep, of those that are final, the latest of each kind, which decides as all
        did."""
        final = after(self.items, horizon)
        if terms.growing and terms.rule.type.value in ("value_count", "temporal"):
            latest = {(item.values or item.rule): item for item in self.items[:final]}
            self.items[:final] = sorted(latest.values(), key=_identity)
        self.crowded += 1
        if len(self.items) > MOST_ITEMS:
            del self.items[: len(self.items) - MOST_ITEMS * 3 // 4]


class CountGroup(Group):
    """event_count with gte or gt: only the last N final matches are kept, and counts of the rest.

    A window that ends at t holds N matches when the N-th latest up to t is no older than t - timespan.
    Members are those N and all matches after them up to the last end. pruned: how many were dropped, the last
    of them at pruned_until; final: the horizon then, up to which alerts have told what began them.
    """

    __slots__ = ("final", "pruned", "pruned_until")

    def __init__(self, key: tuple[str, ...]) -> None:
        super().__init__(key)
        self.pruned = 0
        self.pruned_until = self.final = -NEVER

    def settle(self, terms: Terms, horizon: int) -> list[int]:
        span = self._merge(terms)
        if span is None:
            return []
        low, high = span
        items, need = self.items, terms.need
        if len(items) < need:
            return []
        grown: set[int] = set()
        begin = after(items, low - 1)
        reach = min(len(items), after(items, high) + need)
        for index in range(max(begin, need - 1), reach):
            time = items[index].time
            if time - items[index - need + 1].time <= terms.timespan:
                grown.add(self._meet(terms, Satisfied(time, "")))
        moved = set(grown)  # ranks move when matches come in before
        for bucket, alert in self.alerts.items():
            if low <= alert.last:
                moved.add(bucket)
                if alert.first - terms.timespan <= high:
                    grown.add(bucket)
        self._refresh(terms, moved)
        if len(items) > 4 * need + 256:
            self._prune(need, horizon)
        if len(items) > max(MOST_ITEMS, 4 * need):
            self.crowded += 1
            self._prune(need, items[len(items) // 2].time)
        return sorted(grown)

    def forget(self, terms: Terms, horizon: int) -> None:
        for bucket in [b for b in self.alerts if (b + 1) * terms.timespan <= horizon]:
            del self.alerts[bucket]
        self._prune(terms.need, horizon)
        if self.items and self.items[-1].time + 2 * terms.timespan <= horizon:
            self.items.clear()

    def _prune(self, need: int, horizon: int) -> None:
        """Drop what is final but for the last N; alerts remember how far they had counted."""
        cut = after(self.items, horizon) - need
        if cut <= 0:
            return
        until = self.items[cut - 1].time
        self.pruned += cut
        self.pruned_until, self.final = until, max(self.final, horizon)
        del self.items[:cut]

    def _refresh(self, terms: Terms, buckets: set[int]) -> None:
        need = terms.need
        for bucket in buckets:
            alert = self.alerts[bucket]
            if alert.first > self.final or not alert.members:  # else its N are no longer all here
                met = first_met(self.items, alert.first, need, terms.timespan)
                window = self.items[met - need + 1 : met + 1]
                alert.began, alert.spelling = window[0].time, window[0].spelling
                alert.position = window[-1].position
                alert.members = tuple(window[-MOST_MEMBERS:])
                alert.begins = self.pruned + met - need + 1
            if alert.last > self.pruned_until:
                alert.ends = self.pruned + after(self.items, alert.last)
            alert.count = alert.ends - alert.begins
            alert.value = str(alert.count)


def first_met(items: Sequence[Item], time: int, need: int, timespan: int) -> int:
    """Index of the first item at this time with which `need` items lie within the timespan."""
    index = max(after(items, time - 1), need - 1)
    while items[index].time - items[index - need + 1].time > timespan:
        index += 1
    return index


def needed(rule: CorrelationRule) -> int:
    """N of a growing event count: the fewest matches that satisfy all its bounds."""
    least = 1
    for bound in rule.bounds:
        floor = bound.limit.numerator // bound.limit.denominator
        whole = bound.limit.denominator == 1
        least = max(least, floor + (bound.operator == "gt" or not whole))
    return least


def _identity(item: Item) -> tuple[object, ...]:
    return item[:5]


def keys_shown(rule: CorrelationRule, key: Sequence[str], spelling: Sequence[str]) -> tuple[Key, ...]:
    """A group key with its fields' names."""
    return tuple(
        Key(field, value, spelled) for field, value, spelled in zip(rule.group_by, key, spelling, strict=True)
    )


def member_of(rule: CorrelationRule, item: Item) -> Member:
    """An item as the world outside sees it."""
    values = tuple(", ".join(value) if isinstance(value, tuple) else shown(value) for value in item.values)
    return Member(rule.rules[item.rule], item.time, item.position, item.finding, values, item.who)
