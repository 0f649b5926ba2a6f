"""Correlations through processing pipelines: group keys, aliases and measured fields take the new names."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook

RULES = """title: Base
id: 00000000-0000-4000-8000-000000000001
name: base
logsource: {product: windows, category: process_creation}
detection: {sel: {User: a}, condition: sel}
---
title: Other
id: 00000000-0000-4000-8000-000000000002
name: other
logsource: {product: linux}
detection: {sel: {User: a}, condition: sel}
---
title: Count
id: 00000000-0000-4000-8000-00000000000a
name: count
correlation:
  type: value_count
  rules: [base, other]
  group-by: [User, where]
  timespan: 1h
  aliases: {where: {base: Computer, other: host}}
  condition: {field: Image, gte: 2}
"""
PARENT = """
---
title: Parent
id: 00000000-0000-4000-8000-00000000000b
correlation: {type: event_count, rules: [count], group-by: [LogonId], timespan: 1d, condition: {gte: 2}}
"""
MAPPING = """
  - type: field_name_mapping
    mapping: {User: user.name, Computer: host.name, Image: process.executable, LogonId: logon.id}
"""
WINDOWS = MAPPING + "    rule_conditions: [{type: logsource, product: windows}]\n"
BASE, OTHER = ("00000000-0000-4000-8000-00000000000" + digit for digit in "12")


def book(folder: Path, steps: str, rules: str = RULES) -> Rulebook:
    (folder / "rules.yml").write_text(rules)
    (folder / "pipeline.yml").write_text("transformations:\n" + steps)
    return load_rulebook([folder / "rules.yml"], cache=Cache(None), pipelines=[folder / "pipeline.yml"])


def test_each_rule_is_asked_for_the_fields_that_it_has(tmp_path: Path) -> None:
    found = book(tmp_path, WINDOWS)
    needs = found.correlations.needs()
    assert set(needs[BASE]) == {"user.name", "host.name", "process.executable"}
    assert set(needs[OTHER]) == {"User", "host", "Image"}
    assert not found.broken


def test_the_group_key_keeps_the_correlations_own_names(tmp_path: Path) -> None:
    (rule,) = book(tmp_path, WINDOWS).correlations.rules
    assert rule.group_by == ("User", "where")
    assert rule.fields == ("Image",)


def test_what_a_parent_asks_of_a_child_is_renamed_below(tmp_path: Path) -> None:
    needs = book(tmp_path, WINDOWS, RULES + PARENT).correlations.needs()
    assert "logon.id" in needs[BASE]
    assert "LogonId" in needs[OTHER]


def test_a_prefix_and_conditions_on_names_count(tmp_path: Path) -> None:
    steps = """
  - type: field_name_prefix
    prefix: win.
    field_name_conditions: [{type: include_fields, fields: [User]}]
"""
    assert set(book(tmp_path, steps).correlations.needs()[BASE]) == {"win.User", "Computer", "Image"}


def test_a_step_for_correlations_alone_renames_only_theirs(tmp_path: Path) -> None:
    found = book(tmp_path, MAPPING + "    rule_conditions: [{type: is_sigma_correlation_rule}]\n")
    assert "user.name" in found.correlations.needs()[BASE]
    assert found.rules[BASE].expression == book(tmp_path, "").rules[BASE].expression


@pytest.mark.parametrize("rules", [RULES, RULES + PARENT], ids=["alone", "chained"])
def test_a_field_with_several_names_leaves_the_correlation_out_visibly(tmp_path: Path, rules: str) -> None:
    found = book(tmp_path, "  - type: field_name_mapping\n    mapping: {User: [a, b]}\n", rules)
    assert not found.correlations.rules
    said = [str(problem) for problem in found.broken if "several names" in problem.message]
    assert said == [
        "%s:16:1: a pipeline gives 'User' several names: a, b; map it to one name" % (tmp_path / "rules.yml")
    ]
    assert set(found.rules) == {BASE, OTHER}


def test_without_pipelines_nothing_is_renamed(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (rule,) = load_rulebook([tmp_path / "rules.yml"], cache=Cache(None)).correlations.rules
    assert set(rule.aliases) == {"where"}
