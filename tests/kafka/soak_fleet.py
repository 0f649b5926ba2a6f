"""A fleet of one, two and four processes, one killed on the way and another joining: run by `make soak`.

pytest tests/kafka/soak_fleet.py
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.fleet import ended, fold, start, work
from tests.kafka.scenario import alerts_of
from tests.kafka.test_fleet import book, by_scan, counts, offsets, once, recorded
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.points import VARIABLE

__all__ = ["book", "by_scan", "once", "recorded"]  # fixtures


@pytest.mark.parametrize("number", [1, 2, 4])
def test_as_many_processes_as_you_like_one_killed_and_another_joining(
    real: Broker,
    recorded: str,
    once: dict[str, str],
    by_scan: list[str],
    book: Rulebook,
    tmp_path: Path,
    number: int,
) -> None:
    findings, group = new_name(), new_name()
    killed = {**os.environ, VARIABLE: "fleet.produce.after:2"}
    processes = [start(real.bootstrap(), recorded, group, findings) for _ in range(number - 1)]
    victim = start(real.bootstrap(), recorded, group, findings, killed)
    time.sleep(2)
    processes.append(start(real.bootstrap(), recorded, group, findings))
    victim.communicate(timeout=90)
    assert not ended(processes)
    work(real.bootstrap(), recorded, group, findings, book)  # what the victim had, if all others had left
    fold(tmp_path, real.bootstrap(), findings, book)
    assert alerts_of(tmp_path) == by_scan
    assert counts(tmp_path)["messages"] == int(once["messages"])
    assert sum(offsets(real, recorded, group)) == int(once["messages"])
