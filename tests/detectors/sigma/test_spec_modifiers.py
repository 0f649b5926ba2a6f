"""One test a modifier, and their chains: the specification's appendix on modifiers."""

import base64

import pytest

from detectors.sigma.items import MODIFIERS
from tests.detectors.sigma.kit import matches, rule_text, rules_of, selects, verdict


def test_modifiers_contains_startswith_endswith_expect_the_value_anywhere_first_last() -> None:
    assert selects("F|contains: b", {"F": "abc"})
    assert selects("F|startswith: a", {"F": "abc"})
    assert not selects("F|startswith: b", {"F": "abc"})
    assert selects("F|endswith: c", {"F": "abc"})
    assert not selects("F|endswith: b", {"F": "abc"})
    assert not selects("F|endswith: c", {"F": "abc\n"})
    assert selects("F|startswith: 'a?c'", {"F": "abcd"})
    assert selects(r"F|endswith: '\x.exe'", {"F": r"C:\a\X.EXE"})


def test_modifier_cased_compares_as_written() -> None:
    assert selects("F|cased: Abc", {"F": "Abc"})
    assert not selects("F|cased: Abc", {"F": "abc"})
    assert selects("F|contains|cased: Ab", {"F": "xAby"})
    assert not selects("F|contains|cased: Ab", {"F": "xaby"})


def test_modifier_neq_needs_a_value_that_differs_from_all() -> None:
    assert selects("F|neq: a", {"F": "b"})
    assert not selects("F|neq: a", {"F": "A"})
    assert not selects("F|neq: a", {})
    assert not selects("F|neq: a", {"F": None})
    assert not selects("F|neq: [a, b]", {"F": "b"})
    assert selects("F|neq: [a, b]", {"F": "c"})
    assert not selects("F|neq: a", {"F": ["a", "b"]})
    assert selects("F|contains|neq: a", {"F": "xyz"})


@pytest.mark.parametrize("dash", ["-", "/", "–", "—", "―"])
def test_modifier_windash_takes_every_dash_in_the_event(dash: str) -> None:
    assert selects("F|contains|windash: ' -enc '", {"F": f"powershell {dash}enc AAA"})
    assert selects("F|windash|contains: ' /c '", {"F": f"cmd {dash}c x"})
    assert not selects("F|contains|windash: 'a-b'", {"F": "a/b"})


def test_modifiers_wide_utf16le_utf16be_utf16_encode_before_base64() -> None:
    assert selects(
        "F|wide|base64offset|contains: ping", {"F": base64.b64encode("xping".encode("utf-16-le")).decode()}
    )
    assert selects(
        "F|utf16le|base64|contains: ping", {"F": base64.b64encode("ping".encode("utf-16-le")).decode()}
    )
    assert selects("F|utf16be|base64: ping", {"F": base64.b64encode("ping".encode("utf-16-be")).decode()})
    assert selects("F|utf16|base64: ping", {"F": base64.b64encode("ping".encode("utf-16")).decode()})


def test_modifier_base64_encodes_the_value() -> None:
    assert selects("F|base64: foo", {"F": "Zm9v"})
    assert selects("F|base64|contains: foobar", {"F": "xZm9vYmFyy"})


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_modifier_base64offset_finds_the_value_at_every_shift(before: str) -> None:
    value = base64.b64encode((before + "http://" + "tail").encode()).decode()
    assert selects("F|base64offset|contains: 'http://'", {"F": value})


def test_modifier_base64_cannot_encode_a_wildcard() -> None:
    rules = rules_of(rule_text("sel:\n  F|base64: 'a*b'\ncondition: sel"))
    assert "cannot encode a wildcard" in rules.problems[0].message
    assert (rules.problems[0].line, rules.problems[0].column) == (8, 5)


def test_modifier_re_and_its_flags_i_m_s() -> None:
    assert selects(r"F|re: 'a.c\d+$'", {"F": "xabc12"})
    assert not selects("F|re: abc", {"F": "ABC"})
    assert selects("F|re|i: abc", {"F": "ABC"})
    assert not selects("F|re: 'a.c'", {"F": "a\nc"})
    assert selects("F|re|s: 'a.c'", {"F": "a\nc"})
    assert not selects("F|re: '^b'", {"F": "a\nb"})
    assert selects("F|re|m: '^b'", {"F": "a\nb"})
    assert selects("F|re|i|m|s: '^B.c'", {"F": "a\nb\nc"})


def test_modifier_re_with_what_the_fast_machine_refuses() -> None:
    assert selects(r"F|re: '(a)\1'", {"F": "xaay"})
    assert selects("F|re: 'foo(?!bar)'", {"F": "foobaz"})
    assert not selects("F|re: 'foo(?!bar)'", {"F": "foobar"})


