"""How long a key takes on a store of a million alerts.

Run: `python -m tests.benchmarks.keys [DIRECTORY] [KEYS] [MINUTES]`. DIRECTORY: a store made by
tests.benchmarks.queue, by default its own. Meanwhile events go by in the live ring at 50,000 a second. Prints
the time to the first rows, then byte in to last byte out of `j` and of pages, then the memory of the screens
minute by minute while somebody goes through the queue, alerts and live events. Goals: rows after 500 ms,
filters 200 ms, 95 of 100 frames 16 ms while scrolling, 99 of 100 keys 50 ms; 250 MB, growing by less than
20 MB in ten minutes.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks import live, queue
from tests.terminal.ptys import Pty
from tests.terminal.slow_link import SlowLink

FILTERS = (b"host:wks-0042", b"mimikatz", b"user:user042 level>=high", b"powershell.exe")


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


def opening_and_filters(directory: Path) -> Iterator[tuple[str, float]]:
    """Milliseconds until the first row is another than before, by what was asked for; rows are seen as a
    terminal shows them."""
    began = time.perf_counter()
    with SlowLink(directory, rate=1e8, delay=0.0) as link:
        frame = 0.0
        while (not frame or not _row(link)) and time.perf_counter() - began < 20:
            time.sleep(0.002)
            if not frame and "SEV" in "".join(link.terminal.lines()):
                frame = time.perf_counter()
                yield "first frame after exec", (frame - began) * 1000
        yield "rows after the first frame", (time.perf_counter() - frame) * 1000
        for text in FILTERS:
            time.sleep(2.5)
            link.type(b"/")
            time.sleep(0.5)
            link.type(b"\x15" + text)
            time.sleep(1.0)
            before, began = _row(link), time.perf_counter()
            link.type(b"\r")
            while _row(link) in ("", before) and time.perf_counter() - began < 20:
                time.sleep(0.002)
            yield f"filter {text.decode()}", (time.perf_counter() - began) * 1000


def _row(link: SlowLink) -> str:
    """The first row of data; "" while there is none."""
    words = ("CRIT", "HIGH", "MED", "LOW", "INFO")
    return next((row for row in link.terminal.lines() if row[2:9].strip().endswith(words)), "")


def screens(pid: int) -> Path:
    """What the system tells of the screens: the child of the process that keeps the terminal."""
    return Path("/proc", Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def memory(pid: int) -> float:
    """Megabytes of the screens."""
    status = (screens(pid) / "status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def processor(pid: int) -> float:
    """Milliseconds of the processor that the screens took so far."""
    user, system = (screens(pid) / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def produce(directory: Path) -> None:
    """Tell the live ring of 50,000 events a second, as a worker does, until ended."""
    live.A_SECOND = 50_000
    live.Producer(directory).run()


def ten_minutes(screen: Pty, minutes: float) -> tuple[float, float]:
    """Somebody works for so long; megabytes at the most, and how much they grew by after the first minute."""
    began, sizes = time.perf_counter(), [memory(screen.pid)]
    rounds, told = 0, 0
    while time.perf_counter() - began < minutes * 60:
        for key in ROUND:
            screen.type(key)
            screen.drain(0.5)
        rounds += 1
        sizes.append(memory(screen.pid))
        del screen.sent[:]
        if time.perf_counter() - began >= (told + 1) * 60:
            told += 1
            print(f"  after {told:2} min and {rounds * len(ROUND):5,} keys {sizes[-1]:6.0f} MB", flush=True)
    after_one = sizes[min(len(sizes) - 1, len(sizes) // max(1, round(minutes)))]
    return max(sizes), max(sizes[-max(1, len(sizes) // 10) :]) - after_one


ROUND = (b"j", b"j", b"\r", b"J", b"}", b"q", b"}", b"3", b"j", b"s", b"s", b"1", b"k", b"G", b"g", b"g")
"""Keys of somebody at work: down, an alert, the next, a page of it, back, live events, stopped and on."""


def main(directory: Path, count: int, minutes: float) -> int:
    fine = True
    for what, took_ms in opening_and_filters(directory):
        print(f"{what:<32} {took_ms:6.0f} ms", flush=True)
        fine &= took_ms < (300 if what.startswith("first") else 500 if what.startswith("rows") else 200)
    producer = get_context("spawn").Process(target=produce, args=(directory,))  # it must not slow the clock
    producer.start()
    began = time.perf_counter()
    try:
        with Pty(directory) as screen:
            while (
                b"HIGH" not in screen.sent and b"CRIT" not in screen.sent and time.perf_counter() - began < 30
            ):
                screen.drain(0.005)
            screen.drain(3)
            for name, key in (("j", b"j"), ("page down", b"}")):
                before = processor(screen.pid)
                took = [one(screen, key) for _ in range(count)]
                spent = (processor(screen.pid) - before) / count
                cuts = statistics.quantiles(took, n=100)
                print(
                    f"{name:<10} median {statistics.median(took):6.1f} ms, 95th percentile"
                    f" {cuts[94]:6.1f} ms, 99th {cuts[98]:6.1f} ms; {spent:.1f} ms of the processor a frame",
                    flush=True,
                )
                fine &= cuts[98] < 50 and (cuts[94] < 16 or key != b"j")
            most, grown = ten_minutes(screen, minutes)
            print(f"memory of the screens at most {most:.0f} MB, grown by {grown:.1f} MB in {minutes:g} min")
            fine &= most < 250 and grown < 20
    finally:
        producer.terminate()
        producer.join()
    return 0 if fine else 1


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else queue.directory_of(1_000_000)
    if not (chosen / "xdrtui.sqlite").exists():
        queue.build(chosen, 1_000_000)
    keys = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    sys.exit(main(chosen, keys, float(sys.argv[3]) if len(sys.argv) > 3 else 10))
