"""A look at a topic leaves no trace in it."""

from __future__ import annotations

import asyncio

from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import AnyBroker, produce, settings
from xdrtui.sources.sample import sample_topic


def test_the_latest_messages_of_every_partition_are_shown(broker: AnyBroker) -> None:
    topic = asyncio.run(broker.create_topic(new_name(), 2))
    for partition in range(2):
        asyncio.run(produce(broker, topic, [b"%d" % n for n in range(10)], partition))
    sampled = sample_topic(settings(broker, topic), topic, 6)
    assert [(each.partition, list(each.payloads)) for each in sampled] == [
        (0, [b"7", b"8", b"9"]),
        (1, [b"7", b"8", b"9"]),
    ]
    assert all(len(each.ingest or ()) == 3 for each in sampled)


def test_an_empty_topic_shows_nothing(broker: AnyBroker) -> None:
    topic = asyncio.run(broker.create_topic(new_name()))
    assert sample_topic(settings(broker, topic), topic, 10) == []
