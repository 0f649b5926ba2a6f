"""Processing pipelines in pySigma's format: a team's own names for fields and log sources, put into rules.

In: YAML as pySigma reads it, and rules. Out: rules with the transformations applied to their expression and
log source. What is not supported is an error that names it and its line; postprocessing and finalizers are
about queries as text and mean nothing here. Source: pySigma's documentation, "Processing Pipelines".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from detectors.contract import LogSource
from detectors.sigma.documents import place, read_documents
from detectors.sigma.expression import And, Exists, Expression, FieldRef, IsNull, Like, Not, Or, Test
from detectors.sigma.items import parse_detection
from detectors.sigma.pipeline_conditions import CORRELATION, Condition, State, flag, parse_conditions
from detectors.sigma.problem import Problem, RuleProblem
from detectors.sigma.rules import Rule, RuleSet, tests_of

Data: TypeAlias = "dict[str, Any]"
Rewrite: TypeAlias = "Callable[[Test], Expression | None]"

_COMMON = {"id", "type", "rule_conditions", "rule_cond_op", "rule_cond_not", "detection_item_conditions",
           "detection_item_cond_op", "detection_item_cond_not", "field_name_conditions", "field_name_cond_op",
           "field_name_cond_not"}  # fmt: skip
_KEYS: Mapping[str, set[str]] = {
    "field_name_mapping": {"mapping"},
    "field_name_prefix_mapping": {"mapping"},
    "field_name_prefix": {"prefix"},
    "field_name_suffix": {"suffix"},
    "drop_detection_item": set(),
    "add_condition": {"conditions", "template", "negated", "name"},
    "change_logsource": {"category", "product", "service"},
    "replace_string": {"regex", "replacement", "skip_special", "interpret_special"},
    "map_string": {"mapping"},
    "set_state": {"key", "val"},
    "rule_failure": {"message"},
    "detection_item_failure": {"message"},
    "value_placeholders": {"include", "exclude"},
    "wildcard_placeholders": {"include", "exclude"},
    "add_field": {"field"},
    "remove_field": {"field"},
    "set_field": {"fields"},
}


class Step(msgspec.Struct, frozen=True):
    """One transformation. on_rule, on_item: when it applies, to the rule and to one of its tests."""

    type: str
    id: str
    data: Data
    on_rule: Condition
    on_item: Condition


class Pipeline(msgspec.Struct, frozen=True):
    """A file. digest: of its content; variables: what placeholders are given."""

    file: str
    priority: int
    steps: tuple[Step, ...]
    variables: dict[str, list[str]]
    digest: str


class PipelineProblem(Exception):
    """A pipeline cannot be used. problem: what, and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def parse_pipeline(text: bytes, file: str) -> Pipeline:
    """One pipeline. Raises PipelineProblem with file, line and column."""
    documents, problems = read_documents(text, file)
    if problems or len(documents) != 1:
        raise PipelineProblem(problems[0] if problems else Problem(file, 1, 1, "not one YAML document"))
    body: Data = documents[0]
    try:
        steps = body.get("transformations") or []
        if not isinstance(steps, list):
            raise RuleProblem(
                "transformations is not a list", "begin its lines with '- '", ("transformations",)
            )
        variables = body.get("vars") or {}
        if not isinstance(variables, dict):
            raise RuleProblem("vars is not a map", "write name: value", ("vars",))
        return Pipeline(
            file,
            int(str(body.get("priority") or 0)),
            tuple(_step(data, ("transformations", index)) for index, data in enumerate(steps)),
            {str(name): _list(value) for name, value in variables.items()},
            hashlib.blake2b(text, digest_size=16).hexdigest(),
        )
    except RuleProblem as problem:
        line, column = place(text, 0, problem.path)
        raise PipelineProblem(Problem(file, line, column, problem.message, problem.remedy)) from None
    except (ValueError, re.error) as error:
        raise PipelineProblem(Problem(file, 1, 1, str(error))) from None


def _step(data: object, path: tuple[str | int, ...]) -> Step:
    if not isinstance(data, dict):
        raise RuleProblem("a transformation is a map", "write type: ... and its settings", path)
    kind = str(data.get("type") or "")
    if kind not in _KEYS:
        raise RuleProblem(
            f"the transformation '{kind}' is not supported",
            f"supported are {', '.join(_KEYS)}",
            (*path, "type"),
        )
    for key in data:
        if key not in _COMMON | _KEYS[kind]:
            raise RuleProblem(f"{kind} has no setting '{key}' here", "", (*path, str(key)))
    if "mapping" in _KEYS[kind] and not isinstance(data.get("mapping"), dict):
        raise RuleProblem(f"{kind} needs a mapping", "write mapping: with name: name under it", path)
    if kind == "replace_string":
        _regex(data, path)
    item = [parse_conditions(data, name, (*path,)) for name in ("detection_item", "field_name")]
    return Step(
        kind,
        str(data.get("id") or ""),
        data,
        parse_conditions(data, "rule", path),
        lambda rule, test, state: all(each(rule, test, state) for each in item),
    )


