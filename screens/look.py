"""How things look: named styles for dark, light and no colour, and the symbols beside them.

In: the theme's name and what the terminal can do. Out: a `Look`, which turns a style name ("critical", "dim",
"cursor dim") into a Rich style. Severity, state and ticks always differ in word and symbol too: colour is
never alone. Panes speak in style names only, so that a theme is one table.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from rich.style import Style

# name -> (foreground, background, attributes); "" = as the page
_Table = Mapping[str, tuple[str, str, str]]

_DARK: _Table = {
    "": ("#d5dae1", "#11151a", ""),
    "dim": ("#8993a0", "", ""),
    "strong": ("#f2f5f8", "", "bold"),
    "label": ("#8fb4d9", "", ""),
    "head": ("#9aa5b1", "#1b2128", ""),
    "bar": ("#c3cad3", "#1b2128", ""),
    "tab": ("#11151a", "#8fb4d9", "bold"),
    "key": ("#9fd0ff", "", "bold"),
    "rule": ("#566170", "", ""),
    "cursor": ("#ffffff", "#274260", ""),
    "cursor away": ("", "#242b34", ""),
    "mark": ("#ffd479", "", "bold"),
    "match": ("#1a1300", "#f0c060", ""),
    "critical": ("#ff8f8f", "", "bold"),
    "high": ("#ffad66", "", "bold"),
    "medium": ("#e6d26a", "", ""),
    "low": ("#8fc7e8", "", ""),
    "informational": ("#98a2ae", "", ""),
    "good": ("#8fd694", "", ""),
    "bad": ("#ff8f8f", "", "bold"),
    "alarm": ("#ffffff", "#a12727", "bold"),
    "notice": ("#11151a", "#e6d26a", ""),
}
_LIGHT: _Table = {
    "": ("#20262d", "#fbfaf7", ""),
    "dim": ("#5c6670", "", ""),
    "strong": ("#000000", "", "bold"),
    "label": ("#1f558c", "", ""),
    "head": ("#48525c", "#e9e7e1", ""),
    "bar": ("#2c343c", "#e9e7e1", ""),
    "tab": ("#ffffff", "#1f558c", "bold"),
    "key": ("#0b4a8f", "", "bold"),
    "rule": ("#8b949c", "", ""),
    "cursor": ("#000000", "#bcd7f5", ""),
    "cursor away": ("", "#e3e6ea", ""),
    "mark": ("#7a4b00", "", "bold"),
    "match": ("#000000", "#ffd75e", ""),
    "critical": ("#a30d0d", "", "bold"),
    "high": ("#933e00", "", "bold"),
    "medium": ("#6b5300", "", ""),
    "low": ("#1c5a80", "", ""),
    "informational": ("#56606a", "", ""),
    "good": ("#1c6325", "", ""),
    "bad": ("#a30d0d", "", "bold"),
    "alarm": ("#ffffff", "#a12727", "bold"),
    "notice": ("#000000", "#ffd75e", ""),
}
_MONO: _Table = {
    "": ("", "", ""),
    "dim": ("", "", ""),
    "strong": ("", "", "bold"),
    "label": ("", "", ""),
    "head": ("", "", "underline"),
    "bar": ("", "", ""),
    "tab": ("", "", "reverse"),
    "key": ("", "", "bold"),
    "rule": ("", "", ""),
    "cursor": ("", "", "reverse"),
    "cursor away": ("", "", "underline"),
    "mark": ("", "", "bold"),
    "match": ("", "", "underline bold"),
    "critical": ("", "", "bold"),
    "high": ("", "", "bold"),
    "medium": ("", "", ""),
    "low": ("", "", ""),
    "informational": ("", "", ""),
    "good": ("", "", ""),
    "bad": ("", "", "bold"),
    "alarm": ("", "", "reverse bold"),
    "notice": ("", "", "reverse"),
}
THEMES: Mapping[str, _Table] = MappingProxyType({"dark": _DARK, "light": _LIGHT, "mono": _MONO})

SEVERITIES = ("critical", "high", "medium", "low", "informational")
SEVERITY_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "critical": ("▲", "CRIT"),
        "high": ("△", "HIGH"),
        "medium": ("■", "MED"),
        "low": ("□", "LOW"),
        "informational": ("·", "INFO"),
    }
)
"""Level -> symbol and word. Brightness falls with the level in every theme."""

STATE_WORDS: Mapping[str, str] = MappingProxyType(
    {"new": "new", "acknowledged": "ack", "investigating": "inv", "closed": "closed"}
)

# Each stands in one cell, so that the layout is the same in plain ASCII.
_ASCII = str.maketrans(
    {
        "▲": "!", "△": "^", "■": "#", "□": "o", "·": ".", "●": "*", "○": "o", "►": ">", "▸": ">", "▾": "v",
        "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+", "…": "~", "✓": "+",
        "✗": "x", "→": ">", "←": "<", "↑": "^", "↓": "v", "×": "x", "█": "#", "░": ".", "–": "-", "—": "-",
        "“": '"', "”": '"', "‘": "'", "’": "'",
        **{chr(0x2400 + code): "^" for code in range(0x21)}, "\u2421": "^",
    }
)  # fmt: skip


def to_ascii(clean: str, cells: int) -> str:
    """Sanitised text in ASCII, in the same number of cells; what has no counterpart becomes `?`."""
    if clean.isascii():
        return clean
    text = clean.translate(_ASCII)
    if text.isascii():
        return text
    plain = "".join(c if c.isascii() else "?" for c in text)
    return (plain + "?" * (cells - len(plain)))[:cells]


class Look:
    """A theme made ready. style("cursor dim") is "dim" with what "cursor" says over it."""

    def __init__(self, theme: str = "dark", ascii_only: bool = False) -> None:
        self.theme = theme
        self.ascii_only = ascii_only
        self._table = THEMES[theme]
        self._styles: dict[str, Style] = {}

    def style(self, name: str, over: str = "") -> Style:
        """The style called `name` on the page; `over` (a row's style) gives the background where `name` has
        none of its own."""
        key = f"{name}|{over}"
        known = self._styles.get(key)
        if known is None:
            known = self._made("")
            for part in (over, name):
                if part:
                    known += self._made(part)
            if over == "cursor" and name in ("dim", "rule", "informational"):
                known += self._made("cursor")
            self._styles[key] = known
        return known

    def page_colour(self) -> str:
        """The page's background, for what Textual paints itself."""
        return self._table[""][1] or "ansi_default"

    def _made(self, name: str) -> Style:
        foreground, background, attributes = self._table.get(name, ("", "", ""))
        words = set(attributes.split())
        return Style(
            color=foreground or None,
            bgcolor=background or None,
            bold="bold" in words or None,
            underline="underline" in words or None,
            reverse="reverse" in words or None,
        )


def look_for(environ: Mapping[str, str] = os.environ, theme: str = "dark") -> Look:
    """The look that suits this terminal: NO_COLOR, and ASCII for TERM=linux or where UTF-8 is not spoken."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    speaks_utf8 = not locale or "utf-8" in locale.lower() or "utf8" in locale.lower()
    if locale in ("C", "POSIX"):
        speaks_utf8 = False
    ascii_only = environ.get("TERM") == "linux" or not speaks_utf8
    return Look("mono" if environ.get("NO_COLOR") else theme, ascii_only)
