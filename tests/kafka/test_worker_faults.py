"""A whole worker, with its store, while something is wrong: what is unreadable is kept, the rest is found."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detectors.sigma.cache import Cache
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import RULEBOOK, message
from tests.kafka.proxy import Proxy
from tests.kafka.test_damage import FLIPS, damage, produce_batches
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.retry import retry
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import Worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources import consumer
from xdrtui.sources.kafka import KafkaSource
from xdrtui.store import deadletters
from xdrtui.store.store import Store


def settings(bootstrap: str, topic: str, **more: Any) -> KafkaSettings:
    return KafkaSettings(
        brokers=[bootstrap], topics=[topic], replay_topics=[topic], start="earliest", **{"group": "", **more}
    )


def in_batches(values: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


async def test_a_worker_keeps_damage_as_dead_letters_and_finds_all_the_rest(
    real: Broker, tmp_path: Path
) -> None:
    """300 messages in batches of ten, two of which come damaged; a second run finds nothing more to do."""
    assert RULEBOOK is not None
    topic = await real.create_topic(new_name(), config={"retention.ms": "-1"})
    values = [message(number) for number in range(300)]
    await produce_batches(real, topic, in_batches(values, 10))
    async with Proxy(real) as proxy:
        first, second = damage(FLIPS["body"], 100, topic), damage(FLIPS["length too long"], 200, topic)
        proxy.alter = lambda of, partition, data: second(of, partition, first(of, partition, data))
        for _ in range(2):
            where = settings(proxy.bootstrap, topic)
            summary = await Worker(tmp_path / "bad", where, Process(RULEBOOK), until_end=True).run()
            assert (summary.ended, summary.faults) == ("end", {})
    whole = tmp_path / "whole"
    await Worker(whole, settings(real.bootstrap(), topic), Process(RULEBOOK), until_end=True).run()

    lost = {*range(100, 110), *range(200, 210)}
    with Store.open(tmp_path / "bad") as store, Store.open(whole, readonly=True) as good:
        batches = {
            letter.position.offset: letter.reason
            for letter in store.dead_letters(1000)
            if letter.reason.startswith("Kafka batch")
        }
        assert batches.keys() == {100, 200}
        assert "offsets 100 to 109, 10 messages" in batches[100]
        assert "offsets 200 to 209" in batches[200]
        expected = {
            letter.position[1:] for letter in good.dead_letters(1000) if letter.position.offset not in lost
        }
        kept = {letter.position[1:] for letter in store.dead_letters(1000)}
        assert kept == expected | {(0, 100, 0), (0, 200, 0)}
        found = "SELECT rule, partition, offset, idx FROM findings"
        all_found = set(good.connection.execute(found))
        assert set(store.connection.execute(found)) == {row for row in all_found if row[2] not in lost}
        assert {at.next_offset for uid in store.sources() for at in store.positions(uid).values()} == {300}
        assert store.counts()["messages"] == 300 - 20 + 2

        rows = deadletters.read(store.connection, reason="Kafka batch", limit=10)
        again = list(retry(store, Process(RULEBOOK), rows))
        assert [one.events for one in again] == [0, 0]
        assert all("not a message" in one.reason for one in again)


HOSTILE = "a" * 60 + "!"
SLOW_RULE = """
title: Slow
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000c009
level: high
logsource: {product: zeek, service: conn}
detection: {selection: {uid|re: '(?=a)(a|aa)+$'}, condition: selection}
"""


async def test_a_hostile_expression_does_not_cost_the_worker_its_place_in_the_group(
    real: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch takes longer than the session; heartbeats go on meanwhile, and nothing is assigned anew."""
    monkeypatch.setattr(consumer, "SESSION_MS", 1_500)
    topic = await real.create_topic(new_name(), config={"retention.ms": "-1"})
    events = [
        json.dumps({"_path": "conn", "ts": 1_700_000_000, "uid": f"{HOSTILE}{number}"}).encode()
        for number in range(800)
    ]
    await produce_batches(real, topic, in_batches(events, 400))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "slow.yml").write_text(SLOW_RULE)
        book = load_rulebook([folder], cache=Cache(None))
    process = Process(book)
    generations: set[tuple[int, str]] = set()
    longest = 0.0
    opened: list[KafkaSource] = []

    def open_source(*arguments: Any, **more: Any) -> KafkaSource:
        opened.append(KafkaSource(*arguments, **more))
        return opened[-1]

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            await asyncio.sleep(0.05)
            longest = max(longest, loop.time() - begun)
            coordinator = getattr(getattr(opened[0]._link, "consumer", None), "raw", None) if opened else None
            if coordinator is not None and coordinator._coordinator is not None:
                known = coordinator._coordinator
                generations.add((known.generation, known.member_id))

    watching = asyncio.create_task(watch())
    where = settings(real.bootstrap(), topic, group=new_name())
    summary = await Worker(tmp_path / "store", where, process, until_end=True, open_source=open_source).run()
    watching.cancel()
    assert (summary.ended, summary.messages) == ("end", 800)
    assert sum(book.detector.timeouts.values()) == 800
    assert summary.seconds > 1.8
    assert len([known for known in generations if known[0] > 0]) == 1
    assert longest < 1.0
