"""What happens to the archive's files behind its back, and between two who are at them."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.xdrtui.archive_samples import commit
from tests.xdrtui.test_archive import filled, house_of, store, writer_of
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.files import READING, lock
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.store import Store

__all__ = ["store"]


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
