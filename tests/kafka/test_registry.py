"""A schema registry between Kafka and detection: a partition waits for it, positions stay what they are."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import AnyBroker, Memory, produce, read_some, settings, values_of
from tests.xdrtui.test_sources_registry import EVENT, LOGIN, FakeRegistry, avro, framed
from xdrtui.commands import make_group
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import run_worker
from xdrtui.sources import unpacking
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.sample import sample_topic
from xdrtui.sources.unpacking import open_source
from xdrtui.store.store import Store


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.setattr(unpacking, "RETRY_SECONDS", 0.3)
    fake = FakeRegistry()
    fake.add(7, LOGIN)
    yield fake
    fake.web.stop()


def event(user: str) -> bytes:
    return framed(7, avro(LOGIN, {**EVENT, "user": user}))


async def test_while_the_registry_is_down_its_partition_waits_and_the_others_go_on(
    real: Broker, registry: FakeRegistry
) -> None:
    topic, memory = await real.create_topic(new_name(), 2), Memory()
    registry.down = True
    await produce(real, topic, [event("a"), event("b")], partition=0)
    await produce(real, topic, [b'{"plain":1}'], partition=1)
    kafka = open_source(settings(real, topic, registry_url=registry.url), memory.stored, until_end=True)
    await kafka.start()
    fetched: list[Fetched] = []

    async def read(until: int) -> None:
        async with asyncio.timeout(60):
            while len(values_of(fetched)) < until:
                fetched.extend(await kafka.fetch(0.1))

    await read(1)
    assert values_of(fetched) == [b'{"plain":1}']
    assert "gives no schema now" in kafka.health().faults[f"{topic}/0"]
    assert not await kafka.caught_up()
    registry.down = False
    await read(3)
    assert [json.loads(each)["user"] for each in values_of(fetched)[1:]] == ["a", "b"]
    await produce(real, topic, [event("c")], partition=0)
    await read(4)
    assert not kafka.health().faults
    (first, second) = [each for each in fetched if each.messages.partition == 0 and len(each.messages)]
    assert (list(first.messages.offsets), first.next_offset) == ([0, 1], 2)
    assert (list(second.messages.offsets), second.start, second.next_offset) == ([2], 2, 3)
    assert await kafka.caught_up()
    await kafka.stop()


async def test_a_partition_that_broke_detection_stays_left_out_while_more_of_it_is_unpacked(
    real: Broker, topic: str, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    await produce(real, topic, [event("a")])
    kafka = open_source(settings(real, topic, registry_url=registry.url), memory.stored)
    await kafka.start()
    assert isinstance(kafka, unpacking.Unpacking)
    (first,) = await read_some(kafka)
    read = kafka._registry.read

    async def slowly(payloads: Sequence[bytes]) -> tuple[list[bytes], dict[int, str]]:
        kafka.set_aside(first, "ValueError: a fault of ours")  # as the worker does meanwhile
        return await read(payloads)

    monkeypatch.setattr(kafka._registry, "read", slowly)
    await produce(real, topic, [event("b")])
    async with asyncio.timeout(30):
        while not kafka.health().faults:
            await kafka.fetch(0.1)
    await kafka.fetch(0.1)
    assert kafka.health().faults == {f"{topic}/0": "ValueError: a fault of ours"}
    await kafka.stop()


def test_a_worker_ends_with_the_fault_and_goes_on_where_it_stood(
    real: Broker, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "PATIENCE_SECONDS", 1.0)
    topic = asyncio.run(real.create_topic(new_name()))
    asyncio.run(produce(real, topic, [event("a"), framed(99, b"made up"), event("b")]))
    registry.down = True
    place = settings(real, topic, registry_url=registry.url)

    def work() -> Any:
        limit = time.monotonic() + 60
        return run_worker(
            tmp_path,
            place,
            Process(load_rulebook([])),
            until_end=True,
            stop=lambda: time.monotonic() > limit,
        )

    down = work()
    assert (down.messages, down.dead) == (0, 0)
    assert "gives no schema now" in down.faults[f"{topic}/0"]
    registry.down = False
    up = work()
    assert (up.messages, up.events, up.dead, up.faults) == (3, 2, 1, {})
    with Store.open(tmp_path, readonly=True) as store:
        assert store.counts()["messages"] == 3


def test_dead_letters_say_what_the_registry_said_and_are_retried_through_it(
    real: Broker, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = asyncio.run(real.create_topic(new_name()))
    late = framed(99, avro(LOGIN, {**EVENT, "user": "late"}))
    large = framed(98, avro(LOGIN, {**EVENT, "user": "u" * 100_000}))
    asyncio.run(produce(real, topic, [late, large, b"\x01\x02\x03 made otherwise", b'{"broken"']))
    place = settings(real, topic, registry_url=registry.url)
    done = run_worker(tmp_path / "workspace", place, Process(load_rulebook([])), until_end=True)
    assert (done.events, done.dead) == (0, 4)
    file = tmp_path / "settings.yaml"
    kafka = {"brokers": place.brokers, "topics": [topic], "registry_url": registry.url}
    profile = {"workspace": str(tmp_path / "workspace"), "kafka": kafka}
    file.write_text(json.dumps({"profiles": {"default": profile}}))

    def run(*words: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(
            make_group(), ["--settings", str(file), "deadletters", *words, "--format", "jsonl"]
        )
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    reasons = {row["number"]: row["reason"] for row in run("list")}
    assert reasons[1].startswith("schema 99 of the registry: there is no such schema (")
    assert reasons[2].startswith("schema 98 of the registry: there is no such schema (")
    assert reasons[3].startswith(
        "it begins with the byte 0x01, not with the 0x00 of a schema registry's framing ("
    )
    assert reasons[4].startswith("not JSON")
    registry.down = True
    assert all("gives no schema now" in each["reason"] for each in run("retry", "1", "2"))
    registry.down = False
    assert "schema 99 of the registry: there is no such schema" in run("retry", "1")[0]["reason"]
    for number in (98, 99):
        registry.add(number, LOGIN)
    again = run("retry", "--all")
    assert [each["events"] for each in again] == [1, 1, 0, 0], again
    assert [row["number"] for row in run("list")] == [4, 3]


def test_a_look_at_a_topic_goes_through_the_registry(broker: AnyBroker, registry: FakeRegistry) -> None:
    topic = asyncio.run(broker.create_topic(new_name()))
    asyncio.run(produce(broker, topic, [event("a")]))
    (sampled,) = sample_topic(settings(broker, topic, registry_url=registry.url), topic, 5)
    assert json.loads(sampled.payloads[0])["user"] == "a"


async def test_unpacking_lets_the_event_loop_run(registry: FakeRegistry) -> None:
    """A thousand messages take less than a tenth of a second: heartbeats go on."""
    from xdrtui.sources.http import WebPlace
    from xdrtui.sources.registry import Registry

    client = Registry(WebPlace(registry.url))
    payloads = [event("somebody")] * 1_000
    await client.unpack(payloads[:1])
    begun = time.perf_counter()
    await client.unpack(payloads)
    assert time.perf_counter() - begun < 0.5
