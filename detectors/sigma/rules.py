"""Sigma rules: documents into rules ready to be matched, problems beside them.

In: rule files or folders. Out: a `RuleSet`. Filters are added to the rules they name; correlations are handed
on as documents; what a rule matches is `items.py`'s and `condition.py`'s. Parsing is our own because load
time and errors with line and column are part of the job; the tests hold it to pySigma's reading of all
public rules.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from detectors.contract import LogSource
from detectors.sigma.condition import parse_condition
from detectors.sigma.documents import LARGEST, forget_places, place, read_documents, rule_files
from detectors.sigma.expression import And, Expression, Not, Or, Regex, Test
from detectors.sigma.filters import Filter, filtered, parse_filter
from detectors.sigma.items import Placeholders, Unfilled, parse_detection
from detectors.sigma.problem import Problem, RuleProblem, gathered

LEVELS = ("informational", "low", "medium", "high", "critical")
OFF_BY_DEFAULT = frozenset(("deprecated", "unsupported"))
_STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
_SLOW = re.compile(r"\(\?(?:[=!>(]|<[=!]|P=)|\\[1-9]|[*+?}]\+")
"""What only an engine that backtracks can match: it has a time limit, and costs a thousand times as much."""
_SLOWEST = 100
_UUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


class Rule(msgspec.Struct, frozen=True):
    """One Sigma rule. expression: its conditions, any of them; text_hash: of its document; name: what
    correlations may call it by; related: (type, id) of the rules it came from or replaces."""

    id: str
    title: str
    level: str
    status: str
    log_source: LogSource
    expression: Expression
    file: str
    text_hash: str
    name: str = ""
    description: str = ""
    author: str = ""
    date: str = ""
    modified: str = ""
    taxonomy: str = "sigma"
    references: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    related: tuple[tuple[str, str], ...] = ()
    license: str = ""

    @property
    def techniques(self) -> tuple[str, ...]:
        """ATT&CK technique ids among the tags, e.g. T1059.001."""
        return tuple(t[7:].upper() for t in self.tags if re.match(r"^attack\.t\d{4}(\.\d{3})?$", t))


class Document(msgspec.Struct, frozen=True):
    """A document that is not a plain rule (a correlation), with its place."""

    kind: str
    body: dict[str, object]
    file: str
    index: int


class RuleSet(msgspec.Struct, frozen=True):
    """rules: usable ones, in the order of files; others: correlations; problems: all that is
    wrong or off, each with its place; texts: the bytes of each file, for rule pages and line numbers;
    shelved: rules that are deprecated or unsupported, for lists alone."""

    rules: list[Rule] = []
    others: list[Document] = []
    problems: list[Problem] = []
    texts: dict[str, bytes] = {}
    shelved: list[Rule] = []

    @property
    def fingerprint(self) -> str:
        """A hash of the content of all rules in use."""
        digest = hashlib.blake2b(digest_size=16)
        for text_hash in sorted({rule.text_hash for rule in self.rules}):
            digest.update(text_hash.encode())
        for other in self.others:
            digest.update(repr(other.body).encode())
        return digest.hexdigest()


def load_rules(paths: Iterable[str | Path], *, placeholders: Placeholders | None = None) -> RuleSet:
    """Read every rule under the paths. A wrong rule becomes a problem and never stops the rest; of two rules
    with one id the first stands."""
    texts, problems = read_rule_texts(paths)
    return parse_rules(texts, placeholders=placeholders, problems=problems)


def read_rule_texts(paths: Iterable[str | Path]) -> tuple[dict[str, bytes], list[Problem]]:
    """The content of every rule file under the paths, by name, and what could not be read."""
    texts: dict[str, bytes] = {}
    problems: list[Problem] = []
    for given in paths:
        path = Path(given)
        if not path.exists():
            problems.append(Problem(str(given), 0, 0, "no such file or folder"))
            continue
        for file in rule_files(path):
            try:
                with file.open("rb") as opened:
                    texts[str(file)] = opened.read(LARGEST + 1)  # a device has no end
            except OSError as error:
                problems.append(Problem(str(file), 0, 0, f"cannot be read: {error.strerror}"))
    return texts, problems


def parse_rules(
    texts: dict[str, bytes],
    *,
    placeholders: Placeholders | None = None,
    problems: list[Problem] | None = None,
) -> RuleSet:
    """The rules of these files (name -> content)."""
    result = RuleSet([], [], list(problems or []), texts, [])
    seen: dict[str, str] = {}
    by_id: dict[str, tuple[Rule, int]] = {}
    filters: list[tuple[Filter, str, int]] = []
    for file, text in texts.items():
        documents, wrong = read_documents(text, file)
        result.problems.extend(wrong)
        for index, body in enumerate(documents):
            if "correlation" in body:
                result.others.append(Document("correlation", body, file, index))
                continue
            if "filter" in body and "detection" not in body:
                _take_filter(result, filters, body, file, index, placeholders or {})
                continue
            try:
                rule, warnings = parse_rule(body, file, placeholders or {})
            except RuleProblem as problem:
                result.problems.extend(_problems(problem, text, file, index, "off: "))
                continue
            for warning in warnings:
                line, column = place(text, index, warning.path)
                result.problems.append(Problem(file, line, column, warning.message, warning.remedy, False))
            if rule.id in seen:
                line, column = place(text, index, ("id",))
                message = f"id {rule.id} is also that of {seen[rule.id]}"
                result.problems.append(Problem(file, line, column, message, "give it an id of its own"))
                continue
            seen[rule.id] = file
            if rule.status in OFF_BY_DEFAULT:
                line, column = place(text, index, ("status",))
                result.problems.append(Problem(file, line, column, f"off: status {rule.status}", "", False))
                result.shelved.append(rule)
                continue
            result.rules.append(rule)
            by_id[rule.id] = (rule, index)
    if filters:
        named = {each.lower() for rule in result.rules for each in (rule.id, rule.name, rule.title)}
        named |= set(seen)
        for each, file, index in filters:
            for name in sorted(each.rules - named):
                line, column = place(texts[file], index, ("filter", "rules"))
                message = f"filter '{each.title}': no rule is called '{name}'"
                result.problems.append(Problem(file, line, column, message, "look it up", False))
        result.rules[:] = [_with_filters(rule, [each[0] for each in filters]) for rule in result.rules]
    _warn_of_obsolete(result, by_id)
    forget_places()
    return result


def _problems(problem: RuleProblem, text: bytes, file: str, index: int, off: str = "") -> Iterator[Problem]:
    """All that is wrong with one rule, each with its place. off: before what only waits for a setting."""
    said = False
    for each in problem.every():
        line, column = place(text, index, each.path)
        fatal = not isinstance(each, Unfilled)
        message = each.message if fatal else f"{off}{each.message}"
        yield Problem(file, line, column, message, each.remedy, fatal, fatal and said)
        said = said or fatal


def _warn_of_obsolete(result: RuleSet, by_id: dict[str, tuple[Rule, int]]) -> None:
    """Rules that another says it replaces. They stay on: else a foreign file could switch any rule off."""
    for rule in result.rules:
        for kind, other in rule.related:
            if kind == "obsolete" and other in by_id:
                old, index = by_id[other]
                line, column = place(result.texts[old.file], index, ("id",))
                message = f"'{rule.title}' says that it replaces this rule"
                result.problems.append(Problem(old.file, line, column, message, "switch one off", False))


def _take_filter(
    result: RuleSet,
    filters: list[tuple[Filter, str, int]],
    body: dict[str, object],
    file: str,
    index: int,
    placeholders: Placeholders,
) -> None:
    try:
        parsed, warnings = parse_filter(body, placeholders)
    except RuleProblem as problem:
        result.problems.extend(_problems(problem, result.texts[file], file, index))
        return
    filters.append((parsed, file, index))
    for warning in warnings:
        line, column = place(result.texts[file], index, warning.path)
        result.problems.append(Problem(file, line, column, warning.message, warning.remedy, False))


def _with_filters(rule: Rule, filters: list[Filter]) -> Rule:
    names = (rule.id, rule.name, rule.title)
    applying = [each for each in filters if each.applies(names, rule.log_source)]
    expression, text_hash = filtered(rule.expression, rule.text_hash, applying)
    return msgspec.structs.replace(rule, expression=expression, text_hash=text_hash)


def parse_rule(
    body: dict[str, object], file: str, placeholders: Placeholders
) -> tuple[Rule, list[RuleProblem]]:
    """One rule and what to warn of. Raises RuleProblem, with all that is wrong, where it cannot be used."""
    warnings: list[RuleProblem] = []
    wrong: list[RuleProblem] = []
    title = _text(body, "title")
    if not title:
        wrong.append(RuleProblem("a rule needs a title", "add `title:`"))
    identifier = _text(body, "id")
    if not identifier:
        identifier = "title:" + hashlib.blake2b(title.encode(), digest_size=8).hexdigest()
        warnings.append(RuleProblem("no id", "add `id:` with a UUID"))
    elif not _UUID.match(identifier):
        warnings.append(RuleProblem(f"id '{identifier}' is no UUID", "", ("id",)))
    level = _text(body, "level").lower() or "medium"
    if level not in LEVELS:
        remedy = f"use one of {', '.join(LEVELS)}"
        wrong.append(RuleProblem(f"level '{level}' is not Sigma's", remedy, ("level",)))
    status = _text(body, "status").lower() or "experimental"
    if status not in _STATUSES:
        warnings.append(RuleProblem(f"status '{status}' is not Sigma's", ", ".join(_STATUSES), ("status",)))
    taxonomy = _text(body, "taxonomy") or "sigma"
    if taxonomy != "sigma":
        remedy = "put its names through a pipeline"
        warnings.append(RuleProblem(f"taxonomy '{taxonomy}' is not Sigma's own", remedy, ("taxonomy",)))
    source = body.get("logsource")
    named = source if isinstance(source, dict) else {}
    if not any(named.get(k) for k in ("product", "category", "service")):
        wrong.append(RuleProblem("no log source", "name a product, a category or a service", ("logsource",)))
    log_source = LogSource(*(str(named.get(k) or "").lower() for k in ("product", "category", "service")))
    try:
        expression, conditions, unused = _expression(body.get("detection"), placeholders)
        _check_cost(expression)
    except RuleProblem as problem:
        wrong.append(problem)
    if wrong:
        raise gathered(wrong)
    warnings += [
        RuleProblem(f"detection '{name}' is never used", "use it or remove it", ("detection", name))
        for name in unused
    ]
    digest = hashlib.blake2b(repr(sorted(body.items(), key=lambda kv: str(kv[0]))).encode(), digest_size=16)
    rule = Rule(
        id=identifier.lower(),
        title=title,
        level=level,
        status=status,
        log_source=log_source,
        expression=expression,
        file=file,
        text_hash=digest.hexdigest(),
        name=_text(body, "name"),
        description=_text(body, "description"),
        author=_text(body, "author"),
        date=_text(body, "date"),
        modified=_text(body, "modified"),
        taxonomy=taxonomy,
        references=_texts(body, "references"),
        false_positives=_texts(body, "falsepositives"),
        tags=tuple(tag.lower() for tag in _texts(body, "tags")),
        fields=_texts(body, "fields"),
        conditions=conditions,
        related=_related(body),
        license=_text(body, "license"),
    )
    return rule, warnings


def _check_cost(expression: Expression) -> None:
    """Raises RuleProblem for a rule that would cost more than a worker can give."""
    slow = sum(
        isinstance(t.check, Regex) and bool(_SLOW.search(t.check.pattern)) for t in tests_of(expression)
    )
    if slow > _SLOWEST:
        raise RuleProblem(
            f"{slow:,} regular expressions with look-around or back-references",
            f"{_SLOWEST} are the most: write them without",
            ("detection",),
        )


def _expression(
    detection: object, placeholders: Placeholders
) -> tuple[Expression, tuple[str, ...], list[str]]:
    if not isinstance(detection, dict):
        raise RuleProblem("no detection", "add `detection:` with a selection and a condition", ("detection",))
    if "condition" not in detection:
        raise RuleProblem("no condition", "add `condition:` under detection", ("detection",))
    wrong: list[RuleProblem] = []
    named: dict[str, Expression] = {}
    for name, node in detection.items():
        if name in ("condition", "timeframe"):
            continue
        try:
            named[str(name)] = _titled(parse_detection(node, placeholders), str(name))
        except RuleProblem as problem:
            wrong.append(problem.under("detection", str(name)))
            named[str(name)] = And((), str(name))  # so that the condition can be looked at
    conditions = detection["condition"]
    texts = [str(each) for each in conditions] if isinstance(conditions, list) else [str(conditions)]
    if not texts:
        raise RuleProblem("no condition", "name a detection", ("detection", "condition"))
    expressions, used = [], set()
    for text in texts:
        try:
            expression, names = parse_condition(text, named)
        except RuleProblem as problem:
            problem.path = ("detection", "condition")
            wrong.append(problem)
            continue
        expressions.append(expression)
        used |= names
    if wrong:
        raise gathered(wrong)
    whole = expressions[0] if len(expressions) == 1 else Or(tuple(expressions))
    return whole, tuple(texts), [name for name in named if name not in used]


def _titled(expression: Expression, name: str) -> Expression:
    """The expression under the name of its selection."""
    if isinstance(expression, Test | Not):
        return And((expression,), name)
    return msgspec.structs.replace(expression, name=name)


def _related(body: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """What is soundly written of `related`; the checker says what is not."""
    given = body.get("related")
    entries = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    return tuple((_text(each, "type"), _text(each, "id").lower()) for each in entries)


def _text(body: dict[str, object], key: str) -> str:
    value = body.get(key)
    return "" if value is None else str(value).strip()


def _texts(body: dict[str, object], key: str) -> tuple[str, ...]:
    value = body.get(key)
    if value is None:
        return ()
    return tuple(str(each) for each in value) if isinstance(value, list) else (str(value),)


def tests_of(expression: Expression) -> Iterable[Test]:
    """Every test of an expression."""
    if isinstance(expression, Test):
        yield expression
    elif isinstance(expression, Not):
        yield from tests_of(expression.item)
    else:
        for item in expression.items:
            yield from tests_of(item)


__all__ = ["And", "Document", "Rule", "RuleSet", "load_rules", "parse_rule", "parse_rules", "tests_of"]
