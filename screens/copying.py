"""What can be copied of an alert, as text: its main value, indicators, a summary in Markdown, its address.

Pure, but for `keep`, which writes the copy to a private file. Values are defanged except where `raw` says so;
control characters and invisible ones are made visible always, for a clipboard ends in a terminal too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from screens.alert_page import state_words
from screens.names import main_entity
from screens.sanitise import cut, sanitise
from screens.times import Zone
from xdrtui.plain import counted

if TYPE_CHECKING:
    from screens.alert_view import AlertView
    from xdrtui.triage.rows import AlertRow

TELLING = ("domain", "address", "hash", "file", "process")
FILE = "copied.txt"
_LIMIT = 20_000
_SHOWN = 100
"""Cells of a value that the menu shows."""


def main_value(row: AlertRow) -> tuple[str, str]:
    """The kind and the value that tell most of an alert: a domain, an address, a hash; else where it was."""
    for kind in TELLING:
        for found, value in row.entities:
            if found == kind and value:
                return kind, value
    return "host", main_entity(row)[1] or row.user


def works(row: AlertRow) -> list[tuple[str, str, str]]:
    """The menu: a key, the kind of copy, and what would be copied."""
    from xdrtui.triage.defang import defang

    kind, value = main_value(row)
    shown = cut(sanitise(defang(value, kind), _LIMIT), _SHOWN)
    kinds = counted(len(set(row.entities)), "indicator")
    return [
        ("y", "value", f"{kind}, defanged: {shown}"),
        ("r", "raw", f"{kind} as it is: {cut(sanitise(value, _LIMIT), _SHOWN)}"),
        ("i", "indicators", f"{kinds}, defanged: a list with their kinds"),
        ("m", "markdown", "a summary in Markdown, indicators defanged"),
        ("l", "address", f"alert/{row.id[:8]}…: its address, which `:` opens"),
    ]


def copied(what: str, view: AlertView, zone: Zone) -> str:
    """The text of this kind of copy. Raises KeyError for an unknown kind."""
    from xdrtui.triage.defang import defang

    kind, value = main_value(view.row)
    match what:
        case "value":
            return sanitise(defang(value, kind), _LIMIT)
        case "raw":
            return sanitise(value, _LIMIT)
        case "indicators":
            return indicators(view.row.entities)
        case "markdown":
            return markdown(view, zone)
        case "address":
            return f"alert/{view.row.id}"
        case _:
            raise KeyError(what)


def indicators(entities: Iterable[tuple[str, str]]) -> str:
    """A line each: kind, tab, defanged value."""
    from xdrtui.triage.defang import defang

    pairs = dict.fromkeys((kind, value) for kind, value in entities)
    return "\n".join(
        f"{sanitise(kind, 40)}\t{sanitise(defang(value, kind), _LIMIT)}" for kind, value in pairs
    )


def markdown(view: AlertView, zone: Zone) -> str:
    """What, where, who, when, why and the indicators; values from events stand in code spans."""
    row = view.row
    lines = [
        f"## {_plain(row.title)}",
        "",
        f"- severity: {row.level}; {_plain(state_words(row))}",
        f"- what: {_code(row.summary or row.title)}",
        f"- where: {_code(main_entity(row)[1] or '-')}",
        f"- who: {_code(row.user or '-')}",
        f"- when: {zone.full(row.first_seen)} to {zone.full(row.last_seen)}, {counted(row.count, 'finding')}",
        *(f"- ATT&CK: {_plain(f'{technique} {words}'.strip())}" for technique, words in view.techniques),
        f"- address: `alert/{row.id}`",
        "",
        "Why:",
        "",
    ]
    for reason in view.reasons[:20]:
        no = "not " if reason.negated else ""
        lines.append(f"- {_code(reason.field)} {no}{_plain(reason.words)}: {_code(reason.value[:400])}")
    lines += ["", "Indicators (defanged):", ""]
    lines += [f"- {_code(line.replace(chr(9), ' '))}" for line in indicators(row.entities).splitlines()]
    return "\n".join(lines) + "\n"


def keep(text: str, folder: Path) -> Path:
    """Write the copy to a file that only its owner reads; return its path. Raises OSError."""
    path = folder / FILE
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    return path


def _code(text: str) -> str:
    """A code span that nothing in the text can end."""
    return "`" + sanitise(text, _LIMIT).replace("`", "'") + "`"


def _plain(text: str) -> str:
    """Text without what Markdown or HTML would take for markup."""
    return "".join("\\" + c if c in "\\`*_[]<>#|!" else c for c in sanitise(text, 400))
