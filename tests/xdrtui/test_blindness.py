"""Rules that go blind are said aloud, once for each event type and host, and taken back when they see."""

from __future__ import annotations

from pathlib import Path

import pytest

from xdrtui.pipeline.blindness import EVERY, KIND, Blindness
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.store import workers
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

RULE = """title: Whoami
id: 00000000-0000-4000-8000-000000000001
status: test
level: low
logsource: {product: windows, category: process_creation}
detection:
    s:
        CommandLine|contains: whoami
    condition: s
"""


@pytest.fixture
def book(tmp_path: Path) -> Rulebook:
    (tmp_path / "rule.yml").write_text(RULE)
    return load_rulebook([tmp_path / "rule.yml"])


def commit(store: Store, number: int, events: int, seen: int) -> None:
    """A batch of process creations of one host, of which so many have a command line."""
    counts = {"": events, "CommandLine": seen}
    presence = {("windows.sysmon.1", host): dict(counts) for host in ("", "WKS-1")}
    store.commit_batch(BatchResult(marks=[Mark("s", 0, number, b"", number)], presence=presence))


def faults(store: Store) -> list[str]:
    return [fault.text for fault in workers.faults(store.connection) if fault.kind == KIND]


def test_a_field_that_stops_coming_is_told_and_taken_back(tmp_path: Path, book: Rulebook) -> None:
    with Store.open(tmp_path / "store") as store:
        watch = Blindness(store, book).watch
        commit(store, 1, events=100, seen=100)
        watch(EVERY)
        assert faults(store) == []
        commit(store, 2, events=100, seen=0)
        watch(2 * EVERY)
        (text,) = faults(store)
        assert text.startswith(
            "windows.sysmon.1 events of WKS-1 no longer bring CommandLine: 1 rules are blind"
        )
        commit(store, 3, events=100, seen=100)
        watch(3 * EVERY)
        assert faults(store) == []


def test_it_looks_only_now_and_then(tmp_path: Path, book: Rulebook) -> None:
    with Store.open(tmp_path / "store") as store:
        watch = Blindness(store, book).watch
        commit(store, 1, events=100, seen=100)
        watch(EVERY)
        commit(store, 2, events=100, seen=0)
        watch(2 * EVERY - 1)
        assert faults(store) == []


def test_a_field_that_no_rule_needs_is_no_fault(tmp_path: Path, book: Rulebook) -> None:
    with Store.open(tmp_path / "store") as store:
        for number, seen in ((1, 100), (2, 0)):
            fields = {"": 100, "Hashes": seen, "CommandLine": 100}
            presence = {("windows.sysmon.1", host): dict(fields) for host in ("", "WKS-1")}
            store.commit_batch(BatchResult(marks=[Mark("s", 0, number, b"", number)], presence=presence))
        Blindness(store, book).watch(EVERY)
        assert faults(store) == []
