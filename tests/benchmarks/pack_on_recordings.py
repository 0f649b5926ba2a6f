"""What the rule pack finds in recorded attack sessions.

Run: `python -m tests.benchmarks.pack_on_recordings [FOLDER]`. FOLDER: recordings of Windows sessions as JSON
lines (.jsonl, .jsonl.gz), by default those kept beside the project. Prints, for each rule that found
something, its matches and in how many recordings; nobody labelled the recordings, so this tells how loud a
rule is, not how right.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from pathlib import Path

from tests.shared_data import SHARED
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.files import open_files


def main(folder: str) -> None:
    book = load_rulebook()
    matches: Counter[str] = Counter()
    recordings: defaultdict[str, set[str]] = defaultdict(set)
    events = 0
    files = sorted(file for file in Path(folder).iterdir() if ".jsonl" in file.name)
    for file in files:
        process, clock = Process(book), ReplayClock()
        for messages in open_files([str(file)]):
            result = process.run(messages, clock)
            events += result.counts.get("events", 0)
            for found in result.found:
                if not found.muted:
                    matches[found.rule] += 1
                    recordings[found.rule].add(file.name)
    touched = set().union(*recordings.values())
    print(f"{events} events in {len(files)} recordings")
    print(f"{sum(matches.values())} matches of {len(matches)} rules, in {len(touched)} recordings")
    loud = {
        name for rule, where in recordings.items() for name in where if loud_level(book.rules[rule].level)
    }
    print(f"recordings with a match at level high or critical: {len(loud)}")
    for rule, number in matches.most_common():
        known = book.rules[rule]
        print(f"{number:6d} in {len(recordings[rule]):2d}  {known.level:13s} {known.title}")


def loud_level(level: str) -> bool:
    return level in ("high", "critical")


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "mordor"
    if chosen.is_dir():
        main(str(chosen))
    else:
        print(f"{chosen} is missing: name a folder of recordings")
