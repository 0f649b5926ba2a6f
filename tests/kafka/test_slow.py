"""A worker that is slow keeps its place in the group: slow is not gone. What fails does not stop the rest."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import RULEBOOK, message
from tests.kafka.test_damage import produce_batches
from tests.kafka.test_worker_faults import in_batches, settings
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline import worker as worker_module
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.worker import Worker
from xdrtui.sources import consumer
from xdrtui.sources.kafka import KafkaSource
from xdrtui.store.batch import BatchResult


class Slow(Process):
    """Takes so many seconds for each of its batches."""

    def __init__(self, seconds: float) -> None:
        assert RULEBOOK is not None
        super().__init__(RULEBOOK)
        self.seconds = seconds

    def run(self, messages: Messages, clock: ReplayClock | None = None) -> BatchResult:
        time.sleep(self.seconds)
        return super().run(messages, clock)


class Watched:
    """Opens sources, and notes as which member of which generation they are in the group."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self._opened: list[KafkaSource] = []

    def open(self, *arguments: Any, **more: Any) -> KafkaSource:
        self._opened.append(KafkaSource(*arguments, **more))
        return self._opened[-1]

    @contextmanager
    def looking(self) -> Iterator[None]:
        async def look() -> None:
            while True:
                await asyncio.sleep(0.02)
                for source in self._opened:
                    raw = getattr(getattr(source._link, "consumer", None), "raw", None)
                    known = getattr(raw, "_coordinator", None)
                    now = (known.generation, known.member_id) if known is not None else (-1, "")
                    if now[0] > 0 and now not in self.seen:
                        self.seen.append(now)

        task = asyncio.create_task(look())
        try:
            yield
        finally:
            task.cancel()


async def test_who_has_no_room_for_more_is_not_thrown_out_of_the_group(
    real: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch takes longer than a member may be without asking for more; aiokafka's 300 s are one here."""
    monkeypatch.setattr(
        consumer, "AIOKafkaConsumer", functools.partial(AIOKafkaConsumer, max_poll_interval_ms=1_000)
    )
    monkeypatch.setattr(consumer, "FETCH_MESSAGES", 10)
    monkeypatch.setattr(worker_module, "WAITING_BYTES", 1)
    monkeypatch.setattr(worker_module, "STAY_SECONDS", 0.2)
    topic = await real.create_topic(new_name(), config={"retention.ms": "-1"})
    await produce_batches(real, topic, in_batches([message(number) for number in range(30)], 10))
    watched = Watched()
    where = settings(real.bootstrap(), topic, group=new_name())
    with watched.looking():
        worker = Worker(tmp_path / "s", where, Slow(1.6), until_end=True, open_source=watched.open)
        summary = await worker.run()
    assert (summary.ended, summary.messages) == ("end", 30)
    assert summary.seconds > 4
    assert len(watched.seen) == 1


async def test_a_batch_longer_than_the_session_does_not_keep_a_group_from_meeting(
    real: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second worker joins while the first one's batch takes longer than the session: each of them meets the
    other once, and all is read once."""
    monkeypatch.setattr(consumer, "SESSION_MS", 1_000)
    monkeypatch.setattr(consumer, "FETCH_MESSAGES", 10)
    monkeypatch.setattr(worker_module, "WAITING_BYTES", 1)
    topic = await real.create_topic(new_name(), 2, config={"retention.ms": "-1"})
    for partition in range(2):
        values = [message(number) for number in range(partition * 20, partition * 20 + 20)]
        await produce_batches(real, topic, in_batches(values, 10), partition=partition)
    watched = Watched()
    where = settings(real.bootstrap(), topic, group=new_name())
    first, second = (
        Worker(tmp_path / "s", where, Slow(1.6), until_end=True, open_source=watched.open) for _ in range(2)
    )
    with watched.looking():
        one = asyncio.create_task(first.run())
        await asyncio.sleep(2.0)
        summaries = await asyncio.gather(one, second.run())
    assert [summary.ended for summary in summaries] == ["end", "end"]
    assert sum(summary.messages for summary in summaries) == 40
    assert len({generation for generation, _ in watched.seen}) <= 3
    assert len({member for _, member in watched.seen}) == 2


class Breaking(Process):
    """Fails on messages of one partition: a fault of ours."""

    def run(self, messages: Messages, clock: ReplayClock | None = None) -> BatchResult:
        if messages.partition == 1:
            raise ValueError("a fault of ours")
        return super().run(messages, clock)


async def test_a_partition_that_breaks_detection_is_left_and_the_other_goes_on(
    real: Broker, tmp_path: Path
) -> None:
    assert RULEBOOK is not None
    topic = await real.create_topic(new_name(), 2, config={"retention.ms": "-1"})
    for partition in range(2):
        await produce_batches(real, topic, [[message(n)] for n in range(20)], partition=partition)
    async with asyncio.timeout(20):
        summary = await Worker(
            tmp_path / "s", settings(real.bootstrap(), topic), Breaking(RULEBOOK), until_end=True
        ).run()
    assert (summary.ended, summary.messages) == ("end", 20)
    assert summary.faults == {f"{topic}/1": "ValueError: a fault of ours"}
