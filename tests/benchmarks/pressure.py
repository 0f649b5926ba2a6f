"""Memory of a worker while the topic is far ahead of it, as a local worker and as a fleet's.

    python -m tests.benchmarks.pressure [--messages 1000000] [--size 1000] [--archive]

A real broker (Java) is started and the topic filled first. The worker runs as `xdrtui run --until-end` does,
with the bundled rules; its memory is looked at each second, beside how many messages wait.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # beside this file stands a `queue.py`
sys.path.insert(0, str(Path(__file__).parents[2]))
from aiokafka import AIOKafkaProducer

from tests.benchmarks import highest
from tests.kafka.broker import Broker, Missing
from xdrtui.pipeline.memory import keep_pages, resident

PARTITIONS = 4
TOPIC = "pressure"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=1_000)
    parser.add_argument("--archive", action="store_true", help="the local worker keeps all events")
    parser.add_argument("--worker", nargs=3, metavar=("FOLDER", "BROKER", "MODE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        folder, bootstrap, mode = options.worker
        return worker(Path(folder), bootstrap, mode, options.archive)
    with tempfile.TemporaryDirectory() as scratch:
        broker = Broker(Path(scratch) / "broker")
        try:
            broker.start()
        except Missing as missing:
            print(missing)
            return 1
        try:
            asyncio.run(fill(broker, options.messages, options.size))
            print(f"{options.messages:,} messages of {options.size:,} bytes in {PARTITIONS} partitions, zstd")
            for mode in ("local", "fleet"):
                command = [
                    sys.executable,
                    __file__,
                    "--worker",
                    f"{scratch}/{mode}",
                    broker.bootstrap(),
                    mode,
                    *(["--archive"] if options.archive else []),
                ]
                subprocess.run(command, check=True)
        finally:
            broker.stop()
    return 0


async def fill(broker: Broker, count: int, size: int) -> None:
    await broker.create_topic(TOPIC, PARTITIONS, {"retention.ms": "-1"})
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap(),
        compression_type="zstd",
        linger_ms=20,
        max_batch_size=max(262_144, size + 1_000),
        max_request_size=max(1_048_576, 2 * size),
    )
    await producer.start()
    padding = "x" * max(0, size - 150)
    for number in range(count):
        value = (
            f'{{"_path":"conn","ts":{1_700_000_000 + number / 1000:.3f},"uid":"C{number * 7919 % 10**9}",'
            f'"id.orig_h":"10.0.{number % 251}.{number % 241}","id.resp_p":{number % 6000},'
            f'"note":"{padding}"}}'
        )
        await producer.send(TOPIC, value.encode(), partition=number % PARTITIONS)
    await producer.stop()


def worker(folder: Path, bootstrap: str, mode: str, archive: bool) -> int:
    """One worker in this process."""
    keep_pages()  # as `xdrtui run` does, before Polars is there
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.rulebook import load_rulebook
    from xdrtui.pipeline.worker import Summary, run_worker
    from xdrtui.settings.model import ArchiveSettings, KafkaSettings

    kept = ArchiveSettings() if archive and mode == "local" else None
    settings = KafkaSettings.model_validate(
        {
            "brokers": [bootstrap],
            "topics": [TOPIC],
            "group": f"pressure-{mode}",
            "start": "earliest",
            "mode": mode,
        }
    )
    seen: list[tuple[int, int, int]] = []
    began = time.process_time()

    def progress(summary: Summary, waiting: int) -> None:
        seen.append((summary.messages, waiting, resident()))

    summary = run_worker(
        folder, settings, Process(load_rulebook()), until_end=True, progress=progress, archive=kept
    )
    spent = time.process_time() - began
    for part in (0.1, 0.25, 0.5, 0.75, 1.0):
        done, waiting, memory = min(seen, key=lambda each: abs(each[0] - part * summary.messages))
        print(f"{mode:6} {done:10,} read {waiting:10,} waiting {memory / 1e6:6,.0f} MB")
    print(
        f"{mode:6} {summary.messages:,} messages in {summary.seconds:.1f} s,"
        f" {summary.events / spent:,.0f} events a CPU second, {os.cpu_count()} cores,"
        f" {highest():,.0f} MB at most"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
