"""The screens on a pty that the test reads and writes byte by byte."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from types import TracebackType


class Pty:
    """The screens on this store. more: options of `open_screens`; sent: all bytes that they wrote so far."""

    def __init__(
        self,
        directory: Path,
        columns: int = 80,
        lines: int = 24,
        *,
        more: tuple[str, ...] = (),
        **environ: str,
    ) -> None:
        self._main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environ}
        for name in {"NO_COLOR", "COLUMNS", "LINES", "SSH_CONNECTION", "TMUX", "STY"} - set(environ):
            env.pop(name, None)
        command = [sys.executable, "-m", "tests.terminal.open_screens", str(directory), *more]
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=env, start_new_session=True, close_fds=True
        )
        os.close(side)
        self.sent = bytearray()

    def __enter__(self) -> Pty:
        try:
            self.wait_for(b"SEV")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._main)

    def hang_up(self) -> None:
        """The terminal goes away."""
        os.close(self._main)

    def type(self, keys: bytes) -> None:
        os.write(self._main, keys)

    @property
    def pid(self) -> int:
        return self._process.pid

    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self, wanted: Callable[[], object], seconds: float = 60.0) -> None:
        """Read until this is true."""
        deadline = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < deadline, bytes(self.sent[-2000:])
            self.drain(0.05)

    def wait_for(self, text: bytes, since: int = 0) -> None:
        """Read until this was sent. since: bytes that were sent before and do not count."""
        self.wait(lambda: text in self.sent[since:])

    def settle(self, silent: float = 0.6, seconds: float = 20.0) -> None:
        """Read until nothing came for so long."""
        deadline = time.monotonic() + seconds
        before = -1
        while len(self.sent) != before and time.monotonic() < deadline:
            before = len(self.sent)
            self.drain(silent)

    def drain(self, seconds: float) -> None:
        """Read what is written for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._main], [], [], left)[0]:
                try:
                    self.sent += os.read(self._main, 65536)
                except OSError:
                    return
