"""A worker that people pause: it fetches nothing, says what waits, stays in its group, and loses nothing."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner

from detectors.sigma.cache import Cache
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import produce, settings
from tests.xdrtui.worker_samples import RULE
from xdrtui.commands import make_group
from xdrtui.errors import StoreError
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import run_worker
from xdrtui.store import workers
from xdrtui.store.store import Store


def event(number: int) -> bytes:
    values = {"_path": "conn", "ts": 1_700_000_000 + number, "uid": "bad", "id.orig_h": "10.0.0.1"}
    return json.dumps(values).encode()


def wait(met: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not met():
        assert time.monotonic() < until
        time.sleep(0.05)


def figures(directory: Path) -> dict[str, float]:
    """What the worker tells; nothing where it does not beat yet."""
    try:
        with Store.open(directory, readonly=True) as store:
            beats = workers.heartbeats(store.connection)
    except StoreError:
        return {}
    return beats[0].figures if beats else {}


def messages(directory: Path) -> int:
    with Store.open(directory, readonly=True) as store:
        return store.counts().get("messages", 0)


def order(directory: Path, word: str) -> str:
    """As a person gives it; what is said."""
    result = CliRunner().invoke(make_group(), [word], env={"XDRTUI_WORKSPACE": str(directory)})
    assert result.exit_code == 0, result.output
    return result.stderr


def test_pausing_on_purpose_shows_what_waits_and_loses_nothing(real: Broker, tmp_path: Path) -> None:
    topic = asyncio.run(real.create_topic(new_name(), 2, {"retention.ms": "-1"}))
    rules, store = tmp_path / "rules", tmp_path / "store"
    rules.mkdir()
    (rules / "rule.yml").write_text(RULE)
    process = Process(load_rulebook([rules], cache=Cache(tmp_path / "cache")))
    stop = threading.Event()
    known = settings(real, topic, group=new_name())
    thread = threading.Thread(target=lambda: run_worker(store, known, process, stop=stop.is_set))
    thread.start()
    try:
        asyncio.run(produce(real, topic, [event(n) for n in range(100)]))
        wait(lambda: bool(figures(store)) and messages(store) == 100)
        assert "paused, 0 waiting" in order(store, "pause")
        assert figures(store)["paused"] == 1, "it was waited for"
        for partition in range(2):
            asyncio.run(produce(real, topic, [event(n) for n in range(250)], partition=partition))
        wait(lambda: figures(store)["lag"] == 500)
        assert messages(store) == 100, "nothing is read meanwhile"
        assert "going on" in order(store, "resume")
        wait(lambda: messages(store) == 600)
        wait(lambda: figures(store)["lag"] == 0 and figures(store)["paused"] == 0)
    finally:
        stop.set()
        thread.join()
    with Store.open(store, readonly=True) as opened:
        found = opened.connection.execute(
            "SELECT count(*), count(DISTINCT partition) FROM findings"
        ).fetchone()
    assert found == (600, 2)
