"""A fleet: workers that share topics and write findings to a topic, workbenches that fold it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from sample_data import scenario_dir
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.fleet import dump, ended, fold, settings, start, work
from tests.kafka.scenario import alerts_of, scan_into
from tests.kafka.scenario import work as work_alone
from tests.kafka.test_kafka_source import produce
from xdrtui.errors import BrokerError, StoreError
from xdrtui.pipeline.fleet_run import run_fold
from xdrtui.pipeline.fleet_snapshot import start_from, write_snapshot
from xdrtui.pipeline.fleet_topic import prepare_topic
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.worker import run_worker
from xdrtui.points import VARIABLE
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import KafkaConnection
from xdrtui.sources.replay import Replay, replay_to_kafka
from xdrtui.store import workers
from xdrtui.store.store import Store

FILES = sorted(scenario_dir("invoice").glob("*.jsonl.gz"))
PARTITIONS = 4


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="module")
def by_scan(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return scan_into(tmp_path_factory.mktemp("scan"), FILES)


@pytest.fixture(scope="module")
def once() -> dict[str, str]:
    return {}


@pytest.fixture
def recorded(real: Broker, once: dict[str, str]) -> str:
    """A topic that holds the scenario, made once: each test's workers are a group of their own."""
    if not once:
        once["topic"] = asyncio.run(real.create_topic(new_name(), PARTITIONS))
        to = KafkaConnection((real.bootstrap(),))
        sent = asyncio.run(replay_to_kafka(Replay(FILES), to, once["topic"]))
        once["messages"] = str(sent.messages)
    return once["topic"]


@pytest.fixture
def small(real: Broker, once: dict[str, str]) -> str:
    """A topic that holds little of it."""
    if "small" not in once:
        once["small"] = asyncio.run(real.create_topic(new_name(), 2))
        least = min(FILES, key=lambda file: file.stat().st_size)
        to = KafkaConnection((real.bootstrap(),))
        asyncio.run(replay_to_kafka(Replay([least]), to, once["small"]))
    return once["small"]


def counts(directory: Path) -> dict[str, int]:
    with Store.open(directory, readonly=True) as store:
        return store.counts()


def faults(directory: Path) -> dict[str, str]:
    with Store.open(directory, readonly=True) as store:
        return {fault.key: fault.text for fault in workers.faults(store.connection)}


def offsets(real: Broker, topic: str, group: str) -> list[int]:
    """The group's committed offsets, a partition each; -1 where there is none."""

    async def ask() -> list[int]:
        client = AIOKafkaAdminClient(bootstrap_servers=real.bootstrap())
        await client.start()
        try:
            wanted = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            found = await client.list_consumer_group_offsets(group, partitions=wanted)
            return [found[each].offset for each in wanted]
        finally:
            await client.close()

    return asyncio.run(ask())


