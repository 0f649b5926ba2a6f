"""Text from data in Markdown: it says what it says, and leads nowhere."""

from __future__ import annotations

import pytest

from xdrtui.triage.markdown import code, plain


@pytest.mark.parametrize(
    "text", ["http://evil.example/a", "HTTPS://x.example", "www.evil.example", "WwW.x.y"]
)
def test_no_address_becomes_a_link(text: str) -> None:
    shown = plain(f"look at {text}")
    assert "://" not in shown
    assert "www." not in shown.lower()
    assert shown.replace("\\", "") == f"look at {text}"


def test_markup_and_controls_are_shown() -> None:
    assert plain("*a* <b> [c](d) 14:00") == "\\*a\\* \\<b\\> \\[c\\](d) 14:00"
    assert code("a`b\x1b") == "`a'b\u241b`"
