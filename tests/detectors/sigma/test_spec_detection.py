"""Values of detection items: the specification's sections on strings, escapes, null, numbers and lists."""

import pytest

from tests.detectors.sigma.kit import matches, rule_text, rules_of, selects


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
def test_string_wildcards_and_escaping(pattern: str, value: str, expected: bool) -> None:
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
def test_general_text_is_compared_without_case_in_all_of_unicode(
    pattern: str, value: str, expected: bool
) -> None:
    assert selects(f"F: '{pattern}'", {"F": value}) is expected


def test_general_contains_folds_case_on_both_sides() -> None:
    assert selects("F|contains: 'straße'", {"F": "..STRASSE.."})
    assert selects("F|contains: 'οδοσ'", {"F": "..ΟΔΟΣ.."})


def test_special_value_null_is_absent_or_null_and_empty_is_neither() -> None:
    assert selects("F: null", {})
    assert selects("F: null", {"F": None})
    assert not selects("F: null", {"F": ""})
    assert not selects("F: null", {"F": "x"})


def test_special_value_empty_is_present_and_empty() -> None:
    assert selects("F: ''", {"F": ""})
    assert not selects("F: ''", {})
    assert not selects("F: ''", {"F": None})
    assert not selects("F: ''", {"F": " "})


def test_special_value_null_among_other_values() -> None:
    assert selects("F: [null, 'a']", {"F": "a"})
    assert selects("F: [null, 'a']", {})
    assert not selects("F: [null, 'a']", {"F": "b"})


def test_field_existence_asks_for_presence_alone() -> None:
    assert selects("F|exists: true", {"F": ""})
    assert selects("F|exists: true", {"F": None})
    assert not selects("F|exists: true", {})
    assert selects("F|exists: false", {})
    assert not selects("F|exists: false", {"F": None})


def test_general_numbers_and_booleans_are_equal_as_text() -> None:
    assert selects("F: 4688", {"F": 4688})
    assert selects("F: 4688", {"F": "4688"})
    assert not selects("F: 4688", {"F": "04688"})
    assert selects("F: 1.50", {"F": "1.50"})
    assert selects("F: true", {"F": "true"})
    assert selects("F: true", {"F": "True"})
    assert not selects("F: true", {"F": "1"})


def test_general_a_positive_test_on_a_missing_field_is_false_and_its_negation_true() -> None:
    assert not selects("F: a", {})
    assert matches("sel:\n  G: b\nfilter:\n  F: a\ncondition: sel and not filter", {"G": "b"})


def test_general_a_list_field_matches_when_any_member_does() -> None:
    assert selects("F: b", {"F": ["a", "b"]})
    assert not selects("F: b", {"F": ["a", "c"]})
    assert not selects("F: b", {"F": []})
    assert selects("F|contains|all: [a, b]", {"F": ["xa", "yb"]})


def test_lists_of_values_are_any_of_them_and_with_all_every_one() -> None:
    assert selects("F|contains: [foo, bar]", {"F": "a bar b"})
    assert not selects("F|contains|all: [foo, bar]", {"F": "a bar b"})
    assert selects("F|contains|all: [foo, bar]", {"F": "foobar"})


def test_maps_are_all_of_their_items_and_lists_of_maps_any() -> None:
    assert not selects("F: a\nG: b", {"F": "a"})
    assert selects("F: a\nG: b", {"F": "a", "G": "b"})
    assert selects("- F: a\n- G: b", {"G": "b"})


def test_keywords_look_at_all_values_of_the_event() -> None:
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


# --- general


def test_search_identifiers_are_maps_or_lists() -> None:
    assert matches("sel:\n  F: a\nkeywords: [x]\ncondition: sel or keywords", {"F": "a"})
    for empty in ("{}", "[]"):
        assert rules_of(rule_text(f"sel: {empty}\ncondition: sel")).problems[0].fatal


def test_general_characters_of_other_languages_need_no_escape() -> None:
    for text in ("a%b", "a(b)[c]{d}", "a^b$c|d", "a+b.c", 'a"b', "a`b"):
        assert selects(f"F: '{text}'", {"F": text})


def test_general_values_are_strings_whatever_they_look_like() -> None:
    """YAML 1.2: dates, times, yes and no are text."""
    for text in ("2024-01-01", "12:30:00", "yes", "no", "on", "off", "010", "1e3", "1_000"):
        assert selects(f"F: {text}", {"F": text})


# --- escaping, a clause each


def test_escaping_a_plain_backslash_is_single_or_double() -> None:
    assert selects(r"F: 'a\b'", {"F": r"a\b"})
    assert selects(r"F: 'a\\b'", {"F": r"a\b"})


def test_escaping_a_wildcard_makes_it_plain() -> None:
    assert selects(r"F: 'a\*\?'", {"F": "a*?"})
    assert not selects(r"F: 'a\*\?'", {"F": "abc"})


