"""A topic in memory, one rule, and a worker between the two and a store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from detectors.sigma.cache import Cache
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import Summary, Worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.generation import Stored
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, SourceHealth
from xdrtui.store.store import Store

RULE = """
title: A bad word
id: 6a4e0c3e-0b7a-4d0b-8d6b-000000000001
status: test
level: high
logsource: {product: zeek, service: conn}
detection: {selection: {uid: bad}, condition: selection}
"""
START = 1_700_000_000
PREFIX = "kafka:c:t:"
SETTINGS = KafkaSettings(brokers=["b:1"], topics=["t"])


def payload(number: int) -> bytes:
    return json.dumps(
        {
            "_path": "conn",
            "ts": START + number,
            "uid": "bad",
            "id.orig_h": f"10.0.0.{number % 5}",
            "id.resp_p": 1,
        }
    ).encode()


class FakeSource:
    """A topic in memory with one partition or more, placed and read as Kafka's is."""

    def __init__(self, partitions: Mapping[int, Sequence[bytes]], size: int = 3) -> None:
        self.topic = partitions
        self.size = size
        self.notes: list[str] = []
        self.mended: list[str] = []
        self.next: dict[int, int] = {}
        self.stands: dict[int, int] = {}
        self.number = 0
        self.aside: dict[str, str] = {}
        self.committed: dict[int, int] = {}
        self.paused = False
        self.started = self.stopped = False
        self.fetches = self.stays = 0
        self.before_fetch: Callable[[], None] = lambda: None

    def open(
        self,
        settings: KafkaSettings,
        stored: Callable[[str], Awaitable[Mapping[int, Stored]]],
        *,
        owner: Owner,
        until_end: bool,
        clock: Callable[[], int],
    ) -> FakeSource:
        assert owner.id
        self.stored = stored
        return self

    async def start(self) -> None:
        self.started = True
        await self.place_again()

    async def stop(self) -> None:
        self.stopped = True

    async def place_again(self) -> None:
        self.number += 1
        stored = await self.stored(PREFIX)
        for partition in self.topic:
            known = stored.get(partition)
            self.next[partition] = known.next_offset if known else 0
            self.stands[partition] = known.next_offset if known else -1

    async def fetch(self, seconds: float) -> list[Fetched]:
        self.before_fetch()
        self.fetches += 1
        await asyncio.sleep(0.001)
        fetched = []
        for partition, values in self.topic.items():
            at = self.next[partition]
            taken = values[at : at + self.size]
            if not taken or self.paused or str(partition) in self.aside:
                continue
            end = at + len(taken)
            offsets = range(at, end)
            ingest = [(START + each) * 10**9 for each in offsets]
            source = Source(PREFIX + "0", "t", "kafka")
            fetched.append(
                Fetched(
                    Messages(source, partition, offsets, list(taken), ingest),
                    start=self.stands[partition],
                    next_offset=end,
                    anchor=b"a%d" % end,
                    generation=0,
                    placing=self.number,
                )
            )
            self.next[partition] = self.stands[partition] = end
        return fetched

    def is_current(self, fetched: Fetched) -> bool:
        return fetched.placing == self.number and str(fetched.messages.partition) not in self.aside

    def set_aside(self, fetched: Fetched, reason: str) -> None:
        self.aside[str(fetched.messages.partition)] = reason

    async def commit(self, done: Sequence[Fetched]) -> None:
        self.committed.update({each.messages.partition: each.next_offset for each in done})

    async def caught_up(self) -> bool:
        return all(
            self.next[partition] >= len(values) or str(partition) in self.aside
            for partition, values in self.topic.items()
        )

    async def newly_idle(self) -> list[tuple[str, int]]:
        return []

    async def reads(self, held: object) -> None: ...

    def health(self) -> SourceHealth:
        lag = sum(len(values) - self.next.get(partition, 0) for partition, values in self.topic.items())
        return SourceHealth(lag, len(self.topic), self.paused, dict(self.aside))

    def stay(self) -> None:
        self.stays += 1

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rule.yml").write_text(RULE)
    return folder


@pytest.fixture
def process(rules: Path) -> Process:
    return Process(load_rulebook([rules], cache=Cache(rules / "cache")))


def worker(directory: Path, process: Process, source: FakeSource, **more: Any) -> Worker:
    return Worker(directory, SETTINGS, process, open_source=source.open, **{"until_end": True, **more})


async def run(it: Worker) -> Summary:
    async with asyncio.timeout(90):
        return await it.run()


def findings(directory: Path) -> list[tuple[int, int]]:
    with Store.open(directory, readonly=True) as store:
        return [*store.connection.execute("SELECT partition, offset FROM findings ORDER BY 1, 2")]


def every(source: FakeSource) -> list[tuple[int, int]]:
    return [
        (partition, offset) for partition, values in source.topic.items() for offset in range(len(values))
    ]


def topic(*lengths: int) -> dict[int, list[bytes]]:
    return {partition: [payload(each) for each in range(n)] for partition, n in enumerate(lengths)}
