"""Text from data as Markdown that says what it says and nothing else. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from xdrtui.plain import visible

_MARKUP = frozenset("\\`*_[]<>#|!&~")
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
"""What GitHub's Markdown begins a link with, though nothing marks it as one."""


def code(text: str, most: int = 4_000) -> str:
    """A code span that nothing in the text can end."""
    return "`" + (visible(text[:most]).replace("`", "'") or "-") + "`"


def plain(text: str, most: int = 4_000) -> str:
    """Text without what Markdown or HTML would take for markup, or a ticket system for a link."""
    escaped = "".join("\\" + c if c in _MARKUP else c for c in visible(text[:most]))
    return _LINK.sub(r"\\", escaped)


def when(time: int, zone: tzinfo | None) -> str:
    """2026-03-03 14:02 UTC+1. zone: None = this machine's."""
    try:
        moment = datetime.fromtimestamp(time // 1_000_000_000, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return str(time)
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds()) // 60 if offset is not None else 0
    hours, rest = divmod(abs(minutes), 60)
    name = "UTC" + (
        f"{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "") if minutes else ""
    )
    return f"{moment:%Y-%m-%d %H:%M} {name}"


def plural(count: int, what: str) -> str:
    """ "1 alert", "1,200 alerts" """
    return f"{count:,} {what}{'' if count == 1 else 's'}"
