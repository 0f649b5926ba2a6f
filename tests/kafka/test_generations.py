"""The table of what may have happened to a topic since it was read, each case on a real broker and store.

Each case reads a few messages, does something to the topic or the group, and reads again. What must hold: no
message is lost or doubled, a topic that is new under an old name is noticed, and what is unusual is said.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import RULEBOOK, START, message
from xdrtui.errors import BrokerError
from xdrtui.pipeline import gaps
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.worker import Summary, run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.generation import anchor
from xdrtui.store.store import Store

FOREVER = {"retention.ms": "-1"}


class Case:
    """A topic of one partition, a workspace, and a group; `do` runs what is asynchronous."""

    def __init__(self, broker: Broker, folder: Path, **config: str) -> None:
        self.broker = broker
        self.folder = folder
        self.config = FOREVER | {name.replace("_", "."): value for name, value in config.items()}
        self.topic = new_name()
        self.group = new_name()
        self.start = "earliest"
        self.do(broker.create_topic(self.topic, config=self.config))

    def do(self, work: Awaitable[object]) -> object:
        async def run() -> object:
            return await work

        return asyncio.run(run())

    def produce(
        self, numbers: Sequence[int], partition: int = 0, late: int = 0, key: bytes | None = None
    ) -> None:
        """Messages with these numbers, stamped by them; late: milliseconds added to their stamps."""

        async def send() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.broker.bootstrap())
            await producer.start()
            for number in numbers:
                stamp = (START + number) * 1000 + late
                await producer.send(
                    self.topic, message(number), key=key, partition=partition, timestamp_ms=stamp
                )
            await producer.stop()

        self.do(send())

    def renew(self) -> None:
        self.do(self.broker.delete_topic(self.topic))
        self.do(self.broker.create_topic(self.topic, config=self.config))

    def delete(self, before: int) -> None:
        self.do(self.broker.delete_records(self.topic, before=before))

    def read(self, workspace: str = "store") -> Summary:
        """A worker that reads to the end."""
        settings = KafkaSettings(
            brokers=[self.broker.bootstrap()], topics=[self.topic], group=self.group, start=self.start
        )
        assert RULEBOOK is not None
        return run_worker(self.folder / workspace, settings, Process(RULEBOOK), until_end=True)

    @contextmanager
    def store(self) -> Iterator[Store]:
        with Store.open(self.folder / "store", readonly=True) as store:
            yield store

    def generations(self) -> dict[int, int]:
        """Generation -> next offset of partition 0."""
        with self.store() as store:
            rows = store.connection.execute(
                "SELECT generation, next_offset FROM positions WHERE partition = 0"
            )
            return dict(rows.fetchall())

    def alerts(self) -> dict[str, tuple[int, int]]:
        """Alert id -> findings in it, and how many of them are the same event again."""
        with self.store() as store:
            rows = store.connection.execute("SELECT id, count, duplicates FROM alerts")
            return {identity: (count, again) for identity, count, again in rows}


@pytest.fixture
def case(real: Broker, tmp_path: Path) -> Case:
    found = Case(real, tmp_path)
    found.produce(range(6))
    assert found.read().messages == 6
    return found


def test_a_topic_made_again_is_a_new_generation_and_read_whole(case: Case) -> None:
    case.renew()
    case.produce(range(100, 109))
    done = case.read()
    assert done.messages == 9 and "new topic under an old name (generation 1)" in done.notes[0]
    assert case.generations() == {0: 6, 1: 9}
    with case.store() as store:
        newest = store.connection.execute("SELECT watermark FROM positions WHERE generation = 1").fetchone()
        assert (store.watermark(),) == newest, "what is gone holds no window open"


def test_one_made_again_with_the_same_records_goes_on_where_it_stood(case: Case) -> None:
    """Nothing tells it apart, and nothing needs to: the same records stand at the same places."""
    case.renew()
    case.produce(range(8))
    done = case.read()
    assert (done.messages, done.notes) == (2, [])
    assert case.generations() == {0: 8}


def test_one_made_again_with_the_same_events_stamped_anew_makes_no_alert_that_was_not_there(
    case: Case,
) -> None:
    before = case.alerts()
    case.renew()
    case.produce(range(6), late=5)
    done = case.read()
    assert done.messages == 6 and "generation 1" in done.notes[0]
    after = case.alerts()
    assert after.keys() == before.keys()
    assert all(count - again == before[each][0] - before[each][1] for each, (count, again) in after.items())


def test_messages_deleted_unread_are_an_alert_with_their_bounds_and_only_one(case: Case) -> None:
    case.produce(range(6, 12))
    case.delete(before=9)
    done = case.read()
    assert done.messages == 3 and "Retention gap" in done.notes[0]
    assert case.read().messages == 0
    with case.store() as store:
        rows = store.connection.execute(
            "SELECT title, level, summary, count FROM alerts WHERE rule = ?", (gaps.RULE,)
        ).fetchall()
    summary = f"3 messages of {case.topic}, partition 0, offsets 6 to 8, were deleted before they were read."
    assert rows == [(gaps.TITLE, "high", summary, 1)]
    assert case.generations() == {0: 12}


def test_deleting_what_was_read_is_nothing_unusual(case: Case) -> None:
    case.produce(range(6, 8))
    case.delete(before=6)
    done = case.read()
    assert (done.messages, done.notes) == (2, [])
    assert case.generations() == {0: 8}


def test_a_record_that_was_compacted_away_under_the_position_is_no_new_topic(
    real: Broker, tmp_path: Path
) -> None:
    case = Case(real, tmp_path, cleanup_policy="compact", segment_ms="100", min_cleanable_dirty_ratio="0.0")
    case.produce(range(6), key=b"same")
    assert case.read().messages == 6
    case.produce(range(6, 8), key=b"same")
    time.sleep(0.15)
    case.produce([8], key=b"other")  # rolls the segment, which the cleaner may then take
    case.do(_gone(case, 5))
    done = case.read()
    assert done.notes == [] and case.generations() == {0: 9}
    assert done.messages in (2, 3)  # of the last two under one key the first may be gone, too


async def _gone(case: Case, offset: int) -> None:
    """Wait until the broker no longer has this record."""
    consumer = AIOKafkaConsumer(bootstrap_servers=case.broker.bootstrap(), auto_offset_reset="earliest")
    await consumer.start()
    where = TopicPartition(case.topic, 0)
    consumer.assign([where])
    try:
        async with asyncio.timeout(60):
            while True:
                consumer.seek(where, offset)
                got = await consumer.getmany(timeout_ms=1000)
                if got and got[where][0].offset > offset:
                    return
                await asyncio.sleep(0.1)
    finally:
        await consumer.stop()


async def _add_partitions(case: Case, number: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=case.broker.bootstrap())
    await admin.start()
    await admin.create_partitions({case.topic: NewPartitions(number)})
    await admin.close()


def test_a_topic_made_again_with_fewer_partitions_leaves_none_that_hold_windows_open(case: Case) -> None:
    case.do(_add_partitions(case, 3))
    case.produce([10], partition=2)
    assert case.read().messages == 1
    case.renew()
    case.produce(range(100, 109))
    assert case.read().messages == 9
    with case.store() as store:
        newest = store.connection.execute("SELECT watermark FROM positions WHERE generation = 1").fetchone()
        assert (store.watermark(),) == newest


def test_partitions_added_meanwhile_are_read_from_their_first_message(case: Case) -> None:
    case.start = "latest"
    case.do(_add_partitions(case, 3))
    case.produce([100, 101], partition=2)
    case.produce([102], partition=0)
    done = case.read()
    assert (done.messages, done.notes) == (3, [])


@pytest.mark.parametrize("after", [[], [100, 101, 102, 103, 104]], ids=["shorter", "shorter and then longer"])
def test_a_cluster_that_is_as_it_was_before_is_a_new_generation(case: Case, after: list[int]) -> None:
    """As a restored backup shows itself to a client: the first records alone, and perhaps others behind them.
    `soak_generations.py` restores a real broker's disk."""
    case.renew()
    case.produce([*range(3), *after])
    done = case.read()
    assert done.messages == 3 + len(after) and "generation 1" in done.notes[0]
    assert case.generations() == {0: 6, 1: 3 + len(after)}


