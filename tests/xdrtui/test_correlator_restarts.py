"""The law of restarts: what was committed decides the alerts, whoever folds it, whenever, however often it
dies. Also where events come later than the lateness, when it matters what had been decided before."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.correlate.engine import Correlations
from detectors.correlate.model import Bound, Type
from tests.xdrtui.store_samples import batch
from tests.xdrtui.test_correlator_law import MINUTE, RULES, correlation, events_of, found_of
from xdrtui.pipeline import correlator as correlating
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store import store as storing
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store

LATENESS = 2 * MINUTE
CORRELATIONS = Correlations(
    (
        *RULES,
        correlation("quiet", Type.EVENT_COUNT, ("rule-a",), Bound("eq", 2), timespan=2 * MINUTE),
        correlation("again", Type.EVENT_COUNT, ("quiet",), Bound("gte", 2), timespan=20 * MINUTE),
        correlation("first", Type.TEMPORAL_ORDERED, ("few", "rule-a"), Bound("gte", 2), timespan=9 * MINUTE),
    )
)
EXAMPLES = int(os.environ.get("XDRTUI_EXAMPLES", "80"))
POINTS = ("insert.findings", "commit.before", "commit.after", "fold.before", "fold.after")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and what had been begun is not tidied up."""


class Deadly:
    """Stands for `points.reach`: the process dies at the n-th point from now on."""

    def __init__(self) -> None:
        self.left = 0

    def __call__(self, point: str) -> None:
        if self.left and point in POINTS:
            self.left -= 1
            if not self.left:
                raise Killed


@contextmanager
def deadly() -> Iterator[Deadly]:
    reach = Deadly()
    with pytest.MonkeyPatch.context() as patch:
        for module in (storing, correlating):
            patch.setattr(module, "reach", reach)
        yield reach


class Process:
    """A process that commits batches and folds them, and is another one after `die`."""

    def __init__(self, directory: Path, step: int) -> None:
        self.directory = directory
        self.step = step
        self.start()

    def start(self) -> None:
        self.store = Store.open(self.directory)
        self.correlator = Correlator(
            self.store, CORRELATIONS, holder="one", step=self.step, lateness=LATENESS
        )

    def die(self) -> None:
        self.store.connection.close()  # what was not committed is not there
        self.start()

    def commit(self, batch: BatchResult) -> None:
        """Commit it where it is not there yet, as a worker does that looks where it stands."""
        (mark,) = batch.marks
        stored = self.store.positions(mark.source).get(mark.partition)
        if stored is None or stored.next_offset < mark.next_offset:
            self.store.commit_batch(batch)


def batches_of(drawn: Sequence[tuple[int, str, str, str]], random: random.Random) -> list[BatchResult]:
    """The events in an order in which many come late, from two partitions that are ahead of each other."""
    events = events_of(drawn)
    late = random.choice([3, 10, 40]) * MINUTE
    dealt = [msgspec.structs.replace(event, partition=random.randrange(2)) for event in events]
    dealt.sort(key=lambda event: event.time + random.randrange(late))
    size = random.choice([1, 2, 5, 9])
    batches, offsets, latest = [], [0, 0], [0, 0]
    for start in range(0, len(dealt), size):
        for partition in (0, 1):
            part = [event for event in dealt[start : start + size] if event.partition == partition]
            if not part:
                continue
            begin = offsets[partition]
            offsets[partition] += len(part)
            latest[partition] = max([latest[partition], *(event.time for event in part)])
            rows = [found_of(event, begin + n) for n, event in enumerate(part)]
            mark = Mark(
                "s", partition, offsets[partition], b"", latest[partition], idle=random.random() < 0.1
            )
            batches.append(batch(rows, [mark]))
    return batches


def undisturbed(directory: Path, batches: Sequence[BatchResult]) -> list[str]:
    process = Process(directory, 1000)
    for each in batches:
        process.commit(each)
        process.correlator.fold()
    return ended(process)


def ended(process: Process) -> list[str]:
    process.correlator.fold()
    process.correlator.finish()
    lines = list(export_alerts(process.store.connection))
    process.store.close()
    return lines


def stormy(directory: Path, batches: Sequence[BatchResult], random: random.Random) -> list[str]:
    """Killed at points and in between, folded late or several batches at once."""
    process = Process(directory, random.choice([2, 5, 1000]))
    with deadly() as reach:
        for each in batches:
            fold = random.random() < 0.6
            reach.left = random.randint(1, 6) if random.random() < 0.4 else 0
            while True:
                try:
                    process.commit(each)
                    if fold:
                        process.correlator.fold()
                    break
                except Killed:
                    process.die()
            reach.left = 0
            if random.random() < 0.2:
                process.die()
    return ended(process)


DRAWN = st.lists(
    st.tuples(
        st.integers(0, 60 * 60),
        st.sampled_from(["rule-a", "rule-a", "rule-b"]),
        st.sampled_from(["h1", "H1", "h2"]),
        st.sampled_from(["ada", "bob", "eve"]),
    ),
    min_size=3,
    max_size=50,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(DRAWN, st.integers(0, 2**32))
def test_restarts_and_kills_change_no_alert_whatever_comes_late(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str, str, str]], seed: int
) -> None:
    dice = random.Random(seed)
    batches = batches_of(drawn, dice)
    expected = undisturbed(tmp_path_factory.mktemp("plain"), batches)
    assert stormy(tmp_path_factory.mktemp("stormy"), batches, dice) == expected
