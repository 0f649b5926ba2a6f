"""The live pane at 60,000 events/s: `python -m tests.benchmarks.live [SECONDS]`.

A producer tells the ring of 60,000 events a second, as a worker does; the screens show the tail on a pty.
Half of the time the tail stands still. Prints: what the producer counted and what the screens say went by;
whether the frozen rows stayed the same cells; waiting, shown and left out against what was received.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.screens.sample_store import NOW, sample
from tests.terminal.slow_link import SlowLink
from xdrtui.store.live import LiveRow, LiveWriter

A_SECOND = 60_000
TICK = 0.05


class Producer(threading.Thread):
    """Writes as a worker does: in batches, a sample of rows and how many went by."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.count = 0
        self.stop = threading.Event()
        self._writer = LiveWriter(directory)

    def run(self) -> None:
        began = time.monotonic()
        while not self.stop.is_set():
            due = int((time.monotonic() - began) * A_SECOND) - self.count
            rows = [
                LiveRow(0, NOW + self.count, "zeek.conn", f"host-{n}", "u", f"event {self.count + n}", b"{}")
                for n in range(min(due, self._writer.room()))
            ]
            self._writer.write(rows, due)
            self.count += due
            time.sleep(TICK)
        self._writer.close()


def said(link: SlowLink) -> dict[str, int]:
    """The figures in the line below the tail."""
    text = link.terminal.lines()[-2].replace(",", "")
    names = {"waiting": r"(\d+) waiting", "seen": r"(\d+) events went by", "left out": r"(\d+) left out"}
    return {name: int(found[1]) for name, wanted in names.items() if (found := re.search(wanted, text))}


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        store = sample(Path(scratch))
        before = 40  # events that the sample store's own ring has told of
        producer = Producer(store)
        with SlowLink(store, "--at", "live", rate=1e7, delay=0.0, columns=120, lines=40) as link:
            link.wait_for("events went by", 30)
            producer.start()
            time.sleep(seconds / 2)
            link.type(b"s")
            link.wait_for("FROZEN", 5)
            time.sleep(0.3)
            rows, differed = link.terminal.lines()[3:-2], 0
            until = time.monotonic() + seconds / 2
            while time.monotonic() < until:
                time.sleep(0.2)
                differed += link.terminal.lines()[3:-2] != rows
            producer.stop.set()
            producer.join()
            time.sleep(1.5)
            found = said(link)
            at_freeze = found["seen"] - found["waiting"]
            went = found["seen"] - before
            verdict = "equal" if went == producer.count else "NOT EQUAL"
            print(f"produced {producer.count:,} in {seconds:.0f} s, the screens say {went:,}: {verdict}")
            print(
                f"frozen {seconds / 2:.0f} s: rows differed in {differed} looks; {found['waiting']:,} waiting"
            )
            link.type(b"s")
            time.sleep(1.5)
            text = link.terminal.lines()[-2]
            print(
                f"received {found['seen']:,} = {at_freeze:,} before it froze + {found['waiting']:,} waiting"
            )
            print(f"then: {text.strip()}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
