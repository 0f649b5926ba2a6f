"""The rules in force: Sigma rules, filters and correlations read, tied together and made into a detector.

In: paths of rules and where to keep what is slow to make. Out: a `Rulebook`, the one thing that scan, worker,
doctor and the commands on rules ask. What is wrong stands in `problems`, with its place; the rest works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import platformdirs

from detectors.correlate.engine import Correlations
from detectors.correlate.links import BaseRule, Resolved, resolve
from detectors.correlate.model import CorrelationRule
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import CorrelationProblem, Where
from detectors.correlate.rename import renamed
from detectors.sigma.cache import Cache, load_cached
from detectors.sigma.items import Placeholders
from detectors.sigma.match import SigmaDetector
from detectors.sigma.pipelines import (
    Pipeline,
    PipelineProblem,
    apply,
    parse_pipeline,
    placeholders_of,
    renamed_fields,
)
from detectors.sigma.problem import Problem
from detectors.sigma.rules import Rule, RuleSet
from xdrtui.errors import RuleError
from xdrtui.pipeline.garbage import no_collections
from xdrtui.store.batch import RuleRow

PACK = Path(__file__).parents[2] / "detectors" / "pack"
"""The bundled rule pack."""


class Rulebook(msgspec.Struct, frozen=True):
    """rules: Sigma rules by id; detector: all of them as one; correlations: resolved; feeding: base rules
    that correlations count; muted: rules and correlations that make no alert of their own; placeholders and
    pipelines: what they were read with, for other processes that read them again; shelved: rules that are
    deprecated or unsupported, which nothing uses."""

    rules: Mapping[str, Rule]
    detector: SigmaDetector
    correlations: Correlations
    feeding: frozenset[str]
    muted: frozenset[str]
    problems: list[Problem]
    texts: Mapping[str, bytes]
    placeholders: Placeholders = {}
    pipelines: tuple[str, ...] = ()
    shelved: Mapping[str, Rule] = {}

    @property
    def broken(self) -> list[Problem]:
        """Problems that leave a rule out."""
        return [problem for problem in self.problems if problem.fatal]

    @property
    def left_out(self) -> int:
        """How many rules cannot be used: each may have several faults."""
        return sum(not problem.also for problem in self.broken)

    def rows(self) -> list[RuleRow]:
        """What the store keeps of each rule."""
        return [self._row(rule) for rule in self.rules.values()] + [
            self._correlation_row(rule) for rule in self.correlations.rules
        ]

    def shelved_rows(self) -> list[RuleRow]:
        """The same of rules that are deprecated or unsupported."""
        return [self._row(rule) for rule in self.shelved.values()]

    def _row(self, rule: Rule) -> RuleRow:
        return RuleRow(
            id=rule.id,
            hash=rule.text_hash,
            title=rule.title,
            level=rule.level,
            author=rule.author,
            description=rule.description,
            text=self.texts.get(rule.file, b"").decode("utf-8", "replace"),
            path=rule.file,
            references=rule.references,
            falsepositives=rule.false_positives,
            tags=rule.tags,
            techniques=rule.techniques,
        )

    def _correlation_row(self, rule: CorrelationRule) -> RuleRow:
        techniques = tuple(tag[7:].upper() for tag in rule.tags if tag.lower().startswith("attack.t"))
        return RuleRow(
            id=rule.id,
            hash=correlation_hash(rule),
            title=rule.title,
            level=rule.level,
            kind="correlation",
            author=rule.author,
            description=rule.description,
            text=self.texts.get(rule.file, b"").decode("utf-8", "replace"),
            path=rule.file,
            references=rule.references,
            falsepositives=rule.falsepositives,
            tags=rule.tags,
            techniques=techniques,
        )


def correlation_hash(rule: CorrelationRule) -> str:
    """The content hash of a correlation as it is in force."""
    return hashlib.blake2b(repr(rule).encode(), digest_size=16).hexdigest()


def default_cache() -> Cache:
    """The cache in the user's cache folder."""
    return Cache(Path(platformdirs.user_cache_dir("xdrtui")) / "rules")


