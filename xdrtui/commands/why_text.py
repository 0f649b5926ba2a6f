"""An explanation as lines of text: a tree with true or false at each node, and what matched in its place.

In: the explainer's tree. Out: lines in which all data is harmless, styled; `click.echo` leaves the colours
out where stdout is no terminal, so a word and a sign say everything too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import click

from detectors.correlate.explain import Explanation
from detectors.sigma.explain import Why
from xdrtui.commands.columns import cells
from xdrtui.commands.output import time_text
from xdrtui.plain import visible

ROOM = 160
"""Cells of a line where the width is not a terminal's."""

_LONG_LIST = 8
_LOOKED_AT = 4_000


def tree_lines(why: Why, room: int = ROOM, full: bool = False) -> Iterator[str]:
    """The tree, a line a node, and one more for a test's value. full: leave nothing of long lists out."""
    yield from _node(why, 0, room, full, set())


def _node(why: Why, depth: int, room: int, full: bool, said: set[tuple[str, str]]) -> Iterator[str]:
    """said: fields with values that stand above in the same list, so that they are not said again."""
    margin = "  " * depth
    if why.kind == "test":
        yield f"{margin}{verdict(why.true)} {test_text(why)}"
        known = (why.field, why.value) in said and why.start < 0
        said.add((why.field, why.value))
        if why.state == "value" and not known:
            yield f"{margin}        {value_text(why, max(room - len(margin) - 8, 20))}"
        return
    words = {"and": "all of", "or": "any of", "not": "not"}[why.kind]
    name = f"{visible(why.name)}: " if why.name else ""
    yield f"{margin}{verdict(why.true)} {name}{click.style(words, bold=True)}"
    below = list(why.below) if full else _chosen(why)
    said = set()
    for node in below:
        yield from _node(node, depth + 1, room, full, said)
    left = [node for node in why.below if not any(node is each for each in below)]
    if left:
        outcomes = {node.true for node in left}
        word = "" if len(outcomes) > 1 else ", all true" if True in outcomes else ", all false"
        yield f"{margin}  … and {len(left)} more{word}"


def _chosen(why: Why) -> list[Why]:
    """Of a long list, those that decided; where none did, the first few."""
    if len(why.below) <= _LONG_LIST:
        return list(why.below)
    deciding = [node for node in why.below if node.true == (why.kind == "or")]
    return (deciding or list(why.below))[: _LONG_LIST - 2 if deciding else 3]


def verdict(true: bool) -> str:
    """`✓ true` or `✗ false`, in columns of one width."""
    return click.style("✓ true ", fg="green") if true else click.style("✗ false", fg="red")


def test_text(why: Why) -> str:
    """A test in words: field, verb, pattern; absent and null said aloud."""
    field = click.style(visible(why.field) if why.field else "any value", bold=True)
    pattern = visible(why.pattern)
    if pattern != pattern.strip():
        pattern = f'"{pattern}"'
    if cells(pattern) > 200:
        pattern = pattern[:199] + "…"
    text = f"{field} {visible(why.words)} {pattern}".rstrip()
    notes = [f"the event has {why.of} values"] if why.of > 1 and why.field else []
    notes += [f"the field is {why.state}"] if why.state != "value" else []
    return text + (f"  ({'; '.join(notes)})" if notes else "")


def value_text(why: Why, room: int) -> str:
    """The value in so many cells, with what matched in brackets; cut so that this stays in view."""
    if not why.value:
        return "(empty)" if why.of <= 1 else "(none of them)"
    if why.start < 0 or why.end < why.start:
        return _tail(visible(why.value[:_LOOKED_AT]), room)
    before = visible(why.value[max(0, why.start - _LOOKED_AT) : why.start])
    matched = visible(why.value[why.start : min(why.end, why.start + _LOOKED_AT)])
    after = visible(why.value[why.end : why.end + _LOOKED_AT])
    room -= 2
    matched = _middle(matched, room)
    left = room - cells(matched)
    head = _head(before, max(left - min(cells(after), left // 2), 0))
    rest = _tail(after, max(left - cells(head), 0))
    return f"{head}[{click.style(matched, fg='yellow', bold=True)}]{rest}"


def _tail(text: str, room: int) -> str:
    """The beginning of the text."""
    if cells(text) <= room:
        return text
    while text and cells(text) > room - 1:
        text = text[: max(len(text) - max(1, (cells(text) - room) // 2), 0)]
    return text + "…" if room > 0 else ""


def _head(text: str, room: int) -> str:
    """The end of the text."""
    if cells(text) <= room:
        return text
    while text and cells(text) > room - 1:
        text = text[max(1, (cells(text) - room) // 2) :]
    return "…" + text if room > 0 else ""


def _middle(text: str, room: int) -> str:
    """Both ends of the text."""
    if cells(text) <= room:
        return text
    return _tail(text, room - room // 3) + _head(text, room // 3)


def lacking_text(tests: Sequence[Why], room: int = ROOM) -> Iterator[str]:
    """What a near miss lacks: each test, and what the event has instead."""
    for why in tests:
        wanted = "" if not why.true else click.style("must not hold: ", bold=True)
        yield f"{wanted}{test_text(why)}"
        if why.state == "value":
            yield f"        {value_text(why, max(room - 8, 20))}"


def correlation_lines(why: Explanation, sources: Mapping[str, str]) -> Iterator[str]:
    """What counted for a correlation's alert. sources: uid -> name, to say where the events stand."""
    yield visible(why.sentence)
    yield f"{click.style('when  ', bold=True)} {visible(why.condition)}, within {visible(why.timespan)}"
    yield f"{click.style('is    ', bold=True)} {visible(why.value)}"
    for field, value in why.group:
        yield f"{click.style('for   ', bold=True)} {visible(field)} = {visible(value)}"
    for value, count in why.distinct:
        times = f"  ({count} times)" if count > 1 else ""
        yield f"{click.style('value ', bold=True)} {visible(value)}{times}"
    yield ""
    for each in why.counted:
        step = f"{each.step}. " if each.step else ""
        values = f"  {visible(', '.join(each.values))}" if each.values else ""
        if each.alert:
            where = "  an alert of its own"
        else:
            source, _, offset, index = each.position
            name = sources.get(str(source), str(source))
            where = visible(f"  {name}:{offset}" + (f":{index}" if index else ""))
        yield f"{step}{time_text(each.time)}  {visible(each.rule)}{values}{where}"
    if why.more:
        yield f"and {why.more} more"
