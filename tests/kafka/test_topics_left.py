"""Topics that nobody reads any more hold no window open; those of a worker that is only down still do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import RULEBOOK, START, message
from tests.kafka.test_kafka_source import Memory, produce, source
from xdrtui.pipeline import leaving
from xdrtui.pipeline.fleet_run import run_fold
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.worker import run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources import reads
from xdrtui.sources.generation import Stored
from xdrtui.sources.kafka import KafkaSource
from xdrtui.store import workers
from xdrtui.store.store import Store

SECOND = 1_000_000_000


class Rig:
    """Topics of one partition under one prefix, and a store that workers of any group read them into."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.prefix, self.group = new_name(), new_name()

    def name(self, letter: str) -> str:
        return f"{self.prefix}-{letter}"

    def produce(self, letter: str, numbers: Sequence[int]) -> None:
        """Messages with these numbers, stamped by them, into a topic that is made where it is not there."""

        async def send() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap())
            await producer.start()
            for number in numbers:
                stamp = (START + number) * 1000
                await producer.send(self.name(letter), message(number), partition=0, timestamp_ms=stamp)
            await producer.stop()

        asyncio.run(send())

    def create(self, *letters: str) -> None:
        for letter in letters:
            asyncio.run(self.broker.create_topic(self.name(letter), config={"retention.ms": "-1"}))

    def delete(self, letter: str) -> None:
        asyncio.run(self.broker.delete_topic(self.name(letter)))

    def settings(self, *letters: str, group: str = "", **more: object) -> KafkaSettings:
        values: Mapping[str, object] = {
            "brokers": [self.broker.bootstrap()],
            "topics": [self.name(letter) for letter in letters],
            "group": group or self.group,
            "start": "earliest",
            **more,
        }
        return KafkaSettings.model_validate(values)

    def read(self, *letters: str, group: str = "") -> None:
        """A worker that reads these topics to their ends."""
        assert RULEBOOK is not None
        run_worker(self.folder, self.settings(*letters, group=group), Process(RULEBOOK), until_end=True)

    def behind(self) -> int:
        """About which message the watermark stands at: four of them are a second."""
        with Store.open(self.folder, readonly=True) as store:
            return ((store.watermark() or 0) - START * SECOND) * 4 // SECOND

    def taken(self, letter: str) -> int:
        """How many messages of this topic are stored."""
        with Store.open(self.folder, readonly=True) as store:
            found = store.connection.execute("SELECT source, next_offset FROM positions").fetchall()
        return sum(offset for source, offset in found if f":{self.name(letter)}:" in source)

    def told(self) -> list[str]:
        with Store.open(self.folder, readonly=True) as store:
            return [fault.text for fault in workers.faults(store.connection) if fault.happened]


@pytest.fixture
def rig(real: Broker, tmp_path: Path) -> Rig:
    """Topic a has messages 0 to 9, topic b 0 to 3."""
    found = Rig(real, tmp_path)
    found.create("a", "b")
    found.produce("a", range(10))
    found.produce("b", range(4))
    return found


def test_a_topic_that_was_deleted_while_no_worker_was_there_is_waited_for_no_more(rig: Rig) -> None:
    rig.read("*")
    before = rig.behind()
    rig.delete("b")
    rig.produce("a", range(100, 105))
    rig.read("*")
    assert before < 10 and rig.behind() >= 100
    assert [text for text in rig.told() if rig.name("b") in text and "the cluster has it no more" in text]


def test_a_topic_that_was_taken_out_of_the_settings_is_waited_for_no_more_and_again_when_it_is_back(
    rig: Rig,
) -> None:
    rig.read("a", "b")
    rig.produce("a", range(100, 105))
    rig.read("a")
    assert rig.behind() >= 100
    assert [text for text in rig.told() if rig.name("b") in text and "no longer set" in text]
    rig.produce("b", [50])
    rig.produce("a", range(200, 205))
    rig.read("a", "b")
    assert 40 < rig.behind() < 100, "it is read again"


def test_a_worker_that_is_down_holds_the_windows_of_what_it_reads(rig: Rig) -> None:
    rig.read("a")
    rig.read("b", group=new_name())
    before = rig.behind()
    rig.produce("a", range(100, 105))
    rig.read("a")
    rig.read("a")
    assert rig.behind() == before < 10 and not rig.told()


def test_one_of_another_group_that_begins_with_other_topics_has_left_those_it_read(rig: Rig) -> None:
    other = new_name()
    rig.create("c")
    rig.produce("c", [301])
    rig.read("a")
    rig.read("b", group=other)
    rig.produce("a", range(100, 105))
    rig.read("a")
    assert rig.behind() < 10
    rig.read("c", group=other)
    assert 100 <= rig.behind() < 300


