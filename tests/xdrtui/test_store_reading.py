"""Which partitions hold windows open though nobody reads them: decided from what workers noted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.reads import HIDDEN, Reads
from xdrtui.store import reading, workers
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path, clock=lambda: NOW) as opened:
        yield opened


def stands(store: Store, source: str, partition: int = 0, idle: bool = False) -> None:
    store.commit_batch(BatchResult(marks=[Mark(source, partition, 5, b"", NOW, -1, 0, idle)]))


def beat(connection: sqlite3.Connection, worker: str, at: int) -> None:
    workers.write_heartbeat(connection, workers.Heartbeat(worker, "worker", 1, "m", at, at))


def says(store: Store, worker: str, reads: Reads, now: int = NOW) -> None:
    with store.transaction():
        beat(store.connection, worker, now)
        reading.claim(store.connection, worker, reads, now)


def reads(
    *topics: str, group: str = "g", cluster: str = "c", there: Mapping[str, int] | None = None
) -> Reads:
    return Reads(cluster, group, topics, {"a": 1, "b": 1} if there is None else there)


def left(store: Store, mine: Reads, now: int = NOW) -> list[tuple[str, int]]:
    return [(each.source, each.partition) for each in reading.unread(store.connection, mine, now)]


def test_a_topic_that_may_not_be_seen_is_not_taken_for_one_that_is_gone(store: Store) -> None:
    stands(store, "kafka:c:a:0", 7)
    mine = reads("a", there={"a": HIDDEN})
    says(store, "w", mine)
    assert left(store, mine) == []
    assert left(store, reads("a", there={"a": 7})) == [("kafka:c:a:0", 7)], "it has partitions 0 to 6"
    assert left(store, reads("a", there={})) == [("kafka:c:a:0", 7)]


def test_what_is_idle_is_not_spoken_of(store: Store) -> None:
    stands(store, "kafka:c:b:0", idle=True)
    assert reading.held(store.connection) == [] and left(store, reads("a")) == []


def test_a_cluster_that_was_changed_for_another_is_left(store: Store) -> None:
    stands(store, "kafka:old:a:0")
    says(store, "w", reads("a", cluster="old"))
    assert left(store, reads("a", cluster="old")) == []
    mine = reads("a", cluster="new")
    says(store, "w2", mine, NOW + 3600 * SECOND)
    assert left(store, mine) == [("kafka:old:a:0", 0)]


def test_workers_of_one_group_at_the_same_time_read_what_either_reads(store: Store) -> None:
    stands(store, "kafka:c:b:0")
    says(store, "w1", reads("b"))
    says(store, "w2", reads("a"))
    assert left(store, reads("a")) == []
    says(store, "w2", reads("a"), NOW + 3600 * SECOND)
    assert left(store, reads("a")) == [("kafka:c:b:0", 0)], "w1 has not been heard of for an hour"


def test_another_group_holds_its_topics_for_a_week_of_silence(store: Store) -> None:
    stands(store, "kafka:c:b:0")
    says(store, "w1", reads("b", group="other"))
    mine = reads("a")
    for days, gone in ((0, []), (6, []), (8, [("kafka:c:b:0", 0)])):
        says(store, "w2", mine, NOW + days * 86_400 * SECOND)
        assert left(store, mine) == gone


def test_a_file_that_nobody_fills_from_any_more_is_left(store: Store) -> None:
    stands(store, "file:1234")
    assert left(store, reads("a")) == []
    assert left(store, reads("a"), NOW + 3600 * SECOND) == [("file:1234", 0)]
    assert reading.unread(store.connection, reads("a"), NOW + 3600 * SECOND)[0].why == "", "nobody need know"


def test_a_file_that_was_scanned_into_a_store_holds_up_no_worker_of_it(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text('{"_path":"conn","ts":1700000000,"uid":"x","id.orig_h":"10.0.0.1"}\n')
    fill(tmp_path / "store", [path], load_rulebook(keep=frozenset()))
    with Store.open(tmp_path / "store") as store:
        assert store.watermark() is not None
        stands(store, "kafka:c:a:0")
        later = NOW + 10 * SECOND
        store.commit_batch(BatchResult(marks=[Mark("kafka:c:a:0", 0, 6, b"", later, 5, 0)]))
        assert store.watermark() == later
