"""A worker on a real broker: events a second from bytes in Kafka to committed findings and archive.

    python -m tests.benchmarks.kafka_worker [--events 1000000] [--sessions DIR] [--seconds 20] [--no-archive]

A topic is preloaded with recorded events of about 1 KB, in zstd batches; one worker with SigmaHQ's rules for
Windows reads it to its end, the archive on. Beside it, as the ceiling, aiokafka's bare consumption of the
same topic, and a scan of the same events as a file. Then events come at half the worker's speed, and it is
measured how long after its producing each match can be read as an alert. Worker and broker have a core each.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import cpu, highest
from tests.benchmarks.peer import joined, windows_rules
from tests.kafka.broker import Broker

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
LEAST, MOST = 600, 1_600
PARTITIONS = 4
TOPIC = "events"
LIVE = "live"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=Path, default=SHARED / "mordor")
    parser.add_argument("--seconds", type=int, default=20, help="how long latency is measured")
    parser.add_argument("--no-archive", action="store_true")
    parser.add_argument("--part", choices=["bare", "work", "scan", "serve"], help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        parts: dict[str, Callable[..., None]]
        parts = {"bare": bare, "work": work, "scan": scan_file, "serve": serve}
        parts[options.part](*options.arguments)
        return 0
    if not options.sessions.is_dir():
        print(f"{options.sessions} is missing: name a folder of events with --sessions")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        measure(Path(scratch), options)
    return 0


def measure(folder: Path, options: argparse.Namespace) -> None:
    names = ("rules", "rules-emerging-threats", "rules-threat-hunting")
    rules = windows_rules([SHARED / "sigmahq" / name for name in names], folder / "rules")
    payloads = about_1_kb(options.sessions, folder)
    size = sum(map(len, payloads)) / len(payloads)
    print(
        f"{rules:,} rules; {len(payloads):,} recorded events of {size:,.0f} bytes on average, over and over"
    )
    broker = Broker(folder / "broker")
    broker.start()
    try:
        assert broker._process is not None
        os.sched_setaffinity(broker._process.pid, {1})
        asyncio.run(broker.create_topic(TOPIC, PARTITIONS))
        asyncio.run(broker.create_topic(LIVE, PARTITIONS))
        produce(broker.bootstrap(), TOPIC, payloads, options.events)
        say("aiokafka alone", part("bare", broker.bootstrap()), options.events)
        archive = "" if options.no_archive else "archive"
        before = broker_cpu(broker)
        told = part("work", broker.bootstrap(), str(folder), archive)
        broker_seconds = broker_cpu(broker) - before
        say("one worker" + (", archive on" if archive else ""), told, options.events)
        print(f"    the broker meanwhile: {broker_seconds:.1f} s of the processor")
        print(f"    memory at each quarter: {', '.join(f'{each:,.0f} MB' for each in told.pop('memory'))}")
        speeds = ", ".join(f"{each:,.0f}" for each in told.pop("speeds"))
        print(f"    events for each second of its processor, by quarter: {speeds}")
        print(
            f"    {told['findings']:,} findings, {told['archived']:,} archived, {told['kept']:,.0f} MB kept"
        )
        say("a scan of them as a file", part("scan", str(folder)), len(payloads))
        latency(broker, payloads, folder, options.events / told["seconds"] / 2, options.seconds)
    finally:
        broker.stop()


def about_1_kb(sessions: Path, folder: Path) -> list[bytes]:
    """Recorded events, as they stand in the recordings."""
    path, _ = joined(sessions, folder / "events.jsonl")
    found: list[bytes] = []
    with path.open("rb") as lines:
        for line in lines:
            if LEAST <= len(line) <= MOST:
                found.append(line.rstrip(b"\n"))
                if len(found) >= 300_000:
                    break
    (folder / "events.jsonl").write_bytes(b"\n".join(found) + b"\n")
    return found


def produce(bootstrap: str, topic: str, payloads: Sequence[bytes], count: int, rate: float = 0) -> None:
    """Produce so many, in zstd batches; rate: events a second, 0 = as fast as it goes."""
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": bootstrap, "compression.type": "zstd", "linger.ms": 50 if not rate else 5,
         "batch.size": 512_000, "queue.buffering.max.messages": 500_000}
    )  # fmt: skip
    began = time.monotonic()
    for number in range(count):
        while True:
            try:
                producer.produce(
                    topic, payloads[number % len(payloads)], partition=number // 500 % PARTITIONS
                )
                break
            except BufferError:
                producer.poll(0.1)
        if number % 200 == 0:
            producer.poll(0)
            if rate and (ahead := number / rate - (time.monotonic() - began)) > 0:
                time.sleep(ahead)
    producer.flush()


def part(name: str, *arguments: str) -> dict[str, Any]:
    """One part of the measuring, in a process of its own on core 0."""
    command = ["taskset", "-c", "0", sys.executable, "-m", "tests.benchmarks.kafka_worker", "--part", name]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def say(what: str, told: dict[str, Any], count: int) -> None:
    print(
        f"{what}: {count / told['seconds']:,.0f} events/s, {count / told['cpu']:,.0f} for each second of its"
        f" processor ({told['seconds']:.1f} s, {told['cpu']:.1f} s of the processor, {told['peak']:,.0f} MB)"
    )


def broker_cpu(broker: Broker) -> float:
    assert broker._process is not None
    fields = Path(f"/proc/{broker._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the parts


def bare(bootstrap: str) -> None:
    """Consume the topic and do nothing with it, as `sources.kafka` fetches."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async def consume() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=1 << 20,
            fetch_max_bytes=1 << 20,
        )  # fmt: skip
        await consumer.start()
        partitions = [TopicPartition(TOPIC, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = sum((await consumer.end_offsets(partitions)).values())
        before, began, seen = cpu(), time.monotonic(), 0
        while seen < ends:
            for records in (await consumer.getmany(timeout_ms=1000, max_records=4000)).values():
                seen += len(records)
        tell(before, began)
        await consumer.stop()

    asyncio.run(consume())


def tell(before: float, began: float, **more: object) -> None:
    print(json.dumps({"cpu": cpu() - before, "seconds": time.monotonic() - began, "peak": highest(), **more}))


def work(bootstrap: str, folder: str, archive: str) -> None:
    """Read the topic to its end."""
    from xdrtui.pipeline.memory import keep_pages, resident

    assert "polars" not in sys.modules
    keep_pages()  # as `xdrtui run` does
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.rulebook import load_rulebook
    from xdrtui.pipeline.worker import Summary, run_worker
    from xdrtui.settings.model import ArchiveSettings, KafkaSettings
    from xdrtui.store.archive import catalogue
    from xdrtui.store.store import Store

    memory: list[float] = []
    sofar: list[tuple[int, float]] = [(0, cpu())]

    def note(summary: Summary, waiting: int) -> None:
        memory.append(resident() / 1e6)
        sofar.append((summary.events, cpu()))

    process = Process(load_rulebook([Path(folder) / "rules"]))
    settings = KafkaSettings(brokers=[bootstrap], topics=[TOPIC], group="", start="earliest")
    kept = ArchiveSettings() if archive else None
    workspace = Path(folder) / "workspace"
    before, began = cpu(), time.monotonic()
    summary = run_worker(workspace, settings, process, until_end=True, progress=note, archive=kept)
    with Store.open(workspace, readonly=True) as store:
        total = catalogue.total(store.connection)
    at = [(len(memory) * n // 4) for n in range(5)] if len(memory) > 3 else []
    quarters = [memory[n - 1] for n in at[1:]]
    speeds = [
        (sofar[b][0] - sofar[a][0]) / max(sofar[b][1] - sofar[a][1], 1e-9) for a, b in itertools.pairwise(at)
    ]
    more = {"findings": summary.findings, "archived": total.rows, "kept": total.size / 1e6}
    tell(before, began, memory=quarters, speeds=speeds, **more)


def scan_file(folder: str) -> None:
    """Scan the same events from a file, in one process."""
    from xdrtui.pipeline.rulebook import load_rulebook
    from xdrtui.pipeline.scan import scan

    book = load_rulebook([Path(folder) / "rules"])
    before, began = cpu(), time.monotonic()
    summary = scan([Path(folder) / "events.jsonl"], book)
    tell(before, began, events=summary.counts.events)


def serve(bootstrap: str, folder: str) -> None:
    """Work on the live topic until ended by a signal."""
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.rulebook import load_rulebook
    from xdrtui.pipeline.worker import run_worker
    from xdrtui.settings.model import ArchiveSettings, KafkaSettings

    process = Process(load_rulebook([Path(folder) / "rules"]))
    settings = KafkaSettings(brokers=[bootstrap], topics=[LIVE], group="", start="earliest")
    run_worker(Path(folder) / "live", settings, process, archive=ArchiveSettings())


def latency(broker: Broker, payloads: Sequence[bytes], folder: Path, rate: float, seconds: int) -> None:
    """Produce at this rate, and see when each finding can be read as an alert."""
    from xdrtui.store.store import Store

    command = ["taskset", "-c", "0", sys.executable, "-m", "tests.benchmarks.kafka_worker", "--part", "serve"]
    worker = subprocess.Popen([*command, broker.bootstrap(), str(folder)])
    try:
        while not (folder / "live" / "live.sqlite").exists():
            time.sleep(0.2)
        time.sleep(5)
        child = os.fork()
        if child == 0:
            produce(broker.bootstrap(), LIVE, payloads, int(rate * seconds), rate)
            os._exit(0)
        waits: list[float] = []
        seen, end = 0, time.monotonic() + seconds + 3
        with Store.open(folder / "live", readonly=True) as store:
            version = 0
            while time.monotonic() < end:
                if (now := store.data_version()) == version:
                    time.sleep(0.01)
                    continue
                version = now
                rows = store.connection.execute(
                    "SELECT seq, ingest FROM findings WHERE seq > ? AND seq <="
                    " (SELECT coalesce(max(seq), 0) FROM cursors WHERE name = 'correlator') ORDER BY seq",
                    (seen,),
                ).fetchall()
                at = time.time_ns()
                waits += [(at - ingest) / 1e9 for _, ingest in rows]
                seen = rows[-1][0] if rows else seen
        os.waitpid(child, 0)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
    waits.sort()
    if not waits:
        print("latency: no event matched")
        return
    print(
        f"latency at {rate:,.0f} events/s: from producing to an alert that can be read p50"
        f" {statistics.median(waits) * 1e3:,.0f} ms, p99 {waits[int(len(waits) * 0.99)] * 1e3:,.0f} ms"
        f" ({len(waits):,} findings)"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    raise SystemExit(main())