def test_workers_of_one_group_with_different_topics_lose_nothing_and_it_is_said_while_it_is_so(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.3)
    assert RULEBOOK is not None
    process, stop = Process(RULEBOOK), [threading.Event(), threading.Event()]

    def works(letters: str, ending: threading.Event) -> threading.Thread:
        known = rig.settings(*letters)
        thread = threading.Thread(target=lambda: run_worker(rig.folder, known, process, stop=ending.is_set))
        thread.start()
        return thread

    def said() -> str:
        with Store.open(rig.folder, readonly=True) as store:
            return " ".join(fault.text for fault in workers.faults(store.connection) if not fault.happened)

    rig.read("a")
    threads = [works("a", stop[0])]
    try:
        rig.produce("a", [15])
        wait(lambda: rig.taken("a") == 11)
        threads.append(works("b", stop[1]))
        wait(lambda: "read different topics" in said())
        assert "the same topics, or each a group of its own" in said() and rig.name("a") in said()
        rig.produce("a", range(20, 25))
        rig.produce("b", range(20, 25))
        wait(lambda: (rig.taken("a"), rig.taken("b")) == (16, 9))
        stop[0].set()
        threads[0].join()
        wait(lambda: "read different topics" not in said())
    finally:
        for each in stop:
            each.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("named", ["*", "a b"], ids=["by a pattern", "by name"])
def test_a_topic_deleted_under_a_working_worker_is_left_while_it_works(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.3)
    assert RULEBOOK is not None
    process = Process(RULEBOOK)
    stop = threading.Event()
    rig.read(*named.split())
    rig.produce("a", range(20, 25))
    known = rig.settings(*named.split(), group=rig.group)
    thread = threading.Thread(target=lambda: run_worker(rig.folder, known, process, stop=stop.is_set))
    thread.start()
    try:
        wait(lambda: rig.taken("a") == 15)
        rig.produce("a", range(100, 105))
        rig.delete("b")
        wait(lambda: rig.behind() >= 100)
    finally:
        stop.set()
        thread.join()
    assert any(rig.name("b") in text for text in rig.told())


def test_one_that_was_gone_before_it_could_be_placed_does_not_hold_up_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of as gone for as long as the test says so, and assigned all the while."""
    asked, gone = reads.still_there, True

    async def still_there(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, int] | None:
        there = await asked(client, topics)
        return {name: n for name, n in (there or {}).items() if not (gone and name == rig.name("b"))}

    async def run() -> None:
        nonlocal gone
        kafka = KafkaSource(rig.settings("*"), nothing_stored)
        await kafka.start()
        assert await taken(kafka, 10) == {rig.name("a"): 10}
        gone = False
        assert await taken(kafka, 4) == {rig.name("b"): 4}, "it is read once it is there"
        await kafka.stop()

    monkeypatch.setattr(reads, "still_there", still_there)
    asyncio.run(run())


async def test_a_stuck_consumer_is_built_anew_without_a_topic_that_was_deleted_meanwhile(rig: Rig) -> None:
    kafka = KafkaSource(rig.settings("a", "b"), nothing_stored)
    await kafka.start()
    first = kafka._link.consumer
    assert await taken(kafka, 14) == {rig.name("a"): 10, rig.name("b"): 4}
    await rig.broker.delete_topic(rig.name("b"))
    first.raw._fetcher._fetch_task.cancel()
    assert await taken(kafka, 10) == {rig.name("a"): 10}
    assert kafka._link.consumer is not first
    await kafka.stop()


async def nothing_stored(prefix: str) -> Mapping[int, Stored]:
    return {}


async def taken(kafka: KafkaSource, enough: int) -> Mapping[str, int]:
    """How many messages came of each topic, until there were enough of them."""
    found: Counter[str] = Counter()
    async with asyncio.timeout(60):
        while found.total() < enough:
            for each in await kafka.fetch(0.2):
                found[each.messages.source.name] += len(each.messages.offsets)
    return {name: n for name, n in found.items() if n}


def wait(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not met():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "taken out of the settings"])
def test_a_fleet_waits_no_more_for_a_topic_that_its_workers_do_not_read(rig: Rig, deleted: bool) -> None:
    findings = f"xdrtui-{new_name()}"
    assert RULEBOOK is not None
    fleet = {"mode": "fleet", "findings_topic": findings}

    def work(*letters: str) -> None:
        known = rig.settings(*letters, **fleet)
        run_worker(Path(), known, Process(RULEBOOK), until_end=True)
        run_fold(rig.folder, rig.settings("unread", **fleet), Process(RULEBOOK), until_end=True)

    work("*")
    before = rig.behind()
    rig.produce("a", range(100, 105))
    work("*")
    assert rig.behind() == before < 10, "b is waited for"
    if deleted:
        rig.delete("b")
    work("*" if deleted else "a")
    assert rig.behind() >= 100
    assert any(rig.name("b") in text for text in rig.told())


async def test_a_partition_deleted_while_it_is_assigned_does_not_hold_up_the_others(real: Broker) -> None:
    """Asking where it begins would take 40 s."""
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce(real, topic, [b"{}"])
    kafka = source(real, topic, memory)
    await kafka.start()
    await until(kafka, memory, 1)
    await produce(real, topic, [b"{}"])
    async with asyncio.timeout(20):
        await kafka._ours.place([TopicPartition(new_name(), 0), TopicPartition(topic, 0)])
    await until(kafka, memory, 2)
    await kafka.stop()


async def until(kafka: KafkaSource, memory: Memory, offset: int) -> None:
    async with asyncio.timeout(60):
        while 0 not in memory.at or memory.at[0].next_offset < offset:
            memory.take(await kafka.fetch(0.2))
