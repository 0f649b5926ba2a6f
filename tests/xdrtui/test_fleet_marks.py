"""What a fold makes of summaries: how far partitions are, what is counted, what a snapshot takes along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from tests.kafka.fleet import dump
from tests.xdrtui.test_fleet_fold import FINDINGS, MINUTE, RULES, START, topic
from xdrtui.errors import StoreError
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.fleet_fold import AHEAD, DECIDED, FINISHED, FoldSink
from xdrtui.pipeline.fleet_records import Origin, Summary, encode, origin
from xdrtui.pipeline.fleet_snapshot import start_from, write_snapshot
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.partitions import Fetched
from xdrtui.store import workers
from xdrtui.store.batch import Mark
from xdrtui.store.store import Store

BROKER = START + 10_000 * MINUTE
"""The broker's clock, when it took the records."""

UID = "kafka:c:t:0"


class Bench:
    """A workbench that takes records as they come."""

    def __init__(self, folder: Path, name: str = "bench", at: int = 0) -> None:
        self.directory = folder / name
        rules = folder / "rules"
        rules.mkdir(exist_ok=True)
        (rules / "rules.yml").write_text(RULES)
        self._process = Process(load_rulebook([rules], cache=Cache(folder / "cache")))
        self.at = at
        self._open()

    def _open(self) -> None:
        self.sink = FoldSink(self.directory, FINDINGS.name, self._process, clock=lambda: START)

    def take(self, records: Sequence[bytes]) -> None:
        end = self.at + len(records)
        stamps = [BROKER + each for each in range(self.at, end)]
        messages = Messages(FINDINGS, 0, range(self.at, end), list(records), stamps)
        self.sink.commit([Fetched(messages, self.at or -1, end, b"%d" % end, 0, 0)])
        self.sink.fold(False)
        self.at = end

    def summary(
        self, partition: int, start: int, end: int, minute: int, *, idle: bool = False, ended: bool = False,
        kind: str = "kafka",
    ) -> None:  # fmt: skip
        at = origin(Source(UID, "t", kind), partition)
        self.take([encode(_summary(at, start, end, minute, idle, ended))])

    def restart(self) -> None:
        self.sink.close()
        self._open()

    def mark(self, partition: int) -> Mark:
        return self.sink.store.positions(UID)[partition]

    @property
    def decided(self) -> int:
        """The minute up to which correlations have decided."""
        self.take([])
        return int(workers.note(self.sink.store.connection, DECIDED) or START // MINUTE) - START // MINUTE


def _summary(at: Origin, start: int, end: int, minute: int, idle: bool, ended: bool) -> Summary:
    n = max(0, end - start)
    watermark = START + minute * MINUTE if n else 0
    return Summary(at, start, end, watermark, idle, ended, (n, n, n, 0, 0, 0), ())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.sink.close()


def test_correlations_wait_for_the_partition_that_is_behind_unless_it_is_idle(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=100)
    bench.summary(1, 0, 5, minute=10)
    bench.summary(0, 5, 9, minute=200)
    assert bench.decided == 100  # the first came alone
    bench.summary(1, 5, 6, minute=120)
    assert bench.decided == 120
    bench.summary(1, 6, 6, minute=0, idle=True)
    assert bench.decided == 200


def test_a_partition_that_was_idle_is_waited_for_again_once_it_brings_something(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=10)
    bench.summary(1, 0, 5, minute=10)
    bench.summary(1, 5, 5, minute=0, idle=True)
    bench.summary(0, 5, 6, minute=50)
    assert bench.decided == 50
    bench.summary(1, 5, 6, minute=60)
    assert not bench.mark(1).idle
    bench.summary(0, 6, 7, minute=90)
    assert bench.decided == 60


def test_a_zombie_moves_no_place_and_no_watermark_back_and_counts_nothing_again(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=10)
    bench.summary(0, 5, 9, minute=20)
    counted = bench.sink.store.counts()
    bench.summary(0, 0, 7, minute=12)
    mark = bench.mark(0)
    assert (mark.next_offset, mark.watermark) == (9, START + 20 * MINUTE)
    assert bench.sink.store.counts() == counted == {name: 9 for name in ("messages", "events", "routed")}


def test_a_late_batch_does_not_move_its_partition_back(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=20)
    bench.summary(0, 5, 9, minute=3)
    assert bench.mark(0).watermark == START + 20 * MINUTE


def test_an_event_dated_far_ahead_moves_the_watermark_to_the_brokers_clock_at_most(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=40_000_000)
    assert BROKER <= bench.mark(0).watermark <= BROKER + 1_000 + AHEAD


def test_recorded_data_that_has_ended_stays_ended_after_a_restart(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=20, kind="replay")
    bench.summary(0, 5, 5, minute=0, ended=True, kind="replay")
    bench.take([])
    assert workers.note(bench.sink.store.connection, FINISHED)
    bench.restart()
    bench.take([])
    assert workers.note(bench.sink.store.connection, FINISHED)


def test_a_topic_made_again_holds_no_window_open_with_its_old_generation(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=10)
    again = origin(Source(UID[:-1] + "1", "t", "kafka"), 0)
    bench.take([encode(_summary(again, 0, 5, 50, False, False))])
    assert bench.mark(0).idle
    assert bench.decided == 50


# --- a snapshot


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 7])
def test_who_begins_with_a_snapshot_anywhere_ends_equal_also_with_what_comes_late_or_twice(
    tmp_path: Path, seed: int
) -> None:
    records = topic(seed, leaving=seed % 2 == 1)
    border = 40 + 25 * (seed % 4)
    last = [each for each in records[:border] if b"summary" in each[:20]][-3:]
    rest = [*last, *records[border:]]
    old = Bench(tmp_path, "old")
    old.take(records[:border])
    write_snapshot(old.directory, tmp_path / "snapshot")
    start_from(tmp_path / "new", tmp_path / "snapshot")
    old.take(rest)
    old.sink.close()
    new = Bench(tmp_path, "new", border)
    assert {0: border} == {
        partition: at.next_offset for partition, at in new.sink.store.positions(FINDINGS.uid).items()
    }
    new.take(rest)
    new.sink.close()
    assert list(dump(old.directory)) == list(dump(new.directory))


def test_a_snapshot_tells_nothing_of_who_made_it_and_is_for_a_new_workspace_alone(bench: Bench) -> None:
    bench.summary(0, 0, 5, minute=20)
    bench.summary(0, 5, 5, minute=0, ended=True, kind="replay")
    maker = bench.sink.store
    with maker.transaction():
        workers.set_note(maker.connection, "store.id", "mine")
        maker.connection.execute("INSERT INTO control(key, value) VALUES ('worker.pause', '1')")
    snapshot = bench.directory.parent / "snapshot"
    write_snapshot(bench.directory, snapshot)
    taken = bench.directory.parent / "taken"
    start_from(taken, snapshot)
    with Store.open(taken, readonly=True) as store:
        assert not workers.note(store.connection, "store.id")
        assert workers.note(store.connection, "store") != workers.note(maker.connection, "store")
        assert workers.control(store.connection, "worker.pause") != "1"
        assert store.connection.execute("SELECT count(*) FROM fleet_ended").fetchone() == (1,)
    with pytest.raises(StoreError, match="a store in"):
        start_from(taken, snapshot)
