"""What rules cost and how loud they are, on files.

In: paths and rules. Out: a `Profile`: the cost and the matches of each rule, and where the other time went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter_ns

import msgspec

from detectors.sigma.profiling import Cost, ProfilingDetector
from detectors.sigma.rules import RuleSet
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.pipeline.scan import BATCH_BYTES
from xdrtui.sources.files import open_files


class Profile(msgspec.Struct, frozen=True):
    """costs: a rule each; events: how many were looked at; times in nanoseconds: reading: files, decoding:
    events to columns, detecting: in the rules, of which attributed: measured and given to single rules."""

    costs: list[Cost]
    events: int
    reading: int
    decoding: int
    detecting: int
    attributed: int


def profile(
    paths: Iterable[str | Path],
    book: Rulebook,
    on_progress: Callable[[int, int], None] = lambda size, events: None,
) -> Profile:
    """Run the rules over files with a clock on each. Raises SourceError."""
    rules = RuleSet(list(book.rules.values()), [], [], {})
    detector = ProfilingDetector(rules, book.correlations.needs(), book.detector.cache)
    decoder = Decoder(load_layouts(), detector.needs)
    clock, uid = ReplayClock(), ""
    size = events = decoding = 0
    began = perf_counter_ns()
    for messages in open_files(paths, batch_bytes=BATCH_BYTES):
        if messages.source.uid + messages.source.name != uid:
            clock, uid = ReplayClock(), messages.source.uid + messages.source.name
        start = perf_counter_ns()
        decoded = decoder.decode(messages, clock)
        decoding += perf_counter_ns() - start
        for frame in decoded.frames:
            detector.detect(frame.frame)
        size += sum(map(len, messages.payloads))
        events += decoded.counts.events
        on_progress(size, events)
    reading = perf_counter_ns() - began - decoding - detector.detecting
    return Profile(detector.costs(), events, reading, decoding, detector.detecting, detector.attributed())
