"""Tie correlations to the rules they name, and find what cannot work.

In: correlations as parsed and the base rules. Out: correlations that can run, with ids for names, levels
filled in, which rules are muted, and every problem with its place. One wrong correlation takes with it only
those that build on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from detectors.correlate.check import warnings_of
from detectors.correlate.model import DEFAULT_LEVEL, LEVELS, CorrelationRule
from detectors.correlate.problem import Where
from detectors.sigma.problem import Problem


class BaseRule(msgspec.Struct, frozen=True):
    """What a correlation must know of a rule it refers to. name: '' where it has none; file: where it
    stands."""

    id: str
    name: str = ""
    file: str = ""
    level: str = DEFAULT_LEVEL


class Resolved(msgspec.Struct, frozen=True):
    """rules: ready for `engine.Correlations`; muted: ids of rules (base rules and correlations) that only
    feed correlations and make no alert of their own; problems: errors (fatal) and warnings."""

    rules: tuple[CorrelationRule, ...]
    muted: frozenset[str]
    problems: tuple[Problem, ...]


def resolve(
    correlations: Sequence[CorrelationRule],
    bases: Iterable[BaseRule],
    places: Mapping[tuple[str, str], Where] | None = None,
) -> Resolved:
    """Tie them together. places: (file, id of the correlation) -> where its document stands, for lines."""
    return _Linker(correlations, tuple(bases), places or {}).resolved()


class _Linker:
    def __init__(
        self,
        correlations: Sequence[CorrelationRule],
        bases: Sequence[BaseRule],
        places: Mapping[tuple[str, str], Where],
    ) -> None:
        self.places = places
        self.problems: list[Problem] = []
        self.bases = {base.id: base for base in bases}
        self.rules: dict[str, CorrelationRule] = {}
        for rule in correlations:
            if rule.id in self.rules or rule.id in self.bases:
                self.wrong(
                    rule, f"id {rule.id} is also that of another rule", "give it an id of its own", "id"
                )
            else:
                self.rules[rule.id] = rule
        self.named: dict[str, list[tuple[str, str]]] = {}  # name -> [(file, id)]
        known = [(each.name, each.file, each.id) for each in self.bases.values()]
        for name, file, identifier in known + [(r.name, r.file, r.id) for r in self.rules.values()]:
            if name:
                self.named.setdefault(name, []).append((file, identifier))

    def resolved(self) -> Resolved:
        linked: dict[str, CorrelationRule] = {}
        for rule in self.rules.values():
            if (tied := self.tie(rule)) is not None:
                linked[rule.id] = tied
        self.drop_broken(linked)
        levels: dict[str, str] = {}
        for rule in list(linked.values()):
            linked[rule.id] = msgspec.structs.replace(rule, level=self.level(rule, linked, levels))
        for rule in linked.values():
            for warning in warnings_of(rule):
                where = self.where(rule)
                self.problems.append(
                    where.problem(warning.message, warning.remedy, warning.path, fatal=False)
                )
        muted = self.muted(linked)
        return Resolved(tuple(linked.values()), muted, tuple(self.problems))

    def where(self, rule: CorrelationRule) -> Where:
        return self.places.get((rule.file, rule.id)) or Where(rule.file)

    def wrong(self, rule: CorrelationRule, message: str, remedy: str, *path: str | int) -> None:
        self.problems.append(self.where(rule).problem(message, remedy, path))

    def find(self, rule: CorrelationRule, reference: str, *path: str | int) -> str | None:
        """The id of the rule that a reference means: an id, or a name, its own file's first."""
        folded = reference.lower()
        if folded in self.bases or folded in self.rules:
            return folded
        if reference in self.bases or reference in self.rules:
            return reference
        found = self.named.get(reference, [])
        ids = {each for file, each in found if file == rule.file} or {each for _, each in found}
        if len(ids) == 1:
            return ids.pop()
        if ids:
            self.wrong(
                rule, f"{len(ids)} rules are named '{reference}'", "use the id of the one meant", *path
            )
            return None
        close = get_close_matches(reference, [*self.named, *self.bases, *self.rules], 1, 0.6)
        remedy = f"did you mean '{close[0]}'?" if close else "name a rule that is loaded, by its name or id"
        self.wrong(rule, f"no rule '{reference}'", remedy, *path)
        return None

    def tie(self, rule: CorrelationRule) -> CorrelationRule | None:
        """The rule with ids for names; None where a reference or an alias is wrong."""
        before = len(self.problems)
        ids: dict[str, None] = {}
        for index, reference in enumerate(rule.rules):
            found = self.find(rule, reference, "correlation", "rules", index)
            if found in ids:
                self.wrong(
                    rule, f"'{reference}' is named twice", "name it once", "correlation", "rules", index
                )
            elif found is not None:
                ids[found] = None
        aliases: dict[str, dict[str, str]] = {}
        for alias, mapping in rule.aliases.items():
            here = ("correlation", "aliases", alias)
            aliases[alias] = {}
            for reference, field in mapping.items():
                found = self.find(rule, reference, *here, reference)
                if found is not None and found not in ids:
                    self.wrong(rule, f"'{reference}' is not among the rules", "take it out", *here, reference)
                elif found is not None:
                    aliases[alias][found] = field
            missing = [ref for ref, id_ in zip(rule.rules, ids, strict=False) if id_ not in aliases[alias]]
            if missing and len(ids) == len(rule.rules):
                names = ", ".join(missing)
                self.wrong(
                    rule, f"alias '{alias}' names no field of {names}", "name one for each rule", *here
                )
        if len(self.problems) > before:
            return None
        return msgspec.structs.replace(rule, rules=tuple(ids), aliases=aliases)

    def drop_broken(self, linked: dict[str, CorrelationRule]) -> None:
        """Take out what is circular or builds on a correlation that was taken out."""
        good: set[str] = set()
        while True:
            more = {
                rule.id
                for rule in linked.values()
                if rule.id not in good and all(each in self.bases or each in good for each in rule.rules)
            }
            if not more:
                break
            good |= more
        for rule in [rule for rule in linked.values() if rule.id not in good]:
            broken = [each for each in rule.rules if each not in self.bases and each not in linked]
            message = (
                f"it builds on {broken[0]}, which is wrong" if broken else "its chain is or needs a circle"
            )
            self.wrong(rule, message, "right that first", "correlation", "rules")
        for identifier in [each for each in linked if each not in good]:
            del linked[identifier]

    def level(
        self, rule: CorrelationRule, linked: Mapping[str, CorrelationRule], known: dict[str, str]
    ) -> str:
        """Its own level, else the highest of its children."""
        if rule.level:
            return rule.level
        if rule.id not in known:
            known[rule.id] = max(
                (
                    self.bases[each].level if each in self.bases else self.level(linked[each], linked, known)
                    for each in rule.rules
                ),
                key=lambda level: LEVELS.index(level) if level in LEVELS else 0,
                default=DEFAULT_LEVEL,
            )
        return known[rule.id]

    def muted(self, linked: Mapping[str, CorrelationRule]) -> frozenset[str]:
        """Rules that stand in the same file as every correlation that refers to them, all saying generate:
        false."""
        files = {base.id: base.file for base in self.bases.values()}
        files |= {rule.id: rule.file for rule in self.rules.values()}
        users: dict[str, list[CorrelationRule]] = {}
        for rule in linked.values():
            for each in rule.rules:
                users.setdefault(each, []).append(rule)
        muted = set()
        for each, referring in users.items():
            silent = [rule for rule in referring if not rule.generate]
            if len(silent) == len(referring) and any(rule.file == files[each] for rule in referring):
                muted.add(each)
                continue
            for rule in silent:
                why = "another correlation says generate: true"
                if all(user.file != files[each] for user in referring):
                    why = "it stands in another file"
                message = f"'{each}' also alerts by itself, since {why}"
                remedy = "say `generate: true` if that is wanted"
                self.problems.append(
                    self.where(rule).problem(message, remedy, ("correlation", "rules"), fatal=False)
                )
        return frozenset(muted)
