"""The worker between a source and a store: what it commits, what it drops, how it ends."""

from __future__ import annotations

import asyncio
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.xdrtui.worker_samples import (
    PREFIX,
    FakeSource,
    every,
    findings,
    payload,
    process,
    rules,
    run,
    topic,
    worker,
)
from xdrtui.errors import StoreBusy
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline import worker as worker_module
from xdrtui.pipeline.committer import PAUSE, STORE_ID, Committer
from xdrtui.pipeline.process import Process
from xdrtui.sources.partitions import Fetched
from xdrtui.store import workers
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.live import LiveReader
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat

__all__ = ["process", "rules"]


async def test_everything_up_to_the_end_is_stored_and_folded(tmp_path: Path, process: Process) -> None:
    source = FakeSource(topic(20, 7))
    summary = await run(worker(tmp_path, process, source))
    assert (summary.ended, summary.messages, summary.findings, summary.alerts) == ("end", 27, 27, 5)
    assert findings(tmp_path) == every(source)
    assert source.committed == {0: 20, 1: 7}
    assert source.stopped


async def test_positions_and_anchors_are_those_of_the_source(tmp_path: Path, process: Process) -> None:
    await run(worker(tmp_path, process, FakeSource(topic(20))))
    with Store.open(tmp_path, readonly=True) as store:
        mark = store.positions(PREFIX + "0")[0]
    assert (mark.next_offset, mark.anchor) == (20, b"a20")


async def test_a_second_run_reads_nothing_twice(tmp_path: Path, process: Process) -> None:
    await run(worker(tmp_path, process, FakeSource(topic(20))))
    summary = await run(worker(tmp_path, process, FakeSource(topic(25))))
    assert summary.messages == 5


async def test_a_batch_that_is_fenced_off_is_read_again_from_where_the_store_stands(
    tmp_path: Path, process: Process
) -> None:
    source = FakeSource(topic(20), size=2)

    def meddle() -> None:
        """Another worker moves the stored position on, as after a rebalance that this one slept through."""
        if source.fetches == 4:
            with Store.open(tmp_path) as store:
                stands = store.positions(PREFIX + "0").get(0, Mark("", 0, 0, b"", 0)).next_offset
                mark = Mark(PREFIX + "0", 0, max(stands, 12), b"other", 0)
                store.commit_batch(BatchResult(marks=[mark], sources=[Source(PREFIX + "0", "t", "kafka")]))

    source.before_fetch = meddle
    summary = await run(worker(tmp_path, process, source))
    assert summary.ended == "end"
    assert source.number > 1, "was never placed again"
    offsets = [offset for _, offset in findings(tmp_path)]
    assert offsets == sorted(set(offsets)) and set(range(12, 20)) <= set(offsets)


