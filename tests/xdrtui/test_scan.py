"""Scans: matches in the order of files and events, the same from one process and from several."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from xdrtui.pipeline import scan as scanning
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.scan import Match, scan
from xdrtui.sources import ranges
from xdrtui.sources.ranges import Lines, cut, open_range

RULE = """title: Word starts a shell
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\powershell.exe'
    CommandLine|contains: ' -enc '
  condition: selection
"""


@pytest.fixture
def rules(tmp_path: Path) -> list[str]:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "rule.yml").write_text(RULE)
    return [str(folder)]


@pytest.fixture
def rulebook(rules: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rulebook:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return load_rulebook(rules, cache=Cache(None))


def event(number: int, hit: bool) -> bytes:
    fields = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "UtcTime": f"2026-03-03 10:{number // 60 % 60:02}:{number % 60:02}.000",
        "Hostname": "ws-1",
        "Image": r"C:\Windows\powershell.exe",
        "CommandLine": f"powershell -enc {number}" if hit else "powershell -file a.ps1",
    }
    return json.dumps(fields).encode() + b"\n"


def write(path: Path, numbers: range, every: int = 10) -> list[int]:
    """A file of events of which every tenth matches; returns the lines that do."""
    path.write_bytes(b"".join(event(n, n % every == 0) for n in numbers))
    return [line for line, n in enumerate(numbers) if n % every == 0]


def run(paths: list[Path], book: Rulebook, rules: list[str], jobs: int) -> list[Match]:
    found: list[Match] = []
    scan(paths, book, rules=rules, jobs=jobs, on_matches=found.extend)
    return found


def test_matches_come_in_order_with_place_and_time(
    tmp_path: Path, rulebook: Rulebook, rules: list[str]
) -> None:
    lines = write(tmp_path / "a.jsonl", range(100))
    found = run([tmp_path / "a.jsonl"], rulebook, rules, 1)
    assert [match.offset for match in found] == lines
    assert {match.source for match in found} == {str(tmp_path / "a.jsonl")}
    assert found[1].time - found[0].time == 10 * 1_000_000_000


def test_several_processes_find_the_same_in_the_same_order(
    tmp_path: Path, rulebook: Rulebook, rules: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in "abc":
        write(folder / f"{name}.jsonl", range(500 if name == "b" else 50))
    monkeypatch.setattr(scanning, "cut", lambda path: cut(path, 8_000))
    assert len(cut(str(folder / "b.jsonl"), 8_000)) > 3
    alone, together = (run([folder], rulebook, rules, jobs) for jobs in (1, 2))
    assert together == alone
    assert len(alone) == 60


def test_parts_of_a_file_are_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join(b'{"n": %d}' % n for n in range(5_000)) + b"\n\n" + b'{"n": 5000}')
    parts = cut(str(path), 4_000)
    assert len(parts) > 5
    messages, offsets, before = [], [], 0
    for part in parts:
        lines = Lines()
        for batch in open_range(part, 1_000, lines):
            messages.append(batch)
            offsets += [before + offset for offset in batch.offsets]
        before += lines.number
    assert [json.loads(p)["n"] for m in messages for p in m.payloads] == list(range(5_001))
    assert offsets == [*range(5_000), 5_001]
    assert len({m.source.uid for m in messages}) == 1


def test_only_plain_lines_are_cut(tmp_path: Path) -> None:
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"a": 1}\n' * 3, 0))
    array = tmp_path / "b.json"
    array.write_text(json.dumps([{"n": n} for n in range(2_000)]))
    assert [len(cut(str(path), 20)) for path in (packed, array)] == [1, 1]
    assert ranges.PART > 1_000_000


def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(
    tmp_path: Path, rulebook: Rulebook, rules: list[str]
) -> None:
    write(tmp_path / "a.jsonl", range(20))
    broken = tmp_path / "b.gz"
    broken.write_bytes(gzip.compress(event(0, True) * 1_000)[:60])
    summary = scan([broken, tmp_path / "missing", tmp_path / "a.jsonl"], rulebook)
    assert summary.matches >= 2
    assert len(summary.faults) == 2
    assert any("missing" in fault for fault in summary.faults)


def test_an_interrupt_keeps_what_was_found(tmp_path: Path, rulebook: Rulebook) -> None:
    write(tmp_path / "a.jsonl", range(20))
    write(tmp_path / "b.jsonl", range(20))

    def interrupt(size: int, events: int) -> None:
        raise KeyboardInterrupt

    summary = scan([tmp_path], rulebook, on_progress=interrupt)
    assert summary.stopped
    assert summary.matches == 2


def test_stamps_without_a_year_are_near_the_date_of_their_file(tmp_path: Path) -> None:
    (tmp_path / "ssh.yml").write_text(
        "title: A failed login\nid: 11111111-1111-4111-8111-111111111112\nlevel: low\n"
        "logsource: {product: linux, service: sshd}\n"
        "detection: {selection: {message|startswith: Failed}, condition: selection}\n"
    )
    log = tmp_path / "auth.log"
    log.write_text("Jan  1 00:00:03 b sshd[7]: Failed password for root from 10.0.0.1 port 2 ssh2\n")
    os.utime(log, (1_609_500_000, 1_609_500_000))
    found: list[Match] = []
    scan([log], load_rulebook([tmp_path / "ssh.yml"], cache=Cache(None)), on_matches=found.extend)
    assert [match.time // 10**9 for match in found] == [1_609_459_203]


def test_processes_that_helped_are_gone_when_the_scan_ends(
    tmp_path: Path, rulebook: Rulebook, rules: list[str]
) -> None:
    write(tmp_path / "a.jsonl", range(100))
    write(tmp_path / "b.jsonl", range(100))
    assert len(run([tmp_path], rulebook, rules, 2)) == 2 * 10
    assert not multiprocessing.active_children()