def _regex(data: Data, path: tuple[str | int, ...]) -> re.Pattern[str]:
    try:
        return re.compile(str(data["regex"]))
    except (KeyError, re.error) as error:
        raise RuleProblem(f"replace_string needs a sound regex ({error})", "", (*path, "regex")) from None


def placeholders_of(
    pipelines: Sequence[Pipeline], given: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """The values of placeholders: the settings' and, where a pipeline fills them, its variables."""
    found = {name: list(values) for name, values in given.items()}
    for pipeline in pipelines:
        for step in pipeline.steps:
            if step.type in ("value_placeholders", "wildcard_placeholders"):
                wild = step.type == "wildcard_placeholders"
                names = _list(step.data.get("include")) if wild else list(pipeline.variables)
                for name in names:
                    if _included(step.data, name) and name not in found:
                        found[name] = ["*"] if wild else pipeline.variables[name]
    return found


def _included(data: Data, name: str) -> bool:
    include, exclude = _list(data.get("include")), _list(data.get("exclude"))
    return (not include or name in include) and name not in exclude


def apply(found: RuleSet, pipelines: Sequence[Pipeline]) -> RuleSet:
    """The rules with all pipelines applied, in the order of their priority. A rule that one refuses, or of
    which nothing is left, becomes a problem."""
    ordered = sorted(pipelines, key=lambda pipeline: pipeline.priority)
    if not ordered:
        return found
    rules: list[Rule] = []
    problems = list(found.problems)
    for rule in found.rules:
        try:
            rules.append(_applied(rule, ordered))
        except RuleProblem as problem:
            problems.append(Problem(rule.file, 0, 0, problem.message, problem.remedy))
    return RuleSet(rules, found.others, problems, found.texts, found.shelved)


def _applied(rule: Rule, pipelines: Iterable[Pipeline]) -> Rule:
    digest = hashlib.blake2b(rule.text_hash.encode(), digest_size=16)
    state: State = {}
    for pipeline in pipelines:
        digest.update(pipeline.digest.encode())
        for step in pipeline.steps:
            if step.on_rule(rule, None, state):
                rule = _taken(rule, step, state)
                state[f"applied:{step.id}"] = "yes"
    return msgspec.structs.replace(rule, text_hash=digest.hexdigest())


def renamed_fields(
    rule: Rule, names: Iterable[str], pipelines: Iterable[Pipeline]
) -> dict[str, tuple[str, ...]]:
    """What the pipelines make of fields that a correlation reads of this rule's events: name -> its names.

    rule: as it was before the pipelines, which have let it pass.
    """
    found: dict[str, Expression] = {name: Test(name, Exists(True)) for name in names}
    state: State = {CORRELATION: "yes"}
    for pipeline in sorted(pipelines, key=lambda pipeline: pipeline.priority):
        for step in pipeline.steps:
            if not step.on_rule(rule, None, state):
                continue
            rewrite = _rewrite_of(step) if step.type.startswith("field_name") else None
            if rewrite is not None:
                found = {
                    name: rewritten(expression, _where(step, rule, state, rewrite)) or expression
                    for name, expression in found.items()
                }
            if step.type != "rule_failure":  # one for correlations alone is theirs to meet
                rule = _taken(rule, step, state)
            state[f"applied:{step.id}"] = "yes"
    return {
        name: tuple(dict.fromkeys(test.field for test in tests_of(expression)))
        for name, expression in found.items()
    }


def _where(step: Step, rule: Rule, state: State, rewrite: Rewrite) -> Rewrite:
    """The rewriting of the tests that the step applies to."""
    return lambda test: rewrite(test) if step.on_item(rule, test, state) else test


def _taken(rule: Rule, step: Step, state: State) -> Rule:
    """The rule after one step."""
    data = step.data
    match step.type:
        case "set_state":
            state[str(data.get("key"))] = str(data.get("val"))
        case "change_logsource":
            parts = (str(data.get(key) or "").lower() for key in ("product", "category", "service"))
            return msgspec.structs.replace(rule, log_source=LogSource(*parts))
        case "rule_failure":
            raise RuleProblem(f"off: {data.get('message') or 'a pipeline refuses it'}")
        case "add_condition":
            added = _condition(rule, data)
            return msgspec.structs.replace(rule, expression=And((added, rule.expression)))
        case _ if rewrite := _rewrite_of(step):
            expression = rewritten(rule.expression, _where(step, rule, state, rewrite))
            if expression is None:
                raise RuleProblem("off: a pipeline leaves nothing of it", "look at its drop_detection_item")
            return msgspec.structs.replace(rule, expression=expression)
    return rule


def _condition(rule: Rule, data: Data) -> Expression:
    conditions = data.get("conditions")
    if not isinstance(conditions, dict) or not conditions:
        raise RuleProblem("add_condition without conditions")
    if flag(data, "template"):
        source = {key: getattr(rule.log_source, key) for key in ("category", "product", "service")}
        conditions = {
            key: [re.sub(r"\$\{?(\w+)\}?", lambda m: source.get(m[1], m[0]), text) for text in _list(value)]
            for key, value in conditions.items()
        }
    added = And((parse_detection(conditions, {}),), "pipeline")
    return Not(added) if flag(data, "negated") else added


def rewritten(expression: Expression, rewrite: Rewrite) -> Expression | None:
    """The expression with every test rewritten; None where nothing is left."""
    if isinstance(expression, Test):
        return rewrite(expression)
    if isinstance(expression, Not):
        inner = rewritten(expression.item, rewrite)
        return None if inner is None else Not(inner)
    items = [each for each in (rewritten(item, rewrite) for item in expression.items) if each is not None]
    return msgspec.structs.replace(expression, items=tuple(items)) if items else None


def _rewrite_of(step: Step) -> Rewrite | None:
    """What a step does to a test; None where it does nothing to tests."""
    data = step.data
    match step.type:
        case "field_name_mapping":
            mapping = {str(key): _list(value) for key, value in data["mapping"].items()}
            return lambda test: _renamed(test, lambda field: mapping.get(field, [field]))
        case "field_name_prefix_mapping":
            prefixes = {str(key): _list(value) for key, value in data["mapping"].items()}

            def by_prefix(field: str) -> list[str]:
                for prefix, others in prefixes.items():
                    if field.startswith(prefix):
                        return [other + field[len(prefix) :] for other in others]
                return [field]

            return lambda test: _renamed(test, by_prefix)
        case "field_name_prefix":
            return lambda test: _renamed(test, lambda field: [f"{data.get('prefix') or ''}{field}"])
        case "field_name_suffix":
            return lambda test: _renamed(test, lambda field: [f"{field}{data.get('suffix') or ''}"])
        case "drop_detection_item":
            return lambda test: None
        case "replace_string":
            pattern, text = _regex(data, ()), str(data.get("replacement") or "")
            return lambda test: _with_texts(test, lambda part: pattern.sub(text, part))
        case "map_string":
            texts = {str(key): _list(value) for key, value in data["mapping"].items()}
            return lambda test: _mapped(test, texts)
        case "detection_item_failure":

            def fail(test: Test) -> Expression | None:
                raise RuleProblem(f"off: {data.get('message') or 'a pipeline refuses an item'}")

            return fail
    return None


def _renamed(test: Test, names: Callable[[str], list[str]]) -> Expression:
    """The test of other fields; of several, any of them. A keyword has no field."""
    if not test.field:
        return test
    check = test.check
    if isinstance(check, FieldRef):
        checks: list[Any] = [FieldRef(other, check.mode, check.cased) for other in names(check.other)]
    else:
        checks = [check]
    fields = names(test.field)
    tests = [Test(field, each, test.negated, test.written) for field in fields for each in checks]
    if len(tests) == 1:
        return tests[0]
    if isinstance(check, IsNull) or (isinstance(check, Exists) and not check.wanted):
        return And(tuple(tests))  # absent under every name
    if not test.negated:
        return Or(tuple(tests))
    plain = tuple(Test(each.field, each.check, False, each.written) for each in tests)
    there = Or(tuple(Test(field, Exists(True)) for field in fields))
    return And((there, Not(Or(plain))))


def _with_texts(test: Test, change: Callable[[str], str]) -> Expression:
    if not isinstance(test.check, Like):
        return test
    parts = tuple(change(part) if isinstance(part, str) else part for part in test.check.parts)
    check = msgspec.structs.replace(test.check, parts=tuple(part for part in parts if part != ""))
    return msgspec.structs.replace(test, check=check)


def _mapped(test: Test, texts: Mapping[str, list[str]]) -> Expression:
    check = test.check
    if not isinstance(check, Like) or len(check.parts) != 1 or check.parts[0] not in texts:
        return test
    tests = [
        msgspec.structs.replace(test, check=msgspec.structs.replace(check, parts=(text,)))
        for text in texts[str(check.parts[0])]
    ]
    return tests[0] if len(tests) == 1 else (And if test.negated else Or)(tuple(tests))


def _list(value: object) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