@pytest.mark.parametrize(
    ("network", "value", "expected"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("192.168.1.0/24", "192.168.1.255", True),
        ("2001:db8::/32", "2001:DB8:0::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8", "::ffff:10.1.1.1", True),
        ("10.0.0.0/8", "10.1.2.3.4", False),
        ("10.0.0.0/8", "host10.1.2.3", False),
        ("127.0.0.1", "127.0.0.1", True),
    ],
)
def test_modifier_cidr_is_arithmetic_for_v4_and_v6(network: str, value: str, expected: bool) -> None:
    assert selects(f"F|cidr: '{network}'", {"F": value}) is expected


@pytest.mark.parametrize(
    ("item", "value", "expected"),
    [
        ("F|gt: 9", "10", True),
        ("F|gt: 10", "10", False),
        ("F|gte: 10", "10.0", True),
        ("F|lt: 10", "9.99999999999999999999", True),
        ("F|lte: -1", "-1", True),
        ("F|gt: 9", "abc", False),
        ("F|gt: 9", "nan", False),
        ("F|gt: 9", "inf", False),
        ("F|gt: 9", "0x10", False),
        ("F|gt: 9", "1_000", False),
        ("F|gt: 9", "", False),
        ("F|gt: 0.1", "1e3", True),
        ("F|lt: 9223372036854775808", "9223372036854775807", True),
        ("F|gt: 9223372036854775807", "9223372036854775808", True),
    ],
)
def test_modifiers_lt_lte_gt_gte_compare_exact_numbers(item: str, value: str, expected: bool) -> None:
    assert selects(item, {"F": value}) is expected


def test_modifiers_minute_hour_day_week_month_year_are_parts_of_the_time_in_utc() -> None:
    moment = {"F": "2026-03-04T23:59:30+02:00"}
    assert selects("F|hour: 21", moment)
    assert selects("F|minute: 59", moment)
    assert selects("F|day: 4", moment)
    assert selects("F|week: 10", moment)
    assert selects("F|month: 3", moment)
    assert selects("F|year: 2026", moment)
    assert selects("F|hour|gte: 20", moment)
    assert not selects("F|hour|lt: 20", moment)
    assert not selects("F|hour: 21", {"F": "no time"})


def test_modifier_expand_takes_every_value_of_a_placeholder() -> None:
    assert selects("F|expand: '%admins%'", {"F": "bob"}, admins=["alice", "bob"])
    assert selects("F|contains|expand: 'x%admins%y'", {"F": "..xbobyy"}, admins=["alice", "bob"])
    assert not selects("F|expand: '%admins%'", {"F": "eve"}, admins=["alice", "bob"])


def test_modifier_expand_without_a_value_switches_the_rule_off_visibly() -> None:
    rules = rules_of(rule_text("sel:\n  F|expand: '%admins%'\ncondition: sel"))
    assert not rules.rules
    assert "placeholder '%admins%' has no value" in str(rules.problems[0])
    assert not rules.problems[0].fatal


def test_modifier_fieldref_compares_fields_also_with_contains_startswith_endswith() -> None:
    assert selects("F|fieldref: G", {"F": "Abc", "G": "abc"})
    assert not selects("F|fieldref: G", {"F": "abc", "G": "abd"})
    assert not selects("F|fieldref: G", {"F": "abc"})
    assert selects("F|fieldref|startswith: G", {"F": "abcd", "G": "AB"})
    assert selects("F|fieldref|endswith: G", {"F": "abcd", "G": "cd"})
    assert selects("F|fieldref|contains: G", {"F": "abcd", "G": "bc"})
    assert not selects("F|fieldref|cased: G", {"F": "Abc", "G": "abc"})
    assert matches(
        "sel:\n  F: a\nfilter:\n  F|fieldref: G\ncondition: sel and not filter", {"F": "a", "G": "b"}
    )


def test_an_unknown_modifier_says_what_was_meant() -> None:
    rules = rules_of(rule_text("sel:\n  F|contain: a\ncondition: sel"))
    assert "there is no modifier 'contain'; did you mean 'contains'?" in str(rules.problems[0])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("F|re: '('", "the regular expression is wrong"),
        ("F|cidr: 300.0.0.0/8", "not a network"),
        ("F|gt: abc", "is no number"),
        ("F|exists: maybe", "exists takes true or false"),
        ("F|contains: null", "null takes no modifier"),
        ("F: []", "matches nothing"),
        ("F: {a: b}", "may not be a map"),
    ],
)
def test_wrong_values_are_named_with_their_place(item: str, message: str) -> None:
    problem = rules_of(rule_text(f"sel:\n  {item}\ncondition: sel")).problems[0]
    assert message in problem.message
    assert problem.line == 8


