"""A real terminal for tests: tmux, its keys and its screen."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest


def require_tmux() -> None:
    """Skip, saying what is missing, where there is no tmux; fail where CI is set."""
    if shutil.which("tmux") is None:
        message = "tmux is missing: apt-get install tmux"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


_UNSET = ("-u", "COLUMNS", "-u", "LINES", "-u", "NO_COLOR")
"""They would be believed before the terminal's own size."""


class Terminal:
    """A tmux server of its own with one window of this size, in which a shell runs."""

    def __init__(self, columns: int = 80, lines: int = 24, **environ: str) -> None:
        self._server = f"xdrtui-{uuid.uuid4().hex[:12]}"
        self.columns, self.lines = columns, lines
        given = [f"{name}={value}" for name, value in {"LC_ALL": "C.UTF-8", **environ}.items()]
        self._tmux(
            "new-session", "-d", "-x", str(columns), "-y", str(lines), "env", *_UNSET, *given, "PS1=$ ", "sh"
        )
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tmux("kill-server")

    def run(self, *command: str) -> None:
        """Type a command and return."""
        self._tmux("send-keys", "-l", shlex.join(command))
        self._tmux("send-keys", "Enter")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def key(self, *names: str) -> None:
        """Press keys by tmux's names."""
        self._tmux("send-keys", *names)

    def screen(self) -> list[str]:
        """What is on the screen, lines without trailing blanks."""
        text = self._tmux("capture-pane", "-p").split("\n")
        return [line.rstrip() for line in text[: self.lines]]

    def title(self) -> str:
        return self._tmux("display-message", "-p", "#{pane_title}").strip()

    def modes(self) -> str:
        """Whether the alternate screen and the mouse are on."""
        return self._tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag}").strip()

    def cursor_shown(self) -> bool:
        return self._tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def pids(self) -> list[int]:
        """The process that the shell runs, its first child, and so on."""
        found = [int(self._tmux("display-message", "-p", "#{pane_pid}"))]
        while children := Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text().split():
            found.append(int(children[0]))
        return found[1:]

    def wait(self, wanted: Callable[[str], bool], seconds: float = 60.0) -> str:
        """Wait until the screen is as wanted; return it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = "\n".join(self.screen())
            if wanted(text):
                return text
            time.sleep(0.05)
        raise AssertionError("the screen never became so; it is:\n" + "\n".join(self.screen()))

    def wait_for(self, text: str, seconds: float = 60.0) -> str:
        """Wait until this text is on the screen."""
        return self.wait(lambda screen: text in screen, seconds)

    def wait_gone(self, text: str, seconds: float = 60.0) -> str:
        return self.wait(lambda screen: text not in screen, seconds)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
