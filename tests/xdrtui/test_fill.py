"""Files into a store: what a killed run left behind is made whole by the next."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from xdrtui.pipeline import fill as filling
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store import workers
from xdrtui.store.store import Store

RULE = """\
title: A shell
id: 5f7f1f5c-0b5a-4a3e-9d55-000000000001
level: high
logsource: {product: windows, category: process_creation}
detection: {selection: {Image|endswith: cmd.exe}, condition: selection}
"""
EVENT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "UtcTime": "2024-03-03 14:02:00.000",
    "Computer": "WKS-1",
    "Image": "C:\\cmd.exe",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT) + "\n")
    return tmp_path


def alerts_after_fill(files: Path) -> int:
    book = load_rulebook([files / "rule.yml"], cache=Cache(None))
    fill(files / "store", [files / "events.jsonl"], book)
    with Store.open(files / "store", readonly=True) as store:
        (found,) = store.connection.execute("SELECT count(*) FROM alerts").fetchone()
    return int(found)


def leave_lease(files: Path, seconds: float) -> None:
    """What a correlator leaves that was killed: a lease which nobody renews."""
    with Store.open(files / "store") as store, store.transaction():
        now = time.time_ns()
        workers.take_lease(store.connection, "correlator", "killed", now, now + int(seconds * 1e9))


def test_findings_become_alerts_although_a_killed_run_left_its_lease(files: Path) -> None:
    leave_lease(files, 1.0)
    assert alerts_after_fill(files) == 1


def test_another_process_that_folds_is_not_waited_for_without_end(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "LEASE_SECONDS", -0.5)
    leave_lease(files, 10.0)
    assert alerts_after_fill(files) == 0


def test_findings_are_numbered_one_after_the_other_whatever_the_clock_of_their_events(files: Path) -> None:
    assert alerts_after_fill(files) == 1
    with Store.open(files / "store") as store, store.transaction():
        workers.set_cursor(store.connection, "correlator.swept", 1_772_653_652_991_730_000)
    (files / "events.jsonl").write_text(json.dumps({**EVENT, "Computer": "WKS-2"}) + "\n")
    assert alerts_after_fill(files) == 2
    with Store.open(files / "store", readonly=True) as store:
        assert [row[0] for row in store.connection.execute("SELECT seq FROM findings ORDER BY seq")] == [1, 2]
