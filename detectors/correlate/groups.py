"""One group of one correlation: its matches, and the alerts that they make.

An alert stands for one bucket (floor(t / timespan)) that holds a satisfied end t; its first and last
satisfied ends, and its members, the matches in [first - timespan, last], follow from the set of matches
alone. `horizon` is the time up to which no match is still to come; what lies far enough behind it is
forgotten, when that costs least, unless a match comes late all the same: then before it is taken in
(`reopen`), so that what it meets follows from the matches and horizons before it, not from when groups woke.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from detectors.correlate.model import CorrelationRule, Key, Member, Type, shown
from detectors.correlate.windows import COUNTED, Item, Satisfied, after, satisfied
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
    """An alert whose bucket is not over. handed: given to the correlations above; begins, ends: ranks among
    all matches of the group; told: the first end when its members were found, after so many cuts."""

    __slots__ = (
        *("began", "begins", "count", "cuts", "ends", "first", "handed", "last", "members", "position"),
        *("spelling", "told", "value"),
    )

    def __init__(self, time: int, value: str) -> None:
        self.first = self.last = time
        self.value = value
        self.handed = False
        self.count = self.begins = self.ends = self.cuts = 0
        self.told = -NEVER
        self.began = time
        self.position: tuple[str | int, ...] = ()
        self.members: tuple[Item, ...] = ()
        self.spelling: tuple[str, ...] = ()


class Group:
    """The matches of one group key. The owner adds items, calls `settle`, and `advance` when `wake` has
    come."""

    __slots__ = ("alerts", "crowded", "decided", "forgot", "fresh", "items", "key", "wake")

    def __init__(self, key: tuple[str, ...]) -> None:
        self.key = key
        self.items: list[Item] = []
        self.fresh: list[Item] = []
        self.alerts: dict[int, Open] = {}
        self.decided = self.forgot = -NEVER
        self.wake = NEVER
        self.crowded = 0

    def settle(self, terms: Terms, horizon: int) -> list[int]:
        """Take in the fresh items. Returns the buckets whose alerts are new or have grown."""
        grown: set[int] = set()
        enough = None
        for low, high in self._merge(terms):
            if enough is None:
                enough = terms.growing and self._enough(terms)
            if enough:
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

    def reopen(self, terms: Terms, time: int, horizon: int) -> None:
        """A match at this time comes late. Forget what lies behind the horizon before it is taken in, and
        decide again those of the ends from there on whose whole windows are still known."""
        if self.forgot < horizon:
            self.forget(terms, horizon)
        self.decided = max(min(self.decided, time - 1), horizon - terms.timespan)

    def forget(self, terms: Terms, horizon: int) -> None:
        """Drop alerts whose buckets are over and items that no window or alert can need any more."""
        self.forgot = horizon
        for bucket in [b for b in self.alerts if (b + 1) * terms.timespan <= horizon]:
            del self.alerts[bucket]
        self._drop(terms, horizon)

    def _drop(self, terms: Terms, horizon: int) -> None:
        del self.items[: after(self.items, horizon - 2 * terms.timespan)]

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

    def _merge(self, terms: Terms) -> list[tuple[int, int]]:
        """Sort the fresh items in, each match once. Returns the times of the earliest and the latest new one,
        for each run of new ones whose windows touch."""
        fresh = self.fresh
        if not fresh:
            return []
        self.fresh = []
        items = self.items
        if len(fresh) == 1 and (not items or items[-1].time < fresh[0].time):  # the usual case by far
            items.append(fresh[0])
            return [(fresh[0].time, fresh[0].time)]
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
        return _runs(fresh, terms.timespan)

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
                if met is None:
                    continue
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
    Members are those N and all matches after them up to the last end. pruned: how many were dropped, in so
    many cuts, the last of them at pruned_until.
    """

    __slots__ = ("cuts", "pruned", "pruned_until")

    def __init__(self, key: tuple[str, ...]) -> None:
        super().__init__(key)
        self.pruned = self.cuts = 0
        self.pruned_until = -NEVER

    def settle(self, terms: Terms, horizon: int) -> list[int]:
        runs = self._merge(terms)
        items, need = self.items, terms.need
        if not runs or len(items) < need:
            return []
        grown: set[int] = set()
        for low, high in runs:
            begin = after(items, low - 1)
            reach = min(len(items), after(items, high) + need)
            for index in range(max(begin, need - 1), reach):
                time = items[index].time
                if time - items[index - need + 1].time <= terms.timespan:
                    grown.add(self._meet(terms, Satisfied(time, "")))
        moved = set(grown)  # ranks move when matches come in before
        for low, high in runs:
            for bucket, alert in self.alerts.items():
                if low <= alert.last:
                    moved.add(bucket)
                    if alert.first - terms.timespan <= high:
                        grown.add(bucket)
        self._refresh(terms, moved)
        if len(items) > 4 * need + 256 and self.forgot < horizon:  # else late ones are among them
            self._drop(terms, horizon)
        if len(items) > max(MOST_ITEMS, 4 * need):
            self.crowded += 1
            self._cut(after(items, items[len(items) // 2].time) - need)
        return sorted(grown)

    def _drop(self, terms: Terms, horizon: int) -> None:
        """Drop what is final but for the last N, and of these what is too old."""
        old = after(self.items, horizon - 2 * terms.timespan)
        self._cut(max(old, after(self.items, horizon) - terms.need))

    def _cut(self, cut: int) -> None:
        """Alerts remember how far they had counted."""
        if cut > 0:
            self.cuts += 1
            self.pruned += cut
            self.pruned_until = self.items[cut - 1].time
            del self.items[:cut]

    def _refresh(self, terms: Terms, buckets: set[int]) -> None:
        need = terms.need
        for bucket in buckets:
            alert = self.alerts[bucket]
            known = alert.told != alert.first or self._knows(terms, alert)
            met = first_met(self.items, alert.first, need, terms.timespan) if known else None
            if met is not None:
                window = self.items[met - need + 1 : met + 1]
                alert.began, alert.spelling = window[0].time, window[0].spelling
                alert.position = window[-1].position
                alert.members = tuple(window[-MOST_MEMBERS:])
                alert.begins = self.pruned + met - need + 1
                alert.told, alert.cuts = alert.first, self.cuts
            if met is not None or alert.last > self.pruned_until:
                alert.ends = self.pruned + after(self.items, alert.last)
            alert.count = alert.ends - alert.begins
            alert.value = str(alert.count)

    def _knows(self, terms: Terms, alert: Open) -> bool:
        """Whether the N that the alert began with are all here."""
        if alert.cuts == self.cuts or self.pruned_until < alert.first - terms.timespan:
            return True
        return self.pruned_until < alert.first and after(self.items, alert.first - 1) >= terms.need - 1


def first_met(items: Sequence[Item], time: int, need: int, timespan: int) -> int | None:
    """Index of the first item at this time with which `need` items lie within the timespan; None where none
    is known any more."""
    index = max(after(items, time - 1), need - 1)
    while index < len(items) and items[index].time == time:
        if time - items[index - need + 1].time <= timespan:
            return index
        index += 1
    return None


def needed(rule: CorrelationRule) -> int:
    """N of a growing event count: the fewest matches that satisfy all its bounds."""
    least = 1
    for bound in rule.bounds:
        floor = bound.limit.numerator // bound.limit.denominator
        whole = bound.limit.denominator == 1
        least = max(least, floor + (bound.operator == "gt" or not whole))
    return least


def _runs(items: Sequence[Item], timespan: int) -> list[tuple[int, int]]:
    """First and last time of each run of these items, in order, that lie no further apart than the
    timespan."""
    runs = []
    low = high = items[0].time
    for item in items:
        if item.time - high > timespan:
            runs.append((low, high))
            low = item.time
        high = item.time
    runs.append((low, high))
    return runs


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
    return Member(
        rule.rules[item.rule], item.time, item.position, item.finding, values, item.who, counted_by(item)
    )


def counted_by(item: Item) -> tuple[str, ...]:
    """The findings that a child's alert counted; nothing for an event."""
    counted = item.carried.get(COUNTED) if item.who else ()
    return counted if isinstance(counted, tuple) else ()
