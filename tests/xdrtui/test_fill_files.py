"""Files in a store: each is known again when it has grown, and never taken for another that begins alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.triage.desk import AlertQuery, Desk, Principal

RULE = """title: Needle
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection:
    CommandLine|contains: needle
  condition: selection
"""


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    (tmp_path / "rule.yml").write_text(RULE)
    return load_rulebook([tmp_path / "rule.yml"], cache=Cache(None))


def event(number: int, host: str, needle: bool = True) -> str:
    fields = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "UtcTime": f"2026-03-03 10:00:{number % 60:02}.000",
        "Hostname": host,
        "CommandLine": f"{'needle' if needle else 'straw'} {number}",
    }
    return json.dumps(fields) + "\n"


def counts(store: Path) -> dict[str, int]:
    with Desk.open(store, Principal("test", "test"), readonly=True) as desk:
        return {alert.host: alert.count for alert in desk.alerts(AlertQuery(), 100, 0)}


def test_a_file_that_has_grown_is_the_same_file(rulebook: Rulebook, tmp_path: Path) -> None:
    path, store = tmp_path / "a.jsonl", tmp_path / "store"
    path.write_text("".join(event(n, "h") for n in range(30)))
    fill(store, [path], rulebook)
    with path.open("a") as file:
        file.write("".join(event(n, "h") for n in range(30, 40)))
    fill(store, [path], rulebook)
    assert counts(store) == {"h": 40}


def test_files_that_begin_alike_are_two(rulebook: Rulebook, tmp_path: Path) -> None:
    store = tmp_path / "store"
    head = "".join(event(n, "none", needle=False) for n in range(500))
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text(head + event(1, f"host-{name}"))
    for _ in range(2):
        fill(store, [tmp_path / f"{name}.jsonl" for name in "abc"], rulebook)
    assert counts(store) == {"host-a": 1, "host-b": 1, "host-c": 1}
