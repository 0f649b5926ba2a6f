"""What the explainer tells: spans, words, what helped, what is missing."""

import pytest

from detectors.sigma.explain import Why, helped, missing
from tests.detectors.sigma.kit import rule_text, rules_of, why


def told(detection: str, event: dict[str, object]) -> Why:
    return why(rules_of(rule_text(detection)), event)


def only(detection: str, event: dict[str, object]) -> Why:
    (test,) = helped(told(detection, event))
    return test


@pytest.mark.parametrize(
    ("item", "value", "words", "span"),
    [
        ("F|contains: comsvcs", r"a\comsvcs.dll", "contains", "comsvcs"),
        (r"F|endswith: '\x.exe'", r"C:\X.EXE", "ends with", r"\X.EXE"),
        ("F|startswith: pow", "PowerShell", "starts with", "Pow"),
        ("F: abc", "ABC", "is", "ABC"),
        ("F|contains: 'a*c'", "xxaBBcxx", "contains", "aBBc"),
        ("F|re: 'b+'", "abbbc", "matches the expression", "bbb"),
        ("F|contains: 'ss'", "einE straße", "contains", "ß"),
        ("F|contains|windash: ' -enc'", "x /enc y", "contains", " /enc"),
        ("F|cidr: 10.0.0.0/8", "10.1.1.1", "is in the network", "10.1.1.1"),
        ("F|gte: 5", "7", "is at least", "7"),
        ("F|contains|cased: Ab", "xAb", "contains (case matters)", "Ab"),
    ],
)
def test_the_span_that_matched_and_the_words(item: str, value: str, words: str, span: str) -> None:
    test = only(f"sel:\n  {item}\ncondition: sel", {"F": value})
    assert (test.words, test.value[test.start : test.end]) == (words, span)


def test_a_filter_that_held_helped_and_shows_what_the_event_has() -> None:
    tree = told(
        "sel:\n  F: a\nfilter:\n  G|endswith: x\ncondition: sel and not filter", {"F": "a", "G": "other"}
    )
    assert [(test.field, test.true, test.value) for test in helped(tree)] == [
        ("F", True, "a"),
        ("G", False, "other"),
    ]


def test_of_a_list_the_value_that_matched_and_how_many_there_are() -> None:
    test = only("sel:\n  F|contains: b\ncondition: sel", {"F": ["a", "xbx", "c"]})
    assert (test.value, test.of) == ("xbx", 3)


def test_absent_null_and_empty_are_told_apart() -> None:
    states = [only("sel:\n  F: null\ncondition: sel", event).state for event in ({}, {"F": None})]
    assert states == ["absent", "null"]


def test_selections_keep_their_names() -> None:
    tree = told("sel:\n  F: a\nfilter:\n  G: b\ncondition: sel and not filter", {"F": "a"})
    assert [node.name or node.below[0].name for node in tree.below] == ["sel", "filter"]


@pytest.mark.parametrize(
    ("event", "count"),
    [({"F": "a", "G": "b"}, 0), ({"F": "a"}, 1), ({}, 2), ({"F": "a", "G": "b", "H": "c"}, 1)],
)
def test_how_much_is_missing(event: dict[str, object], count: int) -> None:
    tree = told("sel:\n  F: a\n  G: b\nfilter:\n  H: c\ncondition: sel and not filter", event)
    assert missing(tree) == count


def test_of_alternatives_the_nearest_counts() -> None:
    detection = "a:\n  F: 1\n  G: 1\n  H: 1\nb:\n  K: 1\ncondition: 1 of them"
    assert missing(told(detection, {"F": "1"})) == 1


def test_keywords_show_the_value_they_met() -> None:
    test = only("keywords: [evil]\ncondition: keywords", {"A": "x", "B": "so EVIL"})
    assert (test.field, test.value, test.value[test.start : test.end]) == ("", "so EVIL", "EVIL")


def test_a_hostile_expression_ends() -> None:
    assert not told("sel:\n  F|re: '(a+)+$'\ncondition: sel", {"F": "a" * 40 + "b"}).true