def test_modifier_fieldref_with_neq_holds_where_the_other_field_is_absent() -> None:
    """The field has a value, and it is not the other's: there is none."""
    assert selects("a|fieldref|neq: b", {"a": "x"})
    assert not selects("a|fieldref|neq: b", {"b": "x"})


@pytest.mark.parametrize("value", ["1e9999", "-1e400", "1" + "0" * 350, "1e31", "1e-9999", "0e9999"])
def test_a_number_that_is_no_time_has_no_parts_and_ends_nothing(value: str) -> None:
    assert not selects("F|year: 2024", {"F": value})


def test_modifier_all_turns_any_of_the_values_into_every_one() -> None:
    assert selects("F|contains|all: [a, b]", {"F": "b a"})
    assert not selects("F|contains|all: [a, b]", {"F": "a"})
    assert selects("F|all|contains: [a, b]", {"F": "b a"})


def test_modifier_all_on_a_single_value_is_that_value() -> None:
    """The specification forbids it, since some backends cannot; the checker remarks on it."""
    assert selects("F|contains|all: a", {"F": "xax"})


def test_modifier_exists_takes_true_or_false_and_stands_alone() -> None:
    assert selects("F|exists: true", {"F": None})
    assert selects("F|exists: false", {"G": "x"})
    for wrong in ("F|exists|neq: true", "F|exists|contains: true", "F|exists: [true, x]", "F|exists: 1"):
        assert rules_of(rule_text(f"sel:\n  {wrong}\ncondition: sel")).problems[0].fatal


@pytest.mark.parametrize("dash", ["-", "/", "–", "—", "―"])
def test_modifier_windash_takes_every_dash_in_the_rule(dash: str) -> None:
    assert selects(f"F|contains|windash: ' {dash}enc '", {"F": "powershell -enc AAA"})


def test_modifier_windash_leaves_dashes_inside_words() -> None:
    assert selects("F|windash: '-a-b'", {"F": "/a-b"})
    assert not selects("F|windash: '-a-b'", {"F": "/a/b"})


@pytest.mark.parametrize("dash", ["-", "/", "–"])
def test_modifier_windash_before_base64_encodes_every_spelling(dash: str) -> None:
    value = base64.b64encode(f"x {dash}enc".encode("utf-16-le")).decode()
    assert selects("F|windash|wide|base64offset|contains: ' -enc'", {"F": value})


def test_modifiers_that_encode_know_bytes_from_text() -> None:
    """What `wide` left are bytes; what was never encoded is text in UTF-8."""
    for text in ("ÿ", "日本", "é"):
        assert selects(f"F|base64: '{text}'", {"F": base64.b64encode(text.encode()).decode()})
        wide = base64.b64encode(text.encode("utf-16-le")).decode()
        assert selects(f"F|wide|base64: '{text}'", {"F": wide})


def test_modifier_utf16_begins_with_a_byte_order_mark() -> None:
    marked = base64.b64encode(b"\xff\xfe" + "cmd".encode("utf-16-le")).decode()
    assert selects("F|utf16|base64: cmd", {"F": marked})


def test_modifier_wide_is_utf16le() -> None:
    assert selects("F|wide|contains: cmd", {"F": "xc\0m\0d\0"})
    assert selects("F|utf16le|contains: cmd", {"F": "xc\0m\0d\0"})
    assert selects("F|utf16be|contains: cmd", {"F": "x\0c\0m\0d"})


@pytest.mark.parametrize(
    ("item", "match", "miss"),
    [
        ("F|re|startswith: 'b.'", "bcd", "abc"),
        ("F|re|endswith: 'a|b'", "xa", "ax"),
        ("F|re|contains: 'b.'", "abc", "ac"),
        ("F|re|i|startswith: 'b'", "Bcd", "aB"),
    ],
)
def test_modifier_re_takes_a_shape(item: str, match: str, miss: str) -> None:
    assert selects(item, {"F": match})
    assert not selects(item, {"F": miss})


def test_modifier_cidr_with_neq_and_with_placeholders() -> None:
    assert selects("F|cidr|neq: [10.0.0.0/8, 192.168.0.0/16]", {"F": "172.16.0.1"})
    assert not selects("F|cidr|neq: [10.0.0.0/8, 192.168.0.0/16]", {"F": "10.0.0.1"})
    assert selects("F|expand|cidr: '%nets%'", {"F": "10.9.9.9"}, nets=["192.168.0.0/16", "10.0.0.0/8"])


