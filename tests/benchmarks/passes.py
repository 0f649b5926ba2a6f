"""Memory over many passes in one process, as a worker has them: it must stay flat.

    python -m tests.benchmarks.passes [--passes 10] [--unique PERCENT] [--events DIR] [--rules DIR ...]

After each pass over the recorded events (kept beside the project) with SigmaHQ's rules for Windows: memory in
use, and processor time. With --unique that share of the events is taken by process creations whose command
line never was before, other ones in each pass: the caches must stay bounded.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # this folder, whose names shadow the library's
sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.benchmarks.peer import FOLDERS, SHARED, windows_rules
from tests.benchmarks.unique import mixed
from xdrtui.pipeline.garbage import rare_collections
from xdrtui.pipeline.memory import resident
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.scan import BATCH_BYTES, Scanner
from xdrtui.sources.files import open_files

MOST = 200_000
"""Events of a pass with --unique."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--unique", type=int, default=0, metavar="PERCENT")
    parser.add_argument("--events", type=Path, default=SHARED / "data" / "mordor")
    parser.add_argument(
        "--rules", type=Path, nargs="+", default=[SHARED / "data" / "sigmahq" / name for name in FOLDERS]
    )
    options = parser.parse_args()
    for path in (*options.rules, options.events):
        if not path.exists():
            print(f"{path} is missing: nothing to read")
            return 0
    with tempfile.TemporaryDirectory() as scratch, rare_collections():
        windows_rules(options.rules, Path(scratch) / "rules")
        book = load_rulebook([Path(scratch) / "rules"])
        scanner = Scanner(book)
        print(f"{len(book.rules):,} rules read: {resident() / 1e6:,.0f} MB")
        after: list[float] = []
        for number in range(1, options.passes + 1):
            paths = [options.events]
            if options.unique:
                paths = [Path(scratch) / "mixed.jsonl"]
                mixed(options.events, paths[0], MOST, options.unique, seed=number)
            began, events, matches = time.process_time(), 0, 0
            for messages in open_files(paths, batch_bytes=BATCH_BYTES):
                done = scanner.scan(messages)
                events, matches = events + done.counts.events, matches + len(done.matches)
            seconds = time.process_time() - began
            after.append(resident() / 1e6)
            print(
                f"pass {number:2}: {after[-1]:6,.0f} MB, {events / seconds:9,.0f} events/s of processor time,"
                f" {matches:,} matches",
                flush=True,
            )
    print(f"after the last pass {after[-1] / after[0]:.2f} times what it was after the first")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
