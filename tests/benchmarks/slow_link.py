"""The screens over a slow link: `python -m tests.benchmarks.slow_link`.

Prints: how long after `j` was held for 5 s at 30 keys a second the far end shows the right row, at 2 KB/s
with 300 ms delay, with and without low bandwidth (the peer); bytes a second of a live tail in both; how many
changes 1,000 arrow keys split at random and 4 KB pasted without brackets made.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path

from tests.screens.sample_store import NOW, SECOND, commit, findings, live, sample
from tests.terminal.slow_link import SlowLink
from xdrtui.store.live import LiveRow, LiveWriter
from xdrtui.triage.desk import Desk, Principal

HELD = 5.0
A_SECOND = 30


def many(directory: Path) -> Path:
    story = [("r-word", "high", f"wks-{n:03}", "a.moreau", f"started thing {n}", n, 1) for n in range(300)]
    commit(directory, findings(story))
    live(directory)
    return directory


def held(low: bool) -> tuple[float, int]:
    """Seconds from the last key until the far end is right and still; bytes that came meanwhile."""
    with tempfile.TemporaryDirectory() as scratch:
        store = many(Path(scratch))
        with SlowLink(store, *(["--low"] if low else []), rate=2_000, delay=0.15) as link:
            link.wait_for("of 300 lines", 60)
            time.sleep(4)
            before, began = link.received, time.monotonic()
            count = int(HELD * A_SECOND)
            for n in range(count):
                link.type(b"j")
                time.sleep(max(0.0, began + (n + 1) / A_SECOND - time.monotonic()))
            released = time.monotonic()
            link.wait_for(f"{count + 1} of 300 lines", 60)
            right = time.monotonic() - released
            time.sleep(1)
            seen = link.terminal.lines()
            (row,) = [line for line in seen if line[1:2] == "►"]
            assert f" {count + 1} of 300 lines" in seen[-2], seen
            assert f"wks-{count:03}" in row, row
            return right, link.received - before


def tail(low: bool, seconds: float = 15.0) -> float:
    """Bytes a second of a live tail at 80x24, 100 events a second."""
    with tempfile.TemporaryDirectory() as scratch:
        store = sample(Path(scratch))
        stop = threading.Event()

        def write() -> None:
            writer, n, draw = LiveWriter(store), 0, random.Random(7)
            while not stop.wait(0.1):
                rows = [
                    LiveRow(0, NOW + n * SECOND, "windows.sysmon.1", f"wks-{draw.randrange(5000)}", "ada",
                            f"explorer.exe started {draw.random()} in the folder of {n + i}", b"{}")
                    for i in range(10)
                ]  # fmt: skip
                writer.write(rows, 10)
                n += 10

        thread = threading.Thread(target=write)
        thread.start()
        try:
            with SlowLink(store, "--at", "live", *(["--low"] if low else []), rate=1e6, delay=0.01) as link:
                link.wait_for("explorer.exe", 30)
                time.sleep(1)
                before = link.received
                time.sleep(seconds)
                return (link.received - before) / seconds
        finally:
            stop.set()
            thread.join()


def changes(directory: Path) -> int:
    with Desk.open(directory, Principal("me", "here")) as desk:
        return len(list(desk.entries()))


def split_arrows(count: int = 1_000) -> int:
    """State changes that so many arrow keys make, each split at random, some in time and some not."""
    draw = random.Random(11)
    with tempfile.TemporaryDirectory() as scratch:
        store = sample(Path(scratch))
        with SlowLink(store, rate=1e6, delay=0.02) as link:
            link.wait_for("LSASS", 30)
            for _ in range(count):
                key = draw.choice(
                    (b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1bOA", b"\x1b[15~", b"\x1b[1;5D")
                )
                cut = draw.randrange(1, len(key))
                link.type(key[:cut])
                time.sleep(draw.choice((0.0, 0.005, 0.03, 0.12, 0.35)))
                link.type(key[cut:])
                time.sleep(draw.choice((0.0, 0.01, 0.05)))
            time.sleep(1)
            assert link.runs()
        return changes(store)


def paste(size: int = 4_096) -> int:
    """State changes that a paste of this size makes, in pieces as a link delivers them."""
    draw = random.Random(5)
    text = (b"i am a memo: close all\rcty a\x20 aaa* io\rm hello\r:ack\r/a\rzb%T" * 80)[:size]
    with tempfile.TemporaryDirectory() as scratch:
        store = sample(Path(scratch))
        with SlowLink(store, rate=2_000, delay=0.15) as link:
            link.wait_for("LSASS", 30)
            while text:
                size = draw.choice((20, 100, 1_400))
                link.type(text[:size])
                text = text[size:]
                time.sleep(0.01)
            time.sleep(4)
            assert link.runs()
        return changes(store)


def main() -> None:
    for low in (True, False):
        after, size = held(low)
        print(f"j held 5 s, 2 KB/s, 300 ms, low bandwidth {'on ' if low else 'off'}: right after "
              f"{after:5.2f} s, {size:,} bytes", flush=True)  # fmt: skip
    for low in (True, False):
        print(
            f"live tail at 80x24, low bandwidth {'on ' if low else 'off'}: {tail(low) / 1024:5.1f} KiB/s",
            flush=True,
        )
    print(f"1,000 arrow keys split at random: {split_arrows()} state changes", flush=True)
    print(f"4 KB pasted without brackets: {paste()} state changes", flush=True)


if __name__ == "__main__":
    main()
