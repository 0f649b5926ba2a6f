"""Text from data, made harmless for a terminal.

In: any text, however hostile. Out: the same text with every character that a terminal would act on, or that a
person could not see, made visible. Used by the command line, the logs and the screens' sanitiser; what a
screen makes of markup is the screens' own matter.
"""

from __future__ import annotations

import re
import unicodedata

_SLOW_PATH = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Characters that count as printable and yet show nothing; variation selectors also change widths."""

_KEPT_CATEGORIES = frozenset({"Zs"})
"""Spaces of all widths: not 'printable' to Python, harmless to a terminal."""


def visible(text: str, keep: str = "") -> str:
    """Return `text` with control, format, unassigned and invisible characters made visible, on one line.

    C0 controls and DEL become their control pictures (ESC is ␛, a line feed ␊); C1 controls, bidi controls,
    zero-width and other invisible characters and unpaired surrogates become `\\x9b`, `\\u202e` and the like.
    keep: characters left as they are, e.g. "\\n" where the caller breaks lines itself.

    The result is the same when it is made visible again, and can be encoded as UTF-8.
    """
    if text.isprintable() and (text.isascii() or not _SLOW_PATH.search(text)):
        return text
    return "".join(c if c in keep or _harmless(c) else _name(c) for c in text)


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 event`, `12,480 events`; plural: where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def is_harmless(text: str) -> bool:
    """True if `visible` would leave the text as it is."""
    return visible(text) == text


def _harmless(character: str) -> bool:
    if _SLOW_PATH.match(character):
        return False
    return character.isprintable() or unicodedata.category(character) in _KEPT_CATEGORIES


def _name(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
