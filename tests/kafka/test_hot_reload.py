"""Rules changed on disk under a worker that reads a real broker: taken up between two batches, and no event
is lost; a hostile set of rules does not stop it, nor its heartbeats."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.hostile_rules import FILES, VALUES
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from xdrtui.errors import StoreError
from xdrtui.store.store import Store

RULE = """title: Every connection
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000d001
level: low
logsource: {product: zeek, service: conn}
detection: {selection: {uid|exists: true}, condition: selection}
"""
SECOND = RULE.replace("d001", "d002").replace("Every", "Each")
FIRST_ID, SECOND_ID = ("6a4e0c3e-0b7a-4d0b-8d6b-00000000d00" + digit for digit in "12")
HOSTILE = [name for name in FILES if name.startswith(("regex-0", "bomb-", "deep-", "huge-", "correlation-"))]
"""Those that take seconds together; all of them are in tests/detectors."""


class Flow:
    """Connections that are written to a topic from a thread until stopped. pause: seconds between two."""

    def __init__(self, bootstrap: str, topic: str, uids: tuple[str, ...], pause: float = 0.002) -> None:
        self.sent = 0
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(bootstrap, topic, uids)))
        self._thread.start()

    def stop(self) -> int:
        """How many were written."""
        self._stop.set()
        self._thread.join(30)
        return self.sent

    async def _run(self, bootstrap: str, topic: str, uids: tuple[str, ...]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        try:
            while not self._stop.is_set():
                event = {
                    "_path": "conn",
                    "ts": 1_700_000_000 + self.sent,
                    "uid": uids[self.sent % len(uids)] + str(self.sent),
                    "id.orig_h": "10.0.0.1",
                }
                await producer.send_and_wait(topic, json.dumps(event).encode())
                self.sent += 1
                await asyncio.sleep(self._pause)
        finally:
            await producer.stop()


class Running:
    """`xdrtui run` on a topic with the rules of a folder."""

    def __init__(self, folder: Path, bootstrap: str, topic: str) -> None:
        self.rules = folder / "rules"
        self.rules.mkdir()
        self.workspace = folder / "workspace"
        (self.rules / "first.yml").write_text(RULE)
        (folder / "settings.yml").write_text(
            f"profiles:\n  p:\n    workspace: {self.workspace}\n    kafka:\n      brokers: ['{bootstrap}']\n"
            f"      topics: [{topic}]\n      replay_topics: [{topic}]\n      start: earliest\n"
            f"    rules:\n      bundled: false\n      paths: ['{self.rules}']\n"
        )
        environment = {**os.environ, "XDRTUI_SETTINGS": str(folder / "settings.yml"), "HOME": str(folder)}
        self._errors = (folder / "errors").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "xdrtui", "run"], env=environment, stderr=self._errors
        )

    def put(self, files: dict[str, bytes]) -> None:
        """Rule files, each as an editor saves it: whole."""
        for name, text in files.items():
            (self.rules / f".{name}").write_bytes(text)
            (self.rules / f".{name}").rename(self.rules / name)

    def offsets(self, rule: str) -> list[int]:
        """Of the events that the rule met, as far as they are stored."""
        try:
            with Store.open(self.workspace, readonly=True) as store:
                rows = store.connection.execute(
                    "SELECT offset FROM findings WHERE rule = ? ORDER BY offset", (rule,)
                )
                return [offset for (offset,) in rows]
        except StoreError:  # the worker has not made it yet
            return []

    def beat(self) -> int:
        """When the worker's heart beat last, in nanoseconds; 0 before the first time."""
        with Store.open(self.workspace, readonly=True) as store:
            (at,) = store.connection.execute("SELECT MAX(at) FROM heartbeats").fetchone()
            return int(at or 0)

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, f"nothing happened; {self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            self._errors.close()


@pytest.fixture
async def topic(real: Broker) -> str:
    return await real.create_topic(new_name(), 1)


def test_rules_changed_on_disk_while_events_flow_lose_none(real: Broker, topic: str, tmp_path: Path) -> None:
    worker = Running(tmp_path, real.bootstrap(), topic)
    flow = Flow(real.bootstrap(), topic, ("C",))
    try:
        worker.until(lambda: len(worker.offsets(FIRST_ID)) > 100)
        worker.put({"second.yml": SECOND.encode()})
        worker.until(lambda: worker.offsets(SECOND_ID))
        worker.put(
            {"second.yml": SECOND.replace("level: low", "level: severe").encode()}
        )  # broken: not taken
        at = flow.sent
        worker.until(lambda: worker.offsets(SECOND_ID)[-1] > at + 100)
        sent = flow.stop()
        worker.until(lambda: worker.offsets(FIRST_ID)[-1] == sent - 1)
        first, second = worker.offsets(FIRST_ID), worker.offsets(SECOND_ID)
    finally:
        flow.stop()
        ended = worker.stop()
    assert first == list(range(sent)), "no event is lost or judged twice"
    assert 100 < second[0] < at
    assert second == list(range(second[0], sent)), "from its first event on the new rule meets all"
    assert ended == 0


def test_a_hostile_set_of_rules_stops_neither_the_worker_nor_its_heartbeats(
    real: Broker, topic: str, tmp_path: Path
) -> None:
    worker = Running(tmp_path, real.bootstrap(), topic)
    flow = Flow(real.bootstrap(), topic, tuple(value[:300] for value in VALUES), 0.05)
    beats: set[int] = set()
    try:
        worker.until(lambda: len(worker.offsets(FIRST_ID)) > 10)
        worker.put({name: FILES[name] for name in HOSTILE})
        worker.put({"second.yml": SECOND.encode()})

        def taken() -> bool:
            beats.add(worker.beat())
            return bool(worker.offsets(SECOND_ID))

        worker.until(taken, 120)
        sent = flow.stop()

        def done() -> bool:
            beats.add(worker.beat())
            return worker.offsets(FIRST_ID)[-1] == sent - 1

        worker.until(done, 120)
        first, beats = worker.offsets(FIRST_ID), beats - {0}
    finally:
        flow.stop()
        worker.stop()
    assert first == list(range(sent))
    times = sorted(beats)
    longest = max(later - earlier for earlier, later in itertools.pairwise(times))
    assert longest < 10e9, "a heart that stands still for so long would be taken for dead"
