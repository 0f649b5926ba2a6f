"""Run the rules over files: paths in, matches out, in the order of the files, with one process or several.

Nothing is stored here; `commands/scan.py` can hand the same files to the store instead. With several
processes each takes files, or parts of large files of lines, and the matches come out in the same order.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import msgspec

from detectors.correlate.model import Fired
from detectors.sigma.items import Placeholders
from xdrtui.errors import SourceError, XdrtuiError
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import Counts
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.counting import MOST, Counted, Counting
from xdrtui.pipeline.garbage import RARE, rare_collections
from xdrtui.pipeline.rulebook import Rulebook, default_cache, load_rulebook
from xdrtui.sources.files import modified, open_files, walk
from xdrtui.sources.ranges import Lines, Range, cut, open_range

BATCH_BYTES = 16 << 20
"""Large batches: fewer, larger frames of each event type."""


class Match(msgspec.Struct, frozen=True, array_like=True):
    """One rule on one event. offset: 0-based line or record; index: which event of it; time: what the
    event states, nanoseconds since 1970 UTC, or the ingest time where it states none."""

    rule: str
    source: str
    offset: int
    index: int
    time: int


class Summary(msgspec.Struct):
    """What a scan met. fired: correlations, by id; faults: what could not be read, or not to its end, or not
    be counted; stopped: it was ended early."""

    counts: Counts = msgspec.field(default_factory=Counts)
    matches: int = 0
    by_rule: dict[str, int] = msgspec.field(default_factory=dict)
    fired: dict[str, int] = msgspec.field(default_factory=dict)
    size: int = 0
    faults: list[str] = msgspec.field(default_factory=list)
    stopped: bool = False


class Done(msgspec.Struct):
    """What one part of the work brought. lines: how many lines a part of a file had; counted: the matches
    that correlations count."""

    matches: list[Match]
    counts: Counts
    size: int
    faults: list[str]
    lines: int = 0
    counted: list[Counted] = []


OnMatches = Callable[[Sequence[Match]], None]
OnFired = Callable[[Sequence[Fired]], None]
OnProgress = Callable[[int, int], None]
"""Bytes read and events seen so far."""


class Scanner:
    """Decoder and rules of one process."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._detector = rulebook.detector
        self._feeding = rulebook.feeding
        self._decoder = Decoder(load_layouts(), self._detector.needs, self._detector.cache)
        self._clock: ReplayClock | None = None
        self._uid = ""

    def scan(self, messages: Messages) -> Done:
        """The matches of one batch, in the order of its events."""
        source = messages.source
        if self._clock is None or self._uid != source.uid + source.name:
            self._clock = ReplayClock(around=modified(source.name))
            self._uid = source.uid + source.name
        decoded = self._decoder.decode(messages, self._clock)
        matches: list[Match] = []
        counted: list[Counted] = []
        for frame in decoded.scanned:
            findings = self._detector.detect(frame.frame)
            for rule, row, values in zip(findings.rules, findings.rows, findings.captures, strict=True):
                position = frame.position(row)
                stated = frame.stated[row]
                time = stated if isinstance(stated, int) else frame.times[row]
                matches.append(Match(rule, source.name, position.offset, position.index, time))
                if rule in self._feeding:
                    there = {field: value for field, value in values.items() if value is not None}
                    counted.append(
                        Counted(rule, source.name, position.offset, position.index, frame.times[row], there)
                    )
        matches.sort(key=lambda match: (match.offset, match.index, match.rule))
        size = sum(map(len, messages.payloads)) + len(messages)
        return Done(matches, decoded.counts, size, [], counted=counted)


def scan(
    paths: Sequence[str | Path],
    rulebook: Rulebook,
    *,
    rules: Sequence[str | Path] = (),
    jobs: int = 1,
    on_matches: OnMatches = lambda matches: None,
    on_fired: OnFired = lambda fired: None,
    on_progress: OnProgress = lambda size, events: None,
) -> Summary:
    """Scan the paths and tell of matches as they come, in the order of files and events; at the end, of the
    correlations that fired.

    rules: the paths that the rulebook was read from, for the other processes. A file that cannot be read is a
    fault in the summary. KeyboardInterrupt ends the scan with what was found so far (`stopped`).
    """
    summary = Summary()
    counting = Counting(rulebook)
    parts = _one_process(paths, rulebook) if jobs <= 1 else _several(paths, rulebook, rules, jobs)
    try:
        for done in parts:
            summary.counts.add(done.counts)
            summary.size += done.size
            summary.faults += done.faults
            summary.matches += len(done.matches)
            for match in done.matches:
                summary.by_rule[match.rule] = summary.by_rule.get(match.rule, 0) + 1
            counting.add(done.counted)
            if done.matches:
                on_matches(done.matches)
            on_progress(summary.size, summary.counts.events)
    except KeyboardInterrupt:
        summary.stopped = True
    fired = counting.finish()
    for one in fired:
        summary.fired[one.correlation] = summary.fired.get(one.correlation, 0) + 1
    if counting.dropped:
        summary.faults.append(
            f"correlations did not count {counting.dropped:,} matches beyond {MOST:,}: scan --into counts all"
        )
    if fired:
        on_fired(fired)
    return summary


