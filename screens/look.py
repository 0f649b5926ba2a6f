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

from screens.themes import THEMES

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
        **{chr(0x2400 + code): "^" for code in range(0x21)}, "\u2421": "^", "␣": "_",
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
        self.own_colours = theme in ("mono", "sixteen", "sixteen light")
        """Colours are the terminal's own, by name, or none."""
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
            if over == "cursor" and known.reverse and name:  # a second colour would not be read on it
                known = self._made("") + self._made("cursor") + Style(bold=known.bold)
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


_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself puts into LC_CTYPE where the locale is C, whatever the terminal speaks."""


def look_for(environ: Mapping[str, str] = os.environ, theme: str = "dark", plain: bool | None = None) -> Look:
    """The look that suits this terminal: NO_COLOR, 16 colours, and ASCII for TERM=linux or where UTF-8 is not
    spoken. plain: ASCII, whatever the terminal (None: as it suits)."""
    ctype, lang = environ.get("LC_CTYPE") or "", environ.get("LANG") or ""
    if ctype in _COERCED and lang in ("C", "POSIX"):
        ctype = ""
    locale = environ.get("LC_ALL") or ctype or lang
    speaks_utf8 = not locale or "utf-8" in locale.lower() or "utf8" in locale.lower()
    if locale in ("C", "POSIX"):
        speaks_utf8 = False
    ascii_only = environ.get("TERM") == "linux" or not speaks_utf8 if plain is None else plain
    return Look(theme_for(environ, theme), ascii_only)


def theme_for(environ: Mapping[str, str], theme: str) -> str:
    """The theme that this terminal can show, for the one that a person chose."""
    if environ.get("NO_COLOR"):
        return "mono"
    term = environ.get("TERM", "")
    many = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith(
        ("256color", "kitty", "direct", "ghostty")
    )
    return theme if many or not term else "sixteen light" if theme == "light" else "sixteen"
