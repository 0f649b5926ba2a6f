"""Processing pipelines in pySigma's format: what each transformation does, and errors with their line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from detectors.contract import LogSource
from detectors.sigma.pipelines import PipelineProblem, apply, parse_pipeline, placeholders_of
from detectors.sigma.rules import RuleSet
from tests.detectors.sigma.kit import rule_text, rules_of, verdict


def pipeline(*steps: str, head: str = "") -> bytes:
    lines = ["name: ours", *head.splitlines(), "transformations:"]
    for step in steps:
        first, *rest = step.strip("\n").splitlines()
        lines += [f"  - {first}", *("    " + line for line in rest)]
    return "\n".join(lines).encode()


def through(detection: str, *steps: str, head: str = "", **more: str) -> RuleSet:
    parsed = parse_pipeline(pipeline(*steps, head=head), "p.yml")
    rules = rules_of(rule_text(detection, **more), placeholders=placeholders_of([parsed], {}))
    return apply(rules, [parsed])


def meets(event: Mapping[str, object], detection: str, *steps: str, head: str = "") -> bool:
    return verdict(through(detection, *steps, head=head), event)


SEL = "sel:\n  F|contains: abc\ncondition: sel"
ONE = "type: field_name_mapping\nmapping:\n  F: G"
MANY = "type: field_name_mapping\nmapping:\n  F: [G, H]"


def test_a_field_is_renamed() -> None:
    assert meets({"G": "xabcx"}, SEL, ONE)
    assert not meets({"F": "xabcx"}, SEL, ONE)


def test_one_field_becomes_any_of_several() -> None:
    assert meets({"H": "abc"}, SEL, MANY)
    assert meets({"G": "abc"}, SEL, MANY)
    assert not meets({"F": "abc"}, SEL, MANY)


@pytest.mark.parametrize(
    ("item", "event", "expected"),
    [
        ("F|neq: a", {"G": "a", "H": "b"}, False),
        ("F|neq: a", {"H": "b"}, True),
        ("F|neq: a", {"X": "b"}, False),
        ("F: null", {"G": "a"}, False),
        ("F: null", {"X": "a"}, True),
        ("F|exists: true", {"H": "a"}, True),
        ("F|exists: false", {"H": "a"}, False),
        ("X|fieldref: F", {"X": "1", "H": "1"}, True),
    ],
)
def test_several_names_mean_what_one_did(item: str, event: dict[str, object], expected: bool) -> None:
    assert meets(event, f"sel:\n  {item}\ncondition: sel", MANY) is expected


def test_prefixes_and_suffixes() -> None:
    assert meets({"win.F": "abc"}, SEL, "type: field_name_prefix\nprefix: win.")
    assert meets({"F_x": "abc"}, SEL, "type: field_name_suffix\nsuffix: _x")
    mapped = "type: field_name_prefix_mapping\nmapping:\n  a.: b."
    assert meets({"b.F": "1"}, "sel:\n  a.F: 1\ncondition: sel", mapped)


def test_an_item_is_dropped() -> None:
    drop = "type: drop_detection_item\nfield_name_conditions:\n  - type: include_fields\n    fields: [G]"
    assert meets({"F": "abc"}, "sel:\n  F: abc\n  G: x\ncondition: sel", drop)
    found = through("sel:\n  G: x\ncondition: sel", drop)
    assert not found.rules
    assert "leaves nothing of it" in str(found.problems[0])


def test_a_condition_is_added() -> None:
    add = "type: add_condition\nconditions:\n  env: [prod, test]"
    assert meets({"F": "abc", "env": "prod"}, SEL, add)
    assert not meets({"F": "abc"}, SEL, add)
    assert not meets({"F": "abc", "env": "prod"}, SEL, add + "\nnegated: true")
    template = "type: add_condition\ntemplate: true\nconditions:\n  kind: $product"
    assert meets({"F": "abc", "kind": "test"}, SEL, template)


def test_the_log_source_is_changed_where_it_fits() -> None:
    change = "type: change_logsource\nproduct: other\nrule_conditions:\n  - type: logsource\n    product: {}"
    assert through(SEL, change.format("test")).rules[0].log_source == LogSource("other")
    assert through(SEL, change.format("windows")).rules[0].log_source == LogSource("test")


def test_texts_are_replaced() -> None:
    replace = "type: replace_string\nregex: ^abc\nreplacement: xyz"
    assert meets({"F": "1xyz2"}, SEL, replace)
    mapped = "type: map_string\nmapping:\n  a: [b, c]"
    assert meets({"F": "c"}, "sel:\n  F: a\ncondition: sel", mapped)


def test_placeholders_are_filled_from_vars_or_with_wildcards() -> None:
    rule = "sel:\n  F|expand: '%admins%'\ncondition: sel"
    assert meets({"F": "ana"}, rule, "type: value_placeholders", head="vars:\n  admins: [ana, bob]")
    assert meets({"F": "anyone"}, rule, "type: wildcard_placeholders\ninclude: [admins]")


def test_states_and_applied_items_are_remembered() -> None:
    state = "type: set_state\nkey: k\nval: v"
    when = ONE + "\nrule_conditions:\n  - type: processing_state\n    key: k\n    val: v"
    assert meets({"G": "abc"}, SEL, state, when)
    assert meets({"F": "abc"}, SEL, when)
    after = ONE + "\nrule_conditions:\n  - type: processing_item_applied\n    processing_item_id: first"
    assert meets({"G": "abc"}, SEL, "id: first\n" + state, after)


def test_conditions_are_joined_and_turned() -> None:
    conditions = (
        "  - type: tag\n    tag: a.b\n  - type: contains_detection_item\n    field: F\n    value: abc"
    )
    both = f"{ONE}\nrule_cond_op: or\nrule_conditions:\n{conditions}"
    assert meets({"G": "abc"}, SEL, both)
    assert meets({"F": "abc"}, SEL, both + "\nrule_cond_not: true")
    condition = "  - type: match_string\n    cond: any\n    pattern: ^x"
    text = f"type: drop_detection_item\ndetection_item_conditions:\n{condition}"
    assert meets({"F": "abc"}, "sel:\n  F: abc\n  G: xyz\ncondition: sel", text)


def test_a_refused_rule_is_off_and_says_why() -> None:
    found = through(SEL, "type: rule_failure\nmessage: not for us")
    assert "off: not for us" in str(found.problems[0])


def test_the_hash_of_a_rule_follows_its_pipelines() -> None:
    assert through(SEL, ONE).rules[0].text_hash != through(SEL, MANY).rules[0].text_hash


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (pipeline("type: field_name_maping\nmapping: {}"), 3, "'field_name_maping' is not supported"),
        (pipeline(ONE, "type: nest\nitems: []"), 6, "'nest' is not supported"),
        (pipeline("type: field_name_mapping"), 3, "needs a mapping"),
        (pipeline(ONE + "\ncolour: red"), 6, "no setting 'colour'"),
        (pipeline("type: replace_string\nregex: '('"), 4, "sound regex"),
        (pipeline(ONE + "\nrule_conditions:\n  - type: moon"), 7, "'moon' is not supported"),
        (b"transformations: 5", 1, "not a list"),
        (b"a: [", 2, "not YAML"),
    ],
)
def test_what_is_not_supported_is_named_with_its_line(text: bytes, line: int, words: str) -> None:
    with pytest.raises(PipelineProblem) as caught:
        parse_pipeline(text, "p.yml")
    assert caught.value.problem.line == line
    assert words in str(caught.value)


def test_the_fields_of_filters_go_through_pipelines_with_their_rule() -> None:
    known = (
        b"title: Known\nlogsource: {product: test}\nfilter:\n  rules: any\n"
        b"  selection:\n    U: admin\n  condition: not selection\n"
    )
    parsed = parse_pipeline(pipeline("type: field_name_mapping\nmapping:\n  U: user.name"), "p.yml")
    found = apply(rules_of(rule_text(SEL), known), [parsed])
    assert not verdict(found, {"F": "abc", "user.name": "admin"})
    assert verdict(found, {"F": "abc", "U": "admin"})
