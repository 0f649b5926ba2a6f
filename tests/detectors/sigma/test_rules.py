"""Rule files: what is read, what is wrong with its place, and that one broken rule never stops the rest."""

import pytest

from detectors.contract import EventType, LogSource
from detectors.sigma.documents import read_documents
from detectors.sigma.problem import MOST
from detectors.sigma.rules import load_rules, parse_rules
from tests.detectors.sigma.kit import rule_text, rules_of

SELECTION = "sel:\n  F: a\ncondition: sel"


def test_one_broken_rule_never_stops_the_rest() -> None:
    good = rule_text(SELECTION)
    rules = rules_of(b"title: [", good, b"- a list", b"\xff\xfe\x00", b"title: x\n")
    assert [rule.title for rule in rules.rules] == ["T"]
    assert [problem.file for problem in rules.problems if not problem.also] == [
        "r0.yml",
        "r2.yml",
        "r3.yml",
        "r4.yml",
    ]
    assert all(problem.fatal for problem in rules.problems)


def test_all_that_is_wrong_with_a_rule_is_said_each_thing_in_its_place() -> None:
    """Nothing hides behind the first: who rights a rule need not come back for the next."""
    rules = rules_of(
        b"title: T\nlevel: severe\ndetection:\n  sel:\n    F|endwith: a\n    G|re: '('\n  other:\n"
        b"    - {H|expand: '%none%'}\n    - {H|contains|ree: a}\n  condition: sel and other and gone\n"
    )
    said = [(problem.line, problem.message) for problem in rules.problems]
    assert [line for line, _ in said] == [2, 1, 5, 6, 8, 9, 10]
    for (_, message), part in zip(
        said,
        ("level", "no log source", "'endwith'", "regular expression", "none", "'ree'", "'gone'"),
        strict=True,
    ):
        assert part in message
    assert [problem.also for problem in rules.problems if problem.fatal] == [
        False,
        True,
        True,
        True,
        True,
        True,
    ]
    assert not rules.rules


def test_a_filter_says_all_its_faults_too() -> None:
    rules = rules_of(b"title: F\nfilter:\n  sel: {F|endwith: a}\n  condition: not gone\n")
    said = [problem.message for problem in rules.problems]
    for message, part in zip(said, ("log source", "rules", "'endwith'", "gone"), strict=True):
        assert part in message


def test_of_thousands_of_faults_a_few_are_told() -> None:
    fields = "".join(f"    F{number}|nothing: a\n" for number in range(5_000))
    rules = rules_of(
        f"title: T\nlogsource: {{product: windows}}\ndetection:\n  sel:\n{fields}  condition: sel\n".encode()
    )
    assert len(rules.problems) <= MOST + 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (rule_text(SELECTION, level="severe"), 3, "level 'severe' is not Sigma's"),
        (rule_text("sel:\n  F: a"), 6, "no condition"),
        (b"title: T\ndetection:\n  sel:\n    F: a\n  condition: sel\n", 1, "no log source"),
        (b"title: T\nid: a\n  b: c\n", 3, "not YAML"),
        (rule_text("sel: {}\ncondition: sel"), 7, "an empty map would match every event"),
    ],
)
def test_a_problem_has_its_line(text: bytes, line: int, message: str) -> None:
    problems = [problem for problem in rules_of(text).problems if problem.fatal]
    assert message in problems[0].message
    assert problems[0].line == line


def test_of_two_rules_with_one_id_the_first_stands() -> None:
    rules = rules_of(rule_text(SELECTION, title="one"), rule_text(SELECTION, title="two"))
    assert [rule.title for rule in rules.rules] == ["one"]
    assert "is also that of r0.yml" in rules.problems[0].message


@pytest.mark.parametrize("status", ["deprecated", "unsupported"])
def test_deprecated_and_unsupported_rules_are_off_visibly(status: str) -> None:
    rules = rules_of(rule_text(SELECTION, status=status))
    assert not rules.rules
    assert f"off: status {status}" in rules.problems[0].message


