"""Text from data reaches no terminal raw."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdrtui.plain import is_harmless, visible


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_a_terminal_acts_on_is_left(text: str) -> None:
    shown = visible(text)
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} == set()


@given(st.text(alphabet=st.characters(codec=None)))
def test_making_visible_twice_changes_nothing_more(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert is_harmless(visible(text))


@given(st.text(alphabet=st.characters(codec=None)))
def test_the_result_can_be_encoded(text: str) -> None:
    visible(text).encode("utf-8")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07\x1b[2J", "␛]0;owned␇␛[2J"),
        ("a\nb\r\tc", "a␊b␍␉c"),
        ("\x7f", "␡"),
        ("\x9b31m", "\\x9b31m"),
        ("exe\u202efdp", "exe\\u202efdp"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ufeffbom", "\\ufeffbom"),
        ("half\ud800", "half\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164", "filler\\u3164"),
        ("lines\u2028\u2029", "lines\\u2028\\u2029"),
    ],
)
def test_known_tricks_are_shown_as_what_they_are(hostile: str, shown: str) -> None:
    assert visible(hostile) == shown


def test_ordinary_text_of_any_script_is_left_alone() -> None:
    for text in (
        "C:\\Windows\\System32",
        "naïve Überschrift",
        "日本語",
        "привет",
        "العربية",
        "a\u00a0b",
        "😀",
    ):
        assert visible(text) == text


def test_a_caller_that_breaks_lines_keeps_them() -> None:
    assert visible("a\nb\x1b", keep="\n") == "a\nb␛"
