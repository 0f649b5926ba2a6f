"""Sigma rules, file and head: a test for each clause of the specification on components and collections.

Source: Sigma Rules Specification 2.1. What stands under `detection` is in `test_spec_detection.py`,
`test_spec_modifiers.py` and `test_spec_condition.py`.
"""

import pytest

from detectors.contract import LogSource
from detectors.sigma.rules import LEVELS, Rule, RuleSet, parse_rules
from tests.detectors.sigma.kit import rule_text, rules_of, verdict

SELECTION = "sel:\n  F: a\ncondition: sel"
OTHER = "00000000-0000-4000-8000-000000000002"


def rule(**more: str) -> Rule:
    (found,) = rules_of(rule_text(SELECTION, **more)).rules
    return found


def said(*texts: bytes) -> list[str]:
    return [problem.message for problem in rules_of(*texts).problems]


def fatal(*texts: bytes) -> bool:
    return any(problem.fatal for problem in rules_of(*texts).problems)


def collection(*documents: str) -> RuleSet:
    return rules_of("\n---\n".join(documents).encode())


# --- file


def test_file_is_utf_8_and_may_begin_with_a_mark() -> None:
    text = rule_text(SELECTION.replace("a", "é"))
    assert rules_of(b"\xef\xbb\xbf" + text).rules
    assert fatal(text.decode().encode("latin-1"))


def test_file_lines_may_end_as_windows_ends_them() -> None:
    assert rules_of(rule_text(SELECTION).replace(b"\n", b"\r\n")).rules


def test_file_is_yaml_1_2_in_which_yes_no_and_dates_are_text() -> None:
    found = rules_of(rule_text("sel:\n  F: [yes, 2024-01-01]\ncondition: sel"))
    assert verdict(found, {"F": "yes"})
    assert verdict(found, {"F": "2024-01-01"})


def test_file_may_hold_fields_of_its_own() -> None:
    assert not said(rule_text(SELECTION, simulation="{type: atomic}", custom="x"))


# --- title, id, related, name


def test_title_is_mandatory() -> None:
    assert said(rule_text(SELECTION).replace(b"title: T\n", b"")) == ["a rule needs a title"]


def test_id_is_optional_and_then_follows_from_the_title() -> None:
    text = rule_text(SELECTION).replace(b"id: 00000000-0000-4000-8000-000000000001\n", b"")
    found, again = rules_of(text), rules_of(text)
    assert found.rules[0].id == again.rules[0].id
    assert found.rules[0].id.startswith("title:")
    assert said(text) == ["no id"]


def test_id_should_be_a_uuid() -> None:
    assert said(rule_text(SELECTION, id="mine")) == ["id 'mine' is no UUID"]
    assert rule(id="mine").id == "mine"


def test_id_is_unique() -> None:
    assert fatal(rule_text(SELECTION), rule_text(SELECTION, title="Other"))


@pytest.mark.parametrize("kind", ["derived", "obsolete", "merged", "renamed", "similar"])
def test_related_is_kept_with_its_type(kind: str) -> None:
    assert rule(related=f"[{{id: {OTHER}, type: {kind}}}]").related == ((kind, OTHER),)


def test_related_obsolete_is_warned_of_where_the_old_rule_is_still_on() -> None:
    """It stays on: else a file of somebody else's could switch any rule off."""
    old = rule_text(SELECTION, id=OTHER, title="Old")
    new = rule_text(SELECTION, title="New", related=f"[{{id: {OTHER}, type: obsolete}}]")
    found = rules_of(old, new)
    assert {each.title for each in found.rules} == {"Old", "New"}
    assert [(p.file, p.message, p.fatal) for p in found.problems] == [
        ("r0.yml", "'New' says that it replaces this rule", False)
    ]
    assert not said(rule_text(SELECTION, related=f"[{{id: {OTHER}, type: obsolete}}]"))


def test_name_is_what_correlations_may_call_the_rule_by() -> None:
    assert rule(name="failed_login").name == "failed_login"


# --- taxonomy, status


def test_taxonomy_is_sigma_by_default() -> None:
    assert rule().taxonomy == "sigma"
    assert not said(rule_text(SELECTION, taxonomy="sigma"))


def test_taxonomy_of_ones_own_is_used_and_said_to_need_a_pipeline() -> None:
    assert rule(taxonomy="ours").taxonomy == "ours"
    (problem,) = rules_of(rule_text(SELECTION, taxonomy="ours")).problems
    assert "taxonomy 'ours' is not Sigma's own; put its names through a pipeline" in str(problem)
    assert not problem.fatal


@pytest.mark.parametrize("status", ["stable", "test", "experimental"])
def test_status_of_a_rule_in_use(status: str) -> None:
    assert rule(status=status).status == status


@pytest.mark.parametrize("status", ["deprecated", "unsupported"])
def test_status_of_a_rule_that_is_off(status: str) -> None:
    found = rules_of(rule_text(SELECTION, status=status))
    assert not found.rules
    assert [(p.message, p.fatal) for p in found.problems] == [(f"off: status {status}", False)]


def test_status_that_is_none_is_warned_of() -> None:
    assert said(rule_text(SELECTION, status="done")) == ["status 'done' is not Sigma's"]


# --- description to modified


def test_description_license_author_date_modified_are_kept() -> None:
    found = rule(
        description="What it finds", license="MIT", author="A, B", date="2024-01-02", modified="2024-01-03"
    )
    assert (found.description, found.license, found.author) == ("What it finds", "MIT", "A, B")
    assert (found.date, found.modified) == ("2024-01-02", "2024-01-03")