def test_several_documents_and_a_global_one() -> None:
    text = b"""action: global
title: Both
level: low
logsource: {product: test}
---
id: 00000000-0000-4000-8000-00000000000a
detection: {sel: {F: a}, condition: sel}
---
id: 00000000-0000-4000-8000-00000000000b
detection: {sel: {F: b}, condition: sel}
"""
    rules = rules_of(text).rules
    assert [(rule.title, rule.id[-1]) for rule in rules] == [("Both", "a"), ("Both", "b")]


def test_values_of_yaml_stay_what_was_written() -> None:
    documents, problems = read_documents(
        b"a: 2026-01-02\nb: 12:30:00\nc: 1.10\nd: 010\ne: 0x1F\nf: 1_000\n", "f"
    )
    assert not problems
    assert {key: str(value) for key, value in documents[0].items()} == {
        "a": "2026-01-02", "b": "12:30:00", "c": "1.10", "d": "010", "e": "31", "f": "1_000",
    }  # fmt: skip


def test_yaml_bombs_end_as_problems() -> None:
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n".encode() for n in range(12)
    )
    assert rules_of(bomb).problems
    assert rules_of(b"[" * 50_000).problems
    assert rules_of(b"a: " + b"{b: " * 3_000 + b"}" * 3_000).problems
    assert rules_of(b"!!python/object/apply:os.system ['true']").problems
    assert rules_of(b"x" * 5_000_000).problems


def test_alias_floods_do_not_make_a_rule_explode() -> None:
    lists = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 5) if n else 'a'}]\n" for n in range(9))
    text = rule_text("sel:\n  F: a\ncondition: sel").replace(
        b"detection:\n", b"detection:\n" + lists.encode()
    )
    assert rules_of(text).problems


def test_few_aliases_of_long_lists_do_not_make_a_rule_explode() -> None:
    long = "".join(f"    - {{Image: v{n}}}\n" for n in range(5_000))
    levels = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 3)}]\n" for n in range(1, 10))
    text = rule_text("sel:\n  F: a\ncondition: l9").replace(
        b"detection:\n", b"detection:\n" + f"  l0: &l0\n{long}{levels}".encode()
    )
    assert "aliases" in str(rules_of(text).problems[0])
    assert rules_of(b"title: T\ndetection: &a\n  sel: *a\n  condition: sel\n").problems


def test_hostile_sizes_are_bounded() -> None:
    many = "\n".join(f"    - v{n}" for n in range(30_000))
    assert "20,000 are the most" in str(
        rules_of(rule_text(f"sel:\n  F:\n{many}\ncondition: sel")).problems[0]
    )
    long_regex = "F|re: '" + "a" * 30_000 + "'"
    assert "20,000 are the most" in str(
        rules_of(rule_text(f"sel:\n  {long_regex}\ncondition: sel")).problems[0]
    )
    long_name = rule_text("sel:\n  " + "F" * 600 + ": a\ncondition: sel")
    assert "512 are the most" in str(rules_of(long_name).problems[0])
    deep = "F: a"
    for _ in range(80):
        deep = "- " + deep.replace("\n", "\n  ")
    assert rules_of(rule_text("sel:\n  " + deep.replace("\n", "\n  ") + "\ncondition: sel")).problems


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogSource("windows", "process_creation"), True),
        (LogSource("windows", "", "sysmon"), True),
        (LogSource("windows"), True),
        (LogSource("", "process_creation"), True),
        (LogSource("linux", "process_creation"), False),
        (LogSource("windows", "file_event"), False),
    ],
)
def test_a_rule_looks_at_events_that_have_every_part_of_its_log_source(
    wanted: LogSource, expected: bool
) -> None:
    sysmon = EventType(
        "windows.sysmon.1",
        "windows",
        frozenset((LogSource("windows", "process_creation"), LogSource("windows", "", "sysmon"))),
    )
    assert sysmon.serves(wanted) is expected


def test_metadata_is_kept() -> None:
    text = rule_text(
        SELECTION, author="A B", status="test", tags="[attack.t1059.001, attack.execution, cve.2021-1]"
    )
    (rule,) = parse_rules({"f.yml": text}).rules
    assert (rule.author, rule.techniques, rule.file) == ("A B", ("T1059.001",), "f.yml")


def test_a_rule_file_without_end_is_refused() -> None:
    assert "at the most" in str(load_rules(["/dev/zero"]).problems[0])
