"""A fleet: workers that share topics and write findings to a topic, workbenches that fold it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sample_data import scenario_dir
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.fleet import dump, ended, fold, start, work
from tests.kafka.scenario import alerts_of, scan_into
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.sources.broker import KafkaConnection
from xdrtui.sources.replay import Replay, replay_to_kafka
from xdrtui.store.store import Store

FILES = sorted(scenario_dir("invoice").glob("*.jsonl.gz"))


@pytest.fixture(scope="module")
def by_scan(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return scan_into(tmp_path_factory.mktemp("scan"), FILES)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="module")
def recorded() -> dict[str, str]:
    return {}


def topic_of(real: Broker, recorded: dict[str, str], partitions: int = 4) -> str:
    """A topic that holds the scenario, made once a broker: workers of different groups may share it."""
    key = f"{real.bootstrap()}/{partitions}"
    if key not in recorded:
        recorded[key] = asyncio.run(real.create_topic(new_name(), partitions))
        to = KafkaConnection((real.bootstrap(),))
        asyncio.run(replay_to_kafka(Replay(FILES), to, recorded[key]))
    return recorded[key]


def counts(directory: Path) -> dict[str, int]:
    with Store.open(directory, readonly=True) as store:
        return store.counts()


def test_one_worker_of_a_fleet_gives_the_alerts_of_a_local_one(
    real: Broker, recorded: dict[str, str], by_scan: list[str], book: Rulebook, tmp_path: Path
) -> None:
    topic, findings = topic_of(real, recorded), new_name()
    summary = work(real.bootstrap(), topic, new_name(), findings, book)
    assert (summary.ended, summary.faults) == ("end", {})
    fold(tmp_path, real.bootstrap(), findings, book)
    assert counts(tmp_path)["messages"] == summary.messages
    assert alerts_of(tmp_path) == by_scan
