"""Tune a rule: run it over recordings of false and true positives, propose a filter, hold it to both.

In: a rule, files. Out: a filter as YAML that the engine has tried. Refused where the filter would hide a true
positive or changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.contract import Text
from detectors.sigma.match import SigmaDetector
from detectors.sigma.pipelines import apply, placeholders_of
from detectors.sigma.rules import Rule, RuleSet, parse_rules
from detectors.sigma.tune import Proposal, filter_text, propose
from xdrtui.errors import RuleError
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.rulebook import Rulebook, read_pipeline
from xdrtui.sources.files import open_files


class Tuned(msgspec.Struct, frozen=True):
    """text: the filter; false, true: how many events the rule fired on; after: how many false ones it still
    fires on with the filter."""

    text: str
    proposal: Proposal
    false: int
    true: int
    after: int


def tune(book: Rulebook, rule: Rule, false: Sequence[str | Path], true: Sequence[str | Path]) -> Tuned:
    """Raises RuleError where no filter helps, or it would hide a true positive; SourceError for files."""
    detector = SigmaDetector(RuleSet([rule], [], [], {}))
    wrong, right = matched(detector, false), matched(detector, true)
    if not wrong:
        raise RuleError(f"{rule.title} fires on nothing in the false files: there is nothing to tune.")
    proposal = propose(wrong, right)
    if not proposal.selections:
        raise RuleError("nothing tells the false positives from the true ones: change the rule itself.")
    text = filter_text(proposal, rule.id, rule.title, rule.log_source, str(uuid.uuid4()))
    with_filter = SigmaDetector(filtered(book, rule, text))
    after, kept = len(matched(with_filter, false)), len(matched(with_filter, true))
    if kept < len(right):
        raise RuleError(
            f"refused: the filter would hide {len(right) - kept} of {len(right)} true positives; "
            "give more examples, or change the rule itself."
        )
    if after >= len(wrong):
        raise RuleError("refused: the filter leaves out none of the false positives; change the rule itself.")
    return Tuned(text, proposal, len(wrong), len(right), after)


def filtered(book: Rulebook, rule: Rule, text: str) -> RuleSet:
    """The rule as it is read with this filter beside it."""
    through = [read_pipeline(file) for file in book.pipelines]
    placeholders = placeholders_of(through, book.placeholders)
    texts = {rule.file: book.texts[rule.file], "filter": text.encode()}
    found = apply(parse_rules(texts, placeholders=placeholders), through)
    rules = [each for each in found.rules if each.id == rule.id]
    if not rules or any(problem.file == "filter" and problem.fatal for problem in found.problems):
        raise RuleError("the proposed filter cannot be read: this is a bug.")
    return RuleSet(rules, [], [], {})


def matched(detector: SigmaDetector, paths: Sequence[str | Path]) -> list[Mapping[str, Text]]:
    """The events in the files on which the detector fires, with all their fields."""
    decoder = Decoder(load_layouts(), detector.needs)
    found: list[Mapping[str, Text]] = []
    clock, name = ReplayClock(), ""
    for messages in open_files(paths):
        if messages.source.name != name:
            clock, name = ReplayClock(), messages.source.name
        for decoded in decoder.decode(messages, clock).frames:
            rows = detector.detect(decoded.frame).rows
            found += [decoded.frame.event(row) for row in sorted(set(rows))]
    return found
