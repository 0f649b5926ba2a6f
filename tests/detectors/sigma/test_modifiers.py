"""One test a modifier, and their chains: the specification's appendix on modifiers."""

import base64

import pytest

from tests.detectors.sigma.kit import matches, rule_text, rules_of, selects


def test_contains_startswith_endswith() -> None:
    assert selects("F|contains: b", {"F": "abc"})
    assert selects("F|startswith: a", {"F": "abc"})
    assert not selects("F|startswith: b", {"F": "abc"})
    assert selects("F|endswith: c", {"F": "abc"})
    assert not selects("F|endswith: b", {"F": "abc"})
    assert not selects("F|endswith: c", {"F": "abc\n"})
    assert selects("F|startswith: 'a?c'", {"F": "abcd"})
    assert selects(r"F|endswith: '\x.exe'", {"F": r"C:\a\X.EXE"})


def test_cased_compares_as_written() -> None:
    assert selects("F|cased: Abc", {"F": "Abc"})
    assert not selects("F|cased: Abc", {"F": "abc"})
    assert selects("F|contains|cased: Ab", {"F": "xAby"})
    assert not selects("F|contains|cased: Ab", {"F": "xaby"})


def test_neq_needs_a_value_that_differs_from_all() -> None:
    assert selects("F|neq: a", {"F": "b"})
    assert not selects("F|neq: a", {"F": "A"})
    assert not selects("F|neq: a", {})
    assert not selects("F|neq: a", {"F": None})
    assert not selects("F|neq: [a, b]", {"F": "b"})
    assert selects("F|neq: [a, b]", {"F": "c"})
    assert not selects("F|neq: a", {"F": ["a", "b"]})
    assert selects("F|contains|neq: a", {"F": "xyz"})


@pytest.mark.parametrize("dash", ["-", "/", "–", "—", "―"])
def test_windash_takes_every_dash(dash: str) -> None:
    assert selects("F|contains|windash: ' -enc '", {"F": f"powershell {dash}enc AAA"})
    assert selects("F|windash|contains: ' /c '", {"F": f"cmd {dash}c x"})
    assert not selects("F|contains|windash: 'a-b'", {"F": "a/b"})


def test_wide_and_utf16() -> None:
    assert selects(
        "F|wide|base64offset|contains: ping", {"F": base64.b64encode("xping".encode("utf-16-le")).decode()}
    )
    assert selects(
        "F|utf16le|base64|contains: ping", {"F": base64.b64encode("ping".encode("utf-16-le")).decode()}
    )
    assert selects("F|utf16be|base64: ping", {"F": base64.b64encode("ping".encode("utf-16-be")).decode()})
    assert selects("F|utf16|base64: ping", {"F": base64.b64encode("ping".encode("utf-16")).decode()})


def test_base64() -> None:
    assert selects("F|base64: foo", {"F": "Zm9v"})
    assert selects("F|base64|contains: foobar", {"F": "xZm9vYmFyy"})


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_base64offset_at_every_offset(before: str) -> None:
    value = base64.b64encode((before + "http://" + "tail").encode()).decode()
    assert selects("F|base64offset|contains: 'http://'", {"F": value})


def test_base64_cannot_encode_a_wildcard() -> None:
    rules = rules_of(rule_text("sel:\n  F|base64: 'a*b'\ncondition: sel"))
    assert "cannot encode a wildcard" in rules.problems[0].message
    assert (rules.problems[0].line, rules.problems[0].column) == (8, 5)


def test_re_with_its_flags() -> None:
    assert selects(r"F|re: 'a.c\d+$'", {"F": "xabc12"})
    assert not selects("F|re: abc", {"F": "ABC"})
    assert selects("F|re|i: abc", {"F": "ABC"})
    assert not selects("F|re: 'a.c'", {"F": "a\nc"})
    assert selects("F|re|s: 'a.c'", {"F": "a\nc"})
    assert not selects("F|re: '^b'", {"F": "a\nb"})
    assert selects("F|re|m: '^b'", {"F": "a\nb"})
    assert selects("F|re|i|m|s: '^B.c'", {"F": "a\nb\nc"})


def test_re_with_what_the_fast_machine_refuses() -> None:
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
def test_cidr_is_arithmetic(network: str, value: str, expected: bool) -> None:
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
def test_orders_compare_exact_numbers(item: str, value: str, expected: bool) -> None:
    assert selects(item, {"F": value}) is expected


def test_time_parts_are_of_the_time_in_utc() -> None:
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


def test_expand_takes_every_value_of_a_placeholder() -> None:
    assert selects("F|expand: '%admins%'", {"F": "bob"}, admins=["alice", "bob"])
    assert selects("F|contains|expand: 'x%admins%y'", {"F": "..xbobyy"}, admins=["alice", "bob"])
    assert not selects("F|expand: '%admins%'", {"F": "eve"}, admins=["alice", "bob"])


def test_a_placeholder_without_a_value_switches_the_rule_off_visibly() -> None:
    rules = rules_of(rule_text("sel:\n  F|expand: '%admins%'\ncondition: sel"))
    assert not rules.rules
    assert "placeholder '%admins%' has no value" in str(rules.problems[0])
    assert not rules.problems[0].fatal


def test_fieldref_and_its_shapes() -> None:
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


def test_neq_with_fieldref_holds_where_the_other_field_is_absent() -> None:
    """The field has a value, and it is not the other's: there is none."""
    assert selects("a|fieldref|neq: b", {"a": "x"})
    assert not selects("a|fieldref|neq: b", {"b": "x"})


@pytest.mark.parametrize("value", ["1e9999", "-1e400", "1" + "0" * 350, "1e31", "1e-9999", "0e9999"])
def test_a_number_that_is_no_time_has_no_parts_and_ends_nothing(value: str) -> None:
    assert not selects("F|year: 2024", {"F": value})
