"""Who only looks on sees the latest of every partition at once, and takes up what is made meanwhile."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import produce, settings
from tests.kafka.test_tail import event, wait
from tests.xdrtui.test_sources_registry import EVENT, LOGIN, FakeRegistry, avro, framed
from xdrtui.pipeline.tail import Tail
from xdrtui.sources import onlooker
from xdrtui.sources.onlooker import shares


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onlooker, "TOPICS_SECONDS", 0.3)


def uids(tail: Tail) -> list[str]:
    return [json.loads(row.raw)["uid"] for row in tail.after(0, 10_000)]


def test_an_idle_topic_shows_the_latest_of_each_partition_in_order_of_their_times(real: Broker) -> None:
    topic = asyncio.run(real.create_topic(new_name(), 3))
    for partition, many in ((0, 50), (2, 50), (0, 1), (1, 2)):
        asyncio.run(
            produce(real, topic, [event(n, f"{partition}-{n}") for n in range(many)], partition=partition)
        )
    with Tail(settings(real, topic), last=12) as tail:
        wait(lambda: bool(tail.after(0, 100)))
        earliest = [f"0-{n}" for n in range(46, 50)]
        assert uids(tail) == [*earliest, *(f"2-{n}" for n in range(45, 50)), "0-0", "1-0", "1-1"]
        assert (tail.counts().received, tail.counts().earlier) == (12, 12)
        asyncio.run(produce(real, topic, [event(1, "new")], partition=1))
        wait(lambda: tail.counts().received == 13)
        assert (uids(tail)[-1], tail.counts().earlier) == ("new", 12)


def test_a_share_that_one_partition_lacks_goes_to_the_others_and_none_is_left_out() -> None:
    def shared(held: list[int], last: int) -> list[int]:
        return list(shares({TopicPartition("t", n): count for n, count in enumerate(held)}, last).values())

    assert sorted(shared([0, 2, 100, 100], 12)) == [0, 2, 5, 5]
    assert shared([9, 9, 9], 2) == [1, 1, 1]
    assert shared([9, 9], 0) == [0, 0]


def test_new_partitions_and_topics_are_taken_up_whole_and_nothing_is_shown_twice(real: Broker) -> None:
    name = new_name()
    first, second = f"{name}.a", f"{name}.b"
    asyncio.run(real.create_topic(first))
    asyncio.run(produce(real, first, [event(1, "before")]))

    async def widen() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=real.bootstrap())
        await admin.start()
        await admin.create_partitions({first: NewPartitions(2)})
        await admin.close()
        await produce(real, first, [event(2, "new partition")], partition=1)
        await real.create_topic(second)
        await produce(real, second, [event(3, "new topic")])

    with Tail(settings(real, "", topics=[f"{name}.*"]), last=5) as tail:
        wait(lambda: tail.counts().received == 1)
        asyncio.run(widen())
        wait(lambda: tail.counts().received == 3)
        asyncio.run(produce(real, first, [event(4, "after")]))
        wait(lambda: tail.counts().received == 4)
        asyncio.run(real.delete_topic(second))
        asyncio.run(produce(real, first, [event(5, "still")]))
        wait(lambda: tail.counts().received == 5)
    assert sorted(uids(tail)) == ["after", "before", "new partition", "new topic", "still"]


def test_a_topic_that_is_deleted_meanwhile_is_said_until_it_is_there_again(real: Broker) -> None:
    kept, gone = (asyncio.run(real.create_topic(new_name())) for _ in range(2))
    with Tail(settings(real, "", topics=[kept, gone])) as tail:
        asyncio.run(real.delete_topic(gone))
        wait(lambda: f"has no topic {gone}" in tail.fault)
        asyncio.run(produce(real, kept, [event(1, "other")]))
        wait(lambda: tail.counts().received == 1)
        asyncio.run(real.create_topic(gone))
        asyncio.run(produce(real, gone, [event(1, "again")]))
        wait(lambda: tail.counts().received == 2)
        assert tail.fault == ""


def test_a_topic_that_is_deleted_keeps_the_others_from_nothing_where_all_are_idle(
    real: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks whether the broker is there may come upon it before who looks for new topics."""
    monkeypatch.setattr(onlooker, "TOPICS_SECONDS", 3.0)
    kept, gone = (asyncio.run(real.create_topic(new_name())) for _ in range(2))
    with Tail(settings(real, "", topics=[kept, gone])) as tail:
        asyncio.run(real.delete_topic(gone))
        wait(lambda: f"has no topic {gone}" in tail.fault)
        asyncio.run(produce(real, kept, [event(1, "other")]))
        wait(lambda: tail.counts().received == 1)
        assert f"has no topic {gone}" in tail.fault


def test_messages_of_a_schema_registry_are_shown_as_a_worker_reads_them(real: Broker, tmp_path: Path) -> None:
    registry = FakeRegistry()
    registry.add(7, LOGIN)
    topic = asyncio.run(real.create_topic(new_name()))
    login = framed(7, avro(LOGIN, {**EVENT, "user": "ada"}))
    try:
        where = settings(real, topic, registry_url=registry.url)
        with Tail(where, query="user:ada") as tail:
            asyncio.run(produce(real, topic, [login]))
            wait(lambda: len(tail.after(0, 9)) == 1)
            assert b'"user":"ada"' in tail.after(0, 9)[0].raw
            registry.down = True
            asyncio.run(produce(real, topic, [framed(8, b"?")]))
            wait(lambda: "gives no schema now" in tail.fault)
    finally:
        registry.web.stop()