def test_escaping_a_backslash_before_a_wildcard() -> None:
    assert selects(r"F: 'C:\\*'", {"F": r"C:\anything"})


def test_escaping_three_backslashes_before_a_wildcard_make_both_plain() -> None:
    assert selects(r"F: 'a\\\*'", {"F": r"a\*"})
    assert not selects(r"F: 'a\\\*'", {"F": r"a\x"})


def test_escaping_three_or_four_backslashes_are_a_double_one() -> None:
    assert selects(r"F: '\\\srv'", {"F": r"\\srv"})
    assert selects(r"F: '\\\\srv'", {"F": r"\\srv"})


# --- string wildcards


def test_string_wildcard_question_mark_is_one_character() -> None:
    assert selects("F: 'prog?.exe'", {"F": "progA.exe"})
    assert not selects("F: 'prog?.exe'", {"F": "prog.exe"})


def test_string_wildcard_star_is_any_run() -> None:
    assert selects("F: 'antivirus_V*.exe'", {"F": "antivirus_V21.2.1.exe"})
    assert selects("F: 'antivirus_V*.exe'", {"F": "antivirus_V.exe"})


# --- lists, maps


def test_lists_of_strings_are_keywords_linked_with_or() -> None:
    text = "keywords: [EVILSERVICE, 'svchost.exe -n evil']\ncondition: keywords"
    assert matches(text, {"A": "run svchost.exe -n evil now"})
    assert matches(text, {"B": "evilservice"})


def test_lists_of_maps_are_linked_with_or() -> None:
    text = "selection:\n  - Image|endswith: '\\\\example.exe'\n  - Description|contains: 'Test executable'\n"
    assert matches(text + "condition: selection", {"Description": "a test executable"})
    assert matches(text + "condition: selection", {"Image": r"C:\example.exe"})


def test_lists_may_mix_strings_and_maps_and_nest() -> None:
    text = "sel:\n  - word\n  - F: a\n    G: b\n  - - H: c\n    - I: d\ncondition: sel"
    for event in ({"X": "a word"}, {"F": "a", "G": "b"}, {"H": "c"}, {"I": "d"}):
        assert matches(text, event)
    assert not matches(text, {"F": "a"})


def test_maps_are_linked_with_and_and_their_lists_with_or() -> None:
    text = "sel:\n  EventLog: Security\n  EventID: [517, 1102]\ncondition: sel"
    assert matches(text, {"EventLog": "security", "EventID": 1102})
    assert not matches(text, {"EventLog": "security", "EventID": 1103})


# --- special values


def test_special_value_not_null_is_a_negated_selection() -> None:
    text = "sel:\n  EventID: 4738\nfilter:\n  PasswordLastSet: null\ncondition: sel and not filter"
    assert matches(text, {"EventID": 4738, "PasswordLastSet": "x"})
    assert not matches(text, {"EventID": 4738})


def test_special_value_null_takes_no_modifier() -> None:
    assert "null takes no modifier" in str(
        rules_of(rule_text("sel:\n  F|contains: null\ncondition: sel")).problems[0]
    )


# --- placeholders


@pytest.mark.parametrize(
    "name", ["Administrators", "JumpServers", "Workstations", "Servers", "DomainControllers"]
)
def test_placeholders_standard_ones_are_filled_from_the_settings(name: str) -> None:
    assert selects(f"F|expand: '%{name}%'", {"F": "b"}, **{name: ["a", "b"]})


def test_placeholders_without_expand_are_plain_text() -> None:
    assert selects("F: '%name%'", {"F": "%NAME%"})


def test_placeholders_combine() -> None:
    assert selects("F|expand: '%a%-%b%'", {"F": "2-3"}, a=["1", "2"], b=["3", "4"])


# --- keywords


def test_keywords_with_all_are_linked_with_and() -> None:
    text = "k:\n  '|all': [OabVirtualDirectory, ' -ExternalUrl ']\ncondition: k"
    assert matches(text, {"A": "Set-OabVirtualDirectory -ExternalUrl x"})
    assert not matches(text, {"A": "Set-OabVirtualDirectory"})


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("'|re': 'a.c'", "xabcx"),
        ("'|cidr': 10.0.0.0/8", "10.1.1.1"),
        ("'|cased': aB", "xaBx"),
        ("'|base64offset|contains': abab", "YWJhYg=="),
        ("'|windash|all': [' -a ', ' -b ']", "x /a y /b z"),
        ("'|contains': 4688", "x4688"),
    ],
)
def test_keywords_take_modifiers(item: str, value: str) -> None:
    assert matches(f"k:\n  {item}\ncondition: k", {"A": value})
    assert not matches(f"k:\n  {item}\ncondition: k", {"A": "nothing"})


@pytest.mark.parametrize("item", ["[null]", "['']", "{'|exists': true}", "{'|fieldref': A}"])
def test_keywords_that_name_nothing_are_refused(item: str) -> None:
    assert rules_of(rule_text(f"k: {item}\ncondition: k")).problems[0].fatal