async def test_a_partition_that_breaks_detection_is_set_aside_and_the_others_go_on(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = process.run

    def breaking(messages: Messages, clock: Any = None) -> BatchResult:
        if messages.partition == 1:
            raise ValueError("a fault of ours")
        return whole(messages, clock)

    monkeypatch.setattr(process, "run", breaking)
    summary = await run(worker(tmp_path, process, FakeSource(topic(9, 9))))
    assert findings(tmp_path) == [(0, offset) for offset in range(9)]
    assert summary.faults == {"1": "ValueError: a fault of ours"}


async def test_a_busy_store_is_waited_for(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "BUSY_SECONDS", 0.01)
    commit, refusals = Committer.commit, [StoreBusy("busy"), StoreBusy("busy")]

    def sometimes(self: Committer, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        if refusals:
            raise refusals.pop()
        return commit(self, batch)

    monkeypatch.setattr(Committer, "commit", sometimes)
    source = FakeSource(topic(9))
    await run(worker(tmp_path, process, source))
    assert findings(tmp_path) == every(source) and not refusals


async def test_a_database_that_another_process_holds_ends_no_worker_wherever_it_is(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its start, placing partitions, between commit and fold, telling what happened, at its end."""
    monkeypatch.setattr(worker_module, "BUSY_SECONDS", 0.01)
    refused: set[str] = set()

    def first_busy(name: str) -> None:
        method = getattr(Committer, name)

        def sometimes(self: Committer, *arguments: object) -> object:
            if name not in refused:
                refused.add(name)
                raise StoreBusy("busy")
            return method(self, *arguments)

        monkeypatch.setattr(Committer, name, sometimes)

    met = ("adopt", "stored", "fold", "note", "heartbeat")
    for name in met:
        first_busy(name)
    source = FakeSource(topic(9))
    source.notes.append("something happened")
    await run(worker(tmp_path, process, source))
    assert findings(tmp_path) == every(source) and refused == set(met)


async def test_while_the_thread_is_slow_no_more_is_fetched_than_the_queue_holds(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded by bytes: here ten messages, with another in each of the hands that pass it on."""
    source = FakeSource(topic(3000), size=1)
    size = len(payload(0))
    monkeypatch.setattr(worker_module, "WAITING_BYTES", 10 * size + size // 2)
    monkeypatch.setattr(worker_module, "BATCH_BYTES", (size, size))
    ahead: list[int] = []
    commit = Committer.commit

    def slow(self: Committer, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        safe = commit(self, batch)
        time.sleep(0.03)
        ahead.append(source.next[0] - batch[-1].next_offset)
        return safe

    monkeypatch.setattr(Committer, "commit", slow)
    await run(worker(tmp_path, process, source, until_end=False, stop=lambda: len(ahead) > 20))
    assert 9 <= max(ahead) <= 12
    assert source.stays


async def test_who_is_stuck_in_one_batch_leaves_its_place_in_the_group_to_others(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STAY_SECONDS", 0.01)
    monkeypatch.setattr(worker_module, "STUCK_SECONDS", 0.2)
    source, commit, stays = FakeSource(topic(9)), Committer.commit, []

    def stuck(self: Committer, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        for _ in range(2):
            time.sleep(0.5)
            stays.append(source.stays)
        return commit(self, batch)

    monkeypatch.setattr(Committer, "commit", stuck)
    await run(worker(tmp_path, process, source))
    assert 0 < stays[0] == stays[1] < source.stays


async def test_a_stop_ends_with_a_whole_batch_and_the_rest_is_read_next_time(
    tmp_path: Path, process: Process
) -> None:
    source = FakeSource(topic(3000), size=10)
    it = worker(tmp_path, process, source, until_end=False)
    source.before_fetch = lambda: it.stop() if source.committed else None
    summary = await run(it)
    assert summary.ended == "stop" and 0 < summary.messages < 3000
    again = FakeSource(source.topic, size=1000)
    await run(worker(tmp_path, process, again))
    assert findings(tmp_path) == every(source)


async def test_a_failure_of_the_source_ends_the_worker_and_is_told(tmp_path: Path, process: Process) -> None:
    source = FakeSource(topic(9))

    def fail() -> None:
        raise OSError("gone")

    source.before_fetch = fail
    with pytest.raises(OSError, match="gone"):
        await run(worker(tmp_path, process, source))
    assert source.stopped


async def test_it_beats_and_pauses_when_asked(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "BEAT_SECONDS", 0.05)
    source = FakeSource(topic(9))
    it = worker(tmp_path, process, source, until_end=False)
    task = asyncio.create_task(run(it))
    beat = await _beat(tmp_path, lambda figures: figures["lag"] == 0)
    assert beat["memory_bytes"] > 1e6 and beat["partitions"] == 1
    with Store.open(tmp_path) as store, store.transaction():
        workers.set_control(store.connection, PAUSE, "1")
    await _beat(tmp_path, lambda figures: figures["paused"] == 1)
    it.stop()
    await task
    with Store.open(tmp_path, readonly=True) as store:
        assert workers.heartbeats(store.connection) == []


def test_the_heartbeat_of_a_worker_that_was_killed_goes_when_another_begins(
    tmp_path: Path, process: Process
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with Store.open(tmp_path) as store, store.transaction():
        for name, pid, machine in (
            ("killed", ended.pid, platform.node()),
            ("elsewhere", 1, "another-machine"),
        ):
            beat = Heartbeat(name, "worker", pid, machine, store.clock(), store.clock())
            workers.write_heartbeat(store.connection, beat)
    it = Committer(tmp_path, process, clock=time.time_ns)
    assert [beat.worker for beat in workers.heartbeats(it.store.connection)] == ["elsewhere"]
    it.close()


def test_the_workspaces_own_id_is_on_the_disk_before_it_stands_in_kafka(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut may take what is not; the group would then be another workspace's for ever."""
    safety: list[int] = []
    set_note = workers.set_note

    def noted(connection: sqlite3.Connection, key: str, value: str) -> None:
        if key == STORE_ID:
            safety.append(connection.execute("PRAGMA synchronous").fetchone()[0])
        set_note(connection, key, value)

    monkeypatch.setattr(workers, "set_note", noted)
    ids = []
    for _ in range(2):
        it = Committer(tmp_path, process, clock=time.time_ns)
        ids.append(it.owner.id)
        assert it.store.connection.execute("PRAGMA synchronous").fetchone() == (1,), "as it was: NORMAL"
        it.close()
    assert safety == [2] and ids[0] == ids[1], "FULL, and once"


async def _beat(directory: Path, wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.05)
            if (directory / "xdrtui.sqlite").exists():
                try:
                    with Store.open(directory, readonly=True) as store:
                        beats = workers.heartbeats(store.connection)
                except Exception:  # noqa: BLE001 - being made
                    continue
                if beats and wanted(beats[0].figures):
                    return beats[0].figures


async def test_what_goes_by_is_seen_in_the_live_ring(tmp_path: Path, process: Process) -> None:
    await run(worker(tmp_path, process, FakeSource(topic(9))))
    reader = LiveReader(tmp_path)
    rows = reader.after(0, 100)
    assert [row.event_type for row in rows] == ["zeek.conn"] * 9
    assert reader.counts().seen == 9
    reader.close()


async def test_gaps_and_new_generations_are_told_and_stored(tmp_path: Path, process: Process) -> None:
    source = FakeSource(topic(3))
    source.notes.append("Retention gap: something")
    summary = await run(worker(tmp_path, process, source))
    assert summary.notes == ["Retention gap: something"]
    with Store.open(tmp_path, readonly=True) as store:
        assert [fault.text for fault in workers.faults(store.connection)] == summary.notes


async def test_a_lease_that_a_killed_worker_left_is_waited_for_at_the_end(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LEASE_POLL_SECONDS", 0.01)
    with Store.open(tmp_path) as store, store.transaction():
        now = store.clock()
        assert workers.take_lease(store.connection, "correlator", "killed", now, now + 10**9)
    summary = await run(worker(tmp_path, process, FakeSource(topic(20))))
    assert summary.alerts == 5