def test_modifier_expand_inside_a_regular_expression() -> None:
    assert selects(r"F|re|expand: '^\w+ %who%$'", {"F": "hello a.b"}, who=["c", "a.b"])
    assert not selects(r"F|re|expand: '^\w+ %who%$'", {"F": "hello axb"}, who=["c", "a.b"])


def test_modifier_expand_escaped_percent_is_a_plain_one() -> None:
    assert selects(r"F|expand: '\%plain%name%'", {"F": "%plainx"}, name=["x"])
    assert selects("F: '%name%'", {"F": "%name%"}, name=["x"])


def test_modifier_expand_values_may_hold_wildcards() -> None:
    assert selects("F|expand: '%Servers%'", {"F": "srv17"}, Servers=["srv*"])


def test_modifier_fieldref_of_several_fields_is_any_and_with_all_every_one() -> None:
    assert selects("F|fieldref: [G, H]", {"F": "1", "H": "1"})
    assert not selects("F|fieldref|all: [G, H]", {"F": "1", "H": "1", "G": "2"})


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("F|hour: 24", "hour 24 never comes; write a number from 0 to 23"),
        ("F|minute: 60", "minute 60 never comes"),
        ("F|day: 0", "day 0 never comes"),
        ("F|week: 54", "week 54 never comes"),
        ("F|month: 13", "month 13 never comes"),
        ("F|hour: 1.5", "takes a whole number"),
    ],
)
def test_modifiers_of_time_refuse_what_never_comes(item: str, words: str) -> None:
    assert words in str(rules_of(rule_text(f"sel:\n  {item}\ncondition: sel")).problems[0])


def test_modifiers_of_time_with_orders_neq_and_lists() -> None:
    moment = {"F": "2026-03-04T02:10:00Z"}
    assert selects("F|hour: [1, 2]", moment)
    assert selects("F|hour|neq: 3", moment)
    assert selects("F|minute|lte: 10", moment)
    assert not selects("F|year|gt: 2026", moment)


STRINGS = ("", "contains", "startswith", "endswith", "cased", "windash", "expand", "wide", "utf16", "utf16le",
           "utf16be", "base64", "base64offset")  # fmt: skip


@pytest.mark.parametrize("first", STRINGS)
@pytest.mark.parametrize("second", STRINGS)
@pytest.mark.parametrize("last", ["", "all", "neq"])
def test_modifier_chains_of_strings_are_read_in_the_order_written(first: str, second: str, last: str) -> None:
    """Every pair, with a list linked either way, is either usable, and then both evaluators agree on values
    near it, or is refused with its reason: a wildcard cannot be encoded."""
    key = "|".join(each for each in ("F", first, second, last) if each)
    rules = rules_of(rule_text(f"sel:\n  {key}: [ab-c, ' -x']\ncondition: sel"))
    if not rules.rules:
        assert first in ("contains", "startswith", "endswith"), rules.problems
        assert "cannot encode a wildcard" in rules.problems[0].message
        return
    for text in ("ab-c", " -x", "zab-c /x", "YWItYw==", "YQBiAC0AYwA=", "a\0b\0-\0c\0"):
        verdict(rules, {"F": text})


@pytest.mark.parametrize(
    "chain",
    ["re|cidr", "re|gt", "re|base64", "re|windash", "cidr|contains", "cidr|cased", "gt|contains", "gt|lt",
     "hour|contains", "hour|minute", "lt|expand", "fieldref|re", "fieldref|base64", "exists|all",
     "exists|cased", "contains|gt", "base64|re"],
)  # fmt: skip
def test_modifier_chains_that_mean_nothing_are_refused(chain: str) -> None:
    value = "true" if "exists" in chain else "5"
    problem = rules_of(rule_text(f"sel:\n  F|{chain}: {value}\ncondition: sel")).problems[0]
    assert "do not go together" in problem.message or "must follow" in problem.message
    assert problem.fatal


@pytest.mark.parametrize("flag", ["i", "m", "s"])
def test_modifiers_i_m_s_follow_re(flag: str) -> None:
    problem = rules_of(rule_text(f"sel:\n  F|{flag}: a\ncondition: sel")).problems[0]
    assert "must follow 're'" in problem.message


LONG_NAMES = {"ignorecase", "multiline", "dotall"}


def test_every_modifier_of_the_specification_has_a_test_named_after_it() -> None:
    words = {word for name in globals() if name.startswith("test_modifier") for word in name.split("_")}
    assert set(MODIFIERS) - LONG_NAMES <= words