@pytest.mark.parametrize("to", [0, 2, 9])
def test_a_group_reset_by_hand_moves_nothing(case: Case, to: int) -> None:
    case.produce(range(6, 10))

    async def reset() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=case.broker.bootstrap(), group_id=case.group, enable_auto_commit=False
        )
        where = TopicPartition(case.topic, 0)
        await consumer.start()
        consumer.assign([where])
        await consumer.commit({where: OffsetAndMetadata(to, "")})
        await consumer.stop()

    case.do(reset())
    assert case.read().messages == 4
    assert case.generations() == {0: 10}


async def _committed(case: Case) -> tuple[int, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=case.broker.bootstrap())
    await admin.start()
    where = TopicPartition(case.topic, 0)
    found = await admin.list_consumer_group_offsets(case.group, partitions=[where])
    await admin.close()
    return found[where].offset, found[where].metadata


def test_a_commit_says_mode_store_generation_and_the_hash_of_the_record_before_it(case: Case) -> None:
    answer = case.do(_committed(case))
    assert isinstance(answer, tuple)
    offset, metadata = answer
    with case.store() as store:
        (owner,) = store.connection.execute("SELECT value FROM meta WHERE key = 'store.id'").fetchone()
    assert offset == 6
    assert json.loads(metadata) == {
        "mode": "local",
        "store": owner,
        "generation": 0,
        "anchor": anchor(5, (START + 5) * 1000, None, message(5)).hex(),
    }


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        ({"mode": "local", "store": "another"}, "belongs to another workspace"),
        ({"mode": "fleet", "fleet": "xdrtui-findings"}, "belongs to a fleet of workers"),
    ],
)
def test_a_group_that_another_store_or_mode_owns_is_refused(
    case: Case, owner: dict[str, str], why: str
) -> None:
    async def take() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=case.broker.bootstrap(), group_id=case.group, enable_auto_commit=False
        )
        where = TopicPartition(case.topic, 0)
        await consumer.start()
        consumer.assign([where])
        await consumer.commit({where: OffsetAndMetadata(6, msgspec.json.encode(owner).decode())})
        await consumer.stop()

    case.do(take())
    with pytest.raises(BrokerError, match=why):
        case.read()
