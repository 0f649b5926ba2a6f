"""A fleet of one, two and four processes, killed and joining, folds and snapshots killed: run by `make soak`.

pytest tests/kafka/soak_fleet.py
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.fleet import dump, ended, fold, program, start, work
from tests.kafka.scenario import alerts_of
from tests.kafka.test_fleet import book, by_scan, counts, offsets, once, recorded
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.points import POINTS, VARIABLE

WORKER = (
    "fleet.produce.before",
    "fleet.produce.after",
    "fleet.flush.after",
    "kafka.commit.before",
    "kafka.commit.after",
)
ARCHIVES = (
    "archive.",
    "outbox.",
    "reserve.",
    "insert.archive",
    "insert.step",
    "fleet.",
    "snapshot.",
    "kafka.",
)
FOLD = [point for point in POINTS if not point.startswith(ARCHIVES)]
"""What a fold passes: it keeps no archive, sends no letters, and notes its steps where it decides."""

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


def killed_at(point: str, *arguments: str) -> bool:
    """Run this until it dies at the point; False where it came to its end before."""
    process = program(*arguments, environ={**os.environ, VARIABLE: f"{point}:1"})
    out, _ = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), out.decode()
    return process.returncode != 0


def show(kills: Sequence[str]) -> None:
    for point in kills:
        print(f"  {point:<24}   1")


def test_workers_killed_at_every_point(
    real: Broker, recorded: str, once: dict[str, str], by_scan: list[str], book: Rulebook, tmp_path: Path
) -> None:
    findings, group = new_name(), new_name()
    killed = [each for each in WORKER if killed_at(each, "work", real.bootstrap(), recorded, group, findings)]
    show(killed)
    assert killed == list(WORKER)
    work(real.bootstrap(), recorded, group, findings, book)
    fold(tmp_path, real.bootstrap(), findings, book)
    assert alerts_of(tmp_path) == by_scan
    assert counts(tmp_path)["messages"] == int(once["messages"])
    assert sum(offsets(real, recorded, group)) == int(once["messages"])


def test_a_fold_killed_at_every_point_ends_as_one_that_was_not(
    real: Broker, recorded: str, book: Rulebook, tmp_path: Path
) -> None:
    findings, killed, plain = new_name(), tmp_path / "killed", tmp_path / "plain"
    work(real.bootstrap(), recorded, new_name(), findings, book)
    fold(plain, real.bootstrap(), findings, book)
    hit = [each for each in FOLD if killed_at(each, "fold", str(killed), real.bootstrap(), findings)]
    show(hit)
    fold(killed, real.bootstrap(), findings, book)
    assert list(dump(killed)) == list(dump(plain))
    assert hit == FOLD


def test_a_snapshot_is_whole_or_not_there_wherever_it_is_killed(
    real: Broker, recorded: str, book: Rulebook, tmp_path: Path
) -> None:
    findings, old, new = new_name(), tmp_path / "old", tmp_path / "new"
    work(real.bootstrap(), recorded, new_name(), findings, book)
    fold(old, real.bootstrap(), findings, book)
    file = tmp_path / "snapshot"
    for point in ("snapshot.fsync", "snapshot.written", "snapshot.renamed"):
        assert killed_at(point, "write_snapshot", str(old), str(file))
        assert file.exists() == (point == "snapshot.renamed")
    assert killed_at("snapshot.copied", "start_from", str(new), str(file))
    assert not killed_at("snapshot.fsync", "start_from", str(new), str(file))
    fold(new, real.bootstrap(), findings, book)
    assert list(dump(new)) == list(dump(old))
