"""Reading a topic: from where the store stands, each message once, a renewed topic noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.mock import MockBroker
from xdrtui.errors import BrokerError
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.generation import Stored, anchor
from xdrtui.sources.kafka import KafkaSource
from xdrtui.sources.message_source import MessageSource
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.stamps import stamp

AnyBroker = Broker | MockBroker
NOW = 1_750_000_000 * 10**9


class Memory:
    """Stands for the store: positions by partition, taken over from what was fetched."""

    def __init__(self) -> None:
        self.at: dict[int, Stored] = {}

    async def stored(self, prefix: str) -> Mapping[int, Stored]:
        return dict(self.at)

    def take(self, fetched: Sequence[Fetched]) -> list[bytes]:
        values: list[bytes] = []
        for each in fetched:
            known = self.at.get(each.messages.partition)
            assert each.start == (known.next_offset if known else -1)
            self.at[each.messages.partition] = Stored(each.next_offset, each.anchor, each.generation)
            values += each.messages.payloads
        return values


async def produce(
    broker: AnyBroker, topic: str, values: Sequence[bytes | None], partition: int = 0, **more: Any
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap())
    await producer.start()
    for value in values:
        await producer.send(topic, value, partition=partition, **more)
    await producer.stop()


def settings(broker: AnyBroker, topic: str, **more: Any) -> KafkaSettings:
    return KafkaSettings(
        **{"brokers": [broker.bootstrap()], "topics": [topic], "group": "", "start": "earliest", **more}
    )


def source(broker: AnyBroker, topic: str, memory: Memory, **more: Any) -> KafkaSource:
    return KafkaSource(settings(broker, topic, **more), memory.stored, until_end=True, clock=lambda: NOW)


async def read_all(kafka: KafkaSource) -> list[Fetched]:
    """Everything to the end, and stop."""
    await kafka.start()
    fetched: list[Fetched] = []
    async with asyncio.timeout(90):
        while not await kafka.caught_up():
            fetched += await kafka.fetch(0.2)
    await kafka.stop()
    return fetched


async def read_some(kafka: MessageSource) -> list[Fetched]:
    """The first messages that come."""
    fetched: list[Fetched] = []
    async with asyncio.timeout(60):
        while not values_of(fetched):
            fetched = await kafka.fetch(0.2)
    return fetched


def values_of(fetched: Sequence[Fetched]) -> list[bytes]:
    return [value for each in fetched for value in each.messages.payloads]


@pytest.mark.parametrize("group", ["", "g"])
async def test_a_second_run_goes_on_where_the_store_stands(broker: AnyBroker, topic: str, group: str) -> None:
    memory = Memory()
    group = group and new_name()
    await produce(broker, topic, [b"1", b"2", b"3"])
    assert memory.take(await read_all(source(broker, topic, memory, group=group))) == [b"1", b"2", b"3"]
    await produce(broker, topic, [b"4"])
    assert memory.take(await read_all(source(broker, topic, memory, group=group))) == [b"4"]
    assert memory.take(await read_all(source(broker, topic, memory, group=group))) == []


async def test_what_another_worker_commits_while_we_are_placed_is_no_new_topic(
    real: Broker, topic: str
) -> None:
    """A worker that was thought dead reads on for a moment, and commits what came just now."""

    class Shared(Memory):
        async def stored(self, prefix: str) -> Mapping[int, Stored]:
            await produce(real, topic, [b"%d" % len(self.at)])
            consumer = AIOKafkaConsumer(bootstrap_servers=real.bootstrap(), auto_offset_reset="earliest")
            await consumer.start()
            consumer.assign([TopicPartition(topic, 0)])
            end = (await consumer.end_offsets([TopicPartition(topic, 0)]))[TopicPartition(topic, 0)]
            consumer.seek(TopicPartition(topic, 0), end - 1)
            last = await consumer.getone()
            await consumer.stop()
            self.at[0] = Stored(end, anchor(last.offset, last.timestamp, last.key, last.value), 7)
            return dict(self.at)

    memory = Shared()
    kafka = source(real, topic, memory, group="")
    await kafka.start()
    await produce(real, topic, [b"next"])
    assert values_of(await read_some(kafka)) == [b"next"]
    await kafka.stop()
    assert not kafka.notes


async def test_what_the_store_did_not_take_is_read_again_whatever_the_group_says(
    broker: AnyBroker, topic: str
) -> None:
    memory, group = Memory(), new_name()
    await produce(broker, topic, [b"1", b"2"])
    kafka = source(broker, topic, memory, group=group)
    await kafka.start()
    fetched = await read_some(kafka)
    await kafka.commit(fetched)
    await kafka.stop()
    assert values_of(await read_all(source(broker, topic, memory, group=group))) == [b"1", b"2"]


async def test_latest_begins_at_the_end_where_nothing_is_stored(broker: AnyBroker, topic: str) -> None:
    await produce(broker, topic, [b"old"])
    kafka = source(broker, topic, Memory(), start="latest")
    await kafka.start()
    (opening,) = await kafka.fetch(0.2)
    assert (len(opening.messages), opening.start, opening.next_offset) == (0, -1, 1)
    await produce(broker, topic, [b"new"])
    fetched = await read_some(kafka)
    await kafka.stop()
    assert values_of(fetched) == [b"new"]


async def test_tombstones_and_empty_messages_are_handed_on_with_their_offsets(
    broker: AnyBroker, topic: str
) -> None:
    await produce(broker, topic, [b"1", None, b"", b"2"], key=b"k")
    fetched = await read_all(source(broker, topic, Memory()))
    assert values_of(fetched) == [b"1", b"", b"", b"2"]
    assert [offset for each in fetched for offset in each.messages.offsets] == [0, 1, 2, 3]


async def test_a_message_keeps_its_producers_time_but_none_of_the_future(
    broker: AnyBroker, topic: str
) -> None:
    await produce(broker, topic, [b"past"], timestamp_ms=1_700_000_000_000)
    await produce(broker, topic, [b"future"], timestamp_ms=1_760_000_000_000)
    fetched = await read_all(source(broker, topic, Memory()))
    assert [at for each in fetched for at in each.messages.ingest or ()] == [1_700_000_000 * 10**9, NOW]


async def test_the_clock_in_the_header_counts_only_in_a_replay_topic(broker: AnyBroker, topic: str) -> None:
    clock = 1_600_000_000 * 10**9
    headers = [stamp(clock)]
    await produce(broker, topic, [b"1"], headers=headers, timestamp_ms=1_700_000_000_000)
    marked = await read_all(source(broker, topic, Memory(), replay_topics=[topic]))
    unmarked = await read_all(source(broker, topic, Memory()))
    assert list(marked[-1].messages.ingest or ()) == [clock]
    assert marked[-1].messages.source.kind == "replay"
    assert list(unmarked[-1].messages.ingest or ()) == [1_700_000_000 * 10**9]


@pytest.mark.parametrize("again", [[b"9"], [b"a", b"b", b"c"], [b"a", b"b", b"c", b"d", b"e"]])
async def test_a_topic_made_again_under_its_name_is_a_new_generation(
    real: Broker, again: list[bytes]
) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce(real, topic, [b"1", b"2", b"3"])
    memory.take(first := await read_all(source(real, topic, memory)))
    await real.delete_topic(topic)
    await real.create_topic(topic)
    await produce(real, topic, again)
    kafka = source(real, topic, memory)
    fetched = await read_all(kafka)
    assert values_of(fetched) == again
    assert {each.generation for each in fetched} == {1}
    assert {each.start for each in fetched[:1]} == {-1}
    assert fetched[0].messages.source.uid == first[0].messages.source.uid[:-1] + "1"
    assert len(kafka.notes) == 1 and "new topic under an old name" in kafka.notes[0]


async def test_messages_deleted_before_they_were_read_are_a_gap_said_aloud(real: Broker) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce(real, topic, [b"%d" % number for number in range(10)])
    memory.at = {0: Stored(2, b"whatever")}
    await real.delete_records(topic, before=5)
    kafka = source(real, topic, memory)
    fetched = await read_all(kafka)
    assert values_of(fetched) == [b"5", b"6", b"7", b"8", b"9"]
    assert (fetched[0].start, fetched[0].generation) == (2, 0)
    assert "Retention gap" in kafka.notes[0] and "from 2 on" in kafka.notes[0]


async def test_a_topic_that_ends_in_an_aborted_transaction_is_read_to_its_end(real: Broker) -> None:
    topic = await real.create_topic(new_name())
    producer = AIOKafkaProducer(bootstrap_servers=real.bootstrap(), transactional_id=new_name())
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(topic, b"kept", partition=0)
    with pytest.raises(ZeroDivisionError):
        async with producer.transaction():
            await producer.send_and_wait(topic, b"aborted", partition=0)
            raise ZeroDivisionError
    await producer.stop()
    memory = Memory()
    assert memory.take(await read_all(source(real, topic, memory))) == [b"kept"]
    assert memory.take(await read_all(source(real, topic, memory))) == []


async def test_two_workers_of_a_group_share_the_partitions(real: Broker) -> None:
    topic, group = await real.create_topic(new_name(), partitions=4), new_name()
    first, second = (source(real, topic, Memory(), group=group) for _ in range(2))
    await first.start()
    await first.fetch(0.2)
    await second.start()
    async with asyncio.timeout(60):
        while first.health().partitions != 2 or second.health().partitions != 2:
            await asyncio.gather(first.fetch(0.1), second.fetch(0.1))
    await first.stop()
    await second.stop()


async def test_a_fetched_batch_is_void_once_its_partition_is_placed_anew(
    broker: AnyBroker, topic: str
) -> None:
    await produce(broker, topic, [b"1"])
    memory = Memory()
    kafka = source(broker, topic, memory)
    await kafka.start()
    fetched = await read_some(kafka)
    assert kafka.is_current(fetched[0])
    await kafka.place_again()
    assert not kafka.is_current(fetched[0])
    again = await read_some(kafka)
    await kafka.stop()
    assert values_of(again) == [b"1"]


async def test_pausing_loses_nothing_and_shows_what_waits(broker: AnyBroker, topic: str) -> None:
    await produce(broker, topic, [b"1"])
    kafka = source(broker, topic, Memory())
    await kafka.start()
    kafka.pause()
    assert values_of(await kafka.fetch(0.5) + await kafka.fetch(0.5)) == []
    await produce(broker, topic, [b"2"])
    assert kafka.health().paused and kafka.health().lag >= 1
    kafka.resume()
    values: list[bytes] = []
    while len(values) < 2:
        values += values_of(await kafka.fetch(0.2))
    await kafka.stop()
    assert values == [b"1", b"2"]


async def test_orders_in_the_moment_in_which_a_rebalance_takes_everything_end_nothing(
    broker: AnyBroker, topic: str
) -> None:
    await produce(broker, topic, [b"a"])
    kafka = source(broker, topic, Memory())
    await kafka.start()
    await read_some(kafka)
    kafka._consumer.raw.unsubscribe()  # what was placed is still there
    kafka.pause()
    kafka.resume()
    for each in kafka._ours.placed:
        kafka._consumer.seek(each, 0)
    await kafka.stop()


async def test_the_committed_offset_names_its_store_and_another_is_refused(real: Broker) -> None:
    topic, group, memory = await real.create_topic(new_name()), new_name(), Memory()
    await produce(real, topic, [b"1"])
    kafka = KafkaSource(settings(real, topic, group=group), memory.stored, owner=Owner("local", "one"))
    await kafka.start()
    fetched = await read_some(kafka)
    await kafka.commit(fetched)
    await kafka.stop()
    reader = AIOKafkaConsumer(bootstrap_servers=real.bootstrap(), group_id=group)
    await reader.start()
    assert await reader.committed(TopicPartition(topic, 0)) == 1
    await reader.stop()
    with pytest.raises(BrokerError, match="belongs to another workspace"):
        await KafkaSource(
            settings(real, topic, group=group), memory.stored, owner=Owner("local", "two")
        ).start()
