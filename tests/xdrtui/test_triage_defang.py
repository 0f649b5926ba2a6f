"""Indicators made harmless, and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.triage.defang import defang, refang
from xdrtui.triage.query import AlertQuery, parse

VALUES = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"([a-z0-9-]{1,12}\.){1,3}[a-z]{2,6}", fullmatch=True),
    st.from_regex(r"(?i)(https?|ftp|hxp)://[a-z0-9.-]{1,20}(:\d{1,4})?(/[ -~]{0,20})?", fullmatch=True),
    st.from_regex(r"[a-z.]{1,9}@[a-z]{1,9}\.[a-z]{2,4}", fullmatch=True),
    st.from_regex(r"[A-Z]:\\[A-Za-z.\\]{1,30}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.text(max_size=40),
)


@settings(max_examples=10_000, deadline=None)
@given(VALUES, st.sampled_from(["", "address", "domain", "url", "email", "process", "hash"]))
def test_what_is_defanged_comes_back(value: str, kind: str) -> None:
    if refang(value) == value:
        assert refang(defang(value, kind)) == value
    else:
        assert defang(value, kind) == value


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("203.0.113.77", "203[.]0[.]113[.]77"),
        ("fe80::1", "fe80[:][:]1"),
        ("evil.example", "evil[.]example"),
        ("https://evil.example/a.php?x=1.2", "hxxps[://]evil[.]example/a.php?x=1.2"),
        ("HTTP://evil.example", "HXXP[://]evil[.]example"),
        ("ada@evil.example", "ada[@]evil[.]example"),
        ("C:\\Windows\\System32\\cmd.exe", "C:\\Windows\\System32\\cmd.exe"),
        ("dc01", "dc01"),
    ],
)
def test_what_programs_take_for_links_is_made_harmless(value: str, safe: str) -> None:
    assert defang(value) == safe


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("address:203[.]0[.]113[.]77", "address:203.0.113.77"),
        ("hxxps[://]evil[.]example/a", '"https://evil.example/a"'),
        ("hxxps://evil[.]example/a", '"https://evil.example/a"'),
        ("https://evil.example/a", '"https://evil.example/a"'),
        ("fe80[:][:]1", "fe80::1"),
        ("abcd::1", "involves:abcd::1"),
        ("domain:evil[dot]example", "domain:evil.example"),
    ],
)
def test_filters_take_defanged_values_for_what_they_stand_for(typed: str, meant: str) -> None:
    assert parse(AlertQuery(typed)) == parse(AlertQuery(meant))
