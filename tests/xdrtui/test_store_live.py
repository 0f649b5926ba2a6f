"""The ring of recent events, and what the status bar reads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.xdrtui.store_samples import SECOND, batch, found
from xdrtui.store import workers
from xdrtui.store.live import LiveReader, LiveRow, LiveWriter
from xdrtui.store.place import LIVE
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk, Principal


def rows(count: int, raw: bytes = b"{}") -> list[LiveRow]:
    return [LiveRow(0, n, "t", "h", "u", f"event {n}", raw) for n in range(count)]


def test_what_is_written_is_read_after_the_last_id_seen(tmp_path: Path) -> None:
    writer, reader = LiveWriter(tmp_path), LiveReader(tmp_path)
    writer.write(rows(3), seen=3)
    first = reader.after(0, 10)
    assert [row.summary for row in first] == ["event 0", "event 1", "event 2"]
    writer.write(rows(2), seen=2)
    assert [row.id for row in reader.after(first[-1].id, 10)] == [4, 5]
    assert [row.id for row in reader.after(0, 2)] == [4, 5]


def test_beyond_the_rate_events_are_sampled_out_and_counted(tmp_path: Path) -> None:
    now = [0.0]
    writer = LiveWriter(tmp_path, rows_a_second=10, clock=lambda: now[0])
    assert writer.write(rows(25), seen=60_000) == 10
    assert writer.write(rows(5), seen=5) == 0
    now[0] += 0.5
    assert writer.room() == 5
    assert writer.write(rows(5), seen=5) == 5
    counts = LiveReader(tmp_path).counts()
    assert (counts.seen, counts.sampled_out, counts.last) == (60_010, 59_995, 15)


def test_the_ring_keeps_the_latest(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path, cap=20, rows_a_second=100)
    writer.write(rows(50), seen=50)
    kept = LiveReader(tmp_path).after(0, 100)
    assert [row.id for row in kept] == list(range(31, 51))


def test_raw_events_are_cut_and_odd_text_is_taken(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path)
    writer.write([LiveRow(0, 1, "t", "a\ud800", "u", "s", b"x" * 10_000)], seen=1)
    (row,) = LiveReader(tmp_path).after(0, 1)
    assert (row.host, len(row.raw)) == ("a\ufffd", 8192)
    assert stat.S_IMODE((tmp_path / LIVE).stat().st_mode) == 0o600


def test_a_ring_that_cannot_be_read_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / LIVE).write_bytes(b"not a database at all" * 100)
    reader = LiveReader(tmp_path)
    assert (reader.after(0, 10), reader.counts().seen) == ([], 0)
    writer = LiveWriter(tmp_path)
    writer.write(rows(1), seen=1)
    assert len(reader.after(0, 10)) == 1


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path, clock=lambda: 1_000 * SECOND)


def beat(store: Store, worker: str, at: int, **figures: float) -> None:
    with store.transaction():
        workers.write_heartbeat(
            store.connection, workers.Heartbeat(worker, "worker", 1, "here", 0, at * SECOND, figures)
        )


def status(store: Store) -> object:
    with Desk.open(store.directory, Principal("ada", "here"), clock=lambda: 1_000 * SECOND) as desk:
        return desk.status()


def test_no_worker_is_said(store: Store) -> None:
    assert getattr(status(store), "sentence", "") == "no worker is running: start one with `xdrtui run`"


def test_a_worker_that_fell_silent_is_said_and_its_figures_do_not_count(store: Store) -> None:
    beat(store, "w1", 1_000, events_per_second=10, lag_seconds=2, dropped=1, memory_bytes=5)
    beat(store, "w2", 990, events_per_second=99)
    told = status(store)
    assert getattr(told, "sentence", "") == "1 worker, w2 fell silent 10 s ago"
    assert [getattr(told, name) for name in ("events_per_second", "lag", "dropped", "memory")] == [
        10,
        2,
        1,
        5,
    ]


def test_faults_and_findings_not_folded_yet_are_counted(store: Store) -> None:
    beat(store, "w1", 1_000)
    store.commit_batch(batch([found(offset=1), found(offset=2)]))
    with store.transaction():
        for _ in range(2):
            workers.report_fault(store.connection, "disk", "store", "the disk is nearly full", 5)
    told = status(store)
    assert getattr(told, "sentence", "") == "1 worker, 1 fault"
    assert getattr(told, "unfolded", 0) == 2
    with store.transaction():
        workers.clear_fault(store.connection, "disk", 6)
    assert getattr(status(store), "sentence", "") == "1 worker"
