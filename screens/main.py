"""The console command: the engine's command line, and the screen it opens.

The app is imported only when it opens; a terminal that cannot show it is told so in one sentence, with exit
code 2.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands import main as command_line
from xdrtui.commands.session import DemoOptions, Session
from xdrtui.errors import XdrtuiError

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook

SMALLEST = (80, 24)
"""Columns and lines that every pane fits into."""


class Refusal(click.ClickException):
    """This terminal cannot show the screen."""

    exit_code = 2


class TerminalScreen:
    """The Textual app, opened on this process' terminal."""

    def open(self, session: Session) -> int:
        self._require_terminal()
        name, workspace = session.place()
        from screens.app import run

        return run(workspace, name=name)

    def open_demo(self, options: DemoOptions) -> int:
        self._require_terminal()
        from screens.app import run
        from xdrtui.demo import open_demo

        with open_demo(options.scenarios, reset=options.reset) as demo:
            return run(demo.directory, demo=demo, name="demo")

    def open_replay(self, session: Session, paths: tuple[str, ...], speed: float) -> int:
        self._require_terminal()
        from screens.app import run
        from xdrtui.commands.rules import rulebook
        from xdrtui.pipeline.player import Player
        from xdrtui.sources.pace import Pace
        from xdrtui.sources.replay import Replay

        def make() -> tuple[Replay, Rulebook]:
            return Replay(paths, pace=Pace(speed)), rulebook(session)

        with tempfile.TemporaryDirectory(prefix="xdrtui-replay-") as folder:
            with Player(Path(folder), make) as player:
                code = run(folder, name="replay")
            if player.failure:
                raise XdrtuiError(f"the replay stopped: {player.failure}")
        return code

    def refusal(self) -> str:
        try:
            size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
        except OSError:
            size = os.terminal_size(SMALLEST)
        return refusal(
            os.environ, (size.columns, size.lines), terminal=sys.stdin.isatty() and sys.stdout.isatty()
        )

    def _require_terminal(self) -> None:
        if reason := self.refusal():
            raise Refusal(reason)


def refusal(environ: Mapping[str, str], size: tuple[int, int], *, terminal: bool) -> str:
    """Why a terminal cannot show the screen, in one sentence with the remedy; empty where it can.

    size: columns, lines; terminal: both standard input and output are one.
    """
    if not terminal:
        return (
            "the screen needs a terminal: use the commands instead (xdrtui --help), e.g. xdrtui alerts list."
        )
    if environ.get("TERM", "") in ("", "dumb"):
        return "this terminal (TERM=dumb) cannot move its cursor: set TERM, e.g. to xterm-256color."
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1]:
        return f"the terminal has {size[0]}x{size[1]} cells and the screen needs 80x24: make it larger."
    return ""


def main() -> None:
    """Entry point of the console command."""
    command_line(TerminalScreen())


if __name__ == "__main__":
    main()
