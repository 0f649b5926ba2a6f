"""Help and the manual: pages made from the registry of commands and from the Markdown of `xdrtui/manual`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from screens.commands import DISPOSITIONS, GROUPS, HELP, MANUAL, PANES, Facts, in_pane, key_sign
from screens.demo import keyed
from screens.paint import Line, line_width
from screens.pane import Changed
from screens.paper_pane import PaperPane
from screens.parts import section
from screens.sanitise import fit, sanitise, wrap
from screens.services import Services

_KEYS = 16

TWO_COLUMNS = 150
"""From this many cells on the keys stand in two columns, so many cells between them:"""
BETWEEN = 3


def help_lines(facts: Facts, cells: int) -> list[Line]:
    """The keys that apply in a pane, by group; those that do not apply now say why. In two columns where
    there is the room."""
    lines: list[Line] = [[("Keys in ", "strong"), (PANES[facts.pane], "strong")], []]
    two = cells >= TWO_COLUMNS
    groups = [group for group in _groups(facts, (cells - BETWEEN) // 2 if two else cells) if group]
    if not two:
        return lines + [line for group in groups for line in group]
    left, right = _halves(groups)
    across = (cells - BETWEEN) // 2
    for place in range(max(len(left), len(right))):
        one = left[place] if place < len(left) else []
        other = right[place] if place < len(right) else []
        lines.append([*one, (" " * (across + BETWEEN - line_width(one)), ""), *other])
    return lines


def _groups(facts: Facts, cells: int) -> list[list[Line]]:
    """The lines of each group, a blank one after it."""
    groups = []
    for group, title in GROUPS.items():
        chosen = [command for command in in_pane(facts.pane, demo=facts.demo) if command.group == group]
        lines = [section(title, cells)] if chosen else []
        for command in chosen:
            keys = "  ".join(key_sign(key) for key in command.keys) or ": " + command.title
            why = command.why_not(facts)
            text = command.help + (f" · now: {why}" if why else "")
            for place, part in enumerate(wrap(sanitise(text), cells - _KEYS)):
                shown = fit(sanitise(keys) if not place else "", _KEYS)
                lines.append([(shown, "dim" if why else "key"), (part, "dim" if why else "")])
        groups.append([*lines, []] if lines else [])
    closing = [[(fit(f"c {key}", _KEYS), "key"), (text, "")] for key, _, text in DISPOSITIONS]
    return [*groups, [section("Closing: c and one key", cells), *closing]]


def _halves(groups: Sequence[list[Line]]) -> tuple[list[Line], list[Line]]:
    """The groups in their order, in two columns that are as equal as can be."""
    split = min(range(len(groups) + 1), key=lambda at: max(_height(groups[:at]), _height(groups[at:])))
    left, right = groups[:split], groups[split:]
    return [line for group in left for line in group], [line for group in right for line in group]


def _height(groups: Sequence[list[Line]]) -> int:
    return sum(len(group) for group in groups)


def markdown_lines(text: str, cells: int) -> list[Line]:
    """A page of the manual: the little Markdown that the manual uses, as lines."""
    lines: list[Line] = []
    verbatim = False
    for block in _joined(text.splitlines()):
        if block.startswith("```"):
            verbatim = not verbatim
        elif verbatim or block.startswith("    "):
            lines.append([("  " + sanitise(block.expandtabs(4)), "label")])
        elif block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            title = sanitise(block.lstrip("# "))
            lines += [[(title, "strong")]] if level == 1 else [[], section(title, cells)]
        elif block.startswith("|"):
            lines += _table_row(block, cells)
        else:
            indent = "  " if re.match(r"[-*] |\d+\. ", block) else ""
            for place, part in enumerate(wrap(sanitise(_plain(block)), cells - len(indent))):
                lines.append([(indent if place else "", ""), *keyed(part)])
    return lines


def _joined(lines: Iterable[str]) -> Iterable[str]:
    """Paragraphs as one line each; headings, lists, tables, code and blanks by themselves."""
    paragraph = ""
    verbatim = False
    for line in lines:
        if line.startswith("```"):
            verbatim = not verbatim
        starts = verbatim or not line.strip() or re.match(r"#|\||```|    |[-*] |\d+\. ", line)
        if starts:
            if paragraph:
                yield paragraph
            paragraph = ""
            if re.match(r"[-*] |\d+\. ", line) and not verbatim:
                paragraph = line
            else:
                yield line
        else:
            paragraph = f"{paragraph} {line.strip()}" if paragraph else line
    if paragraph:
        yield paragraph


def _plain(text: str) -> str:
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return text.replace("**", "")


def _table_row(row: str, cells: int) -> list[Line]:
    values = [_plain(value.strip()) for value in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
    if all(set(value) <= {"-", ":"} for value in values):
        return []
    if len(values) == 1:
        return [keyed(sanitise(values[0]))]
    first = max(8, min(22, cells // 4))
    rest = " · ".join(value for value in values[1:] if value)
    lines: list[Line] = []
    for place, part in enumerate(wrap(sanitise(rest.replace("`", "")), cells - first)):
        name = fit(sanitise(values[0].replace("`", "")) if not place else "", first - 1)
        lines.append([(name, "key"), (" ", ""), (part, "")])
    return lines


class HelpPane(PaperPane):
    """The keys of the pane that one came from."""

    pane = HELP

    def show(self, facts: Facts) -> None:
        self.paper.show(lambda cells: help_lines(facts, cells))


class ManualPane(PaperPane):
    """The manual, a page a topic, read from where xdrtui is installed: no network."""

    pane = MANUAL

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.topic = ""

    def heading(self) -> Line:
        return [(f"manual: {self.topic}", "label")] if self.topic else []

    def show(self, topic: str) -> None:
        """Show a page; "" = the list of pages."""
        self.topic = topic
        text = read_topic(topic) if topic else _contents()
        self.paper.show(lambda cells: markdown_lines(text, cells))
        self.post_message(Changed())


def topics() -> list[str]:
    """The manual's pages."""
    return sorted(path.stem for path in _folder().glob("*.md"))


def read_topic(topic: str) -> str:
    """A page's Markdown; says so where there is none."""
    if topic not in topics():
        return f"# {topic}\n\nThe manual has no page of this name. It has: {', '.join(topics())}."
    return (_folder() / f"{topic}.md").read_text(encoding="utf-8")


def _contents() -> str:
    lines = ["# The manual", "", "Open a page by `:` and its name.", ""]
    for topic in topics():
        title = read_topic(topic).splitlines()[0].lstrip("# ")
        lines.append(f"| {topic} | {title} |")
    return "\n".join(lines)


def _folder() -> Path:
    import xdrtui

    return Path(xdrtui.__file__).parent / "manual"
