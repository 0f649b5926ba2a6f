"""What to do for one event type: which columns to look at, and which rules can follow from which atoms.

A rule is compiled to a small tree over atoms. Its anchors are atoms one of which must be true whenever the
rule is: an index from anchors to rules leaves about one rule in a hundred to be looked at. Rules without an
anchor (only negations) are looked at always."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TypeAlias

from detectors.contract import EventType, LogSource
from detectors.sigma.atoms import Atom, Atoms, fields_of
from detectors.sigma.expression import And, Check, Exists, Expression, IsNull, Like, Not, Regex, Test
from detectors.sigma.rules import Rule, tests_of

Tree: TypeAlias = "tuple[str, frozenset[Atom], tuple[Tree, ...]]"
"""("&" or "|" or "!", atoms directly under it, other trees under it)."""


def compile_tree(expression: Expression, atoms: Atoms) -> Tree:
    """The expression over atoms. Nested ands and ors of one kind are one."""
    if isinstance(expression, Test):
        return ("&", frozenset((atoms.intern(expression),)), ())
    if isinstance(expression, Not):
        return ("!", frozenset(), (compile_tree(expression.item, atoms),))
    sign = "&" if isinstance(expression, And) else "|"
    direct: set[Atom] = set()
    below: list[Tree] = []
    for item in expression.items:
        tree = compile_tree(item, atoms)
        kind, atoms_under, trees_under = tree
        if kind == sign or (kind != "!" and len(atoms_under) == 1 and not trees_under):
            direct |= atoms_under
            below.extend(trees_under)
        elif kind == "&" and not atoms_under and len(trees_under) == 1:
            below.append(trees_under[0])
        else:
            below.append(tree)
    return (sign, frozenset(direct), tuple(below))


def holds(tree: Tree, true: frozenset[Atom] | set[Atom]) -> bool:
    """Whether the tree is true where exactly these atoms are."""
    sign, direct, below = tree
    if sign == "&":
        return direct <= true and all(holds(each, true) for each in below)
    if sign == "|":
        return not direct.isdisjoint(true) or any(holds(each, true) for each in below)
    return not holds(below[0], true)


def anchors(tree: Tree, cost: Sequence[float]) -> frozenset[Atom] | None:
    """Atoms one of which is true whenever the tree is, the cheapest such set known; None if there is none."""
    sign, direct, below = tree
    if sign == "!":
        return None
    if sign == "|":
        found = set(direct)
        for each in below:
            inner = anchors(each, cost)
            if inner is None:
                return None
            found |= inner
        return frozenset(found)
    choices = [frozenset((atom,)) for atom in direct]
    choices += [inner for inner in (anchors(each, cost) for each in below) if inner is not None]
    return min(choices, key=lambda each: sum(cost[atom] for atom in each), default=None)


def cost_of(check: Check, negated: bool) -> float:
    """A guess at how often a check is true: long texts rarely, null and mere presence often."""
    if negated or isinstance(check, IsNull | Exists):
        return 1000.0
    if isinstance(check, Like):
        length = sum(len(part) for part in check.parts if isinstance(part, str))
        return 1.0 / (1 + length * length) if length else 500.0
    return 0.05 if isinstance(check, Regex) else 1.0


class Prepared:
    """What is known of one rule whatever the event type: its tree and its atoms."""

    def __init__(self, rule: Rule, atoms: Atoms) -> None:
        self.tree = compile_tree(rule.expression, atoms)
        self.atoms = frozenset(atoms_of(self.tree))
        self.keywords = frozenset(atoms.intern(test) for test in tests_of(rule.expression) if not test.field)


def specialise(tree: Tree, decided: Container[Atom], true: Container[Atom]) -> Tree | bool:
    """The tree where the outcome of these atoms is known: what is left of it, or what it comes out as."""
    sign, direct, below = tree
    if sign == "!":
        inner = specialise(below[0], decided, true)
        return not inner if isinstance(inner, bool) else (sign, direct, (inner,))
    settles = sign == "|"  # one true item settles an or, one false item an and
    if any((atom in true) == settles for atom in direct if atom in decided):
        return settles
    left = frozenset(atom for atom in direct if atom not in decided)
    rest: list[Tree] = []
    for each in below:
        inner = specialise(each, decided, true)
        if isinstance(inner, bool):
            if inner == settles:
                return settles
        else:
            rest.append(inner)
    return (sign, left, tuple(rest)) if left or rest else not settles


def atoms_of(tree: Tree) -> Iterator[Atom]:
    """Every atom of a tree."""
    yield from tree[1]
    for each in tree[2]:
        yield from atoms_of(each)


class Plan:
    """The plan of the event types that serve the same rules and decide the same atoms.

    decided, true: atoms whose outcome the event type's constants settle, and those of them that are true.
    columns: in the order of a row's signature; pinned: the columns of the decided atoms.
    """

    def __init__(
        self,
        rules: Iterable[tuple[int, Prepared]],
        atoms: Atoms,
        cost: Sequence[float],
        decided: frozenset[Atom] = frozenset(),
        true: frozenset[Atom] = frozenset(),
    ) -> None:
        columns: set[str] = set()
        pinned: set[str] = set()
        keywords: set[Atom] = set()
        self.trees: dict[int, Tree] = {}
        self.index: dict[Atom, list[int]] = {}
        self.always: list[int] = []
        for number, prepared in rules:
            tree = prepared.tree
            if decided:
                settled = {atom for atom in prepared.atoms if atom in decided}
                pinned.update(atoms.column(atom) for atom in settled)
                left = specialise(tree, decided, true) if settled else tree
                if left is False:
                    continue
                tree = ("&", frozenset(), ()) if left is True else left
            self.trees[number] = tree
            used = frozenset(atoms_of(tree)) if decided else prepared.atoms
            columns.update(map(atoms.column, used))
            keywords |= prepared.keywords & used
            chosen = anchors(tree, cost)
            if chosen is None:
                self.always.append(number)
                continue
            for atom in chosen:
                self.index.setdefault(atom, []).append(number)
        self.keywords = frozenset(keywords)
        self.columns = sorted(columns - {""})
        self.pinned = frozenset(pinned)
        self.fields = frozenset(field for column in (*self.columns, *pinned) for field in fields_of(column))

    def rules_for(self, true: set[Atom]) -> tuple[int, ...]:
        """The rules that hold where these atoms are true, in their order."""
        candidates = set(self.always)
        for atom in true:
            candidates.update(self.index.get(atom, ()))
        return tuple(sorted(number for number in candidates if holds(self.trees[number], true)))


def looks_at(rule: Rule, event_type: EventType) -> bool:
    """True if the rule is asked about events of this type: those of its log source; and, if it asks for
    keywords alone, those of which nobody knows the log source."""
    if event_type.log_sources:
        return event_type.serves(rule.log_source)
    return event_type.serves(rule.log_source) or keywords_alone(rule.expression)


def keywords_alone(expression: Expression) -> bool:
    """True if the expression names no field, and does not hold where no keyword occurs."""
    return not any(test.field for test in tests_of(expression)) and not _holds_of_nothing(expression)


def _holds_of_nothing(expression: Expression) -> bool:
    if isinstance(expression, Test):
        return expression.negated
    if isinstance(expression, Not):
        return not _holds_of_nothing(expression.item)
    whole = all if isinstance(expression, And) else any
    return whole(map(_holds_of_nothing, expression.items))


class Serving:
    """Which rules look at events of a type (`looks_at`). Rules are asked by log source: there are far fewer
    of these."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._by_source: dict[LogSource, list[int]] = {}
        for number, rule in enumerate(rules):
            self._by_source.setdefault(rule.log_source, []).append(number)
        self._keywords = {number for number, rule in enumerate(rules) if keywords_alone(rule.expression)}

    def numbers(self, event_type: EventType) -> list[int]:
        """The numbers of the rules, rising."""
        found = set() if event_type.log_sources else set(self._keywords)
        for source, numbers in self._by_source.items():
            if event_type.serves(source):
                found.update(numbers)
        return sorted(found)
