"""Heartbeats while a long batch keeps the worker's thread."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from xdrtui.pipeline.pulse import Pulse
from xdrtui.store import workers
from xdrtui.store.store import Store

BEAT = workers.Heartbeat("w", "worker", 1, "here", 0, 100, {"lag": 3.0})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path)
    with store.transaction():
        workers.write_heartbeat(store.connection, BEAT)
    return store


def told(store: Store) -> workers.Heartbeat:
    (beat,) = workers.heartbeats(store.connection)
    return beat


def test_the_last_heartbeat_is_told_again_with_how_long_the_batch_takes(store: Store) -> None:
    pulse = Pulse(store.directory, lambda: 500, quiet=0.05)
    pulse.told(BEAT)
    end = time.monotonic() + 60
    while told(store).at == 100:
        assert time.monotonic() < end
        time.sleep(0.02)
    pulse.close()
    beat = told(store)
    assert (beat.at, beat.figures["lag"]) == (500, 3.0)
    assert beat.figures["busy_seconds"] > 0


def test_a_worker_that_has_ended_has_no_heartbeat_again(store: Store) -> None:
    pulse = Pulse(store.directory, lambda: 500, quiet=0.02)
    pulse.told(BEAT)
    with store.transaction():
        workers.remove_heartbeat(store.connection, "w")
    time.sleep(0.2)
    pulse.close()
    assert workers.heartbeats(store.connection) == []


def test_a_newer_heartbeat_is_never_overwritten(store: Store) -> None:
    with store.transaction():
        workers.renew_heartbeat(store.connection, workers.Heartbeat("w", "worker", 1, "here", 0, 50, {}))
    assert told(store) == BEAT


def test_a_store_that_is_held_does_not_end_it(store: Store) -> None:
    pulse = Pulse(store.directory, lambda: 500, quiet=0.02)
    with store.transaction():
        pulse.told(BEAT)
        time.sleep(0.3)
    end = time.monotonic() + 60
    while told(store).at == 100:
        assert time.monotonic() < end
        time.sleep(0.02)
    pulse.close()