def wait_for_stop(process: subprocess.Popen[bytes], seconds: float = 60.0) -> None:
    """Until the process has stopped itself (SIGSTOP)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "Tt":
            return
        time.sleep(0.05)
    pytest.fail("it did not stop")


def test_one_worker_gives_the_alerts_of_a_scan_and_two_workbenches_end_equal(
    real: Broker, recorded: str, once: dict[str, str], by_scan: list[str], book: Rulebook, tmp_path: Path
) -> None:
    """One workbench reads along while the worker writes; the other reads it all at once, later."""
    findings, early, late = f"xdrtui-{new_name()}", tmp_path / "early", tmp_path / "late"
    over = threading.Event()
    work_done: list[str] = []

    def worker() -> None:
        try:
            work_done.append(work(real.bootstrap(), recorded, new_name(), findings, book).ended)
        finally:
            over.set()

    thread = threading.Thread(target=worker)
    thread.start()
    while not over.is_set():
        try:
            known = settings(real.bootstrap(), "unread", "", findings)
            run_fold(early, known, Process(book), stop=over.is_set)
        except BrokerError:  # no topic yet
            time.sleep(0.1)
    thread.join()
    fold(early, real.bootstrap(), findings, book)
    fold(late, real.bootstrap(), findings, book)
    assert work_done == ["end"]
    assert alerts_of(late) == by_scan
    assert counts(late)["messages"] == int(once["messages"])
    assert list(dump(early)) == list(dump(late))
    assert offsets(real, recorded, findings) == [-1] * PARTITIONS


def test_one_killed_between_produce_and_commit_and_two_others_joining(
    real: Broker, recorded: str, once: dict[str, str], by_scan: list[str], book: Rulebook, tmp_path: Path
) -> None:
    findings, group = new_name(), new_name()
    killed = {**os.environ, VARIABLE: "fleet.flush.after:1"}
    first = start(real.bootstrap(), recorded, group, findings, killed)
    first.communicate(timeout=60)
    assert first.returncode == -signal.SIGKILL
    assert offsets(real, recorded, group) == [-1] * PARTITIONS, "nothing was committed"
    known = settings(real.bootstrap(), recorded, group, findings)
    read: list[int] = []
    threads = [threading.Thread(target=_work, args=(known, Process(book), read)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fold(tmp_path, real.bootstrap(), findings, book)
    assert alerts_of(tmp_path) == by_scan
    assert counts(tmp_path)["messages"] == int(once["messages"]), "what came twice was counted once"
    assert sum(offsets(real, recorded, group)) == int(once["messages"]) <= sum(read)


def _work(known: KafkaSettings, process: Process, read: list[int]) -> None:
    read.append(run_worker(Path(), known, process, until_end=True).messages)


def test_a_zombie_moves_no_offset_back_and_changes_no_alert(
    real: Broker, recorded: str, once: dict[str, str], by_scan: list[str], book: Rulebook, tmp_path: Path
) -> None:
    """It stops between produce and commit for longer than its session; another takes over and leaves."""
    findings, group = new_name(), new_name()
    asleep = {**os.environ, VARIABLE: "fleet.flush.after:1:STOP"}
    zombie = start(real.bootstrap(), recorded, group, findings, asleep)
    try:
        wait_for_stop(zombie)
        assert offsets(real, recorded, group) == [-1] * PARTITIONS
        work(real.bootstrap(), recorded, group, findings, book)
        before = offsets(real, recorded, group)
        assert sum(before) == int(once["messages"])
    finally:
        zombie.send_signal(signal.SIGCONT)
    seen = []
    while zombie.poll() is None:
        seen.append(offsets(real, recorded, group))
    assert not ended([zombie])
    assert all(each == before for each in [*seen, offsets(real, recorded, group)])
    fold(tmp_path, real.bootstrap(), findings, book)
    assert alerts_of(tmp_path) == by_scan
    assert counts(tmp_path)["messages"] == int(once["messages"])


def test_workers_with_other_rules_are_named_loudly(
    real: Broker, small: str, book: Rulebook, tmp_path: Path
) -> None:
    findings = new_name()
    known = settings(real.bootstrap(), small, new_name(), findings)
    other = load_rulebook(keep=frozenset(sorted(book.rules)[:5]))
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work_until, args=(known, Process(each), stop)) for each in (book, other)
    ]
    for thread in threads:
        thread.start()
    try:
        until = time.monotonic() + 90
        while "fleet:rules" not in faults_after_fold(tmp_path, real, findings, book):
            assert time.monotonic() < until
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    text = faults(tmp_path)["fleet:rules"]
    assert "run 2 versions of the rules" in text and "bring them to one version" in text
    assert "fleet:rules" not in faults_after_fold(tmp_path, real, findings, book), "they have all left"


def _work_until(known: KafkaSettings, process: Process, stop: threading.Event) -> None:
    run_worker(Path(), known, process, stop=stop.is_set)


def faults_after_fold(directory: Path, real: Broker, findings: str, book: Rulebook) -> dict[str, str]:
    try:
        fold(directory, real.bootstrap(), findings, book)
    except BrokerError:  # no topic yet
        return {}
    return faults(directory)


def test_foreign_and_hostile_records_are_dead_letters(
    real: Broker, small: str, book: Rulebook, tmp_path: Path
) -> None:
    findings = new_name()
    work(real.bootstrap(), small, new_name(), findings, book)
    fold(tmp_path, real.bootstrap(), findings, book)
    before = alerts_of(tmp_path)
    hostile = [b"", b"hello", b"XDRF", b"XDRF\x01", b"XDRF\x02\x90", b"XDRF\x01" + b"\x91" * 5_000]
    asyncio.run(produce(real, findings, [*hostile, None], key=b"k"))
    fold(tmp_path, real.bootstrap(), findings, book)
    assert alerts_of(tmp_path) == before
    with Store.open(tmp_path, readonly=True) as store:
        letters = [each for each in store.dead_letters() if findings in each.position.source]
    assert len(letters) == len(hostile) + 1
    assert any("upgrade" in each.reason for each in letters)


def test_a_new_workbench_begins_with_a_snapshot_and_ends_equal_to_the_old_one(
    real: Broker, small: str, book: Rulebook, tmp_path: Path
) -> None:
    findings, old, new = new_name(), tmp_path / "old", tmp_path / "new"
    work(real.bootstrap(), small, new_name(), findings, book)
    fold(old, real.bootstrap(), findings, book)
    with Store.open(old) as store, store.transaction():
        workers.set_control(store.connection, "mine", "alone")
    write_snapshot(old, tmp_path / "snapshot")
    start_from(new, tmp_path / "snapshot")
    with Store.open(new, readonly=True) as store:
        assert not workers.controls(store.connection), "what people set stays where it was"
    work(real.bootstrap(), small, new_name(), findings, book)  # all of it a second time
    summary = fold(new, real.bootstrap(), findings, book)
    fold(old, real.bootstrap(), findings, book)
    assert summary.messages > 0, "it went on from the snapshot's offset"
    assert list(dump(new)) == list(dump(old))
    with pytest.raises(StoreError, match="already: a snapshot is for a new workspace"):
        start_from(new, tmp_path / "snapshot")


def test_findings_deleted_before_a_workbench_read_them_are_an_alert_with_their_bounds(
    real: Broker, book: Rulebook, tmp_path: Path
) -> None:
    findings = new_name()
    asyncio.run(prepare_topic(KafkaConnection((real.bootstrap(),)), findings, create=True))
    asyncio.run(produce(real, findings, [b"1", b"2"]))
    fold(tmp_path, real.bootstrap(), findings, book)
    asyncio.run(produce(real, findings, [b"3", b"4", b"5", b"6"]))
    asyncio.run(real.delete_records(findings, before=5))
    fold(tmp_path, real.bootstrap(), findings, book)
    (alert,) = (json.loads(line) for line in alerts_of(tmp_path))
    assert alert["title"] == "Messages Deleted Before They Were Read"
    assert "offsets 2 to 4" in alert["summary"]


def test_the_two_modes_never_mix(real: Broker, small: str, book: Rulebook, tmp_path: Path) -> None:
    findings, group = new_name(), new_name()
    work(real.bootstrap(), small, group, findings, book)
    with pytest.raises(BrokerError, match="belongs to a fleet of workers, and the two never mix"):
        work_alone(tmp_path / "local", real.bootstrap(), small, group)
    with pytest.raises(BrokerError, match="belongs to another fleet"):
        work(real.bootstrap(), small, group, new_name(), book)
    fold(tmp_path / "folded", real.bootstrap(), findings, book)
    with pytest.raises(StoreError, match="folds a fleet's findings, and the two never mix"):
        work_alone(tmp_path / "folded", real.bootstrap(), small, new_name())
    with Store.open(tmp_path / "read") as store:
        from xdrtui.events.message import Source
        from xdrtui.store.batch import BatchResult, Mark

        store.commit_batch(
            BatchResult(
                marks=[Mark("kafka:c:t:0", 0, 1, b"", 0)], sources=[Source("kafka:c:t:0", "t", "kafka")]
            )
        )
    with pytest.raises(StoreError, match="holds what a local worker read"):
        fold(tmp_path / "read", real.bootstrap(), findings, book)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"retention.ms": "86400000"}, r"retention.ms is 86,400,000 \(1.0 days\)"),
        ({"cleanup.policy": "compact"}, "cleanup.policy is compact"),
        ({"retention.bytes": "1000000"}, "deletes by size"),
        ({}, "LogAppendTime"),
    ],
)
def test_a_findings_topic_that_would_lose_findings_is_refused(
    real: Broker, tmp_path: Path, config: dict[str, str], why: str
) -> None:
    findings = asyncio.run(real.create_topic(new_name(), 1, {"retention.ms": "-1", **config}))
    with pytest.raises(BrokerError, match=why):
        fold(tmp_path, real.bootstrap(), findings)