def _one_process(paths: Sequence[str | Path], rulebook: Rulebook) -> Iterator[Done]:
    scanner = Scanner(rulebook)
    faults: list[SourceError] = []
    with rare_collections():
        for messages in open_files(paths, batch_bytes=BATCH_BYTES, report=faults.append):
            yield scanner.scan(messages)
    if faults:
        yield Done([], Counts(), 0, [str(fault) for fault in faults])


def _several(
    paths: Sequence[str | Path], rulebook: Rulebook, rules: Sequence[str | Path], jobs: int
) -> Iterator[Done]:
    """Parts are given out largest first and come back in their order."""
    ranges: list[Range] = []
    faults: list[str] = []
    for path in paths:
        if str(path) == "-":
            raise XdrtuiError("standard input is read by one process; leave --jobs out")
        try:
            for file in walk(path, lambda fault: faults.append(str(fault))):
                ranges += cut(file)
        except (SourceError, OSError) as error:
            faults.append(str(error))
    # What the first part teaches (plans, patterns, values met), the processes that are forked then know.
    first = _scan_first(rulebook, ranges)
    with _pool(rulebook, rules, jobs) as pool:
        largest_first = sorted(
            range(len(first), len(ranges)), key=lambda number: ranges[number].start - ranges[number].end
        )
        futures: dict[int, Future[Done]] = {n: pool.submit(_scan_part, ranges[n]) for n in largest_first}
        before, broken = 0, ""
        try:
            for number, part in enumerate(ranges):
                done = first[number] if number < len(first) else futures.pop(number).result()
                before = 0 if part.start == 0 else before
                if part.path == broken:
                    continue  # as if one process had read the file: it stops where it cannot be read
                yield _moved(done, before)
                before += done.lines
                broken = part.path if done.faults else broken
        except BrokenProcessPool:
            raise XdrtuiError("a scanning process died (out of memory?); try with fewer --jobs") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        # Waited for, or Python's own end would at times meet a pool that is just closing, and print a trace.
        pool.shutdown(cancel_futures=True)
    if faults:
        yield Done([], Counts(), 0, faults)


def _moved(done: Done, lines: int) -> Done:
    """The matches of a part, with so many lines before it."""
    if lines:
        replace = msgspec.structs.replace
        done.matches = [replace(match, offset=match.offset + lines) for match in done.matches]
        done.counted = [replace(match, offset=match.offset + lines) for match in done.counted]
    return done


_scanner: Scanner | None = None


def _may_fork() -> bool:
    """Forking is safe on Linux while there is no other thread."""
    return sys.platform == "linux" and threading.active_count() == 1


def _scan_first(rulebook: Rulebook, ranges: Sequence[Range]) -> list[Done]:
    """Scan the first part here, where the other processes will be forked from this one."""
    global _scanner
    _scanner = Scanner(rulebook) if _may_fork() else None
    if _scanner is None:
        return []
    with rare_collections():
        return [_scan_part(ranges[0])] if ranges and not ranges[0].whole else []


def _pool(rulebook: Rulebook, rules: Sequence[str | Path], jobs: int) -> ProcessPoolExecutor:
    """Processes with the rules in them. Where forking is safe they are born with the rules; elsewhere each
    reads them from the cache, which costs it about a second."""
    if _scanner is not None and _may_fork():
        return ProcessPoolExecutor(jobs, multiprocessing.get_context("fork"), _settle_in)
    given = [str(path) for path in rules]
    arguments = (given, frozenset(rulebook.rules), rulebook.placeholders, rulebook.pipelines)
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, arguments)


def _settle_in() -> None:
    """At the start of a process of the pool, which scans all its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the pool
    gc.freeze()  # what it was born with stays: looking through it would copy it, too
    gc.set_threshold(*RARE)


def _begin(
    rules: list[str], keep: frozenset[str], placeholders: Placeholders, pipelines: tuple[str, ...]
) -> None:
    global _scanner
    _settle_in()
    _scanner = Scanner(
        load_rulebook(rules, placeholders=placeholders, cache=default_cache(), keep=keep, pipelines=pipelines)
    )


def _scan_part(part: Range) -> Done:
    assert _scanner is not None
    done = Done([], Counts(), 0, [])
    lines = Lines()
    try:
        for messages in open_range(part, BATCH_BYTES, lines):
            found = _scanner.scan(messages)
            done.matches += found.matches
            done.counted += found.counted
            done.counts.add(found.counts)
            done.size += found.size
    except (SourceError, OSError) as error:
        done.faults.append(str(error))
    done.lines = lines.number
    return done


__all__ = ["Match", "Scanner", "Summary", "scan"]
