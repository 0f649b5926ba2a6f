"""What happens to the archive's files behind its back, and between two who are at them."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.xdrtui.archive_samples import commit
from tests.xdrtui.test_archive import few_of_a_type, filled, house_of, rolled, store, writer_of
from xdrtui.store.archive import catalogue, roll
from xdrtui.store.archive.files import READING, lock
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.store import Store

__all__ = ["few_of_a_type", "store"]


@pytest.mark.parametrize(
    "harm", [Path.unlink, lambda path: (path.unlink(), path.symlink_to("/proc/self/mem"))]
)
def test_a_segment_that_is_gone_or_cannot_be_read_holds_up_no_other(
    store: Store, harm: Callable[[Path], object]
) -> None:
    """Retention that was killed, or somebody, took it off the disk and left its row."""
    for start in (0, 10):
        writer = writer_of(store)
        commit(store, writer, range(start, start + 10))
        writer.seal()
        writer.close()
    gone, kept = catalogue.files(store.connection, ("sealed",))
    harm(gone.where(store.directory))
    house = house_of(store, Bounds(size=1))
    house.finish()
    house.close()
    assert kept.path not in [file.path for file in catalogue.files(store.connection, ("sealed", "live"))]


def test_a_reader_that_comes_while_somebody_sweeps_waits_for_its_lock(store: Store) -> None:
    filled(store)
    with lock(store.directory, READING):
        sweeping = os.open(store.directory / "archive" / READING, os.O_RDONLY)
    fcntl.flock(sweeping, fcntl.LOCK_EX)
    threading.Timer(0.1, os.close, [sweeping]).start()
    with Reader(store), lock(store.directory, READING) as nobody:
        assert not nobody


@pytest.mark.usefixtures("few_of_a_type")
@pytest.mark.parametrize("most", [1 << 30, 1])
def test_damaged_segments_of_such_types_keep_the_others_from_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """However many they are, and however much more than what is rolled together (most)."""
    damaged: set[Path] = set()
    for number in range(2):
        rolled(store, range(number * 30, number * 30 + 30))
        (left,) = set((store.directory / "archive").glob("few-*")) - damaged
        left.write_bytes(b"damaged".ljust(left.stat().st_size))
        damaged.add(left)
    monkeypatch.setattr(roll, "LEFT_BYTES", most)
    for number in range(2, 5):
        rolled(store, range(number * 30, number * 30 + 30), fault="is damaged")
    assert set((store.directory / "archive").glob("few-*")) == damaged
    with Reader(store) as reader:
        assert sum(part.data.height for file in reader.files for part in reader.parts(file)) == 130
        assert len(reader.faults) == 2


def test_a_damaged_file_keeps_those_of_its_kind_from_merging_no_more_than_a_segment_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "MERGE_AT", 99)
    for number in range(6):
        writer = writer_of(store)
        commit(store, writer, range(number * 10, number * 10 + 10))
        writer.seal()
        writer.close()
        house = house_of(store)
        if number < 5:
            house.finish()
        house.close()
    for state in ("live", "sealed"):
        harmed = catalogue.files(store.connection, (state,))[0].where(store.directory)
        harmed.write_bytes(b"damaged".ljust(harmed.stat().st_size))
    before = len(catalogue.files(store.connection, ("live",)))
    monkeypatch.setattr(roll, "MERGE_AT", 3)
    house = house_of(store)
    house._round(store)
    assert len(catalogue.files(store.connection, ("live",))) <= before - 3
    assert len(house._unusable) == 2
    house.close()
