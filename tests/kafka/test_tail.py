"""A tail shows what goes by now, however far behind a worker is, and leaves no trace."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.mock import MockBroker
from tests.kafka.proxy import Proxy
from tests.kafka.test_damage import bomb_of, produce_raw
from tests.kafka.test_kafka_source import produce, settings
from tests.stopwatch import Stopwatch
from xdrtui.errors import BrokerError
from xdrtui.pipeline.tail import Tail
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.sample import sample_topic

AnyBroker = Broker | MockBroker


def event(number: int, word: str = "plain") -> bytes:
    return b'{"_path":"conn","ts":%d,"uid":"%s","id.orig_h":"10.0.0.%d"}' % (
        1_700_000_000 + number,
        word.encode(),
        number % 250,
    )


def wait(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not met():
        assert time.monotonic() < until
        time.sleep(0.05)


def make(broker: AnyBroker, partitions: int = 1) -> str:
    return asyncio.run(broker.create_topic(new_name(), partitions))


def test_it_begins_at_the_end_and_shows_what_comes(broker: AnyBroker) -> None:
    topic = make(broker, 2)
    asyncio.run(produce(broker, topic, [event(n) for n in range(50)]))
    with Tail(settings(broker, topic)) as tail:
        asyncio.run(produce(broker, topic, [event(1, "first"), b"{broken", event(2, "second")]))
        wait(lambda: tail.counts().received == 3)
        rows = tail.after(0, 100)
    assert sorted(row.event_type for row in rows) == ["dead letter", "zeek.conn", "zeek.conn"]
    assert tail.after(rows[0].id, 100) == rows[1:]
    assert tail.counts().shown == 3


def test_it_can_begin_a_little_before_the_end_and_filters_in_any_case(broker: AnyBroker) -> None:
    topic = make(broker)
    asyncio.run(produce(broker, topic, [event(n, "Needle" if n % 10 == 0 else "hay") for n in range(100)]))
    with Tail(settings(broker, topic), last=40, query="nEEDLE type:zeek uid:n*e") as tail:
        wait(lambda: tail.counts().received == 40)
    assert (tail.counts().matched, tail.counts().shown, len(tail.after(0, 100))) == (4, 4, 4)


def test_of_too_many_a_sample_is_shown_and_all_are_counted(broker: AnyBroker) -> None:
    topic = make(broker)
    with Tail(settings(broker, topic), rows_a_second=20, cap=10) as tail:
        asyncio.run(produce(broker, topic, [event(n) for n in range(3_000)]))
        wait(lambda: tail.counts().received == 3_000)
        counts, rows = tail.counts(), tail.after(0, 100)
    assert counts.shown + counts.sampled_out == 3_000 and counts.shown < 200
    assert len(rows) == 10, "the ring is bounded"


def test_where_it_falls_behind_it_jumps_to_the_end_and_says_so(broker: AnyBroker) -> None:
    topic = make(broker)
    asyncio.run(produce(broker, topic, [event(n) for n in range(6_000)]))
    with Tail(settings(broker, topic), last=6_000, far=1_000) as tail:
        wait(lambda: tail.counts().received + tail.counts().skipped == 6_000)
        assert tail.counts().skipped > 1_000
        asyncio.run(produce(broker, topic, [event(7, "now")]))
        wait(lambda: any("now" in row.raw.decode() for row in tail.after(0, 10_000)))


def test_it_joins_no_group_and_commits_nothing(real: Broker) -> None:
    topic = make(real)

    async def groups() -> list[object]:
        client = AIOKafkaAdminClient(bootstrap_servers=real.bootstrap())
        await client.start()
        try:
            return sorted(await client.list_consumer_groups())
        finally:
            await client.close()

    before = asyncio.run(groups())
    with Tail(settings(real, topic, group=new_name())) as tail:
        asyncio.run(produce(real, topic, [event(1)]))
        wait(lambda: tail.counts().received == 1)
        assert asyncio.run(groups()) == before
    assert asyncio.run(groups()) == before, "nor when it is closed, when a client would commit"


def test_a_topic_that_is_not_there_is_said_at_once(real: Broker) -> None:
    with pytest.raises(BrokerError, match="nowhere"):
        Tail(settings(real, "nowhere-at-all")).start()


async def test_a_lost_broker_is_said_within_seconds_and_it_goes_on_where_it_was(real: Broker) -> None:
    topic = await real.create_topic(new_name())
    proxy = Proxy(real)
    tail = Tail(settings(real, topic, brokers=[proxy.bootstrap]))

    async def until(met: Callable[[], bool], seconds: float) -> float:
        watch = Stopwatch()
        while not met():
            assert watch.seconds() < seconds
            await asyncio.sleep(0.05)
        return watch.seconds()

    async with proxy:
        await asyncio.to_thread(tail.start)
        await produce(real, topic, [event(1)])
        await until(lambda: tail.counts().received == 1, 60)
    try:
        await until(lambda: bool(tail.fault), 5)
        assert proxy.bootstrap in tail.fault
        await produce(real, topic, [event(n) for n in range(2, 5)])
        async with proxy:
            await until(lambda: tail.counts().received == 4, 60)
            assert tail.fault == "" and tail.counts().skipped == 0
            proxy.stall()
            await until(lambda: "does not answer" in tail.fault, 10)
            proxy.flow()
            await until(lambda: tail.fault == "", 60)
            await asyncio.to_thread(tail.close)
    finally:
        await asyncio.to_thread(tail.close)


def test_closing_does_not_wait_for_a_broker_that_gives_no_answer() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(8)
        tail = Tail(KafkaSettings(brokers=[f"127.0.0.1:{deaf.getsockname()[1]}"], topics=["x"]))
        thread = threading.Thread(target=tail.start)
        thread.start()
        time.sleep(1.0)
        watch = Stopwatch()
        tail.close()
        thread.join()
        assert watch.seconds() < 3


def test_the_query_can_be_changed_while_it_runs(broker: AnyBroker) -> None:
    topic = make(broker)
    with Tail(settings(broker, topic), query="hay") as tail:
        asyncio.run(produce(broker, topic, [event(1, "hay"), event(2, "needle")]))
        wait(lambda: tail.counts().received == 2)
        tail.look_for("needle")
        asyncio.run(produce(broker, topic, [event(3, "hay"), event(4, "needle")]))
        wait(lambda: tail.counts().received == 4)
    assert [b"hay" in row.raw for row in tail.after(0, 9)] == [True, False]
    assert tail.first() == 1


def test_a_message_that_is_a_bomb_is_passed_by_like_a_damaged_one(real: Broker) -> None:
    """Else the client decompresses it, whatever its size."""
    topic = make(real)
    with Tail(settings(real, topic)) as tail:
        asyncio.run(produce_raw(real, topic, bomb_of(100_000_000)))
        asyncio.run(produce(real, topic, [event(1, "after")]))
        wait(lambda: len(tail.after(0, 10)) == 1)
        assert tail.counts().received == 1
    (seen,) = sample_topic(settings(real, topic), topic, 10)
    assert [seen.offsets, len(seen.payloads)] == [[1], 1]
