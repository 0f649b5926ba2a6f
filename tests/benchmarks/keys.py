"""How long a key takes on a store of a million alerts.

Run: `python -m tests.benchmarks.keys [DIRECTORY] [KEYS]`. DIRECTORY: a store made by tests.benchmarks.queue,
by default its own. Meanwhile events go by in the live ring at 50,000 a second. Prints the time to the first
rows, then byte in to last byte out of `j` and of pages, and the memory of the screens at the end.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from tests.benchmarks import live, queue
from tests.terminal.ptys import Pty


def one(screen: Pty, key: bytes) -> float:
    """Milliseconds from a key to the last byte that it brought."""
    screen.drain(0.03)
    before, began = len(screen.sent), time.perf_counter()
    last = began
    screen.type(key)
    while time.perf_counter() - last < 0.03 and time.perf_counter() - began < 2:
        screen.drain(0.002)
        if len(screen.sent) > before:
            before, last = len(screen.sent), time.perf_counter()
        elif last == began:
            last = began if time.perf_counter() - began > 0.5 else time.perf_counter() - 0.01
    return (last - began) * 1000


def memory(pid: int) -> float:
    """Megabytes of the screens: the child of the process that keeps the terminal."""
    child = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    status = Path(f"/proc/{child}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(directory: Path, count: int) -> None:
    live.A_SECOND = 50_000
    producer = live.Producer(directory)
    producer.start()
    began = time.perf_counter()
    try:
        with Pty(directory) as screen:
            while (
                b"HIGH" not in screen.sent and b"CRIT" not in screen.sent and time.perf_counter() - began < 30
            ):
                screen.drain(0.005)
            screen.drain(2)
            for name, key in (("j", b"j"), ("page down", b"}")):
                took = [one(screen, key) for _ in range(count)]
                p99 = statistics.quantiles(took, n=100)[98]
                print(
                    f"{name:<10} median {statistics.median(took):6.1f} ms, 99th percentile {p99:6.1f} ms",
                    flush=True,
                )
            print(f"memory of the screens {memory(screen.pid):.0f} MB")
    finally:
        producer.stop.set()
        producer.join()


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else queue.directory_of(1_000_000)
    if not (chosen / "xdrtui.sqlite").exists():
        queue.build(chosen, 1_000_000)
    main(chosen, int(sys.argv[2]) if len(sys.argv) > 2 else 200)
