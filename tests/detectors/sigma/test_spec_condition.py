"""Conditions: precedence, quantifiers, patterns, lists, and what is refused."""

import pytest

from tests.detectors.sigma.kit import matches, rule_text, rules_of

PARTS = "a:\n  A: 1\nb:\n  B: 1\nc_one:\n  C: 1\nc_two:\n  D: 1\n_hidden:\n  H: 1\n"
USED = " or (_hidden and not _hidden)"


def holds(condition: str, *true: str) -> bool:
    return matches(f"{PARTS}condition: {condition}", {name: "1" for name in true})


@pytest.mark.parametrize(
    ("condition", "true", "expected"),
    [
        ("a or b and c_one", "A", True),
        ("a or b and c_one", "B", False),
        ("(a or b) and c_one", "A", False),
        ("not a and b", "B", True),
        ("not (a and b)", "A", True),
        ("not not a", "A", True),
        ("1 of c_*", "D", True),
        ("any of c_*", "D", True),
        ("all of c_*", "D", False),
        ("all of c_*", "CD", True),
        ("1 of them", "H", False),
        ("1 of them", "A", True),
        ("all of them", "ABCD", True),
        ("1 of _*", "H", True),
        ("not 1 of c_*", "A", True),
        ("not 1 of c_*", "C", False),
        ("a AND NOT b", "A", True),
        ("not all of c_*", "C", True),
    ],
)
def test_condition_operators_quantifiers_and_precedence(condition: str, true: str, expected: bool) -> None:
    assert holds(condition, *true) is expected


def test_condition_list_is_any_of_them() -> None:
    assert matches(f"{PARTS}condition:\n  - a\n  - b", {"B": "1"})
    assert not matches(f"{PARTS}condition:\n  - a\n  - b", {"C": "1"})


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a and", "ends too early"),
        ("(a or b", "closing parenthesis"),
        ("a b", "'b' was not expected"),
        ("aa", "no detection is named 'aa'"),
        ("1 of d_*", "fits no detection"),
        ("2 of c_*", "use '1 of' or 'all of'"),
        ("a | count() > 5", "left Sigma with version 2"),
        ("and a", "a detection's name was expected"),
        ("(" * 300 + "a" + ")" * 300, "nested more than"),
        ("not " * 3000 + "a", "nested more than"),
    ],
)
def test_a_wrong_condition_says_where(condition: str, message: str) -> None:
    problem = rules_of(rule_text(f"{PARTS}condition: {condition}")).problems[0]
    assert message in str(problem)
    assert "column" in problem.message
    assert problem.line > 0


def test_an_unused_detection_is_warned_of() -> None:
    problems = rules_of(rule_text("a:\n  A: 1\nb:\n  B: 1\ncondition: a")).problems
    assert ["detection 'b' is never used" in each.message and not each.fatal for each in problems] == [True]


# --- a clause each


def test_condition_or_and_and() -> None:
    assert holds("a or b", "B")
    assert not holds("a and b", "B")


def test_condition_not() -> None:
    assert holds("a and not b", "A")
    assert not holds("a and not b", "A", "B")


def test_condition_brackets() -> None:
    assert not holds("a and (b or c_one)", "A")
    assert holds("a and (b or c_one)", "A", "C")


def test_condition_precedence_is_or_and_not_of_brackets() -> None:
    assert holds("not 1 of c_* and a or b", "A")
    assert not holds("not 1 of c_* and a or b", "A", "C")
    assert holds("not 1 of c_* and a or b", "B", "C")


def test_condition_1_of_them_leaves_out_names_with_an_underscore() -> None:
    assert not holds("1 of them", "H")
    assert holds("1 of them", "D")


def test_condition_all_of_them_leaves_out_names_with_an_underscore() -> None:
    assert holds("all of them", *"ABCD")
    assert not holds("all of them", *"ABC")


def test_condition_1_of_pattern() -> None:
    assert holds("1 of c_*", "D")
    assert not holds("1 of c_*", "A")


def test_condition_all_of_pattern() -> None:
    assert holds("all of c_*", *"CD")
    assert not holds("all of c_*", "C")


def test_condition_patterns_have_stars_anywhere_and_nothing_else_special() -> None:
    assert holds("1 of *_o*", "C")
    assert holds("all of *_*e", "C")
    for pattern in ("c_on?", "c_[o]ne"):
        problem = rules_of(rule_text(f"{PARTS}condition: 1 of {pattern}")).problems[0]
        assert "fits no detection" in problem.message


def test_condition_of_one_name() -> None:
    assert holds("1 of c_one", "C")


def test_condition_words_are_read_in_any_case() -> None:
    assert holds("NOT b AND 1 OF them", "A")


def test_condition_identifiers_keep_their_default_linking() -> None:
    text = "m:\n  F: a\n  G: b\nl:\n  - H: c\n  - I: d\ncondition: all of them"
    assert matches(text, {"F": "a", "G": "b", "I": "d"})
    assert not matches(text, {"F": "a", "I": "d"})


def test_condition_list_explains_each() -> None:
    assert matches(f"{PARTS}condition: [a and b, 1 of c_*]", {"D": "1"})
    assert rules_of(rule_text(f"{PARTS}condition: []")).problems[0].fatal


def test_condition_is_mandatory() -> None:
    assert "no condition" in rules_of(rule_text("sel:\n  F: a")).problems[0].message


def test_condition_timeframe_of_old_rules_is_no_detection() -> None:
    assert matches("sel:\n  F: a\ntimeframe: 5m\ncondition: all of them", {"F": "a"})