@no_collections()
def load_rulebook(
    paths: Sequence[str | Path] | None = None,
    *,
    placeholders: Placeholders | None = None,
    cache: Cache | None = None,
    keep: frozenset[str] | None = None,
    off: Mapping[str, str] | None = None,
    pipelines: Sequence[str | Path] = (),
) -> Rulebook:
    """Read the rules under the paths (None: the bundled pack; empty: no rules).

    cache: where to keep what is slow to make (default: the user's cache folder); keep: ids of the only rules
    wanted, all if None; off: ids of rules that are left out, with the reason, which becomes a problem;
    pipelines: files of processing pipelines to put them through. Raises RuleError where one is wrong.
    """
    off = off or {}
    cache = default_cache() if cache is None else cache
    through = [read_pipeline(file) for file in pipelines]
    files = [PACK] if paths is None else list(paths)
    raw = load_cached(files, cache, placeholders_of(through, placeholders or {}) or None)
    found = apply(raw, through)
    rules = [rule for rule in found.rules if (keep is None or rule.id in keep) and rule.id not in off]
    chosen = RuleSet(rules, found.others, found.problems, found.texts)
    parsed: list[CorrelationRule] = []
    places: dict[tuple[str, str], Where] = {}
    problems = list(found.problems)
    problems += [Problem(rule.file, 0, 0, off[rule.id], "", False) for rule in found.rules if rule.id in off]
    for document in found.others:
        where = Where.document(document.file, found.texts[document.file], document.index)
        try:
            correlation = parse_correlation(document.body, where)
        except CorrelationProblem as problem:
            problems.extend(problem.problems)
            continue
        if correlation.id in off:
            problems.append(Problem(document.file, 0, 0, off[correlation.id], "", False))
            continue
        parsed.append(correlation)
        places[(document.file, correlation.id)] = where
    bases = [BaseRule(rule.id, rule.name, rule.file, rule.level) for rule in rules]
    resolved = _resolved(parsed, bases, places, raw.rules, through)
    problems.extend(resolved.problems)
    correlations = Correlations(resolved.rules)
    needs = correlations.needs()
    detector = SigmaDetector(chosen, needs, cache)
    return Rulebook(
        rules={rule.id: rule for rule in rules},
        detector=detector,
        correlations=correlations,
        feeding=frozenset(needs),
        muted=frozenset(resolved.muted),
        problems=problems,
        texts=found.texts,
        placeholders=placeholders or {},
        pipelines=tuple(map(str, pipelines)),
        shelved={rule.id: rule for rule in raw.shelved},
    )


def _resolved(
    parsed: Sequence[CorrelationRule],
    bases: Sequence[BaseRule],
    places: Mapping[tuple[str, str], Where],
    raw: Sequence[Rule],
    through: Sequence[Pipeline],
) -> Resolved:
    """The correlations tied to their rules, with the names that the pipelines give their fields. raw: the
    rules as they were before the pipelines."""
    resolved = resolve(parsed, bases, places)
    if not through or not resolved.rules:
        return resolved
    before = {rule.id: rule for rule in raw}

    def names(source: str, fields: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return renamed_fields(before[source], fields, through)

    rules, unclear = renamed(resolved.rules, names)
    problems: list[Problem] = []
    for each in unclear:
        message = f"a pipeline gives '{each.field}' several names: {', '.join(each.names)}"
        where = places.get((each.rule.file, each.rule.id)) or Where(each.rule.file)
        problems.append(where.problem(message, "map it to one name", ("correlation",)))
    if unclear:
        wrong = {each.rule.id for each in unclear}
        resolved = resolve([rule for rule in parsed if rule.id not in wrong], bases, places)
        rules, _ = renamed(resolved.rules, names)
    return msgspec.structs.replace(resolved, rules=rules, problems=(*resolved.problems, *problems))


def read_pipeline(file: str | Path) -> Pipeline:
    """One processing pipeline. Raises RuleError with its place."""
    try:
        return parse_pipeline(Path(file).read_bytes(), str(file))
    except OSError as error:
        raise RuleError(f"{file} cannot be read: {error.strerror}.") from error
    except PipelineProblem as problem:
        raise RuleError(str(problem)) from None
