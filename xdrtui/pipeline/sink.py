"""Where the results of a worker's batches go: a protocol, so that one worker serves every mode.

Local mode: into the workspace's store (`committer.py`). Fleet mode: to the findings topic (`fleet.py`), and
from that topic into a workbench's store (`fold.py`). A worker makes all calls from one thread, the one that
detects; they may block. Reading, waiting and what people ask of a worker are `worker.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from xdrtui.pipeline.process import Process
from xdrtui.sources.generation import Stored
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched


class Totals(msgspec.Struct):
    """What was committed since the start. latest_ingest: when the last message came in, nanoseconds."""

    messages: int = 0
    events: int = 0
    findings: int = 0
    dead: int = 0
    alerts: int = 0
    latest_ingest: int = 0


class Broken(Exception):
    """Detection failed on messages of one partition: a fault of ours, never of the data's."""

    def __init__(self, fetched: Fetched, reason: str) -> None:
        super().__init__(reason)
        self.fetched = fetched


class Sink(Protocol):
    """What takes batches. owner: in whose name the group's offsets are committed."""

    totals: Totals

    @property
    def owner(self) -> Owner: ...

    def stored(self, prefix: str) -> Mapping[int, Stored]:
        """Partition -> where its latest generation stands, of the sources whose uid begins so."""

    def commit(self, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        """Detect and hand on a batch, all or nothing. Return what is safe by now, of this batch and of those
        before: its offsets may be committed. Raises Fenced, Broken, StoreBusy, StoreError, BrokerError."""

    def flush(self) -> Sequence[Fetched]:
        """Make safe all that is not yet, and return it as `commit` does."""

    def fold(self, decide: bool) -> bool:
        """Fold what is stored into alerts; False where another process does that just now: try again."""

    def finish(self) -> bool:
        """Recorded data has ended: decide all windows that are still open. False as for `fold`."""

    def idle(self, partitions: Sequence[tuple[str, int]]) -> None:
        """These partitions (source uid, number) have nothing more for now, and hold no window open."""

    def is_paused(self) -> bool:
        """Whether people have asked workers to pause."""

    def heartbeat(self, figures: Mapping[str, float], faults: Mapping[str, str]) -> bool:
        """Tell figures and faults (key -> text). Return `is_paused`."""

    def note(self, text: str, mended: bool = False) -> None:
        """Something happened to a topic that must not be missed: a gap, a new generation. mended: it went
        wrong and is right again, so that nobody need see it now."""

    def adopt(self, process: Process) -> None:
        """Work with these rules from the next batch on. Raises StoreBusy; then all is as it was."""

    def close(self) -> None: ...


class OpenSink(Protocol):
    """Makes a sink, in the detecting thread. loop: the worker's, which runs meanwhile."""

    def __call__(self, loop: asyncio.AbstractEventLoop) -> Sink: ...
