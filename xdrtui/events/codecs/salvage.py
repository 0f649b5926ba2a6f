"""Broken JSON: the whole elements of a list that has a broken one, the whole fields of an object cut short.

In: text that the JSON reader refuses, and where. Out: its parts in order: values that can be read, and what
lies between them, with the reason. The work is bounded by the length of the text, whatever it holds.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from xdrtui.events.values import NotJson, first_value

MOST_BROKEN = 100
"""Broken parts of one message that are told apart; what is broken after that is put to the last."""

_OPENING = re.compile(r'\[\s*|\{(?:[^\[\]{}]{0,2000},)?\s*"[Rr]ecords"\s*:\s*\[\s*')
_BETWEEN = re.compile(r"[\s\x00\ufeff,\]}]*")
_BOUNDARY = re.compile(r"[},]\s*(?=\{)")
_TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_LITERAL = re.compile(r"true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BEGUN = re.compile(r"[-+.\deE]+|t(ru?)?e?|f(a(ls?)?)?e?|n(u?l?)?l?")
_CLOSER = {"{": "}", "[": "]"}
_DEEPEST = 60
_TOO_DEEP = 16


class Part(NamedTuple):
    """text: as it stands in the message; value: what it is, or, with a reason why not, None."""

    text: str
    value: Any
    reason: str = ""


def salvage(text: str, at: int, reason: str) -> list[Part]:
    """The parts of a text that cannot be read at this place, for this reason; none of them may be good."""
    opening = _OPENING.match(text, at)
    if opening is not None:
        at = opening.end()
    parts: list[Part] = []
    bad_from, spare, too_deep = -1, 8 * len(text) + 65_536, 0
    while True:
        if bad_from < 0:
            at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text):
            break
        try:
            if spare < 0 or too_deep > _TOO_DEEP:
                raise NotJson("broken in too many places")
            value, end = first_value(text, at)
        except NotJson as error:
            spare -= 50 + at // 64 + (len(text) - at if error.at < 0 else error.at - at)
            too_deep += "deep" in str(error)
            if bad_from < 0:
                bad_from, reason = at, str(error)
            boundary = _BOUNDARY.search(text, at + 1) if spare >= 0 and too_deep <= _TOO_DEEP else None
            if boundary is None:
                break
            at = boundary.end()
            continue
        if bad_from >= 0:
            parts.append(Part(text[bad_from:at].rstrip(", \t\r\n"), None, reason))
            bad_from = -1
        parts.append(Part(text[at:end], value))
        at = end
    if bad_from >= 0:
        parts += cut_short(text[bad_from:]) or [Part(text[bad_from:], None, reason)]
    broken = sum(bool(part.reason) for part in parts)
    return parts if broken <= MOST_BROKEN else _fewer(parts)


def _fewer(parts: list[Part]) -> list[Part]:
    good = [part for part in parts if not part.reason]
    broken = [part for part in parts if part.reason]
    rest = "\n".join(part.text for part in broken[MOST_BROKEN - 1 :])
    return [*good, *broken[: MOST_BROKEN - 1], Part(rest, None, "broken in too many places")]


def cut_short(text: str) -> list[Part]:
    """An object whose end is missing: what its whole fields make, and the rest. Empty if it is none."""
    if text[:1] != "{":
        return []
    stack: list[str] = []
    keep, closers = 0, ""  # as far as it is whole, and what would close it there
    wants = "value"  # value, key, colon, comma
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:  # a text without its end
            break
        word, at = found[0], found.end()
        if word.isspace():
            continue
        if word in _CLOSER and wants == "value":
            stack.append(word)
            if len(stack) > _DEEPEST:
                return []
            wants = "key" if word == "{" else "value"
            continue
        if word in ("}", "]"):
            if not stack or _CLOSER[stack.pop()] != word:
                return []
            wants = "comma"
        elif word == "," and wants == "comma" and stack:
            wants = "key" if stack[-1] == "{" else "value"
            continue
        elif word == ":" and wants == "colon":
            wants = "value"
            continue
        elif word[0] == '"' and wants == "key":
            wants = "colon"
            continue
        elif wants == "value" and (word[0] == '"' or (at < len(text) and _LITERAL.fullmatch(word))):
            wants = "comma"
        elif wants == "value" and at == len(text) and _BEGUN.fullmatch(word):
            break
        else:
            return []
        if not stack:
            return []
        keep, closers = at, "".join(_CLOSER[each] for each in reversed(stack))
    if not keep or not stack:
        return []
    whole = text[:keep] + closers
    try:
        value, _ = first_value(whole, 0)
    except NotJson:
        return []
    return [Part(whole, value), Part(text[keep:].lstrip(", "), None, "cut off: the rest of an event")]
