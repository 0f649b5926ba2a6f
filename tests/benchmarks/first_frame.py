"""How long from exec to the first frame and to the first alerts, against a minimal Textual app.

Run: `python -m tests.benchmarks.first_frame [ROUNDS]`. Prints the medians of one run and their ratio; the
goal is 300 ms to the first frame and 700 ms to the first alerts.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

from tests.screens.sample_store import sample

MINIMAL = """
from textual.app import App
from textual.widgets import Static
class A(App):
    def compose(self):
        yield Static("ready to work")
A().run()
"""


def time_until(command: list[str], *marks: bytes) -> list[float]:
    """Milliseconds from exec until each of these bytes has come out of the terminal."""
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True)
    os.close(side)
    sent = b""
    times: list[float] = []
    try:
        while len(times) < len(marks) and time.perf_counter() - start < 20:
            if select.select([main], [], [], 0.5)[0]:
                sent += os.read(main, 65536)
                while len(times) < len(marks) and marks[len(times)] in sent:
                    times.append((time.perf_counter() - start) * 1000)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(main)
    return times


def main(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        store = str(sample(Path(scratch)))
        ours = [sys.executable, "-m", "tests.terminal.open_screens", store]
        least = [sys.executable, "-c", MINIMAL]
        time_until(least, b"ready")
        time_until(ours, b"SEV", b"LSASS")
        peers, frames, alerts = [], [], []
        for _ in range(rounds):
            peers.append(time_until(least, b"ready")[0])
            frame, alert = time_until(ours, b"SEV", b"LSASS")
            frames.append(frame)
            alerts.append(alert)
    peer, frame, alert = map(statistics.median, (peers, frames, alerts))
    print(f"minimal Textual app  first frame {peer:6.0f} ms")
    print(f"xdrtui               first frame {frame:6.0f} ms  ({frame / peer:.2f} x)")
    print(f"xdrtui               first alerts {alert:5.0f} ms  ({alert / peer:.2f} x)")
    return 0 if frame < 300 and alert < 700 else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
