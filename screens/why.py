"""Why a rule fired, as the lines of the alert page: each with a tick, a test and the value it met.

In: the engine's explanation (a `Why` tree), or the fields that evidence recorded. Out: `Reason`s, only those
that helped the rule to fire: the tests that held, and under `not` those that did not. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.paint import Line
from screens.sanitise import cut, cut_around, fit, sanitise, sanitise_spans, width

if TYPE_CHECKING:
    from detectors.sigma.explain import Why

_LOOKED_AT = 4_000
"""Characters of a value that are looked at, around what matched."""


@dataclass(frozen=True)
class Reason:
    """One line. held: the test was true (False: it is a `not`, which held because the test did not); words:
    the test in words; start, end: what matched in value, or -1; of: "1 of 57" where there were several."""

    field: str
    words: str
    value: str
    start: int = -1
    end: int = -1
    negated: bool = False
    of: str = ""


def reasons_of(why: Why) -> list[Reason]:
    """The tests that made the rule fire, in the rule's order, each once."""
    return list(dict.fromkeys(_reasons(why, True)))


def reasons_from(matched: Mapping[str, str]) -> list[Reason]:
    """Where there is no explanation: the fields that the rule's items matched on, and their values."""
    return [Reason(field, "matched", value) for field, value in matched.items()]


def _reasons(why: Why, wanted: bool) -> Iterator[Reason]:
    if why.kind == "test":
        if why.true == wanted:
            yield _reason(why, not wanted)
    elif why.kind == "not":
        yield from _reasons(why.below[0], not wanted)
    else:
        hits = [node for node in why.below if node.true == wanted]
        fields = {node.field for node in why.below}
        one_list = len(why.below) > 1 and len(fields) == 1 and all(node.kind == "test" for node in why.below)
        any_will_do = (why.kind == "or") == wanted
        if one_list and hits:
            share = f"{len(hits)} of {len(why.below)}" if wanted else f"none of {len(why.below)}"
            for node in hits[:3] if wanted and why.kind == "or" else hits if wanted else hits[:1]:
                yield _reason(node, not wanted, share if why.kind == "or" else "")
        elif not wanted and any_will_do:
            yield from _reasons(hits[0], wanted) if hits else ()
        else:
            for node in hits:
                yield from _reasons(node, wanted)


def _reason(why: Why, negated: bool, of: str = "") -> Reason:
    words = f"{why.words} {why.pattern}".strip()
    value = why.value if why.state == "value" else f"({why.state})"
    start, end = (why.start, why.end) if why.state == "value" and not negated else (-1, -1)
    return Reason(why.field or "any field", words, value, start, end, negated, of)


def why_lines(reasons: list[Reason], cells: int, most: int = 40) -> list[Line]:
    """A line a reason: tick, field, test, and the value with what matched in brackets, kept in view."""
    if not reasons:
        return [[("no explanation is stored with this alert", "dim")]]
    if cells < 70:
        return _two_lines(reasons, cells, most)
    named = max(width(sanitise(reason.field)) for reason in reasons)
    name_cells = max(5, min(named, 22, cells // 4))
    test_cells = max(10, min(34, (cells - name_cells - 4) * 2 // 5))
    lines: list[Line] = []
    for reason in reasons[:most]:
        words = sanitise(reason.words, 400) + (f" ({reason.of})" if reason.of else "")
        line: Line = [("✓ ", "good"), (fit(sanitise(reason.field, 200), name_cells), "label"), (" ", "")]
        if reason.negated:
            words = f"not: {words}"
        line += [(fit(words, test_cells), "dim"), (" ", "")]
        lines.append(line + value_line(reason, cells - name_cells - test_cells - 4))
    if len(reasons) > most:
        lines.append([(f"  and {len(reasons) - most} more", "dim")])
    return lines


def _two_lines(reasons: list[Reason], cells: int, most: int) -> list[Line]:
    """The same for a narrow page: the value stands below its test."""
    lines: list[Line] = []
    for reason in reasons[:most]:
        words = ("not: " if reason.negated else "") + sanitise(reason.words, 400)
        words += f" ({reason.of})" if reason.of else ""
        name = cut(sanitise(reason.field, 200), min(20, cells // 2))
        room = cells - 3 - width(name)
        lines.append([("✓ ", "good"), (name, "label"), (" ", ""), (cut(words, room), "dim")])
        lines.append([("  ", ""), *value_line(reason, cells - 2)])
    if len(reasons) > most:
        lines.append([(f"  and {len(reasons) - most} more", "dim")])
    return lines


def value_line(reason: Reason, cells: int) -> Line:
    """The value in `cells` cells; what matched stands in brackets and in its own colour."""
    if reason.start < 0 or reason.end <= reason.start:
        return [(cut(sanitise(reason.value, _LOOKED_AT), cells), "")]
    first = max(0, reason.start - _LOOKED_AT // 2)
    text = reason.value[first : reason.end + _LOOKED_AT // 2]
    clean, spans = sanitise_spans(text, [(reason.start - first, reason.end - first)])
    if not spans:
        return [(cut(clean, cells), "")]
    start, end = spans[0]
    whole = start == 0 and end == len(clean) and width(clean) <= cells
    view, start, end = cut_around(clean, cells - (0 if whole else 2), start, end)
    if whole:
        return [(view, "match")]
    return [(view[:start], ""), ("[", "mark"), (view[start:end], "match"), ("]", "mark"), (view[end:], "")]
