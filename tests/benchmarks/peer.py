"""Our scan against RSigma on the same core, rules and events: events a second, memory, and the same matches.

    RSIGMA=BINARY python -m tests.benchmarks.peer [--config DIR] [--rules DIR ...] [--events DIR] [--runs 3]

config: the folder with RSigma's schema.yml and pipelines; rules: SigmaHQ folders, of which the rules for
Windows are used; events: folder of JSON-lines files (.gz or not), joined into one file for both; by default
what is kept beside the project. The runs alternate, each pinned to core 0; figures and ratios are medians, by
the clock and by processor time. With one rule only, both show what merely reading the events costs them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")


class Run(NamedTuple):
    """One run of a whole process: seconds by the clock, of the processor, and peak megabytes."""

    seconds: float
    cpu: float
    memory: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rsigma", default=os.environ.get("RSIGMA"))
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("RSIGMA_CONFIG") or SHARED / "peers" / "rsigma"),
    )
    parser.add_argument(
        "--rules", type=Path, nargs="+", default=[SHARED / "data" / "sigmahq" / name for name in FOLDERS]
    )
    parser.add_argument("--events", type=Path, default=SHARED / "data" / "mordor")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not options.rsigma or not shutil.which(options.rsigma):
        print("RSigma's program is missing: give RSIGMA=BINARY, as for `make bench RSIGMA=BINARY`")
        return 0
    for path in (options.config / "schema.yml", *options.rules, options.events):
        if not path.exists():
            print(f"{path} is missing: nothing to compare with")
            return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rules = windows_rules(options.rules, folder / "rules")
        one = folder / "one"
        one.mkdir()
        shutil.copyfile(chosen(folder / "rules"), one / "rule.yml")
        events, count = joined(options.events, folder / "events.jsonl")
        print(f"{rules} rules, {count:,} events, {events.stat().st_size / 1e6:,.0f} MB")

        def commands(chosen: Path) -> tuple[list[str], list[str]]:
            return (
                [sys.executable, "-m", "xdrtui", "scan", str(events), "--rules", str(chosen), "--format",
                 "jsonl"],
                [options.rsigma, "engine", "eval", "-q", "-r", str(chosen), "--schema-routing",
                 "--schema-config", "schema.yml", "-e", f"@{events}", "--output-format", "ndjson"],
            )  # fmt: skip

        ours, theirs = commands(folder / "rules")
        compare(ours, theirs, events, folder, options.config)
        timed("all rules", ours, theirs, options.config, folder, count, options.runs)
        ours, theirs = commands(one)
        run(ours, folder, folder / "out")  # fills the cache of rules
        timed("one rule", ours, theirs, options.config, folder, count, options.runs)
    return 0


def chosen(folder: Path) -> Path:
    """One plain rule on process creation, the first."""
    for path in sorted(folder.iterdir()):
        body = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        if body["logsource"].get("category") == "process_creation":
            return path
    raise SystemExit("no rule on process_creation is among the rules")


def windows_rules(folders: list[Path], target: Path) -> int:
    """Copy the rules for Windows into one folder."""
    target.mkdir()
    number = 0
    for folder in folders:
        for path in sorted(folder.rglob("*.yml")):
            documents = [d for d in yaml.load_all(path.read_bytes(), yaml.CSafeLoader) if isinstance(d, dict)]
            if any(d.get("logsource", {}).get("product") == "windows" for d in documents):
                number += 1
                shutil.copyfile(path, target / f"{number:04}-{path.name}")
    return number


def joined(folder: Path, target: Path) -> tuple[Path, int]:
    """All events in one file, in the order of the files."""
    count = 0
    with target.open("wb") as out:  # streamed: a large parent would show in its children's peak memory
        for path in sorted(folder.iterdir()):
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
                for line in lines:
                    count += 1
                    out.write(line if line.endswith(b"\n") else line + b"\n")
    return target, count


def run(command: list[str], cwd: Path, out: Path) -> Run:
    """One run, whole process, on core 0."""
    before = time.perf_counter()
    with out.open("wb") as file:
        process = subprocess.Popen(
            ["taskset", "-c", "0", *command], cwd=cwd, stdout=file, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return Run(time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def compare(ours: list[str], theirs: list[str], events: Path, folder: Path, config: Path) -> None:
    """The sets of (rule, event) of both. Each event is numbered for the peer, which tells no line."""
    numbered = folder / "numbered.jsonl"
    with events.open("rb") as source, numbered.open("wb") as out:
        for number, line in enumerate(source):
            out.write(b'{"xdrtui_number":%d,' % number + line.lstrip()[1:])
    run(
        [part.replace(str(events), str(numbered)) for part in theirs] + ["--include-event"],
        config,
        folder / "theirs",
    )
    run(ours, folder, folder / "ours")
    mine = {(m["rule_id"], m["offset"]) for m in map(json.loads, (folder / "ours").open())}
    peer = set()
    for match in map(json.loads, (folder / "theirs").open()):
        peer.add((match["rule_id"], match["event"]["xdrtui_number"]))
    print(f"matches: ours {len(mine):,}, RSigma {len(peer):,}, both {len(mine & peer):,}")
    print(f"only ours {len(mine - peer)}, only theirs {len(peer - mine)}")
    numbered.unlink()


def timed(
    what: str, ours: list[str], theirs: list[str], config: Path, folder: Path, count: int, runs: int
) -> None:
    pairs = [(run(ours, folder, folder / "out"), run(theirs, config, folder / "out")) for _ in range(runs)]
    for name, found in zip(("xdrtui", "RSigma"), zip(*pairs, strict=True), strict=True):
        seconds, cpu, memory = (statistics.median(values) for values in zip(*found, strict=True))
        print(
            f"{what:10} {name}: {count / seconds:10,.0f} events/s by the clock,"
            f" {count / cpu:10,.0f} by processor time, {memory:5,.0f} MB"
        )
    print(
        f"{what:10} ratio, median of {runs} pairs: {_ratio(pairs, 'seconds'):.2f} by the clock,"
        f" {_ratio(pairs, 'cpu'):.2f} by processor time"
    )


def _ratio(pairs: Sequence[tuple[Run, Run]], measure: str) -> float:
    ratios = [float(getattr(peer, measure) / getattr(mine, measure)) for mine, peer in pairs]
    return statistics.median(ratios)


if __name__ == "__main__":
    raise SystemExit(main())