def test_references_falsepositives_fields_are_lists_or_one_text() -> None:
    found = rule(references="[a, b]", falsepositives="unlikely", fields="[User]")
    assert (found.references, found.false_positives, found.fields) == (("a", "b"), ("unlikely",), ("User",))


def test_scope_is_read_over() -> None:
    assert not said(rule_text(SELECTION, scope="[server]"))


# --- log source


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("product: windows", LogSource("windows")),
        ("category: process_creation", LogSource("", "process_creation")),
        ("service: sshd", LogSource("", "", "sshd")),
        ("product: Windows, category: Process_Creation", LogSource("windows", "process_creation")),
        ("product: windows, service: firewall-as, definition: x", LogSource("windows", "", "firewall-as")),
    ],
)  # fmt: skip
def test_logsource_is_any_of_product_category_service(written: str, meant: LogSource) -> None:
    text = rule_text(SELECTION).replace(b"logsource:\n  product: test", f"logsource: {{{written}}}".encode())
    assert rules_of(text).rules[0].log_source == meant


@pytest.mark.parametrize("written", [b"logsource: {}", b"logsource: {definition: x}", b"logsource: windows"])
def test_logsource_is_mandatory(written: bytes) -> None:
    text = rule_text(SELECTION).replace(b"logsource:\n  product: test", written)
    assert said(text) == ["no log source"]


def test_detection_is_mandatory() -> None:
    text = rule_text(SELECTION)
    assert said(text[: text.index(b"detection")]) == ["no detection"]


# --- level, tags


@pytest.mark.parametrize("level", LEVELS)
def test_level_is_one_of_five(level: str) -> None:
    assert rule(level=level).level == level


def test_level_is_optional_and_no_other_word() -> None:
    assert rules_of(rule_text(SELECTION).replace(b"level: high\n", b"")).rules[0].level == "medium"
    assert fatal(rule_text(SELECTION, level="severe"))


def test_tags_name_attack_techniques() -> None:
    found = rule(tags="[attack.t1059.001, attack.execution, cve.2024-1, detection.threat-hunting]")
    assert found.techniques == ("T1059.001",)
    assert len(found.tags) == 4


# --- collections

HEAD = "level: low\nlogsource: {product: test}"


def one(number: int, value: str, more: str = "title: T\n" + HEAD) -> str:
    return (
        f"id: 00000000-0000-4000-8000-00000000000{number}\n{more}\n"
        f"detection: {{sel: {{F: {value}}}, condition: sel}}"
    )


def test_collection_of_several_documents() -> None:
    assert [each.id[-1] for each in collection(one(1, "a"), one(2, "b")).rules] == ["1", "2"]


def test_collection_action_global_gives_its_keys_to_all_that_follow() -> None:
    found = collection(f"action: global\ntitle: Both\n{HEAD}", one(1, "a", ""), one(2, "b", ""))
    assert [(each.title, each.level) for each in found.rules] == [("Both", "low"), ("Both", "low")]


def test_collection_action_global_is_overruled_and_merged_into_maps() -> None:
    common = f"action: global\ntitle: Both\n{HEAD}\ndetection: {{shared: {{G: g}}}}"
    rules = collection(
        common,
        "id: 00000000-0000-4000-8000-000000000001\nlevel: high\n"
        "detection: {sel: {F: a}, condition: sel and shared}",
    )
    assert rules.rules[0].level == "high"
    assert verdict(rules, {"F": "a", "G": "g"})
    assert not verdict(rules, {"F": "a"})


def test_collection_action_reset_ends_the_global_keys() -> None:
    found = collection(
        f"action: global\ntitle: Both\n{HEAD}", one(1, "a", ""), "action: reset", one(2, "b", "")
    )
    assert [each.id[-1] for each in found.rules] == ["1"]
    assert [problem.message for problem in found.problems] == ["a rule needs a title", "no log source"]


def test_collection_action_repeat_is_the_rule_before_with_changes() -> None:
    found = collection(
        one(1, "a"),
        "action: repeat\nid: 00000000-0000-4000-8000-000000000002\ndetection: {sel: {F: b}}",
    )
    assert [each.id[-1] for each in found.rules] == ["1", "2"]
    assert verdict(RuleSet([found.rules[1]]), {"F": "b"})
    assert not verdict(RuleSet([found.rules[1]]), {"F": "a"})


def test_collection_of_a_rule_its_filter_and_a_correlation() -> None:
    found = collection(
        one(1, "a", f"title: T\nname: base\n{HEAD}"),
        "title: F\nlogsource: {product: test}\n"
        "filter: {rules: [base], selection: {U: admin}, condition: not selection}",
        "title: C\ncorrelation: {type: event_count, rules: [base], timespan: 1h, condition: {gte: 2}}",
    )
    assert not found.problems
    assert not verdict(found, {"F": "a", "U": "admin"})
    assert [each.kind for each in found.others] == ["correlation"]


def test_collection_problems_stand_in_the_line_of_their_document() -> None:
    found = collection(one(1, "a"), one(2, "b").replace("level: low", "level: severe"))
    (problem,) = found.problems
    assert (problem.line, problem.column) == (9, 1)
    assert [each.id[-1] for each in found.rules] == ["1"]


def test_a_name_of_a_file_changes_nothing() -> None:
    first, second = (parse_rules({name: rule_text(SELECTION)}).rules[0] for name in ("a.yml", "B b.yaml"))
    assert first.text_hash == second.text_hash
