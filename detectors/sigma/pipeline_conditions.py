"""When a pipeline's transformation applies: conditions on the rule, on a test, on a field's name.

Source: pySigma's documentation, "Processing Pipelines", conditions. A test stands for one value of a
detection item.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from detectors.sigma.expression import IsNull, Like, Test
from detectors.sigma.problem import RuleProblem
from detectors.sigma.rules import Rule, tests_of

State: TypeAlias = "dict[str, str]"
Condition: TypeAlias = "Callable[[Rule, Test | None, State], bool]"
Path: TypeAlias = "tuple[str | int, ...]"

CORRELATION = "of:correlation"
"""Key of the state that is set while a correlation's fields go through the pipelines, not a rule."""


def flag(data: Mapping[str, Any], key: str) -> bool:
    """A setting that is true or false, also as YAML 1.1 writes them."""
    return str(data.get(key)).lower() in ("true", "yes", "on")


def parse_conditions(step: Mapping[str, Any], subject: str, path: Path) -> Condition:
    """All conditions of one subject (rule, detection_item, field_name) of a transformation, joined as it
    says. Raises RuleProblem for those that are not supported."""
    key = f"{subject}_conditions"
    given = step.get(key)
    if given is None:
        return lambda rule, test, state: True
    if not isinstance(given, list):
        raise RuleProblem(
            f"{key} is not a list", "named conditions with an expression are not supported", (*path, key)
        )
    conditions = [_one(subject, data, (*path, key, index)) for index, data in enumerate(given)]
    joined = any if str(step.get(f"{subject}_cond_op", "and")).lower() == "or" else all
    turned = flag(step, f"{subject}_cond_not")
    return lambda rule, test, state: joined(each(rule, test, state) for each in conditions) != turned


def _one(subject: str, data: object, path: Path) -> Condition:
    if not isinstance(data, dict):
        raise RuleProblem("a condition is a map", "write type: ... and its settings", path)
    makers = _MAKERS[subject]
    kind = str(data.get("type") or "")
    if kind not in makers:
        known = ", ".join(makers)
        raise RuleProblem(
            f"the condition '{kind}' is not supported", f"supported are {known}", (*path, "type")
        )
    return makers[kind](data)


def _log_source(data: Mapping[str, Any]) -> Condition:
    wanted = {key: str(data[key]).lower() for key in ("product", "category", "service") if data.get(key)}
    return lambda rule, test, state: all(getattr(rule.log_source, k) == v for k, v in wanted.items())


def _contains_item(data: Mapping[str, Any]) -> Condition:
    field, value = str(data.get("field")), str(data.get("value")).casefold()

    def holds(rule: Rule, test: Test | None, state: State) -> bool:
        return any(
            each.field == field
            and isinstance(each.check, Like)
            and "".join(str(part) for part in each.check.parts if isinstance(part, str)).casefold() == value
            for each in tests_of(rule.expression)
        )

    return holds


def _contains_field(data: Mapping[str, Any]) -> Condition:
    field = str(data.get("field"))
    return lambda rule, test, state: any(each.field == field for each in tests_of(rule.expression))


def _state(data: Mapping[str, Any]) -> Condition:
    key, value = str(data.get("key")), str(data.get("val"))
    return lambda rule, test, state: state.get(key) == value


def _applied(data: Mapping[str, Any]) -> Condition:
    key = f"applied:{data.get('processing_item_id')}"
    return lambda rule, test, state: key in state


def _attribute(data: Mapping[str, Any]) -> Condition:
    name, value = str(data.get("attribute")), str(data.get("value"))
    return lambda rule, test, state: str(getattr(rule, name, "")) == value


def _tag(data: Mapping[str, Any]) -> Condition:
    return lambda rule, test, state: str(data.get("tag")).lower() in rule.tags


def _match_string(data: Mapping[str, Any]) -> Condition:
    pattern, turned = re.compile(str(data.get("pattern"))), flag(data, "negate")

    def holds(rule: Rule, test: Test | None, state: State) -> bool:
        if test is None or not isinstance(test.check, Like):
            return False
        text = "".join(part if isinstance(part, str) else "*" for part in test.check.parts)
        return (pattern.match(text) is not None) != turned

    return holds


def _is_null(data: Mapping[str, Any]) -> Condition:
    return lambda rule, test, state: test is not None and isinstance(test.check, IsNull)


def _fields(wanted: bool) -> Callable[[Mapping[str, Any]], Condition]:
    def make(data: Mapping[str, Any]) -> Condition:
        names = [str(name) for name in data.get("fields") or []]
        patterns = (
            [re.compile(name) for name in names] if str(data.get("mode", data.get("type_"))) == "re" else None
        )

        def holds(rule: Rule, test: Test | None, state: State) -> bool:
            field = test.field if test is not None else ""
            found = any(p.match(field) for p in patterns) if patterns is not None else field in names
            return found == wanted

        return holds

    return make


_MAKERS: dict[str, dict[str, Callable[[Mapping[str, Any]], Condition]]] = {
    "rule": {
        "logsource": _log_source,
        "contains_detection_item": _contains_item,
        "contains_field": _contains_field,
        "rule_attribute": _attribute,
        "tag": _tag,
        "is_sigma_rule": lambda data: lambda rule, test, state: CORRELATION not in state,
        "is_sigma_correlation_rule": lambda data: lambda rule, test, state: CORRELATION in state,
        "processing_state": _state,
        "processing_item_applied": _applied,
    },
    "detection_item": {"match_string": _match_string, "is_null": _is_null, "processing_state": _state},
    "field_name": {
        "include_fields": _fields(True),
        "exclude_fields": _fields(False),
        "processing_state": _state,
    },
}
