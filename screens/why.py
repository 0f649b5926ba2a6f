"""Why a rule fired, drawn as the lines of the alert page: each with a tick, a test and the value it met.

In: `Reason`s. Out: lines; what matched stays in view. Pure.
"""

from __future__ import annotations

import re

from screens.paint import Line, line_width
from screens.sanitise import cut, cut_around, fit, sanitise, sanitise_spans, width
from xdrtui.triage.why import Reason

_LOOKED_AT = 4_000
"""Characters of a value that are looked at, around what matched."""


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
        line: Line = [("✓ ", "good"), (fit(sanitise(reason.field, 200), name_cells), "label"), (" ", "")]
        line += [(fit(_words(reason, test_cells), test_cells), "dim"), (" ", "")]
        lines.append(line + value_line(reason, cells - name_cells - test_cells - 4))
    if len(reasons) > most:
        lines.append([(f"  and {len(reasons) - most} more", "dim")])
    return lines


def _two_lines(reasons: list[Reason], cells: int, most: int) -> list[Line]:
    """The same for a narrow page: the value stands below its test, where there is no room beside it."""
    lines: list[Line] = []
    for reason in reasons[:most]:
        name = cut(sanitise(reason.field, 200), min(20, cells // 2))
        room = cells - 3 - width(name)
        test: Line = [("✓ ", "good"), (name, "label"), (" ", ""), (_words(reason, room), "dim")]
        value = value_line(reason, cells - 2)
        if line_width(test) + 2 + line_width(value) <= cells:
            lines.append([*test, ("  ", ""), *value])
        else:
            lines += [test, [("  ", ""), *value]]
    if len(reasons) > most:
        lines.append([(f"  and {len(reasons) - most} more", "dim")])
    return lines


def _words(reason: Reason, cells: int) -> str:
    """The test in words; how many of a list matched is never cut off."""
    words = ("not: " if reason.negated else "") + sanitise(reason.words, 400)
    of = f" ({reason.of})" if reason.of else ""
    return cut(cut(words, max(1, cells - width(of))) + of, cells)


def blanks_shown(clean: str) -> str:
    """Sanitised text in which a run of blanks is seen: a command may be pushed out of sight by hundreds."""
    return _RUN.sub(lambda run: "␣" * len(run[0]) if len(run[0]) <= 4 else f"<{len(run[0])} blanks>", clean)


_RUN = re.compile(" {2,}")


def value_line(reason: Reason, cells: int) -> Line:
    """The value in `cells` cells; what matched stands in brackets and in its own colour."""
    if reason.start < 0 or reason.end <= reason.start:
        return [(cut(blanks_shown(sanitise(reason.value, _LOOKED_AT)), cells), "")]
    first = max(0, reason.start - _LOOKED_AT // 2)
    text = reason.value[first : reason.end + _LOOKED_AT // 2]
    clean, spans = sanitise_spans(text, [(reason.start - first, reason.end - first)])
    if not spans:
        return [(cut(blanks_shown(clean), cells), "")]
    parts = [blanks_shown(clean[at:to]) for at, to in ((0, spans[0][0]), spans[0], (spans[0][1], len(clean)))]
    clean, start, end = "".join(parts), len(parts[0]), len(parts[0]) + len(parts[1])
    whole = start == 0 and end == len(clean) and width(clean) <= cells
    view, start, end = cut_around(clean, cells - (0 if whole else 2), start, end)
    if whole:
        return [(view, "match")]
    return [(view[:start], ""), ("[", "mark"), (view[start:end], "match"), ("]", "mark"), (view[end:], "")]
