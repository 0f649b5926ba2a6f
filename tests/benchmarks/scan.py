"""What a scan costs: beside merely reading the events as JSON, with half of the rules, with two processes.

Two scans that share nothing, of half the events each, show what the machine's two cores give at most.

    python -m tests.benchmarks.scan [--events DIR] [--rules DIR ...] [--runs 3]

By default the recorded sessions and SigmaHQ's rules for Windows that are kept beside the project. Whole
processes, on core 0 (but for two processes), medians of alternating runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.peer import joined, windows_rules

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
READ = "import sys, msgspec\nfor line in open(sys.argv[1], 'rb'): msgspec.json.decode(line)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=Path, default=SHARED / "mordor")
    names = ("rules", "rules-emerging-threats", "rules-threat-hunting")
    parser.add_argument(
        "--rules", type=Path, nargs="+", default=[SHARED / "sigmahq" / name for name in names]
    )
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not options.events.is_dir():
        print(f"{options.events} is missing: name a folder of events with --events")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rules = windows_rules(options.rules, folder / "rules")
        events, count = joined(options.events, folder / "events.jsonl")
        half = folder / "half"
        half.mkdir()
        for path in sorted((folder / "rules").iterdir())[::2]:
            shutil.copyfile(path, half / path.name)
        print(f"{rules:,} rules, {count:,} events, {events.stat().st_size / 1e6:,.0f} MB")
        scan = [sys.executable, "-m", "xdrtui", "scan", str(events), "--format", "jsonl", "--rules"]
        halves = [[*scan[:4], str(part), *scan[5:], str(folder / "rules")] for part in halved(events)]
        commands = {
            "scan": [("0", [*scan, str(folder / "rules")])],
            "scan, half of the rules": [("0", [*scan, str(half)])],
            "scan, two processes": [("0,1", [*scan, str(folder / "rules"), "--jobs", "2"])],
            "two scans, half of it each": [("0", halves[0]), ("1", halves[1])],
            "reading each line as JSON": [("0", [sys.executable, "-c", READ, str(events)])],
        }
        report(commands, count, options.runs)
    return 0


def halved(events: Path) -> list[Path]:
    """The events in two files of about the same size."""
    parts = [events.with_suffix(".first"), events.with_suffix(".second")]
    with events.open("rb") as source, parts[0].open("wb") as first, parts[1].open("wb") as second:
        left = events.stat().st_size // 2
        while left > 0 and (lines := source.readlines(min(left, 1 << 24))):
            first.writelines(lines)
            left -= sum(map(len, lines))
        shutil.copyfileobj(source, second)
    return parts


def report(commands: dict[str, list[tuple[str, list[str]]]], count: int, runs: int) -> None:
    for each in commands.values():
        run(each)  # fills the cache of rules and the page cache
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, each in commands.items():
            figures[name].append(run(each))
    base = figures["scan"]
    for name, found in figures.items():
        seconds, memory = (statistics.median(values) for values in zip(*found, strict=True))
        ratio = statistics.median(mine[0] / whole[0] for mine, whole in zip(found, base, strict=True))
        print(
            f"{name:28} {count / seconds:10,.0f} events/s {memory:6,.0f} MB   {ratio:.2f} of the scan's time"
        )


def run(commands: list[tuple[str, list[str]]]) -> tuple[float, float]:
    """Run these at once. Seconds, and megabytes of the largest process."""
    began = time.perf_counter()
    processes = []
    for cores, command in commands:
        pinned = ["taskset", "-c", cores, *command] if shutil.which("taskset") else command
        processes.append(subprocess.Popen(pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    largest = 0
    for process, (_, command) in zip(processes, commands, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}: ended with {process.returncode}")
        largest = max(largest, usage.ru_maxrss)
    return time.perf_counter() - began, largest / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    raise SystemExit(main())
