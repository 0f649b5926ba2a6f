"""How soon the screens tell of faults, and how long keys take meanwhile: `python -m tests.benchmarks.faults`.

A real broker (Java), a real worker, the screens on a pty at 80x24. Each fault is made from outside; printed
are the seconds until the red line says it, the sentence, and byte in to last byte out of `j` and `k` while it
lasts. The worker that is stuck is made so by a batch that takes 20 s; the full disk is a tmpfs of 300 MB, for
which one must be root.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaProducer

from tests.benchmarks.keys import one
from tests.kafka.broker import Broker, Missing
from tests.screens.sample_store import commit, findings
from tests.terminal.ptys import Pty
from tests.terminal.slow_link import FarTerminal

TOPIC = "faults"
A_SECOND = 200
STUCK = """
import sys, time
from pathlib import Path
from xdrtui.pipeline.process import Process
from screens.main import main
flag, run = Path(sys.argv.pop(1)), Process.run
def slow(self, *given):
    while flag.exists():
        time.sleep(0.1)
    return run(self, *given)
Process.run = slow
main()
"""


class Stream(threading.Thread):
    """Events that come in all the while, as far as there is a broker."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self._to = bootstrap

    def run(self) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(Exception):
                asyncio.run(self._send())
            time.sleep(0.2)

    async def _send(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._to, request_timeout_ms=2_000)
        await producer.start()
        try:
            number = 0
            while not self.stop.is_set():
                for _ in range(A_SECOND // 10):
                    number += 1
                    event = b'{"_path":"conn","ts":%d,"uid":"C%d","id.orig_h":"10.0.0.1"}'
                    sent = await producer.send(TOPIC, event % (time.time(), number))
                    sent.add_done_callback(lambda done: done.cancelled() or done.exception())
                await asyncio.sleep(0.1)
        finally:
            await producer.stop()


class Rig:
    """A workspace with its settings, a worker on it, and the screens."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.workspace = folder / "workspace"
        self.settings = folder / "settings.yml"
        self.settings.write_text(
            f"profiles:\n  default:\n    workspace: {self.workspace}\n    kafka:\n"
            f"      brokers: ['{broker.bootstrap()}']\n      topics: [{TOPIC}]\n      group: {folder.name}\n"
            "    archive:\n      free_megabytes: 1\n"
        )
        self.log = folder / "worker.log"
        self.flag = folder / "stuck"
        commit(self.workspace, findings(), worker=False)  # something for `j` to move over
        self.start()

    def start(self) -> None:
        """A worker, which is stuck while the flag is there."""
        self._log = self.log.open("ab")
        command = [sys.executable, "-c", STUCK, str(self.flag), "--settings", str(self.settings), "run"]
        self.worker = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def end(self) -> None:
        for number in (signal.SIGCONT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.worker.pid, number)
        self.worker.wait()
        self._log.close()


class Eye:
    """What stands on the screen."""

    def __init__(self, screen: Pty) -> None:
        self.screen, self._far, self._read = screen, FarTerminal(80, 24), 0

    def lines(self) -> list[str]:
        self.screen.drain(0.02)
        data = bytes(self.screen.sent)
        self._far.take(data[self._read :].decode("utf-8", "replace"))
        self._read = len(data)
        return self._far.lines()

    def red(self) -> str:
        """What the red line says, if there is one: between the status line and the panes."""
        lines = self.lines()
        until = next((n for n, line in enumerate(lines[:5]) if "live" in line.lower().split()), 1)
        return " ".join(" ".join(lines[1:until]).split())


def until(met: Callable[[], bool], seconds: float) -> float:
    """Seconds until it is so; infinite where it is not in time."""
    began = time.monotonic()
    while not met():
        if time.monotonic() - began > seconds:
            return float("inf")
        time.sleep(0.01)
    return time.monotonic() - began


def watched(rig: Rig, name: str, make: Callable[[], object], words: str, undo: Callable[[], object]) -> None:
    """Make a fault, see what is said when, press keys, undo it, see it gone."""
    with Pty(rig.workspace) as screen:
        eye = Eye(screen)
        if until(lambda: "1 worker" in eye.lines()[0] and not eye.red(), 60) == float("inf"):
            print(f"{name}: the screens never saw a healthy worker: {eye.lines()[:3]}")
            print(rig.log.read_text("utf-8", "replace")[-1000:])
            return
        make()
        took = until(lambda: words in eye.red(), 30)
        said = eye.red()
        keys = [one(screen, b"jk"[number % 2 : number % 2 + 1]) for number in range(60)]
        after = eye.red()
        undo()
        gone = until(lambda: not eye.red(), 60)
        print(
            f"{name:<18} told after {took:4.1f} s, gone {gone:4.1f} s after its end;"
            f" keys: median {statistics.median(keys):4.1f} ms, worst {max(keys):5.1f} ms",
            flush=True,
        )
        print(f"{'':<18} {said}", flush=True)
        if gone == float("inf"):
            print(f"{'':<18} afterwards: {eye.red()}; the worker's code: {rig.worker.poll()}", flush=True)
            print(rig.log.read_text("utf-8", "replace")[-600:])
        if after and after.split(" for ")[0] != said.split(" for ")[0]:
            print(f"{'':<18} then: {after}", flush=True)


def locked(rig: Rig) -> tuple[Callable[[], object], Callable[[], object]]:
    """Hold the database from another connection, and let go of it."""
    connection = sqlite3.connect(rig.workspace / "xdrtui.sqlite", isolation_level=None, timeout=30)
    return lambda: connection.execute("BEGIN EXCLUSIVE"), lambda: connection.execute("ROLLBACK")


def fill_up(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 100_000)
            file.flush()
    return ballast


def small_disk(folder: Path) -> Path | None:
    """A file system of 300 MB; None where this user may not make one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(folder)]
    return folder if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None


