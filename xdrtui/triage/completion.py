"""What could be typed next in a filter: names of fields, words that a field takes, values that are stored.

In: the text and where the cursor stands. Out: where the word to be completed begins, and at most `MOST`
whole words for it. A few index look-ups, whatever is stored.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from xdrtui.store.alerts import LEVELS
from xdrtui.triage.grammar import ENTITY_KINDS, FIELD, FIELDS, NAMES
from xdrtui.triage.query import ORDERED, STATES
from xdrtui.triage.states import DISPOSITIONS

MOST = 8
_END = "\U0010ffff"
_WORDS = {
    "level": LEVELS,
    "state": ("open", *STATES, "snoozed", "escalated"),
    "disposition": DISPOSITIONS,
    "kind": ("rule", "correlation"),
    "first": ("-24h", "-8h", "-1h"),
    "last": ("-24h", "-8h", "-1h"),
}
_COLUMNS = {"host": "host", "user": "user"}


class Completion(msgspec.Struct, frozen=True):
    """start: where the word begins, in characters; options: what could stand there instead."""

    start: int
    options: tuple[str, ...]


def complete(connection: sqlite3.Connection, text: str, cursor: int) -> Completion:
    """What the word before the cursor could become."""
    start = _beginning(text[:cursor])
    word = text[start:cursor]
    field = FIELD.match(word)
    if field is None:
        return Completion(start, tuple(_fields(word.lower()))[:MOST] if word else ())
    name = NAMES.get(field[1].lower(), field[1].lower())
    typed = word[field.end() :]
    prefix = typed.lstrip('"').casefold()
    found = _values(connection, name, prefix)
    options = [field[0] + quoted for value in found if (quoted := _quoted(value)) and quoted != typed]
    return Completion(start, tuple(options[:MOST]))


def _beginning(text: str) -> int:
    """Where the last word begins; a quote that is not closed belongs to it."""
    at, start, quoted = 0, 0, False
    while at < len(text):
        if text[at] == '"':
            quoted = not quoted
        elif not quoted and (text[at].isspace() or text[at] in "()"):
            start = at + 1
        at += 1
    return start


def _fields(word: str) -> Iterator[str]:
    for name in FIELDS:
        if name.startswith(word):
            yield f"{name}>=" if name in ORDERED else f"{name}:"


def _quoted(value: str) -> str:
    """A value as the language takes it; "" where it cannot be said."""
    if '"' in value or not value.isprintable():
        return ""
    return f'"{value}"' if not value or any(c.isspace() or c in "()" for c in value) else value


def _values(connection: sqlite3.Connection, name: str, prefix: str) -> list[str]:
    if name in _WORDS:
        return [word for word in _WORDS[name] if word.startswith(prefix)]
    if name in _COLUMNS:
        return list(_next(connection, "alerts", f"{name}_key", _COLUMNS[name], prefix))
    if name in ("owner", "escalated"):
        named = list(_next(connection, "alerts INDEXED BY alerts_owned", "owner", "owner", "", "owner <> ''"))
        if name == "escalated":
            rows = connection.execute("SELECT DISTINCT escalated FROM alerts WHERE waiting = 1 LIMIT 100")
            named = [value for (value,) in rows]
        own = ["me", "none"] if name == "owner" else []
        return [value for value in own + sorted(named) if value.casefold().startswith(prefix)]
    if name == "rule":
        return [
            title
            for (title,) in connection.execute(
                "SELECT title FROM rules WHERE current AND instr(lower(title), ?) > 0 ORDER BY title LIMIT ?",
                (prefix, MOST),
            )
        ]
    if name in ENTITY_KINDS and prefix:
        return list(_next(connection, "alert_entities", "key", "value", prefix, f"kind = '{name}'"))
    return []


def _next(
    connection: sqlite3.Connection, table: str, key: str, shown: str, prefix: str, where: str = "1"
) -> Iterator[str]:
    """Distinct values that begin so, by one index look-up each. where: in SQL, of ours."""
    after = prefix
    first = True
    for _ in range(MOST):
        row = connection.execute(
            f"SELECT {shown}, {key} FROM {table} WHERE {key} {'>=' if first else '>'} ? AND {key} < ?"
            f" AND {where} ORDER BY {key} LIMIT 1",
            (after, prefix + _END),
        ).fetchone()
        if row is None:
            return
        first, after = False, row[1]
        if row[0]:
            yield str(row[0])
