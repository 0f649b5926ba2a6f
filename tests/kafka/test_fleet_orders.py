"""A fleet on a real broker: paused by whoever is at a workbench, and its dead letters sent on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from click.testing import CliRunner, Result

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_fleet import offsets
from tests.kafka.test_kafka_source import produce
from tests.xdrtui.archive_samples import offsets as offsets_in_archive
from xdrtui.commands import make_group
from xdrtui.pipeline import fleet_letters, outgoing
from xdrtui.pipeline.fleet_control import control_topic
from xdrtui.pipeline.fleet_run import run_fold
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import Summary, run_worker
from xdrtui.points import VARIABLE
from xdrtui.settings.model import ArchiveSettings, KafkaSettings
from xdrtui.store.deadletters import key_of
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk, Principal

BROKEN = b'{"_path":"conn","uid":' + b"\xff" * 70_000


WORK = """
import sys
from tests.kafka.test_fleet_orders import *
known = KafkaSettings.model_validate_json(sys.argv[1])
run_worker(Path("none"), known, Process(load_rulebook([])), until_end=True)
"""


class Fleet:
    """Live topics read by a fleet, and one workbench."""

    def __init__(self, real: Broker, folder: Path, **more: object) -> None:
        self.real, self.folder = real, folder
        self.topic = asyncio.run(real.create_topic(new_name(), 2, {"retention.ms": "-1"}))
        self.known = KafkaSettings.model_validate(
            {
                "brokers": [real.bootstrap()],
                "topics": [self.topic],
                "group": new_name(),
                "start": "earliest",
                "mode": "fleet",
                "findings_topic": new_name(),
                **more,
            }
        )
        self.file = folder / "settings.yaml"
        kafka = self.known.model_dump(exclude_defaults=True)
        profile = {"workspace": str(folder / "bench"), "kafka": kafka}
        self.file.write_text(json.dumps({"profiles": {"default": profile}}))

    def work(self, **more: Any) -> Summary:
        return run_worker(self.folder / "none", self.known, Process(load_rulebook([])), **more)

    def fold(self) -> None:
        run_fold(self.folder / "bench", self.known, Process(load_rulebook([])), until_end=True)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(make_group(), ["--settings", str(self.file), *words])

    def status(self) -> Any:
        self.fold()
        with Desk.open(self.folder / "bench", Principal("ada", "here"), readonly=True) as desk:
            return desk.status()

    def committed(self) -> list[int]:
        """The group's offsets, -1 where there is none."""
        try:
            return offsets(self.real, self.topic, self.known.group)[:2]
        except (KafkaError, KeyError):  # the cluster's first group has to wait for its coordinator
            return [-1, -1]

    @contextlib.contextmanager
    def workers(self, count: int) -> Iterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=self.work, kwargs={"stop": stop.is_set}) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def wait(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not met():
        assert time.monotonic() < until
        time.sleep(0.1)


def event(number: int) -> bytes:
    return json.dumps({"_path": "conn", "ts": 1_700_000_000 + number, "uid": f"C{number}"}).encode()


def letters_in(real: Broker, topic: str) -> list[Any]:
    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=real.bootstrap(), auto_offset_reset="earliest")
        await consumer.start()
        consumer.assign([TopicPartition(topic, 0)])
        found = [one for each in (await consumer.getmany(timeout_ms=1500)).values() for one in each]
        await consumer.stop()
        return found

    return asyncio.run(read())


def test_a_workbench_pauses_all_workers_of_the_fleet_and_everybody_sees_who_did(
    real: Broker, tmp_path: Path
) -> None:
    fleet = Fleet(real, tmp_path)

    def produced(numbers: range) -> None:
        for partition in range(2):
            asyncio.run(produce(real, fleet.topic, [event(n) for n in numbers], partition=partition))

    with fleet.workers(2):
        produced(range(50))
        wait(lambda: sum(fleet.committed()) == 100)
        paused = fleet.run("pause")
        assert paused.exit_code == 0 and "pause within seconds" in paused.stderr
        wait(lambda: fleet.status().paused and len(fleet.status().workers) == 2)
        produced(range(50, 300))
        with fleet.workers(1):  # one that starts later is paused, too
            wait(lambda: sum(each.paused for each in fleet.status().workers) == 3)
            wait(lambda: sum(each.waiting for each in fleet.status().workers) == 500)
            assert sum(fleet.committed()) == 100
            (fault,) = [each for each in fleet.status().faults if "paused by" in each.text]
            assert fault.text.startswith("3 workers: paused by "), "one line, however many there are"
        assert fleet.run("resume").exit_code == 0
        wait(lambda: sum(fleet.committed()) == 600)
        wait(lambda: not any("paused by" in fault.text for fault in fleet.status().faults))
        assert not fleet.status().paused
    assert fleet.status().counts["messages"] == 600


