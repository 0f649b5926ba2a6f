"""Dead letters on a real broker: sent on to their topic, and read again from where they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import RULEBOOK
from tests.kafka.test_kafka_source import produce
from xdrtui.errors import SettingsError
from xdrtui.pipeline import outgoing
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.worker import run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.again import read_again
from xdrtui.store import workers
from xdrtui.store.deadletters import key_of
from xdrtui.store.store import Store

BROKEN = b'{"_path":"conn","uid":' + b"\xff" * 70_000


def work(real: Broker, folder: Path, topic: str, letters: str, **more: object) -> KafkaSettings:
    assert RULEBOOK is not None
    settings = KafkaSettings.model_validate(
        {
            "brokers": [real.bootstrap()],
            "topics": [topic],
            "group": "",
            "start": "earliest",
            "dead_letter_topic": letters,
            **more,
        }
    )
    run_worker(folder, settings, Process(RULEBOOK), until_end=True)
    return settings


async def records(real: Broker, topic: str) -> Sequence[object]:
    consumer = AIOKafkaConsumer(bootstrap_servers=real.bootstrap(), auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    found = [one for each in (await consumer.getmany(timeout_ms=1500)).values() for one in each]
    await consumer.stop()
    return found


def test_a_letter_goes_on_with_its_key_position_and_reason_and_is_sent_once(
    real: Broker, tmp_path: Path
) -> None:
    topic = asyncio.run(real.create_topic(new_name()))
    letters = asyncio.run(real.create_topic(f"{topic}.dlq"))
    asyncio.run(produce(real, topic, [b"{}", BROKEN]))
    for _ in range(2):
        settings = work(real, tmp_path, topic, letters)
    with Store.open(tmp_path, readonly=True) as store:
        (letter,) = store.dead_letters()
        assert workers.faults(store.connection) == []
    (record,) = asyncio.run(records(real, letters))
    headers = {name: value.decode() for name, value in record.headers}  # type: ignore[attr-defined]
    assert record.value == BROKEN[: 64 * 1024] == letter.payload  # type: ignore[attr-defined]
    assert record.key.decode() == headers["xdrtui-key"] == key_of(letter.position)  # type: ignore[attr-defined]
    assert (headers["source"], headers["partition"], headers["offset"]) == (topic, "0", "1")
    assert (headers["reason"], headers["size"]) == (letter.reason, str(len(BROKEN)))
    assert read_again(settings, topic, 0, 1) == BROKEN
    assert read_again(settings, topic, 0, 7) is None


def test_a_topic_that_is_missing_is_a_fault_and_what_it_missed_is_sent_later(
    real: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "REQUEST_MS", 1_000)
    topic = asyncio.run(real.create_topic(new_name()))
    asyncio.run(produce(real, topic, [BROKEN, BROKEN]))
    work(real, tmp_path, topic, f"{topic}.dlq")
    with Store.open(tmp_path, readonly=True) as store:
        assert [fault.kind for fault in workers.faults(store.connection)] == ["outbox"]
        assert len(store.dead_letters()) == 2
    asyncio.run(real.create_topic(f"{topic}.dlq"))
    work(real, tmp_path, topic, f"{topic}.dlq")
    assert len(asyncio.run(records(real, f"{topic}.dlq"))) == 2
    with Store.open(tmp_path, readonly=True) as store:
        assert workers.faults(store.connection) == []


def test_a_replay_sends_nothing_on(real: Broker, tmp_path: Path) -> None:
    topic = asyncio.run(real.create_topic(new_name()))
    letters = asyncio.run(real.create_topic(f"{topic}.dlq"))
    asyncio.run(produce(real, topic, [BROKEN]))
    work(real, tmp_path, topic, letters, replay_topics=[topic])
    assert asyncio.run(records(real, letters)) == []


def test_a_topic_that_would_be_read_again_is_refused(real: Broker, tmp_path: Path) -> None:
    topic = asyncio.run(real.create_topic(new_name()))
    with pytest.raises(SettingsError, match="come back for ever"):
        work(real, tmp_path, topic, topic)
