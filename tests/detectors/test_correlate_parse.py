"""Correlations as text: what is read, and how what is wrong is said, with its place."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from detectors.correlate.links import BaseRule, Resolved, resolve
from detectors.correlate.model import Bound, Clause, CorrelationRule
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import CorrelationProblem, Where
from detectors.sigma.documents import read_documents

START = "title: t\nid: 11111111-1111-1111-1111-111111111111\ncorrelation:\n"


def parse_all(text: str, file: str = "f.yml") -> list[tuple[CorrelationRule, Where]]:
    documents, problems = read_documents(text.encode(), file)
    assert not problems
    found = []
    for index, document in enumerate(documents):
        where = Where.document(file, text.encode(), index)
        found.append((parse_correlation(document, where), where))
    return found


def parse(section: str, rest: str = "") -> CorrelationRule:
    body = "".join(f"  {line}\n" for line in section.strip().splitlines())
    return parse_all(START + body + rest)[0][0]


def wrong(section: str, rest: str = "") -> list[str]:
    with pytest.raises(CorrelationProblem) as caught:
        parse(section, rest)
    return [str(problem) for problem in caught.value.problems]


def test_numbers_are_exact() -> None:
    rule = parse(
        "type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {field: n, gt: 1000000, lte: 2000000.10}"
    )
    assert rule.bounds == (Bound("gt", 1_000_000), Bound("lte", Fraction("2000000.1")))


def test_rules_and_group_by_may_be_one_text() -> None:
    rule = parse("type: event_count\nrules: a\ngroup-by: User\ntimespan: 1h\ncondition: {gte: 3}")
    assert (rule.rules, rule.group_by) == (("a",), ("User",))


@pytest.mark.parametrize(
    ("section", "rest"),
    [
        ("type: temporal\nrules: [a, b]\ntimespan: 1h\ngenerate: true", ""),
        ("type: temporal\nrules: [a, b]\ntimespan: 1h", "generate: true\n"),
    ],
)
def test_generate_may_stand_at_either_level(section: str, rest: str) -> None:
    assert parse(section, rest).generate
    assert not parse("type: temporal\nrules: [a, b]\ntimespan: 1h").generate


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("a and b and c", [((0, 1, 2), ())]),
        ("a and (b or c)", [((0, 1), ()), ((0, 2), ())]),
        ("a or b and not c", [((0,), ()), ((1,), (2,))]),
        ("a and not (b or c)", [((0,), (1, 2))]),
        ("a and not (b and c)", [((0,), (1,)), ((0,), (2,))]),
        ("a AND b AND NOT NOT c", [((0, 1, 2), ())]),
    ],
)
def test_words(text: str, clauses: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    rule = parse(f"type: temporal\nrules: [a, b, c]\ntimespan: 1h\ncondition: {text}")
    assert rule.clauses == tuple(Clause(*clause) for clause in clauses)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ngroupby: [x]\ncondition: {gte: 1}",
            "f.yml:7:3: unknown key 'groupby'; did you mean 'group-by'?",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition:\n  gte: 1\n  gteq: 2",
            "f.yml:9:5: unknown key 'gteq'; did you mean 'gte'?",
        ),
        (
            "type: eventcount\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}",
            "f.yml:4:3: unknown type 'eventcount'; did you mean 'event_count'?",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 10 min\ncondition: {gte: 1}",
            "f.yml:6:3: '10 min' is no timespan; write a number and one of s m h d w M (month) y",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 0s\ncondition: {gte: 1}",
            "f.yml:6:3: '0s' is no timespan",
        ),
        ("type: event_count\nrules: [a]\ncondition: {gte: 1}", "f.yml:3:1: no timespan"),
        ("type: event_count\ntimespan: 1h\ncondition: {gte: 1}", "f.yml:3:1: no rules"),
        ("type: event_count\nrules: [a]\ntimespan: 1h", "f.yml:3:1: no condition"),
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: many}",
            "f.yml:7:15: 'many' is no number",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: yes}",
            "f.yml:7:15: 'yes' is no number",
        ),
        (
            "type: event_count\nrules: [a, a]\ntimespan: 1h\ncondition: {gte: 1}",
            "f.yml:5:14: 'a' stands there twice",
        ),
        (
            "type: value_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1}",
            "value_count needs the field it measures",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: x}",
            "f.yml:7:23: event_count counts no field; remove `field`",
        ),
        (
            "type: value_sum\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: [x, y]}",
            "value_sum measures one field",
        ),
        (
            "type: value_percentile\nrules: a\ntimespan: 1h\ncondition: {gte: 1, field: x, percentile: 101}",
            "'101' is no percentile",
        ),
        (
            "type: value_avg\nrules: [a]\ntimespan: 1h\ncondition: {gte: 1, field: x, percentile: 10}",
            "value_avg has no percentile",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 1h\ncondition: a and b",
            "event_count takes no condition in words",
        ),
        (
            "type: temporal\nrules: [a, b]\ntimespan: 1h\ncondition: a and",
            "it ends where a rule was expected",
        ),
        ("type: temporal\nrules: [a, b]\ntimespan: 1h\ncondition: (a and b", "a parenthesis is not closed"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1h\ncondition: a", "the condition does not use 'b'"),
        ("type: temporal\nrules: [a]\ntimespan: 1h\ncondition: a and c", "'c' is not among its rules"),
        (
            "type: temporal\nrules: [a]\ntimespan: 1h\ncondition: not a",
            "it can hold when nothing has happened",
        ),
        ("type: temporal\nrules: [a, b]\ntimespan: 1h\ncondition: {gte: 3}", "the condition can never hold"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1h\naliases: {x: y}", "alias 'x' is not a map of fields"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(section: str, expected: str) -> None:
    assert any(expected in problem for problem in wrong(section)), wrong(section)


def test_everything_wrong_is_said_at_once() -> None:
    assert len(wrong("type: event_count\nrules: []\ntimespan: x\ncondition: {gte: y}", "levle: high\n")) == 4


def test_a_condition_with_too_many_ways_is_refused() -> None:
    names = [f"r{n}" for n in range(40)]
    pairs = " and ".join(f"({a} or {b})" for a, b in zip(names[::2], names[1::2], strict=True))
    said = wrong(f"type: temporal\nrules: [{', '.join(names)}]\ntimespan: 1h\ncondition: {pairs}")
    assert "more than 256 ways" in said[0]


def test_deep_nesting_is_refused() -> None:
    said = wrong(f"type: temporal\nrules: [a]\ntimespan: 1h\ncondition: {'(' * 5000}a{')' * 5000}")
    assert "nests too deep" in said[0]


# --- references

BASES = [BaseRule("aaaa", "failed", "f.yml", "low"), BaseRule("bbbb", "ok", "g.yml", "critical")]


def linked(text: str, file: str = "f.yml") -> Resolved:
    found = parse_all(text, file)
    return resolve([r for r, _ in found], BASES, {(r.file, r.id): where for r, where in found})


def correlation(rules: str, extra: str = "", name: str = "n", number: int = 1) -> str:
    return (
        f"title: {name}\nname: {name}\nid: id{number}\n"
        f"correlation:\n  type: temporal\n  rules: [{rules}]\n  timespan: 1h\n{extra}"
    )


def messages(resolved: Resolved, fatal: bool = True) -> list[str]:
    return [str(problem) for problem in resolved.problems if problem.fatal is fatal]


def test_rules_are_named_by_name_or_id() -> None:
    assert [rule.rules for rule in linked(correlation("failed, BBBB")).rules] == [("aaaa", "bbbb")]


def test_an_unknown_rule_names_the_nearest() -> None:
    assert messages(linked(correlation("faild"))) == ["f.yml:6:11: no rule 'faild'; did you mean 'failed'?"]


def test_a_name_means_its_own_files_rule_first() -> None:
    bases = [*BASES, BaseRule("cccc", "failed", "other.yml")]
    [(rule, _)] = parse_all(correlation("failed"))
    assert resolve([rule], bases).rules[0].rules == ("aaaa",)
    [(rule, _)] = parse_all(correlation("failed"), "third.yml")
    assert "2 rules are named 'failed'" in str(resolve([rule], bases).problems[0])


def test_a_circle_and_what_builds_on_it_are_refused_and_the_rest_stands() -> None:
    text = "---\n".join(
        [
            correlation("y", name="x", number=1),
            correlation("x", name="y", number=2),
            correlation("x, failed", name="z", number=3),
            correlation("failed", name="good", number=4),
        ]
    )
    resolved = linked(text)
    assert [rule.name for rule in resolved.rules] == ["good"]
    assert len(messages(resolved)) == 3 and "circle" in messages(resolved)[0]


def test_an_incomplete_alias_is_an_error() -> None:
    said = messages(linked(correlation("failed, ok", "  aliases: {ip: {failed: src}}\n")))
    assert said == ["f.yml:8:13: alias 'ip' names no field of ok; name one for each rule"]


def test_a_level_is_its_own_or_the_highest_of_its_children() -> None:
    text = "---\n".join(
        [
            correlation("failed, ok", name="x", number=1),
            correlation("x", name="y", number=2),
            correlation("x", "level: low\n", name="z", number=3),
        ]
    )
    assert [rule.level for rule in linked(text).rules] == ["critical", "critical", "low"]


def test_a_rule_is_muted_in_its_own_file_when_every_correlation_says_so() -> None:
    assert linked(correlation("failed")).muted == {"aaaa"}
    assert linked(correlation("failed", "  generate: true\n")).muted == frozenset()
    assert linked(correlation("ok")).muted == frozenset()
    two = "---\n".join([correlation("failed"), correlation("failed", "  generate: true\n", "m", 2)])
    assert linked(two).muted == frozenset()


def test_a_rule_that_also_alerts_by_itself_is_hinted_at() -> None:
    assert messages(linked(correlation("ok")), fatal=False) == [
        "f.yml:6:3: 'bbbb' also alerts by itself, since it stands in another file; "
        "say `generate: true` if that is wanted"
    ]


@pytest.mark.parametrize("condition", ["{lt: 5}", "{eq: 0}", "{lte: 3}"])
def test_the_checker_says_that_absence_is_never_detected(condition: str) -> None:
    text = START + f"  type: event_count\n  rules: [failed]\n  timespan: 1h\n  condition: {condition}\n"
    assert "absence is never detected" in messages(linked(text), fatal=False)[0]


def test_bounds_that_exclude_each_other_are_warned_of() -> None:
    text = START + "  type: event_count\n  rules: [failed]\n  timespan: 1h\n  condition: {gt: 5, lt: 3}\n"
    assert "no number meets all bounds" in messages(linked(text), fatal=False)[0]


def test_the_pack_has_only_correlations_that_can_run() -> None:
    pack = Path(__file__).parents[2] / "detectors" / "pack"
    correlations, bases, places = [], [], {}
    for path in sorted(pack.rglob("*.yml")):
        text = path.read_bytes()
        for index, document in enumerate(read_documents(text, str(path))[0]):
            if "correlation" in document:
                where = Where.document(str(path), text, index)
                rule = parse_correlation(document, where)
                correlations.append(rule)
                places[rule.file, rule.id] = where
            elif "detection" in document:
                bases.append(BaseRule(str(document.get("id")), str(document.get("name") or ""), str(path)))
    assert [str(p) for p in resolve(correlations, bases, places).problems if p.fatal] == []
