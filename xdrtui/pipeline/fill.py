"""Run the rules over files and store what they find: paths in, findings and alerts in a workspace.

The same way as a worker's, with files for topics: one transaction a batch, then alerts. Since findings are a
set and recorded data brings its own clock, filling twice changes nothing, and a topic that holds the same
events gives the same alerts.
"""

from __future__ import annotations

import contextlib
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import msgspec

from xdrtui.events.decode import Decoded, DecodedFrame
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.archiving import Archiving
from xdrtui.pipeline.correlator import LEASE_SECONDS, Correlator
from xdrtui.pipeline.process import Process, anchor_of
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.pipeline.scan import Match, OnMatches, OnProgress, Summary
from xdrtui.sources.files import modified, open_files
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.batch import BatchResult
from xdrtui.store.store import Store


def fill(
    directory: Path,
    paths: Sequence[str | Path],
    rulebook: Rulebook,
    *,
    on_matches: OnMatches = lambda matches: None,
    on_progress: OnProgress = lambda size, events: None,
    archive: Bounds | None = None,
) -> Summary:
    """Scan the paths into the store of this directory, which is made where it is not there.

    archive: keep every event too, within these bounds, for hunts. Read a second time, a file adds nothing.
    KeyboardInterrupt ends it with what was found so far (`stopped`); windows of correlations are then decided
    as if nothing more came. Raises StoreError; what cannot be read is a fault in the summary.
    """
    summary = Summary()
    process = Process(rulebook, archived=archive is not None)

    frames: list[DecodedFrame] = []
    uids: set[str] = set()

    def look(decoded: Decoded) -> None:
        summary.counts.add(decoded.counts)
        frames[:] = decoded.frames

    process.look = look
    with Store.open(directory) as store, _archive(store, archive) as archiving:
        store.set_rules(rulebook.rows())
        with Correlator(store, rulebook.correlations, muted=rulebook.muted) as correlator:
            try:
                for messages, result in _results(store, process, paths, summary):
                    if archiving is not None:
                        result.appended = archiving.append(frames, result.marks)
                    store.commit_batch(result)
                    uids.add(messages.source.uid)
                    if archiving is not None and result.appended is not None:
                        archiving.keep(result.appended)
                    correlator.fold(decide=False)
                    matches = _matches(messages, result)
                    summary.matches += len(matches)
                    for match in matches:
                        summary.by_rule[match.rule] = summary.by_rule.get(match.rule, 0) + 1
                    if matches:
                        on_matches(matches)
                    on_progress(summary.size, summary.counts.events)
            except KeyboardInterrupt:
                summary.stopped = True
            try:
                _finish(correlator)
            except KeyboardInterrupt:
                summary.stopped = True
            for uid in sorted(uids):  # a worker that goes on in this store waits for no file
                store.set_idle(uid, 0)
        if archiving is not None:
            archiving.finish()
            if archiving.left_out:
                summary.faults.append(f"{archiving.left_out:,} events were not archived: the disk is full")
    return summary


@contextlib.contextmanager
def _archive(store: Store, bounds: Bounds | None) -> Iterator[Archiving | None]:
    if bounds is None:
        yield None
        return
    archiving = Archiving(store, bounds, clock=store.clock, background=False)
    try:
        yield archiving
    finally:
        archiving.close()


def _finish(correlator: Correlator) -> None:
    """Fold and decide all that is left. A process that was killed has left a lease, which must run out first;
    one that still lives folds these findings itself."""
    end = time.monotonic() + LEASE_SECONDS + 1
    while not correlator.finish().mine and time.monotonic() < end:
        time.sleep(0.2)


def _results(
    store: Store, process: Process, paths: Sequence[str | Path], summary: Summary
) -> Iterator[tuple[Messages, BatchResult]]:
    """Each batch of the files with what detection made of it. One clock a file, as a scan has it."""
    clock, name, uid = ReplayClock(), "", ""
    for messages in open_files(paths, report=lambda fault: summary.faults.append(str(fault))):
        source = messages.source
        if source.name != name:
            name = source.name
            clock = ReplayClock(around=modified(name))
            uid = _uid(store, source)
        if uid != source.uid:
            messages = msgspec.structs.replace(messages, source=msgspec.structs.replace(source, uid=uid))
        result = process.run(messages, clock)
        summary.size += sum(map(len, messages.payloads)) + len(messages)
        yield messages, result


def _uid(store: Store, source: Source) -> str:
    """The uid of a file in this store: its own, or, where another file that begins alike was stored under it,
    that with the number of its generation. The record before the stored position tells."""
    for generation in count(1):
        uid = source.uid if generation == 1 else f"{source.uid}:{generation}"
        mark = store.positions(uid).get(0)
        if mark is None or not mark.anchor or source.name == "-":
            return uid
        record = _record(source.name, mark.next_offset - 1)
        if record is not None and anchor_of(record) == mark.anchor:
            return uid
    raise AssertionError("generations do not end")


def _record(name: str, offset: int) -> bytes | None:
    """The message of a file at an offset, or None where it has none."""
    for messages in open_files([name], report=lambda fault: None):
        if messages.offsets[-1] >= offset:
            at = bisect_left(messages.offsets, offset)
            return messages.payloads[at] if messages.offsets[at] == offset else None
    return None


def _matches(messages: Messages, result: BatchResult) -> list[Match]:
    return [
        Match(found.rule, messages.source.name, found.position.offset, found.position.index, found.time)
        for found in result.found
    ]