def on_a_full_disk(folder: Path, broker: Broker) -> None:
    disk = small_disk(folder / "disk")
    if disk is None:
        print("full disk          missing: only root can mount a tmpfs")
        return
    try:
        rig = Rig(disk, broker)
        try:

            def make_room() -> None:
                """The worker has stopped by then; started anew it goes on where it was."""
                time.sleep(10)
                (disk / "ballast").unlink()
                rig.end()
                rig.start()

            watched(rig, "full disk", lambda: fill_up(disk), "is full", make_room)
        finally:
            rig.end()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def main(wanted: list[str]) -> int:
    logging.disable()  # aiokafka tells at length of a broker that is away
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        broker = Broker(folder / "broker")
        try:
            broker.start()
        except Missing as missing:
            print(f"missing: {missing}")
            return 1
        stream = Stream(broker.bootstrap())
        try:
            asyncio.run(broker.create_topic(TOPIC))
            stream.start()
            (folder / "home").mkdir()
            rig = Rig(folder / "home", broker)
            try:
                until(lambda: (rig.workspace / "xdrtui.sqlite").exists(), 30)
                lock, unlock = locked(rig)

                def signalled(number: int) -> Callable[[], object]:
                    return lambda: os.kill(rig.worker.pid, number)

                faults: dict[str, tuple[Callable[[], object], str, Callable[[], object]]] = {
                    "stopped worker": (signalled(signal.SIGSTOP), "is stopped", signalled(signal.SIGCONT)),
                    "stuck worker": (rig.flag.touch, "at one batch", rig.flag.unlink),
                    "locked database": (lock, "holds the database", unlock),
                    "lost broker": (lambda: broker.stop(kill=True), "no broker", broker.start),
                    "crashed worker": (signalled(signal.SIGKILL), "ended without a word", rig.start),
                }
                for name, (make, words, undo) in faults.items():
                    if not wanted or any(word in name for word in wanted):
                        watched(rig, name, make, words, undo)
            finally:
                rig.end()
            if not wanted or "full" in wanted:
                on_a_full_disk(folder, broker)
        finally:
            stream.stop.set()
            broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
