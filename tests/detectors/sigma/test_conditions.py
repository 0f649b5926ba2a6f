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
def test_conditions(condition: str, true: str, expected: bool) -> None:
    assert holds(condition, *true) is expected


def test_a_list_of_conditions_is_any_of_them() -> None:
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
