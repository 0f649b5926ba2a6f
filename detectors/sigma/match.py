"""The Sigma detector: frames in, findings out, by distinct value and by distinct row.

For each column every distinct value is tested once; the set of atoms it makes true is kept under a small
number, its signature. A row is the tuple of its columns' signatures, and which rules hold follows from that
tuple alone, so it too is worked out once. In steady state an event costs one dictionary look-up a column
and one a row (tests/benchmarks/scan.py holds it). All caches are bounded and emptied when full; that costs
time, never a match."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from detectors.contract import EventFrame, EventType, Findings, Needs, Text
from detectors.sigma.atoms import Atom, Atoms, Column, fields_of
from detectors.sigma.cache import Cache
from detectors.sigma.keywords import Keywords
from detectors.sigma.plan import Plan, Prepared, Serving, cost_of
from detectors.sigma.rules import Rule, RuleSet
from detectors.sigma.values import TimedRegex

ENGINE = "sigma-1"
_CACHE_BYTES = 96_000_000
_ENTRY_BYTES = 130
_LONGEST_KEPT = 4_096
_ROWS_KEPT = 300_000
_TYPES_KEPT = 16_384


class _Budget:
    """What all caches together hold, in bytes, roughly."""

    def __init__(self) -> None:
        self.used = 0


class _Signatures(dict[frozenset[Atom], int]):
    """Sets of atoms as small numbers. Number 0 is the empty set."""

    def __init__(self) -> None:
        super().__init__()
        self.sets: list[frozenset[Atom]] = []
        self[frozenset()]

    def __missing__(self, atoms: frozenset[Atom]) -> int:
        number = self[atoms] = len(self.sets)
        self.sets.append(atoms)
        return number


class _Values(dict[Text, int]):
    """Cell -> signature of one column."""

    def __init__(
        self, match: Callable[[Text], frozenset[Atom]], signatures: _Signatures, budget: _Budget
    ) -> None:
        super().__init__()
        self._match = match
        self._signatures = signatures
        self._budget = budget

    def __missing__(self, cell: Text) -> int:
        signature = self._signatures[self._match(cell)]
        size = len(cell) if isinstance(cell, str) else sum(map(len, cell)) if isinstance(cell, tuple) else 0
        if size <= _LONGEST_KEPT:
            self[cell] = signature
            self._budget.used += size + _ENTRY_BYTES
        return signature


class _Pairs(dict[tuple[Text, Text], int]):
    """Two cells -> signature, for references from field to field."""

    def __init__(self, column: Column, signatures: _Signatures, budget: _Budget) -> None:
        super().__init__()
        self._column = column
        self._signatures = signatures
        self._budget = budget

    def __missing__(self, cells: tuple[Text, Text]) -> int:
        signature = self[cells] = self._signatures[self._column.match_pair(*cells)]
        self._budget.used += sum(len(c) for c in cells if isinstance(c, str)) + _ENTRY_BYTES
        return signature


class _Rows(dict[tuple[int, ...], tuple[int, ...]]):
    """Signatures of a row -> numbers of the rules that hold."""

    def __init__(self, plan: Plan, signatures: _Signatures) -> None:
        super().__init__()
        self._plan = plan
        self._signatures = signatures

    def __missing__(self, row: tuple[int, ...]) -> tuple[int, ...]:
        sets = self._signatures.sets
        true: set[Atom] = set()
        for signature in row:
            true |= sets[signature]
        rules = self[row] = self._plan.rules_for(true)
        return rules


class SigmaDetector:
    """All Sigma rules of a rule set as one detector.

    captures: for each rule id the fields whose values its findings must carry (for correlations).
    cache: where compiled patterns are kept between runs.
    """

    name = "sigma"

    def __init__(
        self,
        rules: RuleSet,
        captures: Mapping[str, frozenset[str]] | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.rules: Sequence[Rule] = rules.rules
        self.cache = cache
        self._captures = dict(captures or {})
        digest = hashlib.blake2b(f"{ENGINE} {rules.fingerprint}".encode(), digest_size=16)
        digest.update(repr(sorted((k, sorted(v)) for k, v in self._captures.items())).encode())
        self.fingerprint = digest.hexdigest()
        self._atoms = Atoms()
        self._prepared = [Prepared(rule, self._atoms) for rule in self.rules]
        self._serving = Serving(self.rules)
        self._costs = [0.0] * len(self._atoms)
        for checks in self._atoms.columns.values():
            for atom, check, negated in checks:
                self._costs[atom] = cost_of(check, negated)
        self._columns: dict[str, Column] = {}
        self._keywords: dict[frozenset[Atom], Keywords] = {}
        self._plans: dict[EventType, Plan] = {}
        self._plans_by_content: dict[object, Plan] = {}
        self._forget()

    def _forget(self) -> None:
        self._signatures = _Signatures()
        self._budget = _Budget()
        self._values: dict[str, _Values | _Pairs] = {}
        self._rows: dict[Plan, _Rows] = {}

    @property
    def timeouts(self) -> dict[str, int]:
        """Regular expressions that took too long on some values, and on how many: these values were not
        matched, which somebody should know of."""
        return {
            matcher.pattern: matcher.timeouts
            for column in self._columns.values()
            for _, matcher in column.slow
            if isinstance(matcher, TimedRegex) and matcher.timeouts
        }

    def plan(self, event_type: EventType) -> Plan:
        """The plan of an event type, made when it is first seen. Types that the rules cannot tell apart share
        one, so that however many an attacker invents, the plans are few."""
        plan = self._plans.get(event_type)
        if plan is None:
            if len(self._plans) >= _TYPES_KEPT:
                self._plans.clear()
            decided: set[Atom] = set()
            true: set[Atom] = set()
            for field, value in event_type.constants:
                if field in self._atoms.columns:
                    decided.update(atom for atom, _, _ in self._atoms.columns[field])
                    true |= self._column(field).match(value)
            key = (event_type.log_sources, frozenset(decided), frozenset(true))
            plan = self._plans_by_content.get(key)
            if plan is None:
                chosen = [(number, self._prepared[number]) for number in self._serving.numbers(event_type)]
                plan = Plan(chosen, self._atoms, self._costs, key[1], key[2])
                self._plans_by_content[key] = plan
            self._plans[event_type] = plan
        return plan

    def _column(self, name: str) -> Column:
        matcher = self._columns.get(name)
        if matcher is None:
            matcher = self._columns[name] = Column(self._atoms.columns[name], self.cache)
        return matcher

    def needs(self, event_type: EventType) -> Needs:
        plan = self.plan(event_type)
        captured = (self._captures.get(self.rules[number].id, frozenset()) for number in plan.trees)
        pieces = self._keywords_of(plan.keywords).pieces if plan.keywords else frozenset()
        return Needs(plan.fields.union(*captured), whole_event=bool(plan.keywords), pieces=pieces)

    def detect(self, frame: EventFrame) -> Findings:
        if self._budget.used > _CACHE_BYTES:
            self._forget()
        plan = self.plan(frame.event_type)
        if not frame.rows:
            return Findings(self.name)
        strangers = self._strangers(plan, frame)
        hits = self._hits(plan, frame)
        if strangers:
            hits = [(number, row) for number, row in hits if row not in strangers]
        findings = self._findings(frame, hits)
        return self._with_strangers(findings, frame, sorted(strangers)) if strangers else findings

    def _hits(self, plan: Plan, frame: EventFrame) -> list[tuple[int, int]]:
        """(rule number, row) of every match."""
        if not plan.trees:
            return []
        rows = self._rows.get(plan)
        if rows is None or len(rows) > _ROWS_KEPT:
            rows = self._rows[plan] = _Rows(plan, self._signatures)
        signatures = [self._signed(column, frame) for column in plan.columns]
        if plan.keywords:
            signatures.append(self._keyworded(plan.keywords, frame))
        if not signatures:
            return [(number, row) for row in range(frame.rows) for number in rows[()]]
        matched = map(rows.__getitem__, zip(*signatures, strict=True))
        return [(number, row) for row, numbers in enumerate(matched) if numbers for number in numbers]

    @staticmethod
    def _strangers(plan: Plan, frame: EventFrame) -> set[int]:
        """Rows that do not have the values that their type was planned for: an event that says two."""
        strangers: set[int] = set()
        for field, value in frame.event_type.constants:
            if field in plan.pinned:
                column = frame.columns[field]
                if list(column).count(value) != frame.rows:
                    strangers.update(row for row, cell in enumerate(column) if cell != value)
        return strangers

    def _with_strangers(self, findings: Findings, frame: EventFrame, rows: list[int]) -> Findings:
        """The findings with those of rows that must be held against all rules of their log sources."""
        plain = msgspec.structs.replace(frame.event_type, constants=())
        events = [frame.event(row) for row in rows]
        fields = self.needs(plain).fields
        columns = {field: [event.get(field) for event in events] for field in fields}
        again = EventFrame(plain, columns, [frame.raws[row] for row in rows], lambda row: events[row])
        more = self.detect(again)
        return Findings(
            self.name,
            findings.rules + more.rules,
            findings.rows + [rows[row] for row in more.rows],
            findings.scores + more.scores,
            findings.captures + more.captures,
        )

    def _signed(self, column: str, frame: EventFrame) -> Sequence[int]:
        """The signature of each row in one column."""
        fields = fields_of(column)
        values = self._values.get(column)
        if values is None:
            matcher = self._column(column)
            if len(fields) == 2:
                values = _Pairs(matcher, self._signatures, self._budget)
            else:
                values = _Values(matcher.match, self._signatures, self._budget)
            self._values[column] = values
        if len(fields) == 2:
            pairs = zip(frame.columns[fields[0]], frame.columns[fields[1]], strict=True)
            return list(map(values.__getitem__, pairs))  # type: ignore[arg-type]
        return list(map(values.__getitem__, frame.columns[column]))  # type: ignore[arg-type]

    def _keyworded(self, atoms: frozenset[Atom], frame: EventFrame) -> list[int]:
        """The signature of each row over the keywords of the plan's own rules."""
        keywords = self._keywords_of(atoms)
        searched = keywords.pieces and keywords.pieces <= frame.sought
        signatures = [0] * frame.rows
        for row in frame.suspects if searched else keywords.suspects(frame.raws):
            signatures[row] = self._signatures[keywords.match(frame.event(row))]
        return signatures

    def _keywords_of(self, atoms: frozenset[Atom]) -> Keywords:
        keywords = self._keywords.get(atoms)
        if keywords is None:
            chosen = [entry for entry in self._atoms.columns[""] if entry[0] in atoms]
            keywords = self._keywords[atoms] = Keywords(chosen)
        return keywords

    def _findings(self, frame: EventFrame, hits: list[tuple[int, int]]) -> Findings:
        rules = [self.rules[number].id for number, _ in hits]
        captures: list[Mapping[str, Text]] = [
            {field: frame.columns[field][row] for field in self._captures.get(rule, ())}
            for rule, (_, row) in zip(rules, hits, strict=True)
        ]
        return Findings(self.name, rules, [row for _, row in hits], [1.0] * len(hits), captures)
