r"""Sigma strings: escapes and wildcards into parts, and the modifiers that rewrite text.

Source: Sigma specification 2.1, sections "Escaping" and "Appendix: modifiers". A backslash escapes `*`, `?`
and itself, before anything else it is a plain backslash: `a\b` and `a\\b` are the same, `\*` is a star, `\\*`
is a backslash and a wildcard.
"""

from __future__ import annotations

import base64
import itertools
import re

from detectors.sigma.expression import ANY, DASH, DASHES, ONE
from detectors.sigma.problem import RuleProblem

Parts = tuple[str | int, ...]

_WINDASH = re.compile(rf"\B[{re.escape(DASHES)}]\b")


def parse(text: str) -> Parts:
    """The parts of a Sigma string. Runs of `*` are one."""
    if "*" not in text and "?" not in text and "\\\\" not in text:
        return (text,) if text else ()
    parts: list[str | int] = []
    run: list[str] = []
    position, length = 0, len(text)
    while position < length:
        char = text[position]
        if char == "\\" and position + 1 < length and text[position + 1] in "*?\\":
            run.append(text[position + 1])
            position += 2
            continue
        position += 1
        if char not in "*?":
            run.append(char)
            continue
        if run:
            parts.append("".join(run))
            run = []
        wildcard = ANY if char == "*" else ONE
        if not (wildcard == ANY and parts and parts[-1] == ANY):
            parts.append(wildcard)
    if run:
        parts.append("".join(run))
    return tuple(parts)


def around(parts: Parts, *, before: bool, after: bool) -> Parts:
    """The parts with `*` before, after or both (startswith, endswith, contains)."""
    if before and (not parts or parts[0] != ANY):
        parts = (ANY, *parts)
    if after and parts[-1:] != (ANY,):
        parts = (*parts, ANY)
    return parts


def plain(parts: Parts, modifier: str) -> str:
    """The text of parts without wildcards, for modifiers that encode it."""
    if any(not isinstance(part, str) for part in parts):
        raise RuleProblem(
            f"{modifier} cannot encode a wildcard",
            "escape it with a backslash, or put contains after the encoding instead of stars in the value",
        )
    return "".join(str(part) for part in parts)


def windash(parts: Parts) -> Parts:
    """Every dash that begins an option, in whichever of its five spellings, becomes DASH."""
    result: list[str | int] = []
    for part in parts:
        if not isinstance(part, str):
            result.append(part)
            continue
        end = 0
        for found in _WINDASH.finditer(part):
            if found.start() > end:
                result.append(part[end : found.start()])
            result.append(DASH)
            end = found.end()
        if end < len(part):
            result.append(part[end:])
    return tuple(result)


def without_dashes(parts: Parts, most: int) -> list[Parts]:
    """Every DASH written out in each of its spellings, for modifiers that encode the text. Raises RuleProblem
    where they are more than `most`."""
    places = [index for index, part in enumerate(parts) if part == DASH]
    if len(DASHES) ** len(places) > most:
        raise RuleProblem(f"{len(places)} dashes to be encoded", "split the value: six are the most")
    found = []
    for choice in itertools.product(DASHES, repeat=len(places)):
        spelled = list(parts)
        for index, dash in zip(places, choice, strict=True):
            spelled[index] = dash
        found.append(tuple(spelled))
    return found


def encode_base64(data: bytes) -> str:
    """Base64 of the data, padding included as the specification has it."""
    return base64.b64encode(data).decode()


def base64_offsets(data: bytes) -> tuple[str, str, str]:
    """The three texts that stand in Base64 for this data wherever it begins, without the characters that
    neighbouring bytes would change. Source: specification, modifier base64offset."""
    starts, ends = (0, 2, 3), (None, -3, -2)
    return tuple(  # type: ignore[return-value]
        base64.b64encode(b" " * shift + data).decode()[starts[shift] : ends[(len(data) + shift) % 3]]
        for shift in range(3)
    )
