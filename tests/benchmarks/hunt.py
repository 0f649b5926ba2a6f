"""One Sigma rule over many archived events: from the archive's columns, and by decoding the raw events again.

    python -m tests.benchmarks.hunt [--rows 10000000] [--events DIR] [--rule FILE] [--keep DIR]

Recorded events are archived over and over, with positions and times of their own, as a worker archives them
(hot segments, rolled and merged). Then the rule is held against all of them in new processes: from columns;
from raw events of the types that it serves, those that may match; and, on a tenth of the events, everything
decoded again whatever its type. Beside each its floor: reading the same bytes from the same files, and doing
nothing with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from detectors.contract import EventFrame
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import load_rules
from tests.benchmarks import cpu, highest
from tests.benchmarks.peer import joined, windows_rules
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.hunt.search import Search
from xdrtui.pipeline.archiving import Archiving
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.files import open_files
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.batch import BatchResult
from xdrtui.store.store import Store

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
RULE = (
    SHARED
    / "sigmahq"
    / "rules"
    / "windows"
    / "process_creation"
    / "proc_creation_win_whoami_all_execution.yml"
)
HOUR = 3_600_000_000_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--events", type=Path, default=SHARED / "mordor")
    parser.add_argument("--rule", type=Path, default=RULE)
    parser.add_argument("--keep", type=Path, help="make the archive here, or use what is there")
    parser.add_argument("--measure", choices=["columns", "raw", "everything"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.keep, options.rule, options.measure)))
        return 0
    if not options.events.is_dir():
        print(f"{options.events} is missing: name a folder of events with --events")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        workspace = options.keep or Path(scratch) / "store"
        if not (workspace / "archive").is_dir():
            make(workspace, options.events, options.rows, Path(scratch))
        for what in ("columns", "raw", "everything"):
            command = [
                sys.executable,
                "-m",
                "tests.benchmarks.hunt",
                "--keep",
                str(workspace),
                "--rule",
                str(options.rule),
            ]
            told = subprocess.run([*command, "--measure", what], capture_output=True, check=True)
            show(what, json.loads(told.stdout))
    return 0


def make(workspace: Path, events: Path, rows: int, scratch: Path) -> None:
    """Archive so many events."""
    names = ("rules", "rules-emerging-threats", "rules-threat-hunting")
    windows_rules([SHARED / "sigmahq" / name for name in names], scratch / "rules")
    detector = load_rulebook([scratch / "rules"]).detector
    decoder = Decoder(load_layouts(), detector.needs, detector.cache)
    path, _ = joined(events, scratch / "events.jsonl")
    batches: list[list[DecodedFrame]] = []
    count = size = 0
    for messages in open_files([path], batch_bytes=4 << 20):
        batches.append(decoder.decode(messages, ReplayClock()).frames)
        count += len(messages)
        size += sum(map(len, messages.payloads))
        if count >= 300_000:
            break
    print(f"{count:,} recorded events of {size / count:,.0f} bytes on average, archived over and over")
    before, began = cpu(), time.monotonic()
    with Store.open(workspace) as store:
        archiving = Archiving(store, Bounds(), clock=time.time_ns)
        done = turn = 0
        while done < rows:
            for frames in batches:
                for frame in frames:
                    frame._offsets = range(turn * count, turn * count + 2 * count)
                    frame.times = [turn * HOUR + each % HOUR for each in frame.times]
                appended = archiving.append(frames, [])
                assert appended is not None, archiving.fault
                store.commit_batch(BatchResult(appended=appended))
                archiving.keep(appended)
                done += appended.rows
                if done >= rows:
                    break
            turn += 1
        archiving.close()
        hot = cpu() - before
        archiving = Archiving(store, Bounds(), clock=time.time_ns, background=False)
        archiving.finish()
        archiving.close()
        spent, wall = cpu() - before, time.monotonic() - began
        files, kept, raw = store.connection.execute(
            "SELECT count(*), sum(size), sum(raw_size) FROM archive WHERE state <> 'old'"
        ).fetchone()
    print(
        f"{done:,} events archived in {wall:.0f} s, {spent / done * 1e6:.1f} us of the processor each"
        f" ({hot:.0f} s while writing, {spent:.0f} s in all); {raw / 1e9:.1f} GB in {kept / 1e9:.2f} GB,"
        f" {files:,} files"
    )


def measure(workspace: Path, rule: Path, what: str) -> dict[str, float]:
    """One way over all of the archive (over a tenth where everything is decoded), and its floor."""
    detector = SigmaDetector(load_rules([rule]))
    with Store.open(workspace, readonly=True) as store, Reader(store) as reader:
        if what == "everything":
            reader.files = reader.files[:: max(1, len(reader.files) // 200)]
        rows = reader.rows
        before, began = cpu(), time.monotonic()
        if what == "everything":
            hits, looked = everything(reader, detector), rows
        else:
            search = Search(reader, detector, load_layouts(), store.sources(), from_raw=what == "raw")
            hits, looked = sum(1 for _ in search.hits()), search.progress.rows
        seconds, spent = time.monotonic() - began, cpu() - before
        peak = highest()
        began = time.monotonic()
        read = floor(reader, detector, what)
        return {
            "rows": looked,
            "hits": hits,
            "seconds": seconds,
            "cpu": spent,
            "floor": time.monotonic() - began,
            "read": read,
            "memory": peak,
        }


def everything(reader: Reader, detector: SigmaDetector) -> int:
    """Decode every event, of whatever type, as a scan does."""
    decoder = Decoder(load_layouts(), detector.needs)
    found = 0
    for file in reader.files:
        for part in reader.parts(file, ()):
            raws = part.data["@raw"].to_list()
            uid = part.data["@source"][0]
            source = Source(uid, uid, "file")
            messages = Messages(source, 0, range(len(raws)), raws, part.data["@ingest"].to_list())
            for frame in decoder.decode(messages).frames:
                whole: EventFrame = frame.frame
                found += len(detector.detect(whole))
    return found


def floor(reader: Reader, detector: SigmaDetector, what: str) -> int:
    """Read the same columns of the same files and do nothing with them; return how many bytes they hold."""
    read = 0
    for file in reader.files:
        event_type = reader.type_of(file)
        assert event_type is not None
        needs = detector.needs(event_type)
        if what != "everything" and not needs:
            continue
        known = sorted(reader.known(file) & needs.fields) if what == "columns" else ["@raw"]
        path = file.where(reader._store.directory)
        read += int(pl.read_parquet(path, columns=known or ["@quality"], memory_map=False).estimated_size())
    return read


def show(what: str, told: dict[str, float]) -> None:
    names = {
        "columns": "from columns",
        "raw": "decoding again what may match",
        "everything": "decoding everything again",
    }
    print(
        f"{names[what]}: {told['rows']:,} events in {told['seconds']:.2f} s"
        f" ({told['rows'] / told['seconds']:,.0f}/s, {told['cpu']:.2f} s of the processor,"
        f" {told['memory']:,.0f} MB), {told['hits']:,} found;"
        f" floor {told['floor']:.2f} s: {told['read'] / 1e6:,.0f} MB read and unpacked;"
        f" {told['seconds'] / max(told['floor'], 1e-9):.1f} times it"
    )


if __name__ == "__main__":
    raise SystemExit(main())
