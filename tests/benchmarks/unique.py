"""What values that never repeat cost a scan, which lives on their repeating.

    python -m tests.benchmarks.unique [--percent 20] [--number 200000] [--runs 3] [--events DIR] [--rules DIR]

Two files of recorded events, made in a temporary folder: in both every fifth event (20 percent) is a recorded
process creation; in one it is as it was recorded, in the other its command lines are random, none of them
twice. Whole scans with SigmaHQ's rules for Windows, on core 0, alternating; medians.
`passes.py --unique 20` shows that memory stays bounded.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.peer import FOLDERS, SHARED, Run, run, windows_rules

Event = dict[str, Any]

KEPT = 2_000
"""Process creations that are used again and again; few, for a large parent shows in its children's memory."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--percent", type=int, default=20)
    parser.add_argument("--number", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--events", type=Path, default=SHARED / "data" / "mordor")
    parser.add_argument(
        "--rules", type=Path, nargs="+", default=[SHARED / "data" / "sigmahq" / name for name in FOLDERS]
    )
    options = parser.parse_args()
    for path in (*options.rules, options.events):
        if not path.exists():
            print(f"{path} is missing: nothing to read")
            return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        windows_rules(options.rules, folder / "rules")
        names = ("recorded", "random")
        for name in names:
            seed = 1 if name == "random" else None
            mixed(options.events, folder / name, options.number, options.percent, seed)
        commands = {
            name: [sys.executable, "-m", "xdrtui", "scan", str(folder / name), "--rules",
                   str(folder / "rules"), "--format", "jsonl"]
            for name in names
        }  # fmt: skip
        for command in commands.values():
            run(command, folder, folder / "out")
        figures: dict[str, list[Run]] = {name: [] for name in names}
        for _ in range(options.runs):
            for name, command in commands.items():
                figures[name].append(run(command, folder, folder / "out"))
        for name, found in figures.items():
            cpu, memory = (statistics.median(getattr(r, what) for r in found) for what in ("cpu", "memory"))
            print(
                f"{options.percent}% {name:8} command lines: {options.number / cpu:9,.0f} events/s of"
                f" processor time, {memory:5,.0f} MB"
            )
        slower = statistics.median(
            b.cpu / a.cpu for a, b in zip(figures["recorded"], figures["random"], strict=True)
        )
        print(f"random ones take {slower:.2f} times as long")
    return 0


def recorded(folder: Path) -> Iterator[bytes]:
    """The recorded lines, in the order of the files."""
    for path in sorted(folder.iterdir()):
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines


def mixed(source: Path, target: Path, number: int, percent: int, seed: int | None) -> None:
    """Write `number` events, `percent` of them process creations. seed: of their random command lines; None
    where they stay as they are."""
    creations = list(itertools.islice(filter(None, map(creation, recorded(source))), KEPT))
    text = None if seed is None else random_text(seed)
    others = recorded(source)
    with target.open("wb") as out:
        for index in range(number):
            if index % 100 < percent:
                event = creations[index % len(creations)]
                if text is not None:
                    event = {**event, "CommandLine": text(), "ParentCommandLine": text()}
                out.write(json.dumps(event).encode() + b"\n")
            else:
                out.write(next(others).rstrip(b"\n") + b"\n")


def creation(line: bytes) -> Event | None:
    """The event, if it is a process creation that Sysmon recorded."""
    if b'"CommandLine":' not in line or b"Sysmon/Operational" not in line:
        return None
    event: Event = json.loads(line)
    return event if str(event.get("EventID")) == "1" else None


def random_text(seed: int) -> Callable[[], str]:
    """Command lines as they come, and none twice: a program, options, paths, encoded blobs."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

    def word(length: int) -> str:
        return "".join(chance.choices(letters, k=length))

    def line() -> str:
        options = " ".join(
            f"-{word(3)} C:\\Users\\{word(8)}\\{word(12)}.dat" for _ in range(chance.randint(1, 4))
        )
        return f'"C:\\Program Files\\{word(10)}\\{word(6)}.exe" {options} {word(chance.randint(20, 200))}'

    return line


if __name__ == "__main__":
    raise SystemExit(main())
