"""What each rule costs on real events, in an engine that shares nearly all of its work between rules.

In: frames, as for any detector. Out: the same findings, and a `Cost` a rule. Measured are: the time of each
rule's own tree; the time of each column's look-ups and searches, one part for each atom, split between the
rules of the event type that have the atom; the time of patterns that Hyperscan refuses, split between the
rules that have them. So the costs of all rules add up to what was measured, and a rule that shares its
patterns is cheap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from time import perf_counter_ns

import msgspec

from detectors.contract import EventFrame, EventType, Findings
from detectors.sigma.atoms import Atom, Column, fields_of
from detectors.sigma.cache import Cache
from detectors.sigma.match import SigmaDetector
from detectors.sigma.plan import Plan, atoms_of, holds
from detectors.sigma.rules import RuleSet
from detectors.sigma.values import LinearLike, TimedRegex


class Cost(msgspec.Struct, frozen=True):
    """One rule. matches: events it matched; evaluations: how often its tree was looked at (once for each
    distinct combination of what its event type's columns came to); times in nanoseconds: tree: of these
    looks; shared: its part of the columns' searches; slow: its part of patterns outside Hyperscan. alone:
    fields that are decoded of some event type for this rule alone."""

    rule: str
    matches: int
    evaluations: int
    tree: int
    shared: int
    slow: int
    alone: tuple[str, ...] = ()

    @property
    def time(self) -> int:
        """All of it, in nanoseconds."""
        return self.tree + self.shared + self.slow


class ProfilingDetector(SigmaDetector):
    """Finds what `SigmaDetector` finds, and keeps account. detecting: nanoseconds in `detect`, all told."""

    def __init__(
        self,
        rules: RuleSet,
        captures: Mapping[str, frozenset[str]] | None = None,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(rules, captures, cache)
        self.detecting = 0
        self._depth = 0
        self._matches: Counter[str] = Counter()
        self._trees: Counter[int] = Counter()
        self._looks: Counter[int] = Counter()
        self._columns_time: defaultdict[tuple[Plan, str], int] = defaultdict(int)
        self._slow_time: Counter[Atom] = Counter()
        self._slow_total = 0
        self._watched: set[Plan] = set()
        self._wrapped: set[str] = set()

    def plan(self, event_type: EventType) -> Plan:
        plan = super().plan(event_type)
        if plan not in self._watched:
            self._watched.add(plan)
            plan.rules_for = partial(self._rules_for, plan)  # type: ignore[method-assign]
        return plan

    def detect(self, frame: EventFrame) -> Findings:
        began = perf_counter_ns()
        self._depth += 1
        try:
            findings = super().detect(frame)
        finally:
            self._depth -= 1
        if not self._depth:
            self.detecting += perf_counter_ns() - began
            self._matches.update(findings.rules)
        return findings

    def _rules_for(self, plan: Plan, true: set[Atom]) -> tuple[int, ...]:
        """`Plan.rules_for`, with a clock."""
        candidates = set(plan.always)
        for atom in true:
            candidates.update(plan.index.get(atom, ()))
        found: list[int] = []
        for number in sorted(candidates):
            began = perf_counter_ns()
            if holds(plan.trees[number], true):
                found.append(number)
            self._trees[number] += perf_counter_ns() - began
            self._looks[number] += 1
        return tuple(found)

    def _column(self, name: str) -> Column:
        column = super()._column(name)
        if name not in self._wrapped:
            self._wrapped.add(name)
            column.slow = [(atom, _Clocked(self, atom, slow)) for atom, slow in column.slow]  # type: ignore[misc]
        return column

    def _signed(self, column: str, frame: EventFrame) -> Sequence[int]:
        self._column(column)  # compiled before the clock runs
        began, slow = perf_counter_ns(), self._slow_total
        result = super()._signed(column, frame)
        spent = perf_counter_ns() - began - (self._slow_total - slow)
        self._columns_time[self.plan(frame.event_type), column] += spent
        return result

    def _keyworded(self, atoms: frozenset[Atom], frame: EventFrame) -> list[int]:
        began = perf_counter_ns()
        result = super()._keyworded(atoms, frame)
        self._columns_time[self.plan(frame.event_type), ""] += perf_counter_ns() - began
        return result

    def costs(self) -> list[Cost]:
        """What each rule has cost so far, in the rules' order."""
        shared: defaultdict[int, float] = defaultdict(float)
        slow: defaultdict[int, float] = defaultdict(float)
        alone: defaultdict[int, set[str]] = defaultdict(set)
        for plan in self._watched:
            used = {number: frozenset(atoms_of(tree)) for number, tree in plan.trees.items()}
            users = Counter(atom for atoms in used.values() for atom in atoms)
            by_column: defaultdict[str, list[Atom]] = defaultdict(list)
            for atom in users:
                by_column[self._atoms.column(atom)].append(atom)
            for number, atoms in used.items():
                for atom in atoms:
                    column = self._atoms.column(atom)
                    spent = self._columns_time.get((plan, column), 0)
                    shared[number] += spent / len(by_column[column]) / users[atom]
            askers: defaultdict[str, set[int]] = defaultdict(set)
            for number, atoms in used.items():
                for field in {f for atom in atoms for f in fields_of(self._atoms.column(atom))}:
                    askers[field].add(number)
            for field, numbers in askers.items():
                if len(numbers) == 1:
                    alone[min(numbers)].add(field)
        slow_rules: defaultdict[Atom, list[int]] = defaultdict(list)
        for number, prepared in enumerate(self._prepared):
            for atom in prepared.atoms:
                if atom in self._slow_time:
                    slow_rules[atom].append(number)
        for atom, owners in slow_rules.items():
            for number in owners:
                slow[number] += self._slow_time[atom] / len(owners)
        return [
            Cost(
                rule.id,
                self._matches[rule.id],
                self._looks[number],
                self._trees[number],
                round(shared[number]),
                round(slow[number]),
                tuple(sorted(alone[number])),
            )
            for number, rule in enumerate(self.rules)
        ]

    def attributed(self) -> int:
        """Nanoseconds that were measured and given to rules; the rest of `detecting` is the bookkeeping that
        all rules share."""
        return sum(self._trees.values()) + sum(self._columns_time.values()) + self._slow_total

    def note_slow(self, atom: Atom, spent: int) -> None:
        """Account for a search outside Hyperscan."""
        self._slow_time[atom] += spent
        self._slow_total += spent


class _Clocked:
    """A slow matcher with a clock."""

    def __init__(self, account: ProfilingDetector, atom: Atom, matcher: LinearLike | TimedRegex) -> None:
        self._account = account
        self._atom = atom
        self._matcher = matcher

    def matches(self, text: str, folded: str) -> bool:
        began = perf_counter_ns()
        result = self._matcher.matches(text, folded)
        self._account.note_slow(self._atom, perf_counter_ns() - began)
        return result
