"""What is highlighted in a value is why the test is true: change it there, and the tick goes out.

Over every positive event of the pack: each string test that helped its rule to fire, and the place that it
points at.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from detectors.contract import Text
from detectors.sigma.explain import Why, explain, helped
from detectors.sigma.rules import Rule
from tests.detectors.pack_files import book, events, payload, rules
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process, texts_of

ROWS = [rule for rule in rules() if isinstance(rule, Rule)]
STRING_WORDS = ("contains", "starts with", "ends with", "is", "fits", "matches the expression")


class Positive(msgspec.Struct, frozen=True):
    """A positive event of a rule, decoded: its needed fields, and all of them."""

    rule: Rule
    cells: Mapping[str, Text]
    event: Mapping[str, Text]


@functools.cache
def positives() -> list[Positive]:
    owners = [(rule, event) for rule in ROWS for event in events(rule).positive]
    process = Process(book())
    source = Source("events", "events", "file")
    decoded = process.decoder.decode(
        Messages(source, 0, range(len(owners)), [payload(event) for _, event in owners]), ReplayClock()
    )
    found = []
    for frame in decoded.frames:
        for row in range(frame.rows):
            rule, _ = owners[frame.position(row).offset]
            cells = {name: column[row] for name, column in frame.frame.columns.items()}
            found.append(Positive(rule, cells, frame.frame.event(row)))
    return found


def why(of: Positive, field: str = "", old: str = "", new: str = "") -> Why:
    """Why the rule fires, with one value of one field (of any, where a keyword found it) changed."""

    def changed(name: str, cell: Text) -> Text:
        if not old or (field and name != field):
            return cell
        if isinstance(cell, tuple):
            return tuple(new if text == old else text for text in cell)
        return new if cell == old else cell

    event = {name: changed(name, cell) for name, cell in of.event.items()}
    cells = {name: changed(name, cell) for name, cell in of.cells.items()}
    return explain(of.rule.expression, lambda name: cells.get(name, event.get(name)), texts_of(event))


def all_tests(node: Why) -> Iterator[Why]:
    """All tests of a tree, in its order."""
    if node.kind == "test":
        yield node
    for below in node.below:
        yield from all_tests(below)


def ticks() -> list[tuple[Positive, int]]:
    """Every string test that helped, by its place among the tests of its rule."""
    found = []
    for positive in positives():
        tree = why(positive)
        ticked = {id(node) for node in helped(tree)}
        for place, node in enumerate(all_tests(tree)):
            if id(node) in ticked and node.true and node.words.split(" (")[0] in STRING_WORDS:
                found.append((positive, place))
    return found


def test_there_are_ticks_to_look_at() -> None:
    assert len({positive.rule.id for positive, _ in ticks()}) > 0.95 * len(ROWS)


@pytest.mark.parametrize("part", range(4))
def test_the_tick_goes_out_where_the_highlighted_place_changes(part: int) -> None:
    for positive, place in ticks()[part::4]:
        node = list(all_tests(why(positive)))[place]
        written = changed = node.value
        for _ in range(50):  # it may stand there more than once: then the next place is highlighted
            assert 0 <= node.start < node.end <= len(changed), (positive.rule.title, node)
            changed = changed[: node.start] + "\x00" * (node.end - node.start) + changed[node.end :]
            node = list(all_tests(why(positive, node.field, written, changed)))[place]
            if not node.true or node.value != changed:  # or another value of the field meets it too
                break
        else:
            pytest.fail(f"{positive.rule.title}: still true: {node}")
