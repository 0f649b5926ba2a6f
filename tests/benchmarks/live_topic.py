"""The live pane over a topic itself: `python -m tests.benchmarks.live_topic [SECONDS] [A_SECOND]`.

A real broker (Java); a producer in a process of its own, 50,000 messages a second; the screens on a pty at
80x24, with no worker. Prints what was produced and what the screens say came in or was jumped over; byte in
to last byte out of `j` and `k` meanwhile; whether frozen rows stayed; memory.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.faults import Eye, until
from tests.benchmarks.keys import memory, one
from tests.kafka.broker import Broker, Missing
from tests.screens.sample_store import sample
from tests.terminal.ptys import Pty

TOPIC = "far"
PRODUCER = """
import sys, time
from confluent_kafka import Producer
broker, topic, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
producer = Producer({"bootstrap.servers": broker, "linger.ms": 20, "queue.buffering.max.messages": 500000,
                     "compression.type": "zstd"})
began, count = time.monotonic(), 0
while time.monotonic() - began < seconds:
    due = int((time.monotonic() - began) * rate)
    while count < due:
        producer.produce(topic, b'{"_path":"conn","ts":%d,"uid":"C%d","id.orig_h":"10.0.%d.%d","proto":"tcp"}'
                         % (time.time(), count, count % 200, count % 250))
        count += 1
    producer.poll(0.005)
producer.flush()
print(count)
"""


def figure(lines: list[str], words: str) -> int:
    found = re.search(rf"([\d,]+) {words}", lines[-2])
    return int(found[1].replace(",", "")) if found else 0


def main(seconds: float, rate: float) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        broker = Broker(Path(scratch) / "broker")
        try:
            broker.start()
        except Missing as missing:
            print(f"missing: {missing}")
            return 1
        try:
            asyncio.run(broker.create_topic(TOPIC, 4))
            watch(sample(Path(scratch) / "store"), broker.bootstrap(), seconds, rate)
        finally:
            broker.stop()
    return 0


def watch(store: Path, bootstrap: str, seconds: float, rate: float) -> None:
    with Pty(store, more=("--topic", f"{bootstrap}/{TOPIC}")) as screen:
        eye = Eye(screen)
        screen.type(b"3")
        screen.drain(1.0)
        screen.type(b"W")
        took = until(lambda: "connecting" not in "".join(eye.lines()) and "came in" in eye.lines()[-2], 30)
        screen.drain(2.0)
        print(f"the view stands {took:.1f} s after W; memory before {memory(screen.pid):.0f} MB")
        command = [sys.executable, "-c", PRODUCER, bootstrap, TOPIC, str(rate), str(seconds)]
        producer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        until(lambda: figure(eye.lines(), "messages came in") > rate, 20)
        keys = [one(screen, b"jk"[n % 2 : n % 2 + 1]) for n in range(100)]
        screen.type(b"s")
        until(lambda: "FROZEN" in eye.lines()[-2], 5)
        screen.drain(0.3)
        rows, differed, looks = eye.lines()[4:-2], 0, 0
        frozen = [one(screen, b"jk"[n % 2 : n % 2 + 1]) for n in range(100)]
        rows = eye.lines()[4:-2]
        while producer.poll() is None:
            screen.drain(0.2)
            looks += 1
            differed += eye.lines()[4:-2] != rows
        assert producer.stdout is not None
        produced = int(producer.stdout.read())
        screen.drain(2.0)
        waiting = figure(eye.lines(), "waiting")
        screen.type(b"s")
        screen.drain(1.5)
        last = eye.lines()
        came, skipped = figure(last, "messages came in"), figure(last, "jumped over")
        verdict = "equal" if came + skipped == produced else "NOT EQUAL"
        print(f"produced {produced:,}; came in {came:,} + jumped over {skipped:,}: {verdict}")
        for name, took_ms in (("while it runs", keys), ("frozen", frozen)):
            cuts = statistics.quantiles(took_ms, n=100)
            percentiles = f"95th percentile {cuts[94]:.1f}, 99th {cuts[98]:.1f}"
            print(f"j and k, {name}: median {statistics.median(took_ms):.1f} ms, {percentiles}")
        print(f"frozen: rows differed in {differed} of {looks} looks; {waiting:,} waiting")
        print(f"memory after {memory(screen.pid):.0f} MB")
        print(last[-2])


if __name__ == "__main__":
    given = [float(each) for each in sys.argv[1:]]
    sys.exit(main(given[0] if given else 30.0, given[1] if len(given) > 1 else 50_000.0))
