"""Run correlations: matches in, alerts out, the same for every order of arrival within the lateness.

`Correlations` holds the rules, resolved and in order of their chains; `State` what has been seen. Conditions
that can only grow fire when a match is fed; all others when `advance` says that the watermark has passed the
window's end and the lateness. A child's alert reaches its parents then, too, since its time may still move
back before. State is a function of what was fed between which advances, and of its last `reach` alone: who
feeds and advances again as it was done goes on as though nothing had been. `benchmarks/correlations` holds
the cost.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Sequence

import msgspec

from detectors.contract import Text
from detectors.correlate.groups import NEVER, CountGroup, Group, Terms, counted_by, keys_shown, member_of
from detectors.correlate.intake import Intake
from detectors.correlate.model import CorrelationRule, Fired, Match
from detectors.correlate.plan import Plan, Route, plan_of

MOST_GROUPS = 100_000
"""Group keys one correlation keeps; beyond, the smallest and oldest groups go and health says so."""

MOST_DISTINCT = 100
"""Values of a parent's key that a child lacks, taken from the child's events."""


class Health(msgspec.Struct):
    """What one correlation left out, and whether its bounds were met. Anything in `keys_capped` or `crowded`
    is worth an alert of its own: flooding keys is a way to evade.

    matches: fed to it; no_key: a group-by key was null or absent; no_value: the measured field was null or
    absent; no_number: values that were no number; negative: numbers below zero left out of a sum that fires
    at once; cut: lists with more values than one match may fan out to; late: came after the allowed
    lateness; keys_capped: groups dropped; crowded: times a group was thinned; groups: kept now.
    """

    matches: int = 0
    no_key: int = 0
    no_value: int = 0
    no_number: int = 0
    negative: int = 0
    cut: int = 0
    late: int = 0
    keys_capped: int = 0
    crowded: int = 0
    groups: int = 0


class Correlations:
    """The correlations in force. rules: resolved (`links.resolve`): ids in rules and aliases, no cycle.

    Raises ValueError where a chain is circular.
    """

    def __init__(self, rules: Sequence[CorrelationRule]) -> None:
        self.plan: Plan = plan_of(rules)
        self.rules: tuple[CorrelationRule, ...] = self.plan.rules

    def needs(self) -> dict[str, frozenset[str]]:
        """Base rule id -> fields to capture of each of its matches (none, where it is only counted)."""
        return dict(self.plan.needs)

    def reach(self) -> int:
        """How far before `watermark - lateness` lies what still matters, in ns: a state to which all was fed
        since the first match of this time or later was, between the same advances, is as good as the one that
        saw all before it."""
        return self.plan.reach

    def new_state(self, *, most_groups: int = MOST_GROUPS) -> State:
        return State(self.plan, most_groups)


class State:
    """What correlations have seen. feed and advance return alerts that are new or have grown."""

    def __init__(self, plan: Plan, most_groups: int) -> None:
        self._plan = plan
        self.horizon = -NEVER
        self.health: dict[str, Health] = {rule.id: Health() for rule in plan.rules}
        self._tables = {rule.id: _Table(rule, plan, most_groups, self.health[rule.id]) for rule in plan.rules}
        self._routes: dict[str, list[tuple[_Table, Route]]] = {}
        for rule in plan.rules:
            for route in plan.routes[rule.id]:
                self._routes.setdefault(route.source, []).append((self._tables[rule.id], route))

    def feed(self, matches: Iterable[Match]) -> list[Fired]:
        """Take matches in, in any order and any number of batches; adding one twice changes nothing."""
        for match in matches:
            for table, route in self._routes.get(match.rule, ()):
                table.take(route, match, self.horizon)
        fired = [alert for table in self._tables.values() for alert in table.settle(self.horizon)]
        return sorted(fired, key=_order)

    def advance(self, watermark: int, lateness: int) -> list[Fired]:
        """No match earlier than watermark - lateness is to come: decide what waits for that, and forget."""
        horizon = watermark - lateness - 1
        if horizon <= self.horizon:
            return []
        before, self.horizon = self.horizon, horizon
        fired: dict[object, Fired] = {}
        for table in self._tables.values():  # children stand before their parents
            alerts, finished = table.advance(horizon)
            fired.update((alert.id, alert) for alert in alerts)
            for match in finished:
                for parent, route in self._routes.get(match.rule, ()):
                    parent.take(route, match, before)
        return sorted(fired.values(), key=_order)

    def finish(self) -> list[Fired]:
        """All matches have come (the end of a scan): decide the rest."""
        return self.advance(NEVER - 1, 0)


class _Table:
    """The groups of one correlation."""

    def __init__(self, rule: CorrelationRule, plan: Plan, most_groups: int, health: Health) -> None:
        self.rule = rule
        self.terms = Terms(rule)
        self.health = health
        self.most_groups = most_groups
        self.has_parents = rule.id in plan.parents
        self.carries = plan.carries.get(rule.id, frozenset())
        self.level = rule.level
        self.make: type[Group] = CountGroup if self.terms.counting and not self.carries else Group
        self.groups: dict[tuple[str, ...], Group] = {}
        self.touched: dict[tuple[str, ...], Group] = {}
        self.wakes: list[tuple[int, tuple[str, ...]]] = []
        self.intake = Intake(rule, health)

    def take(self, route: Route, match: Match, horizon: int) -> None:
        """Put a match into the groups it belongs to; `settle` makes them count."""
        health, groups, touched = self.health, self.groups, self.touched
        health.matches += 1
        late = match.time <= horizon
        for key, item in self.intake.items(route, match):
            group = groups.get(key)
            if group is None:
                if len(groups) >= self.most_groups:
                    self._make_room()
                group = groups[key] = self.make(key)
            if late:
                group.reopen(self.terms, match.time, horizon)
            group.fresh.append(item)
            touched[key] = group
        health.late += late

    def settle(self, horizon: int) -> list[Fired]:
        fired = []
        for key, group in self.touched.items():
            crowded = group.crowded
            grown = group.settle(self.terms, horizon)
            if grown:
                fired += [self._fired(group, bucket) for bucket in grown]
            self.health.crowded += group.crowded - crowded
            if grown or group.wake == NEVER or not self.terms.growing or group.forgot == horizon:
                self._schedule(key, group, horizon)
        self.touched.clear()
        self.health.groups = len(self.groups)
        return fired

    def advance(self, horizon: int) -> tuple[list[Fired], list[Match]]:
        """Alerts as they stand now, and the alerts that became final, as matches for the parents."""
        fired = self.settle(horizon)
        finished: list[Match] = []
        while self.wakes and self.wakes[0][0] <= horizon:
            wake, key = heapq.heappop(self.wakes)
            group = self.groups.get(key)
            if group is None or group.wake != wake:
                continue
            fired += [self._fired(group, bucket) for bucket in group.advance(self.terms, horizon)]
            if self.has_parents:
                for bucket, alert in sorted(group.alerts.items()):
                    if not alert.handed and alert.first <= horizon:
                        alert.handed = True
                        finished.append(self._as_match(group, bucket))
            group.forget(self.terms, horizon)
            group.wake = NEVER
            self._schedule(key, group, horizon)
            if not group.items and not group.fresh:
                del self.groups[key]
        self.health.groups = len(self.groups)
        return fired, finished

    def _schedule(self, key: tuple[str, ...], group: Group, horizon: int) -> None:
        wake = group.next_wake(self.terms, self.has_parents, horizon)
        if wake < group.wake:
            group.wake = wake
            heapq.heappush(self.wakes, (wake, key))

    def _make_room(self) -> None:
        """Drop a tenth of the groups: of those that have not fired, the smallest, and of these the oldest."""
        settled = [
            (bool(group.alerts), len(group.items), group.items[-1].time, key)
            for key, group in self.groups.items()
            if group.items and not group.fresh
        ]
        most = max(1, self.most_groups // 10)
        for *_, key in heapq.nsmallest(most, settled) or [(False, 0, 0, next(iter(self.groups)))]:
            self.touched.pop(key, None)
            del self.groups[key]
            self.health.keys_capped += 1

    def _fired(self, group: Group, bucket: int) -> Fired:
        rule, alert = self.rule, group.alerts[bucket]
        return Fired(
            id=(rule.id, tuple(zip(rule.group_by, group.key, strict=True)), bucket),
            correlation=rule.id,
            group=keys_shown(rule, group.key, alert.spelling),
            bucket=bucket,
            timespan=rule.timespan,
            time=alert.first,
            last=alert.last,
            began=alert.began,
            position=alert.position,
            value=alert.value,
            count=alert.count,
            level=self.level,
            members=tuple(member_of(rule, item) for item in alert.members),
        )

    def _as_match(self, group: Group, bucket: int) -> Match:
        """An alert as a match of the correlations above, with the keys and values they ask for."""
        rule, alert = self.rule, group.alerts[bucket]
        values: dict[str, Text] = dict(zip(rule.group_by, alert.spelling, strict=True))
        for field in self.carries:
            values[field] = _distinct(field, group, alert.first - rule.timespan, alert.first)
        name = json.dumps([rule.id, list(group.key), bucket], ensure_ascii=False)
        counted = dict.fromkeys(
            each for item in alert.members for each in (counted_by(item) if item.who else (item.finding,))
        )
        return Match(rule.id, alert.first, alert.position, values, name, tuple(counted))


def _distinct(field: str, group: Group, begin: int, end: int) -> Text:
    """The values of a field in a child's events, distinct, sorted, at most 100."""
    found: set[str] = set()
    for item in group.items:
        if begin <= item.time <= end:
            cell: Text = item.carried.get(field)
            found.update((cell,) if isinstance(cell, str) else cell if isinstance(cell, tuple) else ())
    return tuple(sorted(found)[:MOST_DISTINCT]) or None


def _order(alert: Fired) -> tuple[object, ...]:
    return alert.time, alert.id
