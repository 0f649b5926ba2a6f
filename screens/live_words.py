"""What could be typed next in the live filter: core fields, names of event types, fields of recent events.

In: the text, the cursor's place, recent events. Out: where the word begins and what it could become. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdrtui.triage.rows import LiveRow

MOST = 8
CORE = ("host:", "user:", "type:", "address:", "source:", "destination:", "time>=")
_TIMES = ("-5m", "-15m", "-1h")


def complete(text: str, cursor: int, recent: Sequence[LiveRow]) -> tuple[int, list[str]]:
    """Where the word before the cursor begins, and at most `MOST` words for it."""
    start = max((text.rfind(mark, 0, cursor) for mark in " ()"), default=-1) + 1
    word = text[start:cursor]
    if not word or text.count('"', 0, cursor) % 2:
        return start, []
    field, colon, typed = word.partition(":")
    if word.casefold().startswith("time>="):
        return start, [f"time>={each}" for each in _TIMES if each.startswith(word[6:]) and each != word[6:]]
    if colon:
        values = _values(field.casefold(), recent)
        found = [value for value, _ in Counter(values).most_common() if _begins(value, typed)]
        return start, [f"{field}:{value}" for value in found[:MOST] if value != typed]
    names = [name for name in CORE if _begins(name, word)]
    return start, [*names, *(f"{name}:" for name in _fields(recent) if _begins(name, word))][:MOST]


def _begins(value: str, typed: str) -> bool:
    return value.casefold().startswith(typed.casefold())


def _values(field: str, recent: Sequence[LiveRow]) -> Iterable[str]:
    from xdrtui.hunt.glance import leaves

    for row in recent:
        match field:
            case "host" | "user":
                value = row.host if field == "host" else row.user
            case "type":
                value = row.event_type
            case _:
                value = next(iter(leaves(row.raw).get(field, ())), "")
        if value and value.isprintable() and not set(value) & set(' "()') and len(value) <= 60:
            yield value


def _fields(recent: Sequence[LiveRow]) -> list[str]:
    from xdrtui.hunt.glance import leaves

    counted: Counter[str] = Counter()
    for row in recent[-100:]:
        counted.update(name for name in leaves(row.raw) if "." not in name and name.isidentifier())
    return [name for name, _ in counted.most_common() if len(name) <= 40]
