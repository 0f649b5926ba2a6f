"""The screens behind a slow link: so many bytes a second towards the person, and a delay each way.

A thread plays the link: it reads what the screens write no faster than the link takes it, and hands it on
after the delay; a small terminal at the far end keeps what is on its screen and answers questions as real
ones do.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections import deque
from fcntl import ioctl
from pathlib import Path
from types import TracebackType

from rich.cells import get_character_cell_size

_ROOM = 1_024
"""Bytes that are on the link at once, beside the delay."""

QUESTIONS = {b"\x1b[?2026$p": b"\x1b[?2026;2$y", b"\x1b[?2004$p": b"\x1b[?2004;1$y"}
"""Whether frames may be wrapped, whether pastes are marked; and what a terminal of today answers."""

_ESCAPE = re.compile(r"\x1b\[([?<=>]*)([\d;]*)\$?([a-zA-Z])|\x1b\][^\x07]*\x07|\x1b[78=>]|\x1b\(B")


class FarTerminal:
    """What a person sees at the far end: cells written where the cursor is, nothing else."""

    def __init__(self, columns: int, lines: int) -> None:
        self.rows = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0
        self._rest = ""

    def take(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = _ESCAPE.match(text, at)
                if found is None:
                    self._rest = text[at:]
                    return
                self._control(found)
                at = found.end()
            else:
                self._put(text[at])
                at += 1

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]

    def _control(self, found: re.Match[str]) -> None:
        if found[3] == "H":
            y, _, x = found[2].partition(";")
            self._y, self._x = int(y or 1) - 1, int(x or 1) - 1

    def _put(self, character: str) -> None:
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._y += 1
        elif 0 <= self._y < len(self.rows) and 0 <= self._x <= len(self.rows[0]):
            row, size = self.rows[self._y], get_character_cell_size(character)
            if size and self._x == len(row):
                return
            if not size:
                row[self._x - 1 - (not row[self._x - 1])] += character
                return
            row[self._x] = character
            row[self._x + 1 : self._x + size] = [""] * (size - 1)
            self._x += size


class SlowLink:
    """The screens on this store, behind a link. rate: bytes a second; delay: seconds, each way."""

    def __init__(
        self, store: Path, *more: str, rate: float, delay: float, columns: int = 80, lines: int = 24
    ) -> None:
        self._main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SSH_CONNECTION": "a 1 b 22"}
        for name in ("NO_COLOR", "COLUMNS", "LINES", "TMUX"):
            env.pop(name, None)
        command = [sys.executable, "-m", "tests.terminal.open_screens", str(store), *more]
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True, close_fds=True
        )
        os.close(side)
        self.rate, self.delay = rate, delay
        self.terminal = FarTerminal(columns, lines)
        self.received = 0
        self.last_at = 0.0
        """When the last byte came to the far end."""
        self._typed: deque[tuple[float, bytes]] = deque()
        self._end = False
        self._last = b""
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> SlowLink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end = True
        self._thread.join()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._main)

    def type(self, keys: bytes) -> None:
        """At the far end; arrives after the delay."""
        self._typed.append((time.monotonic() + self.delay, keys))

    def runs(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, text: str, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while text not in "\n".join(self.terminal.lines()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} never came:\n" + "\n".join(self.terminal.lines()))
            time.sleep(0.02)

    def still(self, silent: float = 1.5, seconds: float = 60.0) -> float:
        """Wait until nothing came for so long; return when the last byte came."""
        deadline = time.monotonic() + seconds
        while time.monotonic() - self.last_at < silent and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.last_at

    def _carry(self) -> None:
        flying: deque[tuple[float, bytes]] = deque()
        free_at = time.monotonic()
        while not self._end:
            now = time.monotonic()
            while self._typed and self._typed[0][0] <= now:
                os.write(self._main, self._typed.popleft()[1])
            while flying and flying[0][0] <= now:
                self._arrive(flying.popleft()[1])
            if free_at <= now and select.select([self._main], [], [], 0.005)[0]:
                try:
                    data = os.read(self._main, min(_ROOM, max(16, int(self.rate / 20))))
                except OSError:
                    return
                free_at = max(now, free_at) + len(data) / self.rate
                flying.append((free_at + self.delay, data))
            else:
                time.sleep(0.002)

    def _arrive(self, data: bytes) -> None:
        self.received += len(data)
        self.last_at = time.monotonic()
        self.terminal.take(data.decode("utf-8", "replace"))
        self._last += data
        while asked := [each for each in QUESTIONS if each in self._last]:
            first = min(asked, key=self._last.index)
            self.type(QUESTIONS[first])
            self._last = self._last.partition(first)[2]
        self._last = self._last[-max(map(len, QUESTIONS)) :]
