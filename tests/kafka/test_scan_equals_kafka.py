"""The law of the pipeline on real parts: files, Kafka with one partition or three, a worker killed on the
way: the same alerts, byte for byte."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sample_data import scenario_dir
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.mock import MockBroker
from tests.kafka.scenario import alerts_of, scan_into, work
from xdrtui.errors import StoreError
from xdrtui.sources.broker import KafkaConnection
from xdrtui.sources.replay import Replay, replay_to_kafka
from xdrtui.store.store import Store

AnyBroker = Broker | MockBroker
FILES = sorted(scenario_dir("invoice").glob("*.jsonl.gz"))


@pytest.fixture(scope="module")
def by_scan(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    alerts = scan_into(tmp_path_factory.mktemp("scan"), FILES)
    assert len(alerts) > 20
    return alerts


async def replayed(broker: AnyBroker, partitions: int) -> tuple[str, int]:
    """A topic that holds the scenario; how many messages."""
    topic = await broker.create_topic(new_name(), partitions)
    sent = await replay_to_kafka(Replay(FILES), KafkaConnection((broker.bootstrap(),)), topic)
    return topic, sent.messages


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_scan_and_a_replay_through_kafka_give_the_same_alerts(
    broker: AnyBroker, by_scan: list[str], tmp_path: Path, partitions: int
) -> None:
    topic, count = asyncio.run(replayed(broker, partitions))
    summary = work(tmp_path, broker.bootstrap(), topic, group=new_name())
    assert (summary.ended, summary.messages, summary.faults) == ("end", count, {})
    assert alerts_of(tmp_path) == by_scan


def test_a_killed_worker_goes_on_to_the_same_alerts(
    broker: AnyBroker, by_scan: list[str], tmp_path: Path
) -> None:
    topic, count = asyncio.run(replayed(broker, 3))
    command = [sys.executable, "-m", "tests.kafka.scenario", str(tmp_path), broker.bootstrap(), topic]
    dice = random.Random(5)
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        before = stored_messages(tmp_path)
        try:
            while process.poll() is None and stored_messages(tmp_path) == before:
                time.sleep(0.02)
            time.sleep(dice.uniform(0, 0.1))
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills, "no worker was killed at work"
    assert stored_messages(tmp_path) > 0
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    assert stored_messages(tmp_path) == count
    assert alerts_of(tmp_path) == by_scan


def stored_messages(directory: Path) -> int:
    try:
        with Store.open(directory, readonly=True) as store:
            return store.counts().get("messages", 0)
    except StoreError:  # not there yet, or being made
        return 0
