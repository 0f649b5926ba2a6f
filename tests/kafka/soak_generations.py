"""A broker whose disk is put back from a copy, as after a disaster: part of `make soak`, half a minute.

`test_generations.py` shows the same as a client sees it, without the broker's restarts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.test_generations import Case


@pytest.fixture
def own(real: Broker, tmp_path: Path) -> Iterator[Broker]:
    """A broker that may be stopped. real: there is Java."""
    broker = Broker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def test_a_broker_restored_from_a_copy_is_read_from_its_first_message(own: Broker, tmp_path: Path) -> None:
    case = Case(own, tmp_path)
    case.produce(range(4))
    assert case.read().messages == 4
    own.stop()
    shutil.copytree(own.folder / "data", tmp_path / "copy")
    own.start()
    case.produce(range(4, 8))
    assert case.read().messages == 4
    own.stop()
    shutil.rmtree(own.folder / "data")
    shutil.copytree(tmp_path / "copy", own.folder / "data")
    own.start()
    before = case.alerts()
    done = case.read()
    assert done.messages == 4 and "ends at 4, before the stored position 8" in done.notes[0]
    assert case.alerts().keys() == before.keys()
    case.produce(range(100, 105))
    assert case.read().messages == 5
    assert case.generations() == {0: 8, 1: 9}
