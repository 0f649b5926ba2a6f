"""The themes: for each a table from style names to colours and attributes.

Every pair of colours that is painted has a contrast of at least 4.5:1, also as people without green cones
see it, and severities fall in contrast from critical to informational: tests/screens/test_themes.py computes
both.
`sixteen` tables are for terminals of 16 colours, whose names they use; `mono` uses no colour at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

Table: TypeAlias = Mapping[str, tuple[str, str, str]]
"""name -> (foreground, background, attributes); "" = as the page."""

_DARK: Table = {
    "": ("#d5dae1", "#11151a", ""),
    "dim": ("#8f99a6", "", ""),
    "strong": ("#f2f5f8", "", "bold"),
    "label": ("#8fb4d9", "", ""),
    "head": ("#9aa5b1", "#1b2128", ""),
    "bar": ("#c3cad3", "#1b2128", ""),
    "tab": ("#11151a", "#8fb4d9", "bold"),
    "key": ("#9fd0ff", "", "bold"),
    "rule": ("#8a95a2", "", ""),
    "cursor": ("#ffffff", "#1e2d57", ""),
    "cursor away": ("", "#242b34", ""),
    "mark": ("#ffd479", "", "bold"),
    "match": ("#1a1300", "#f0c060", ""),
    "critical": ("#ffb8b8", "", "bold"),
    "high": ("#ffab5c", "", "bold"),
    "medium": ("#d1b23f", "", ""),
    "low": ("#7fb2d6", "", ""),
    "informational": ("#929ca8", "", ""),
    "good": ("#8fd694", "", ""),
    "bad": ("#ff9f9f", "", "bold"),
    "alarm": ("#ffffff", "#a12727", "bold"),
    "notice": ("#11151a", "#e6d26a", ""),
}
_LIGHT: Table = {
    "": ("#20262d", "#fbfaf7", ""),
    "dim": ("#56606a", "", ""),
    "strong": ("#000000", "", "bold"),
    "label": ("#1f558c", "", ""),
    "head": ("#48525c", "#e9e7e1", ""),
    "bar": ("#2c343c", "#e9e7e1", ""),
    "tab": ("#ffffff", "#1f558c", "bold"),
    "key": ("#0b4a8f", "", "bold"),
    "rule": ("#525a62", "", ""),
    "cursor": ("#000000", "#cfe3fa", ""),
    "cursor away": ("", "#e6e9ec", ""),
    "mark": ("#6a3f00", "", "bold"),
    "match": ("#000000", "#ffd75e", ""),
    "critical": ("#5c0000", "", "bold"),
    "high": ("#682a00", "", "bold"),
    "medium": ("#5f4b00", "", ""),
    "low": ("#1f5c84", "", ""),
    "informational": ("#575d63", "", ""),
    "good": ("#1c6325", "", ""),
    "bad": ("#8f0a0a", "", "bold"),
    "alarm": ("#ffffff", "#a12727", "bold"),
    "notice": ("#000000", "#ffd75e", ""),
}
_CONTRAST: Table = {
    **_DARK,
    "": ("#ffffff", "#000000", ""),
    "dim": ("#d0d0d0", "", ""),
    "strong": ("#ffffff", "", "bold"),
    "label": ("#a8d4ff", "", ""),
    "head": ("#ffffff", "#303030", "bold"),
    "bar": ("#ffffff", "#303030", ""),
    "tab": ("#000000", "#ffffff", "bold"),
    "key": ("#ffff80", "", "bold"),
    "rule": ("#b0b0b0", "", ""),
    "cursor": ("#ffffff", "#002f78", "bold"),
    "cursor away": ("#ffffff", "#303030", ""),
    "mark": ("#ffff00", "", "bold"),
    "match": ("#000000", "#ffff00", "bold"),
    "critical": ("#ffe0e0", "", "bold reverse"),
    "high": ("#ffcf95", "", "bold"),
    "medium": ("#dcc64e", "", ""),
    "low": ("#90c4ea", "", ""),
    "informational": ("#b4b4b4", "", ""),
    "good": ("#9dff9d", "", ""),
    "bad": ("#ffb0b0", "", "bold"),
    "alarm": ("#000000", "#ffffff", "bold"),
    "notice": ("#000000", "#ffff00", "bold"),
}
_COLOUR_BLIND: Table = {  # blue, yellow and vermilion: none is told from another by red against green
    **_DARK,
    "critical": ("#ffd9c2", "", "bold underline"),
    "high": ("#f5b04f", "", "bold"),
    "medium": ("#c9ad2f", "", ""),
    "low": ("#6fb0e0", "", ""),
    "good": ("#8cc8ff", "", ""),
    "bad": ("#ffb38a", "", "bold"),
    "alarm": ("#ffffff", "#8a3c00", "bold"),
    "mark": ("#ffe08a", "", "bold"),
}
_SIXTEEN_DARK: Table = {
    "": ("white", "black", ""),
    "dim": ("white", "", ""),
    "strong": ("bright_white", "", "bold"),
    "label": ("bright_cyan", "", ""),
    "head": ("bright_white", "", "underline"),
    "bar": ("white", "", ""),
    "tab": ("black", "white", "bold"),
    "key": ("bright_cyan", "", "bold"),
    "rule": ("white", "", ""),
    "cursor": ("", "", "reverse"),
    "cursor away": ("", "", "underline"),
    "mark": ("bright_yellow", "", "bold"),
    "match": ("black", "bright_yellow", ""),
    "critical": ("bright_white", "", "bold"),
    "high": ("bright_yellow", "", "bold"),
    "medium": ("bright_green", "", ""),
    "low": ("bright_cyan", "", ""),
    "informational": ("white", "", ""),
    "good": ("bright_green", "", ""),
    "bad": ("bright_yellow", "", "bold"),
    "alarm": ("black", "bright_yellow", "bold"),
    "notice": ("black", "bright_yellow", ""),
}
_SIXTEEN_LIGHT: Table = {
    **{name: ("black", "", attributes) for name, (_, _, attributes) in _SIXTEEN_DARK.items()},
    "": ("black", "bright_white", ""),
    "tab": ("bright_white", "black", "bold"),
    "cursor": ("", "", "reverse"),
    "cursor away": ("", "", "underline"),
    "match": ("black", "bright_yellow", ""),
    "alarm": ("bright_white", "black", "bold"),
    "notice": ("black", "bright_yellow", ""),
}
_MONO: Table = {
    **{name: ("", "", attributes) for name, (_, _, attributes) in _SIXTEEN_DARK.items()},
    "tab": ("", "", "reverse"),
    "match": ("", "", "underline bold"),
    "alarm": ("", "", "reverse bold"),
    "notice": ("", "", "reverse"),
}

THEMES: Mapping[str, Table] = MappingProxyType(
    {
        "dark": _DARK,
        "light": _LIGHT,
        "contrast": _CONTRAST,
        "colour-blind": _COLOUR_BLIND,
        "sixteen": _SIXTEEN_DARK,
        "sixteen light": _SIXTEEN_LIGHT,
        "mono": _MONO,
    }
)

CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "dark": "dark",
        "light": "light",
        "contrast": "high contrast",
        "colour-blind": "for people who tell red from green badly",
    }
)
"""Those that a person chooses from, and what they are; the others follow from the terminal."""