def test_what_is_no_order_is_passed_over_and_another_groups_orders_are_not_ours(
    real: Broker, tmp_path: Path
) -> None:
    fleet = Fleet(real, tmp_path)
    fleet.run("pause")
    fleet.run("resume")
    where, group = control_topic(fleet.known.findings_topic), fleet.known.group.encode()
    order = b'{"paused":true,"by":"mallory"}'
    for key, value in (
        (b"other", order),
        (group, b"\xff{"),
        (group, b'{"paused":"yes"}'),
        (group, b"[" * 90_000),
        (group, b'{"more":' + b"[" * 90_000),
    ):
        asyncio.run(produce(real, where, [value], key=key))
    asyncio.run(produce(real, fleet.topic, [event(1)]))
    assert fleet.work(until_end=True).messages == 1


def test_dead_letters_go_on_under_the_keys_of_their_positions_before_offsets_are_committed(
    real: Broker, tmp_path: Path
) -> None:
    name = asyncio.run(real.create_topic(f"{new_name()}.dlq"))
    fleet = Fleet(real, tmp_path, dead_letter_topic=name)
    asyncio.run(produce(real, fleet.topic, [event(1), BROKEN]))
    assert fleet.work(until_end=True).dead == 1
    fleet.fold()
    with Store.open(tmp_path / "bench", readonly=True) as store:
        (letter,) = store.dead_letters()
    (record,) = letters_in(real, name)
    headers = {header: value.decode() for header, value in record.headers}
    assert record.value == BROKEN[: 64 * 1024] == letter.payload
    assert record.key.decode() == headers["xdrtui-key"] == key_of(letter.position)
    assert (headers["source"], headers["offset"], headers["size"]) == (fleet.topic, "1", str(len(BROKEN)))
    fleet.known = fleet.known.model_copy(update={"group": new_name()})
    fleet.work(until_end=True)  # as after a kill before the commit: sent again, under the same key
    assert [each.key for each in letters_in(real, name)] == [record.key] * 2


def test_a_worker_killed_before_its_commit_has_its_letters_sent_again_and_none_is_missing(
    real: Broker, tmp_path: Path
) -> None:
    name = asyncio.run(real.create_topic(f"{new_name()}.dlq"))
    fleet = Fleet(real, tmp_path, dead_letter_topic=name)
    asyncio.run(produce(real, fleet.topic, [event(1), *(b'{"broken%d' % n for n in range(5))]))
    killed = subprocess.run(
        [sys.executable, "-c", WORK, fleet.known.model_dump_json()],
        env={**os.environ, VARIABLE: "fleet.flush.after:1"},
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL and max(fleet.committed()) == -1
    assert fleet.work(until_end=True).dead == 5
    fleet.fold()
    with Store.open(tmp_path / "bench", readonly=True) as store:
        wanted = {key_of(letter.position) for letter in store.dead_letters()}
    keys = [record.key.decode() for record in letters_in(real, name)]
    assert set(keys) == wanted and len(wanted) == 5
    assert max(keys.count(key) for key in keys) <= 2


def test_offsets_wait_for_a_topic_of_dead_letters_that_is_missing_but_not_for_ever(
    real: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "REQUEST_MS", 500)
    monkeypatch.setattr(fleet_letters, "RETRY_SECONDS", 0.5)
    name = f"{new_name()}.dlq"
    fleet = Fleet(real, tmp_path, dead_letter_topic=name)
    asyncio.run(produce(real, fleet.topic, [event(1), BROKEN]))

    def faults() -> list[str]:
        return [fault.text for fault in fleet.status().faults]

    with fleet.workers(1):
        wait(lambda: any(f"dead letters cannot be sent to {name}" in text for text in faults()))
        assert max(fleet.committed()) == -1
        monkeypatch.setattr(fleet_letters, "PATIENCE_SECONDS", 0.1)
        wait(lambda: max(fleet.committed()) == 2)
        asyncio.run(real.create_topic(name))
        wait(lambda: not faults())
    assert len(letters_in(real, name)) == 1


def test_a_local_worker_without_rules_archives_beside_a_fleet(real: Broker, tmp_path: Path) -> None:
    fleet = Fleet(real, tmp_path)
    asyncio.run(produce(real, fleet.topic, [event(n) for n in range(200)]))
    beside = fleet.known.model_copy(update={"mode": "local", "group": new_name()})
    nothing = load_rulebook([])
    assert not nothing.rules and not nothing.correlations.rules
    assert fleet.work(until_end=True).messages == 200
    for _ in range(2):
        done = run_worker(
            tmp_path / "archive", beside, Process(nothing), until_end=True, archive=ArchiveSettings()
        )
    assert done.messages == 0, "it stands where it stood"
    with Store.open(tmp_path / "archive", readonly=True) as store:
        assert offsets_in_archive(store) == list(range(200))
