"""Correlations of a scan that stores nothing: the alerts that `fill` stores, from one process or several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detectors.correlate.model import Fired
from detectors.sigma.cache import Cache
from xdrtui.pipeline import scan as scanning
from xdrtui.pipeline.counting import Counted, Counting
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.scan import scan
from xdrtui.sources.ranges import cut
from xdrtui.triage.correlated import id_of
from xdrtui.triage.desk import AlertQuery, Desk, Principal

RULES = """title: Failed logon
id: 22222222-2222-4222-8222-222222222222
name: failed
level: low
logsource: {product: windows, category: process_creation}
detection:
  selection:
    CommandLine|contains: failed
  condition: selection
---
title: Many failed logons
id: 33333333-3333-4333-8333-333333333333
level: high
correlation:
  type: event_count
  rules: [failed]
  group-by: [User]
  timespan: 1m
  condition: {gte: 5}
"""


@pytest.fixture
def rulebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rulebook:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "rules.yml").write_text(RULES)
    return load_rulebook([tmp_path / "rules.yml"], cache=Cache(None))


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """300 events, one a second, of three users; those of `eve` fail. The times run backwards."""
    path = tmp_path / "events.jsonl"
    with path.open("w") as out:
        for number in reversed(range(300)):
            user = ("ann", "bob", "eve")[number % 3]
            fields = {
                "Channel": "Microsoft-Windows-Sysmon/Operational",
                "EventID": 1,
                "UtcTime": f"2026-03-03 10:{number // 60:02}:{number % 60:02}.000",
                "User": user,
                "CommandLine": "failed" if user == "eve" else "fine",
            }
            out.write(json.dumps(fields) + "\n")
    return path


def fired(path: Path, rulebook: Rulebook, jobs: int) -> list[Fired]:
    found: list[Fired] = []
    scan([path], rulebook, rules=[path.parent / "rules.yml"], jobs=jobs, on_fired=found.extend)
    return found


def test_a_scan_fires_what_the_store_would_hold(events: Path, rulebook: Rulebook, tmp_path: Path) -> None:
    fill(tmp_path / "store", [events], rulebook)
    with Desk.open(tmp_path / "store", Principal("test", "test"), readonly=True) as desk:
        stored = {
            alert.id: alert.count
            for alert in desk.alerts(AlertQuery(), 100, 0)
            if alert.rule.startswith("3333")
        }
    assert {id_of(one): one.count for one in fired(events, rulebook, 1)} == stored
    assert len(stored) == 5


def test_parts_of_a_file_count_together(
    events: Path, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "cut", lambda path: cut(path, 4_000))
    assert len(cut(str(events), 4_000)) > 5
    alone, together = (fired(events, rulebook, jobs) for jobs in (1, 2))
    assert together == alone
    assert {member.position[2] for one in together for member in one.members} <= set(range(300))


def test_what_is_beyond_the_most_is_counted_and_not_kept(rulebook: Rulebook) -> None:
    counting = Counting(rulebook, most=3)
    match = Counted("22222222-2222-4222-8222-222222222222", "a", 0, 0, 0, {"User": "eve"})
    counting.add([match] * 5)
    assert counting.dropped == 2
    assert counting.finish() == []
