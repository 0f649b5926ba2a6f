"""What a fleet's workers say they read settles which partitions are waited for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from xdrtui.pipeline.fleet_reads import ALONE, Readers
from xdrtui.pipeline.fleet_records import Beat, Reading
from xdrtui.store.batch import Mark
from xdrtui.store.reading import FORGOTTEN
from xdrtui.store.store import Store

NOW = 1_700_000_000 * 10**9
MARKS = {
    (uid, partition): Mark(uid, partition, 5, b"", NOW)
    for uid in ("kafka:c:a:0", "kafka:c:b:0", "kafka:other:a:0")
    for partition in range(2)
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def readers(store: Store) -> Readers:
    return Readers(store.connection)


def says(readers: Readers, worker: str, at: int, group: str = "g", **topics: int) -> list[str]:
    """What nobody reads after this worker has said that it reads these."""
    unread = readers.take(Reading(worker, "c", group, topics), at, MARKS)
    return [f"{key[0][8:-2]}/{key[1]}" for key, _ in unread]


def test_partitions_that_no_group_reads_are_left_and_other_clusters_are_not_spoken_of(
    readers: Readers,
) -> None:
    assert says(readers, "w1", NOW, a=2, b=2) == []
    assert says(readers, "w1", NOW, a=2, b=1) == ["b/1"]
    assert says(readers, "w1", NOW, a=2) == ["b/0", "b/1"]
    assert says(readers, "w2", NOW, group="h", b=2) == []


def test_a_worker_of_the_same_group_counts_until_it_ends_or_is_silent_for_long(readers: Readers) -> None:
    assert says(readers, "old", NOW, a=2, b=2) == []
    assert says(readers, "new", NOW + 1, a=2) == []
    assert says(readers, "new", NOW + ALONE, a=2) == ["b/0", "b/1"]
    assert says(readers, "old", NOW + ALONE, a=2, b=2) == []
    readers.ends(Beat("old", "m", 1, 0, "", "", {}, {}, True))
    assert says(readers, "new", NOW + ALONE + 1, a=2) == ["b/0", "b/1"]


def test_a_group_whose_workers_are_all_down_holds_what_it_reads_for_a_week(readers: Readers) -> None:
    says(readers, "w1", NOW, group="down", b=2)
    readers.ends(Beat("w1", "m", 1, 0, "", "", {}, {}, True))
    assert says(readers, "w2", NOW + FORGOTTEN - 1, a=2) == []
    assert says(readers, "w2", NOW + FORGOTTEN, a=2) == ["b/0", "b/1"]


def test_a_restart_of_the_fold_forgets_nothing(store: Store, readers: Readers) -> None:
    says(readers, "w1", NOW, group="other", b=2)
    with store.transaction():
        readers.write(store.connection, [])
    assert says(Readers(store.connection), "w2", NOW, a=2) == []
