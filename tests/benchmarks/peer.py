"""Our scan against RSigma on the same core, rules and events: events a second, memory, and the same matches.

    python tests/benchmarks/peer.py --rsigma BINARY --config DIR --rules DIR [DIR ...] --events DIR [--runs 3]

config: the folder with RSigma's schema.yml and pipelines; rules: SigmaHQ folders, of which the rules for
Windows are used; events: folder of JSON-lines files (.gz or not), joined into one file for both. The runs
alternate, each pinned to core 0; the figures are medians, and the ratio is the median of the pairs' ratios.
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
from pathlib import Path

import yaml


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rsigma")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--rules", type=Path, nargs="+")
    parser.add_argument("--events", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if not (options.rsigma and options.config and options.rules and options.events):
        print("nothing to compare with: give --rsigma BINARY --config DIR --rules DIR --events DIR")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rules = windows_rules(options.rules, folder / "rules")
        events, count = joined(options.events, folder / "events.jsonl")
        print(f"{rules} rules, {count:,} events, {events.stat().st_size / 1e6:,.0f} MB")
        ours = [
            sys.executable,
            "-m",
            "xdrtui",
            "scan",
            str(events),
            "--rules",
            str(folder / "rules"),
            "--format",
            "jsonl",
        ]
        theirs = [
            options.rsigma, "engine", "eval", "-q", "-r", str(folder / "rules"), "--schema-routing",
            "--schema-config", "schema.yml", "-e", f"@{events}", "--output-format", "ndjson",
        ]  # fmt: skip
        compare(ours, theirs, events, folder, options.config)
        timed(ours, theirs, options.config, folder, count, options.runs)
    return 0


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


def run(command: list[str], cwd: Path, out: Path) -> tuple[float, float]:
    """Seconds and megabytes of one run, whole process, on core 0."""
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
    return time.perf_counter() - before, usage.ru_maxrss / scale


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
    for line in (folder / "theirs").open():
        match = json.loads(line)
        peer.add((match["rule_id"], match["event"]["xdrtui_number"]))
    print(f"matches: ours {len(mine):,}, RSigma {len(peer):,}, both {len(mine & peer):,}")
    print(f"only ours {len(mine - peer)}, only theirs {len(peer - mine)}")
    numbered.unlink()


def timed(ours: list[str], theirs: list[str], config: Path, folder: Path, count: int, runs: int) -> None:
    figures: list[tuple[float, float, float, float]] = []
    for _ in range(runs):
        figures.append((*run(ours, folder, folder / "out"), *run(theirs, config, folder / "out")))
    mine = statistics.median(f[0] for f in figures)
    peer = statistics.median(f[2] for f in figures)
    ratio = statistics.median(f[2] / f[0] for f in figures)
    print(f"xdrtui: {count / mine:,.0f} events/s, {statistics.median(f[1] for f in figures):,.0f} MB")
    print(f"RSigma: {count / peer:,.0f} events/s, {statistics.median(f[3] for f in figures):,.0f} MB")
    print(f"ratio, median of {runs} pairs: {ratio:.2f}")


if __name__ == "__main__":
    raise SystemExit(main())
