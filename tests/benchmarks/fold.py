"""The limit of one workbench's fold: findings a second out of a findings topic into alerts.

    python -m tests.benchmarks.fold [--findings 100000] [--runs 3]

The records are those that workers write, decoded, stored and folded into alerts as `xdrtui fold` does it; the
broker is left out, since it delivers far more than that. Beside it, as a ceiling: only decoding the records.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.pop(0)  # beside this file stands a `queue.py`
sys.path.insert(0, str(Path(__file__).parents[2]))
from detectors.sigma.cache import Cache
from xdrtui.events.message import Messages, Position, Source
from xdrtui.pipeline.fleet_fold import FoldSink
from xdrtui.pipeline.fleet_records import COUNTED, Summary, decode, encode, origin, results_of
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.partitions import Fetched
from xdrtui.store.batch import BatchResult, Found

NOW = 1_800_000_000 * 10**9
HOUR = 3_600 * 10**9
TOPIC = "xdrtui-findings"
UID = "kafka:c:events:0"
PARTITIONS = 16
BATCH = 40
"""Findings of one batch of a worker: 0.1% of 40,000 events."""

EVERY = 2_000
"""Findings between two summaries of every partition."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    cases: dict[str, list[bytes]] = {
        "100 findings an alert": records(options.findings, options.findings // 100, hosts=0),
        "10 findings an alert": records(options.findings, options.findings // 10, hosts=0),
        "each finding its own alert": records(options.findings, options.findings, hosts=0),
        "100 an alert, and summaries of 200 hosts": records(
            options.findings, options.findings // 100, hosts=200
        ),
    }
    print(f"{options.findings:,} findings with 1 KB of evidence each; medians of {options.runs} runs")
    for name, payloads in cases.items():
        ceiling = measured(options.runs, partial(read, payloads))
        folding = measured(options.runs, partial(fold, payloads))
        size = sum(map(len, payloads)) / options.findings
        print(
            f"{name:42} {options.findings / folding:8,.0f} findings/s a CPU second,"
            f" {size:5,.0f} bytes each; decoding alone is {folding / ceiling:.1f} times as fast"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")
    return 0


def measured(runs: int, work: Callable[[], object]) -> float:
    """CPU seconds."""
    found = []
    for _ in range(runs):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)


def records(count: int, alerts: int, hosts: int) -> list[bytes]:
    """What workers write of so many findings. hosts: how many stand in each summary with 20 fields."""
    payloads, ends = [], [0] * PARTITIONS
    presence = tuple(
        ("windows.sysmon.1", f"host-{number}", {f"field{each}": 40 for each in range(20)})
        for number in range(hosts)
    )
    for begin in range(0, count, BATCH):
        partition = begin // BATCH % PARTITIONS
        at = origin(Source(UID, "events", "kafka"), partition)
        part = range(begin, min(begin + BATCH, count))
        found = [one(number, number % alerts, partition) for number in part]
        payloads += [encode(each) for each in results_of(at, BatchResult(found=found))]
        if begin % EVERY < BATCH:
            for each in range(PARTITIONS):
                where = origin(Source(UID, "events", "kafka"), each)
                start, ends[each] = ends[each], begin + 1
                read = ends[each] - start
                counts = (read, read, read, 0, 0, 0)
                assert len(counts) == len(COUNTED)
                time_seen = NOW + begin * 10**6
                summary = Summary(where, start, ends[each], time_seen, False, False, counts, presence)
                payloads.append(encode(summary))
    return payloads


def one(number: int, alert: int, partition: int) -> Found:
    host = f"host-{alert % 5_000}"
    raw = json.dumps({"EventID": 1, "Computer": host, "CommandLine": f"cmd {number} " + "x" * 900}).encode()
    return Found(
        rule=f"00000000-0000-0000-0000-{alert // 5_000:012d}",
        position=Position(UID, partition, number),
        time=NOW + number * 10**6,
        quality=0,
        ingest=NOW + number * 10**6,
        event_type="windows.sysmon.1",
        level="high",
        host=host,
        user="user",
        group=(("host.name", host),),
        window=HOUR,
        entities=(("host", host), ("user", "user"), ("process", "C:\\Windows\\System32\\cmd.exe")),
        captures={},
        matched={"CommandLine": "cmd /c whoami"},
        summary=f"cmd.exe started on {host} by user",
        raw=raw,
        event_hash=hashlib.blake2b(raw, digest_size=16).digest(),
        rule_hash="0" * 32,
    )


def read(payloads: Sequence[bytes]) -> None:
    for payload in payloads:
        decode(payload)


def fold(payloads: Sequence[bytes]) -> None:
    """As a worker does it: fetches of up to 4 MB, each a transaction, then alerts."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules"
        rules.mkdir()
        process = Process(load_rulebook([rules], cache=Cache(Path(folder) / "cache")))
        sink = FoldSink(Path(folder) / "store", TOPIC, process, clock=lambda: NOW)
        source = Source(f"kafka:c:{TOPIC}:0", TOPIC, "kafka")
        sink.stored(f"kafka:c:{TOPIC}:")
        at = 0
        while at < len(payloads):
            end, size = at, 0
            while end < len(payloads) and size < 4_000_000 and end - at < 4_000:
                size += len(payloads[end])
                end += 1
            part = payloads[at:end]
            messages = Messages(source, 0, range(at, end), part, [NOW + HOUR] * len(part))
            sink.commit([Fetched(messages, at if at else -1, end, b"", 0, 0)])
            sink.fold(False)
            at = end
        sink.close()


if __name__ == "__main__":
    raise SystemExit(main())
