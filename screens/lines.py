"""The line of panes and the line of keys, drawn. Pure."""

from __future__ import annotations

from screens.commands import ALERT, LIVE, QUEUE, Facts, key_sign, shown_in_footer
from screens.paint import Line, line_width, spread

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
    """Keys and titles; what does not apply now is dim. The last ones (help and back) always have room."""
    shown = shown_in_footer(facts)
    parts: list[Line] = []
    for command, why in shown:
        key = key_sign(command.keys[0])
        parts.append([(key, "dim" if why else "key"), (f" {command.title}", "dim" if why else "bar")])
    while len(parts) > 3 and sum(line_width(part) + 2 for part in parts) > cells:
        del parts[-4]
    line: Line = [(" ", "")]
    for part in parts:
        line += [*part, ("  ", "")]
    return [line]
