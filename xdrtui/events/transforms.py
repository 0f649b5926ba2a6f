"""Named transforms that a layout may apply to a field's text: the only code a layout can reach.

In: the list from the layout file, name first. Out: a function from a cell's text to a cell (None: no value).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from detectors.contract import Null, Text

Transform = Callable[[str], Text]


def _hash(name: str) -> Transform:
    """One hash out of `SHA1=..,MD5=..,IMPHASH=..`."""
    pattern = re.compile(rf"(?:^|,)\s*{re.escape(name)}=([0-9A-Fa-f]+)", re.IGNORECASE)

    def pick(text: str) -> Text:
        found = pattern.search(text[:4096])
        return found[1] if found else (text if re.fullmatch(r"[0-9A-Fa-f]{32,64}", text) else None)

    return pick


def _integer(text: str) -> Text:
    """0x1f -> 31; decimal stays."""
    return str(int(text, 16)) if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text) else text


def _pattern(pattern: str) -> Transform:
    """The first group that matched of a regular expression, searched in the first 4096 characters."""
    compiled = re.compile(pattern)

    def pick(text: str) -> Text:
        found = compiled.search(text[:4096])
        return next((group for group in found.groups() if group is not None), None) if found else None

    return pick


def _table(values: Mapping[str, str]) -> Transform:
    """Text for text; what the table lacks stays."""
    by_key = {str(key).casefold(): str(value) for key, value in values.items()}
    return lambda text: by_key.get(text.casefold(), text)


def _split(separator: str) -> Transform:
    def split(text: str) -> Text:
        parts = tuple(part.strip() for part in text.split(separator))
        return parts if len(parts) > 1 else text

    return split


def _part(separator: str, index: int) -> Transform:
    """One part of a text, counted from 0, or from the end with -1."""

    def pick(text: str) -> Text:
        parts = text.split(separator)
        return parts[index] if -len(parts) <= index < len(parts) else None

    return pick


def _lower(text: str) -> Text:
    return text.lower()


def _unless(*values: str) -> Transform:
    """No value where the text is one of these (`-`, `::ffff:0.0.0.0`)."""
    refused = set(values)
    return lambda text: None if text in refused else text


TRANSFORMS: dict[str, Callable[..., Transform]] = {
    "hash": _hash,
    "integer": lambda: _integer,
    "pattern": _pattern,
    "table": _table,
    "split": _split,
    "part": _part,
    "lower": lambda: _lower,
    "unless": _unless,
}


def compile_transform(spec: Sequence[Any]) -> Transform:
    """Make the transform that a layout names: its name, then its arguments."""
    return TRANSFORMS[spec[0]](*spec[1:])


def apply(transform: Transform, cell: Text) -> Text:
    """Apply to a cell; members of a tuple one by one."""
    if isinstance(cell, str):
        return transform(cell)
    if cell is None or isinstance(cell, Null):
        return cell
    texts: list[str] = []
    for member in cell:
        made = transform(member)
        texts.extend((made,) if isinstance(made, str) else made if isinstance(made, tuple) else ())
    return tuple(texts) if len(texts) > 1 else (texts[0] if texts else None)
