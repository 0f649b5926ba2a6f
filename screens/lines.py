"""The line of panes and the line of keys, drawn. Pure."""

from __future__ import annotations

from screens.commands import ALERT, LIVE, QUEUE, Facts, key_sign, shown_in_footer
from screens.paint import Line, line_width, spread

_FIRST_TO_GO = ("palette", "next_alert", "rule", "undo", "event", "mark", "open", "investigate")
TABS = ((QUEUE, "1"), (ALERT, "2"), (LIVE, "3"))


def tabs_line(current: str, heading: Line, cells: int) -> Line:
    """The panes, the current one in brackets; at the right what the pane says of itself."""
    line: Line = [(" ", "")]
    for name, key in TABS:
        if name == current:
            line.append((f"[{name.upper()}]", "tab"))
        else:
            line += [(" ", ""), (key, "key"), (f" {name}", "dim")]
        line.append((" ", ""))
    if current not in [name for name, _ in TABS]:
        line.append((f"[{current.upper()}]", "tab"))
    return spread(line, [*heading, (" ", "")], cells)


def footer_lines(facts: Facts, cells: int) -> list[Line]:
    """Keys and titles; what does not apply now is dim. Where there is no room, some go: `?` tells all."""
    shown = shown_in_footer(facts)
    parts: dict[str, Line] = {}
    for command, why in shown:
        key = key_sign(command.keys[0])
        parts[command.id] = [(key, "dim" if why else "key"), (f" {command.title}", "dim" if why else "")]
    for id in _FIRST_TO_GO:
        if sum(line_width(part) + 2 for part in parts.values()) - 1 <= cells:
            break
        parts.pop(id, None)
    line: Line = [(" ", "")]
    for place, part in enumerate(parts.values()):
        line += [("  ", ""), *part] if place else part
    return [line]
