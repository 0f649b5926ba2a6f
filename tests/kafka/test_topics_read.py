"""Which topics are read, and from where: by pattern, new ones too, from a time on."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_faults import Reader
from tests.kafka.test_kafka_source import NOW, Memory, produce, read_all, settings, source, values_of
from xdrtui.errors import BrokerError
from xdrtui.sources import consumer, link
from xdrtui.sources.check import steps
from xdrtui.sources.kafka import KafkaSource


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "TOPICS_SECONDS", 0.5)
    monkeypatch.setattr(consumer, "METADATA_MS", 500)


class ByTopic(Memory):
    """One memory a topic: patterns read several with the same partitions."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[str, Memory] = {}

    async def stored(self, prefix: str):  # type: ignore[no-untyped-def]
        topic = prefix.split(":")[2]
        return dict(self.topics.setdefault(topic, Memory()).at)

    def take(self, fetched):  # type: ignore[no-untyped-def]
        return [v for each in fetched for v in self.topics[each.messages.source.name].take([each])]


async def test_a_broker_that_has_an_ipv6_address(real: Broker) -> None:
    if "SIX" not in real.ports:
        pytest.skip("missing: IPv6 on this machine")
    topic = await real.create_topic(new_name())
    await produce(real, topic, [b"six"])
    address = real.bootstrap("SIX").replace("::1", "0:0:0:0:0:0:0:1")  # the cluster calls it otherwise
    where = settings(real, topic, brokers=[address], group=new_name(), start="earliest")
    assert [step.what async for step in steps(where) if not step.ok] == []
    assert values_of(await read_all(KafkaSource(where, Memory().stored, until_end=True))) == [b"six"]


async def test_who_is_given_no_partition_has_caught_up(real: Broker) -> None:
    where = settings(real, await real.create_topic(new_name()), group=new_name())
    members = [KafkaSource(where, Memory().stored, until_end=True) for _ in range(4)]
    for member in members:
        await member.start()
    async with asyncio.timeout(20):
        while sorted(member.health().partitions for member in members) != [0, 0, 0, 1] or not all(
            [await member.caught_up() for member in members]
        ):
            for member in members:
                await member.fetch(0.05)
    for member in members:
        await member.stop()


@pytest.mark.parametrize("group", ["", "g"])
async def test_a_pattern_takes_up_new_topics_while_it_runs_and_never_our_own(
    real: Broker, hasty: None, group: str
) -> None:
    name = new_name()
    for topic in (f"{name}.a", f"xdrtui-{name}", f"{name}.dlq", f"__{name}"):
        await real.create_topic(topic)
        await produce(real, topic, [topic.encode()])
    memory = ByTopic()
    patterns = [f"*{name}*"]
    where = settings(real, "", topics=patterns, group=group and new_name(), start="latest")
    found = Reader(KafkaSource(where, memory.stored), memory)
    await found.kafka.start()
    await found.until(lambda: bool(memory.topics.get(f"{name}.a", memory).at))
    await produce(real, f"{name}.a", [b"1"])
    await found.read(1)
    await real.create_topic(f"{name}.b")
    await produce(real, f"{name}.b", [b"2", b"3"])  # though it begins at the end elsewhere, all of a new one
    await found.read(3)
    await produce(real, f"{name}.a", [b"4"])
    await found.read(4)
    await found.kafka.stop()
    assert sorted(found.values) == [b"1", b"2", b"3", b"4"]
    assert set(memory.topics) == {f"{name}.a", f"{name}.b"}


@pytest.mark.parametrize("group", ["", "g"])
async def test_partitions_that_are_added_while_it_runs_are_read_from_their_first_message(
    real: Broker, hasty: None, group: str
) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce(real, topic, [b"old"])
    where = settings(real, topic, group=group and new_name(), start="latest")
    found = Reader(KafkaSource(where, memory.stored), memory)
    await found.kafka.start()
    await found.until(lambda: bool(memory.at))
    await grow(real, topic, 2)
    await produce(real, topic, [b"new"], partition=1)
    await found.read(1)
    await found.kafka.stop()
    await grow(real, topic, 3)
    await produce(real, topic, [b"while it was away"], partition=2)
    found.kafka = KafkaSource(where, memory.stored)
    await found.kafka.start()
    await found.read(2)
    await found.kafka.stop()
    assert found.values == [b"new", b"while it was away"]


async def grow(broker: Broker, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap())
    await admin.start()
    await admin.create_partitions({topic: NewPartitions(partitions)})
    await admin.close()


async def test_reading_begins_at_the_first_message_that_is_not_older_than_a_time(
    real: Broker, topic: str
) -> None:
    for number in range(4):
        await produce(real, topic, [b"%d" % number], timestamp_ms=(NOW // 10**6) - (4 - number) * 3_600_000)
    since = source(real, topic, Memory(), start="150m")
    assert [value for value in values_of(await read_all(since)) if value] == [b"2", b"3"]
    late = source(real, topic, Memory(), start="2099-01-01T00:00Z")
    assert values_of(await read_all(late)) == []


async def test_a_topic_of_its_own_that_is_missing_is_said_beside_a_pattern(real: Broker) -> None:
    where = settings(real, "", topics=[new_name(), "t-*"])
    with pytest.raises(BrokerError, match="no topic"):
        await KafkaSource(where, Memory().stored).start()
