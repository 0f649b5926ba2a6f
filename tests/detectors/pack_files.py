"""The rule pack as tests see it: every rule with the events written beside it, and what the engine finds.

An events file holds `positive` and `negative` lists of events, or, where the rule file holds several rules,
such a pair for each of them by name. An event is an object as its source writes it, or {"line": text} for a
source that writes text.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from detectors.correlate.model import CorrelationRule, Fired, Match
from detectors.sigma.cache import Cache
from detectors.sigma.rules import Rule
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import PACK, Rulebook, load_rulebook
from xdrtui.store.batch import Found


class Events(msgspec.Struct, frozen=True):
    """positive: the rule finds each of them (a correlation: all together); negative: none."""

    positive: list[dict[str, object]]
    negative: list[dict[str, object]]


@functools.cache
def book() -> Rulebook:
    with tempfile.TemporaryDirectory() as folder:
        return load_rulebook(cache=Cache(Path(folder)))


def rules() -> list[Rule | CorrelationRule]:
    """All rules of the pack, in the order of their files."""
    return sorted([*book().rules.values(), *book().correlations.rules], key=lambda each: (each.file, each.id))


def slug(rule: Rule | CorrelationRule) -> str:
    """The file of a rule without its ending, and its name where the file holds several."""
    path = Path(rule.file).relative_to(PACK).with_suffix("").as_posix()
    return f"{path}:{rule.name}" if "positive" not in _written(rule.file) else path


def events(rule: Rule | CorrelationRule) -> Events:
    written = _written(rule.file)
    return msgspec.convert(written if "positive" in written else written.get(rule.name), Events)


@functools.cache
def _written(rule_file: str) -> dict[str, object]:
    text = Path(rule_file).with_suffix(".events.json").read_text(encoding="utf-8")
    return msgspec.convert(json.loads(text), dict[str, object])


def payload(event: dict[str, object]) -> bytes:
    line = event.get("line")
    return line.encode() if isinstance(line, str) else json.dumps(event).encode()


def run(chosen: Sequence[dict[str, object]]) -> list[Found]:
    """What the pack finds in these events; `position.offset` is the event's place in the list."""
    source = Source("events", "events", "file")
    messages = Messages(source, 0, range(len(chosen)), [payload(event) for event in chosen])
    result = Process(book()).run(messages, ReplayClock())
    assert not result.dead
    return result.found


def correlate(found: Sequence[Found]) -> list[Fired]:
    """The alerts of the pack's correlations on these findings, muted ones included."""
    state = book().correlations.new_state()
    fired = {
        each.id: each for each in (*state.feed(match(each) for each in found if each.feeds), *state.finish())
    }
    return list(fired.values())


def match(found: Found) -> Match:
    values = {
        field: tuple(value) if isinstance(value, list) else value for field, value in found.captures.items()
    }
    return Match(found.rule, found.time, found.position, values)
