"""The screens inside GNU screen: `python -m tests.terminal.in_screen`. Prints what was tried and how it went.

No test, since few machines have GNU screen: where it is missing it says so and ends with 0, and with 1 where
something failed. tests/terminal/test_terminals.py holds what needs no GNU screen: what is sent for each TERM.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from types import TracebackType

from tests.screens.sample_store import sample
from xdrtui.triage.desk import Desk, Principal

RC = "startup_message off\ndefutf8 on\nvbell off\nshell /bin/sh\n"
UNSET = ("NO_COLOR", "COLUMNS", "LINES", "SSH_CONNECTION", "TMUX", "STY", "COLORTERM")


class InScreen:
    """GNU screen on a pty of 80x24 with a shell in it. environ: of the shell."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._folder, self.sent = folder, bytearray()
        (folder / "sockets").mkdir(mode=0o700)
        (folder / "rc").write_text(RC + f"term {environ.get('TERM', 'screen-256color')}\n")
        self._env = {k: v for k, v in os.environ.items() if k not in UNSET}
        self._env |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SCREENDIR": str(folder / "sockets")}
        self._main, side = pty.openpty()
        ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        inner = [f"{name}={value}" for name, value in environ.items()]
        command = ["screen", "-c", str(folder / "rc"), "-S", "x", "env", *inner, "PS1=$ ", "sh"]
        self._process = subprocess.Popen(
            command, stdin=side, stdout=side, stderr=side, env=self._env, start_new_session=True
        )
        os.close(side)
        self.drain(1.5)

    def __enter__(self) -> InScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._command("quit")
        self._process.wait(5)
        os.close(self._main)

    def type(self, keys: bytes) -> None:
        os.write(self._main, keys)
        self.drain(0.5)

    def lines(self) -> list[str]:
        """What stands on the screen, in ASCII: all else is a question mark."""
        copy = self._folder / "copy"
        copy.unlink(missing_ok=True)
        self._command("hardcopy", str(copy))
        end = time.monotonic() + 2
        while time.monotonic() < end and (not copy.exists() or copy.stat().st_size < 24):
            self.drain(0.05)
        return copy.read_text("ascii", "replace").replace("\ufffd", "?").split("\n")

    def wait(self, wanted: Callable[[str], bool], seconds: float = 20.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if wanted("\n".join(self.lines())):
                return True
            self.drain(0.2)
        return False

    def drain(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._main], [], [], left)[0]:
                with contextlib.suppress(OSError):
                    self.sent += os.read(self._main, 65536)

    def _command(self, *words: str) -> None:
        subprocess.run(["screen", "-S", "x", "-X", *words], env=self._env, check=False, capture_output=True)


class Report:
    def __init__(self) -> None:
        self.failed = 0

    def say(self, what: str, held: bool, more: str = "") -> None:
        self.failed += not held
        print(
            f"{'ok    ' if held else 'FAILED'}  {what}{': ' + more if more and not held else ''}", flush=True
        )


def entries(store: Path) -> int:
    with Desk.open(store, Principal("me", "here")) as desk:
        return len(list(desk.entries()))


def opening(store: Path) -> bytes:
    return f"{sys.executable} -m tests.terminal.open_screens {store}\r".encode()


def keys_and_copying(folder: Path, report: Report) -> None:
    store = sample(folder / "store")
    with InScreen(folder) as screen:
        screen.type(f"stty -a >{folder}/before\r".encode())
        screen.type(opening(store))
        report.say(
            "TERM=screen-256color: the queue is painted", screen.wait(lambda text: "LSASS dump" in text)
        )
        lines = screen.lines()
        report.say("all 24 lines are there", "queue" in "".join(lines[:4]).lower() and "q back" in lines[23])
        at = next(n for n, line in enumerate(lines) if "CRIT" in line)
        screen.type(b"\x1b[B")
        screen.type(b"\x1bOB")
        screen.type(b"k")
        moved = screen.lines()
        report.say(
            "arrow keys and letters move", not moved[at].startswith(" ??") and moved[at + 1] != lines[at + 1]
        )
        screen.type(b"\r")
        report.say("enter opens", screen.wait(lambda text: "[ALERT]" in text, 5))
        screen.type(b"\x1b")
        report.say("escape goes back", screen.wait(lambda text: "[QUEUE]" in text, 5))
        screen.type(b"a")
        screen.wait(lambda text: "acknowledged" in text, 5)
        screen.type(b"u")
        screen.wait(lambda text: "undone" in text, 5)
        report.say("a and u act", entries(store) == 2, str(entries(store)))
        before = len(screen.sent)
        screen.type(b"y")
        screen.type(b"y")
        screen.wait(lambda text: "copied:" in text, 5)
        found = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)(?:\x07|\x1b\\)", bytes(screen.sent[before:]))
        kept = (store / "copied.txt").read_bytes()
        arrived = found is not None and base64.b64decode(found[1]) == kept
        told = repr(bytes(screen.sent[before:]))[:300]
        report.say("y y reaches the outer terminal's clipboard", arrived, told)
        screen.type(b"q")
        screen.type(b"y")
        screen.drain(1.0)
        screen.type(f"stty -a >{folder}/after; echo code $?\r".encode())
        report.say("leaving ends with 0", screen.wait(lambda text: "code 0" in text, 10))
        same = (folder / "before").read_text() == (folder / "after").read_text()
        report.say("stty -a is as it was", same)


def painted(folder: Path, report: Report, name: str, ascii_only: bool, **environ: str) -> None:
    store = sample(folder / "store")
    with InScreen(folder, **environ) as screen:
        screen.type(opening(store))
        there = screen.wait(lambda text: "LSASS dump" in text)
        begin = len(screen.sent)
        screen.type(b"\r")
        screen.type(b"e")
        text = "\n".join(screen.lines())
        report.say(f"{name}: queue and alert are painted", there and "[ALERT]" in text, text)
        if ascii_only:
            report.say(
                f"{name}: nothing but ASCII",
                "?" not in text.replace("? keys", "").replace("?  keys", ""),
                text,
            )
        if "NO_COLOR" in environ:
            colours = re.findall(rb"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|38|48)[;m]", bytes(screen.sent[begin:]))
            report.say(f"{name}: no colour is sent", not colours, str(colours[:3]))


def main() -> int:
    if shutil.which("screen") is None:
        print("missing: GNU screen (apt-get install screen)")
        return 0
    report = Report()
    tries: list[tuple[str, bool, dict[str, str]]] = [
        ("TERM=screen", False, {"TERM": "screen"}),
        ("TERM=screen, NO_COLOR", False, {"TERM": "screen", "NO_COLOR": "1"}),
        ("LC_ALL=C", True, {"TERM": "screen", "LC_ALL": "C"}),
        ("TERM=xterm", False, {"TERM": "xterm"}),
        ("TERM=linux", True, {"TERM": "linux"}),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "keys").mkdir()
        keys_and_copying(Path(scratch) / "keys", report)
        for number, (name, ascii_only, environ) in enumerate(tries):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            painted(folder, report, name, ascii_only, **environ)
    print(f"{report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
