"""How long the line of rarity takes on a large archive.

Run: `python -m tests.benchmarks.rarity [EVENTS] [DIRECTORY]`.
Archives recorded events over and over, spread over thirty days and 400 hosts, then the recording itself with
its alerts (kept in the directory and used again). Prints the time from pressing enter on an alert, the first
thing done in a process, until the line of rarity stands on the screen; the same for the alerts after it; and
the time of the answers alone, in a process that asked nothing before and in one that did.
"""

from __future__ import annotations

import gzip
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tests.shared_data import SHARED
from tests.terminal.ptys import Pty
from tests.terminal.slow_link import FarTerminal
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.archiving import Archiving
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.batch import BatchResult
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk, Principal

EVENTS = 3_000_000
RECORDED = 30_000
HOSTS = 400
DAY = 86_400 * 1_000_000_000
GOAL = 300


def recording() -> list[bytes]:
    """Recorded events, a line each; of the largest recordings that name more than one host."""
    lines: list[bytes] = []
    for path in sorted((SHARED / "mordor").glob("*.jsonl.gz"), key=lambda path: -path.stat().st_size)[3:]:
        with gzip.open(path) as log:
            lines += islice(log, RECORDED // 3)
        if len(lines) >= RECORDED:
            break
    return lines[:RECORDED]


def build(directory: Path, events: int) -> None:
    """A workspace with so many archived events, thirty days of them, and the alerts of the last recording."""
    lines, book = recording(), load_rulebook()
    log = directory.parent / f"{directory.name}.jsonl"
    log.write_bytes(b"".join(lines))
    fill(directory, [log], book, archive=Bounds())
    with Store.open(directory) as store:
        process = Process(book)
        last = int(store.connection.execute("SELECT max(last_seen) FROM alerts").fetchone()[0])
        archiving = Archiving(store, Bounds(), clock=time.time_ns, background=False)
        turns = max(1, events // len(lines))
        for turn in range(turns):
            slot = 30 * DAY // turns
            for frames in retold(lines, process, turn, last - 30 * DAY + turn * slot, slot):
                appended = archiving.append(frames, [])
                assert appended is not None, archiving.fault
                store.commit_batch(BatchResult(appended=appended))
                archiving.keep(appended)
            if turn % 5 == 4:
                archiving.finish()
            print(
                f"\rarchiving {(turn + 1) * len(lines):,} of {events:,}", end="", file=sys.stderr, flush=True
            )
        archiving.finish()
        archiving.close()
    print(file=sys.stderr)


def retold(
    lines: Sequence[bytes], process: Process, turn: int, begin: int, slot: int
) -> Iterator[list[DecodedFrame]]:
    """The events on other hosts and at other times, evenly in the slot that begins then, decoded."""
    names = sorted({found[1] for line in lines for found in [_HOST.search(line)] if found})
    others = {name: f"wks-{(turn * len(names) + at) % HOSTS:03}".encode() for at, name in enumerate(names)}
    either = re.compile(b"|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    source = Source("archived:1", "archived", "file")
    for at in range(0, len(lines), 10_000):
        payloads = [either.sub(lambda found: others[found[0]], line) for line in lines[at : at + 10_000]]
        first = turn * len(lines) + at
        offsets = list(range(first, first + len(payloads)))
        frames = process.decoder.decode(
            Messages(source, 0, offsets, payloads, [begin] * len(payloads))
        ).frames
        for frame in frames:
            frame.times = [begin + (at + message) * slot // len(lines) for message in frame.messages]
        yield frames


_HOST = re.compile(rb'"(?:Hostname|Computer|host)": ?"([A-Za-z0-9-]{4,})\.')


def answers_alone(directory: Path) -> list[float]:
    """Milliseconds of the first call in a process, with all that it imports, and of those after it."""
    took = []
    with Desk.open(directory, Principal("me", "here"), readonly=True) as desk:
        for row in desk.alerts(AlertQuery(), 12):
            detail = desk.alert(row.id)
            began = time.perf_counter()
            desk.rarity(detail)
            took.append((time.perf_counter() - began) * 1000)
    return took


class Screen:
    """The screens in a terminal, as a person sees them."""

    def __init__(self, pty: Pty) -> None:
        self._pty = pty
        self._terminal = FarTerminal(80, 24)
        self._taken = 0

    def text(self) -> str:
        self._pty.drain(0.001)
        sent, self._taken = self._pty.sent[self._taken :], len(self._pty.sent)
        self._terminal.take(sent.decode("utf-8", "replace"))
        return "\n".join(self._terminal.lines())

    def wait(self, holds: Callable[[str], object]) -> float:
        """Milliseconds until this holds of what is on the screen."""
        began = time.perf_counter()
        while not holds(text := self.text()):
            if time.perf_counter() - began > 20:
                raise SystemExit(f"never came:\n{text}")
        return (time.perf_counter() - began) * 1000

    def pass_time(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.text()


def on_screen(directory: Path, wait: float, alerts: int = 8) -> list[float]:
    """Milliseconds from the key to the figures on the screen: enter on the first alert, then `J`. wait:
    seconds between the first rows and the first key."""
    took = []
    with Pty(directory) as pty:
        screen = Screen(pty)
        screen.wait(lambda text: "HIGH" in text or "MED" in text)
        screen.pass_time(wait)
        before = ""
        for key in [b"\r", *[b"J"] * (alerts - 1)]:
            pty.type(key)
            took.append(screen.wait(lambda text, before=before: shown(text) and address(text) != before))  # type: ignore[misc]
            before = address(screen.text())
            screen.pass_time(0.7)
    return took


def address(text: str) -> str:
    """The alert that stands on the screen."""
    found = re.search(r"alert ([0-9a-f]{8})", text)
    return found[1] if found else ""


def shown(text: str) -> bool:
    """The figures of rarity stand on the screen."""
    return re.search(r"^ rarity +(?!being looked up)", text, re.MULTILINE) is not None


def main(events: int, directory: Path) -> int:
    if not (SHARED / "mordor").is_dir():
        print(f"{SHARED / 'mordor'} is missing: this needs recorded events")
        return 0
    if not (directory / "xdrtui.sqlite").exists():
        build(directory, events)
    size = sum(path.stat().st_size for path in (directory / "archive").iterdir())
    files = len(list((directory / "archive").glob("*.parquet")))
    noted = (directory / "seen.sqlite").stat().st_size
    print(
        f"about {events:,} archived events over 30 days and {HOSTS} hosts: {files:,} files,"
        f" {size / 1e6:,.0f} MB, what is noted of them {noted / 1e6:,.1f} MB"
    )
    slowest = 0.0
    for wait, what in ((0.0, "as soon as the first rows stand"), (2.0, "two seconds later")):
        for _ in range(3):
            first, *rest = on_screen(directory, wait)
            slowest = max(slowest, first if wait else 0, *rest)
            print(
                f"enter, {what:<32} {first:5.0f} ms; the next {len(rest)} alerts:"
                f" median {statistics.median(rest):4.0f} ms, slowest {max(rest):4.0f} ms",
                flush=True,
            )
    command = [sys.executable, "-m", "tests.benchmarks.rarity", "--alone", str(directory)]
    first, *rest = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(
        f"the answers alone, first call of a process {first:5.0f} ms;"
        f" later ones {statistics.median(rest):4.0f} ms, slowest {max(rest):4.0f} ms"
    )
    return 0 if slowest < GOAL else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        print(json.dumps(answers_alone(Path(sys.argv[2]))))
    else:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
        scratch = Path(tempfile.gettempdir()) / f"rarity-{count}"
        sys.exit(main(count, Path(sys.argv[2]) if len(sys.argv) > 2 else scratch))
