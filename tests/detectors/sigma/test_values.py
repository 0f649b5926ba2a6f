"""Values of detection items: the specification's sections on strings, escapes, null, numbers and lists."""

import pytest

from tests.detectors.sigma.kit import matches, selects


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"'a\b'", r"a\b", True),
        (r"'a\\b'", r"a\b", True),
        (r"'a\\b'", r"a\\b", False),
        (r"'a\\\\b'", r"a\\b", True),
        (r"'a\*b'", "a*b", True),
        (r"'a\*b'", "axb", False),
        (r"'a\\*b'", r"a\xyzb", True),
        (r"'a\\*b'", "axyzb", False),
        (r"'a\\\*b'", r"a\*b", True),
        (r"'a\?b'", "a?b", True),
        (r"'a\?b'", "axb", False),
        ("'a?b'", "axb", True),
        ("'a?b'", "ab", False),
        ("'a?b'", "aéb", True),
        ("'a?b'", "a日b", True),
        ("'a??b'", "a日b", False),
        ("'a*b'", "ab", True),
        ("'a*b'", "a\nlong\nway\nb", True),
        ("'*'", "", True),
        ("'?*'", "", False),
        (r"'C:\Windows\*'", r"C:\Windows\x", False),
        (r"'C:\Windows\*'", r"C:\Windows*", True),
        (r"'end\'", "end\\", True),
        ("'50%'", "50%", True),
        ("'a.c'", "abc", False),
    ],
)
def test_escapes_and_wildcards(pattern: str, value: str, expected: bool) -> None:
    assert selects(f"F: {pattern}", {"F": value}) is expected


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("abc", "ABC", True),
        ("ÄÖÜ", "äöü", True),
        ("straße", "STRASSE", True),
        ("ΟΔΟΣ", "οδος", True),
        ("istanbul", "ISTANBUL", True),
        ("abc", "abcd", False),
        ("abc", "xabc", False),
    ],
)
def test_text_is_compared_without_case_in_all_of_unicode(pattern: str, value: str, expected: bool) -> None:
    assert selects(f"F: '{pattern}'", {"F": value}) is expected


def test_contains_folds_case_on_both_sides() -> None:
    assert selects("F|contains: 'straße'", {"F": "..STRASSE.."})
    assert selects("F|contains: 'οδοσ'", {"F": "..ΟΔΟΣ.."})


def test_null_is_absent_or_null_and_empty_is_neither() -> None:
    assert selects("F: null", {})
    assert selects("F: null", {"F": None})
    assert not selects("F: null", {"F": ""})
    assert not selects("F: null", {"F": "x"})


def test_empty_text_is_present_and_empty() -> None:
    assert selects("F: ''", {"F": ""})
    assert not selects("F: ''", {})
    assert not selects("F: ''", {"F": None})
    assert not selects("F: ''", {"F": " "})


def test_null_among_other_values() -> None:
    assert selects("F: [null, 'a']", {"F": "a"})
    assert selects("F: [null, 'a']", {})
    assert not selects("F: [null, 'a']", {"F": "b"})


def test_exists_asks_for_presence_alone() -> None:
    assert selects("F|exists: true", {"F": ""})
    assert selects("F|exists: true", {"F": None})
    assert not selects("F|exists: true", {})
    assert selects("F|exists: false", {})
    assert not selects("F|exists: false", {"F": None})


def test_numbers_and_booleans_are_equal_as_text() -> None:
    assert selects("F: 4688", {"F": 4688})
    assert selects("F: 4688", {"F": "4688"})
    assert not selects("F: 4688", {"F": "04688"})
    assert selects("F: 1.50", {"F": "1.50"})
    assert selects("F: true", {"F": "true"})
    assert selects("F: true", {"F": "True"})
    assert not selects("F: true", {"F": "1"})


def test_a_positive_test_on_a_missing_field_is_false_and_its_negation_true() -> None:
    assert not selects("F: a", {})
    assert matches("sel:\n  G: b\nfilter:\n  F: a\ncondition: sel and not filter", {"G": "b"})


def test_a_list_field_matches_when_any_member_does() -> None:
    assert selects("F: b", {"F": ["a", "b"]})
    assert not selects("F: b", {"F": ["a", "c"]})
    assert not selects("F: b", {"F": []})
    assert selects("F|contains|all: [a, b]", {"F": ["xa", "yb"]})


def test_several_values_are_any_of_them_and_with_all_every_one() -> None:
    assert selects("F|contains: [foo, bar]", {"F": "a bar b"})
    assert not selects("F|contains|all: [foo, bar]", {"F": "a bar b"})
    assert selects("F|contains|all: [foo, bar]", {"F": "foobar"})


def test_a_map_is_all_of_its_items_and_a_list_of_maps_any() -> None:
    assert not selects("F: a\nG: b", {"F": "a"})
    assert selects("F: a\nG: b", {"F": "a", "G": "b"})
    assert selects("- F: a\n- G: b", {"G": "b"})


def test_keywords_look_at_all_values() -> None:
    assert matches("keywords: [evil, worse]\ncondition: keywords", {"A": "x", "B": "some EVIL thing"})
    assert not matches("keywords: [evil]\ncondition: keywords", {"evil": "x"})
    assert matches("keywords:\n  '|all': [evil, thing]\ncondition: keywords", {"A": "evil", "B": "thing"})
    assert not matches("keywords:\n  '|all': [evil, thing]\ncondition: keywords", {"A": "evil"})
    assert matches(r"keywords: ['a\b']" + "\ncondition: keywords", {"A": r"x a\b y"})
    assert matches("keywords: ['ev*il']\ncondition: keywords", {"A": "ev and il"})
    assert not matches("keywords: ['ev*il']\ncondition: keywords", {"A": "ev", "B": "il"})


def test_keywords_find_what_escapes_and_odd_letters_hide() -> None:
    assert matches("keywords: ['mimikatz']\ncondition: keywords", {"A": "mimi\u212aatz"})
    assert matches("keywords: ['straße']\ncondition: keywords", {"A": "STRASSE"})


def test_a_huge_value_is_matched_at_its_very_end() -> None:
    assert selects("F|endswith: needle", {"F": "x" * 2_000_000 + "NEEDLE"})


def test_pattern_syntax_of_the_machine_below_means_nothing() -> None:
    assert selects("F|contains: '.*[a](b){2}^$|'", {"F": "x.*[A](b){2}^$|y"})
    assert not selects("F|contains: '.*'", {"F": "abc"})
