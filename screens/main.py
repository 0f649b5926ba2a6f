"""The console command: the engine's command line, and the screen it opens.

The app is imported only when it opens; a terminal that cannot show it is told so in one sentence, with exit
code 2.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from screens.keeper import BlackBox, keep_terminal
from screens.preferences import preferences_of
from xdrtui.commands import main as command_line
from xdrtui.commands.session import DemoOptions, Session
from xdrtui.errors import XdrtuiError

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook

LOGS_AFTER = 1.0
"""Seconds after which logs are opened: reading the settings' models would hold up the first frame."""

SMALLEST = (80, 24)
"""Columns and lines that every pane fits into."""


class Refusal(click.ClickException):
    """This terminal cannot show the screen."""

    exit_code = 2


class TerminalScreen:
    """The Textual app, opened on this process' terminal."""

    def open(self, session: Session, address: str = "queue") -> int:
        self._require_terminal()
        box = keep_terminal()
        name, workspace = session.place()
        settings = session.settings_if_set()
        if settings is None and address == "queue" and not (workspace / "xdrtui.sqlite").exists():
            from screens.first import begin

            chosen = begin(session, workspace, box)
            if chosen == "leave":
                return 0
            if chosen == "demo":
                return self._show_demo(session, DemoOptions(), box)
            session = Session(session.profile, session.settings_file, session.screen)
            name, workspace = session.place()
            settings = session.settings_if_set()
        preferences = preferences_of(settings)
        from screens.app import run

        with logs_in(workspace):
            return run(workspace, preferences=preferences, name=name, initial=address, box=box)

    def open_demo(self, session: Session, options: DemoOptions) -> int:
        self._require_terminal()
        return self._show_demo(session, options, keep_terminal())

    def _show_demo(self, session: Session, options: DemoOptions, box: BlackBox) -> int:
        preferences = preferences_of(session.settings_if_set())
        from screens.app import run
        from xdrtui.demo import open_demo

        with open_demo(options.scenarios, reset=options.reset) as demo, logs_in(demo.directory):
            code = run(demo.directory, preferences=preferences, demo=demo, name="demo", box=box)
        if not code:
            chosen = "".join(f" --scenario {name}" for name in options.scenarios)
            called = "xdrtui" if shutil.which("xdrtui") else os.path.relpath(sys.argv[0])
            click.echo(f"`{called} demo{chosen}` goes on from here, with --reset it starts over.")
            click.echo(f"What it found and you judged is kept in {demo.directory}")
        return code

    def open_replay(self, session: Session, paths: tuple[str, ...], speed: float) -> int:
        self._require_terminal()
        box = keep_terminal()
        from screens.app import run
        from xdrtui.commands.rules import rulebook
        from xdrtui.pipeline.player import Player
        from xdrtui.sources.pace import Pace
        from xdrtui.sources.replay import Replay

        def make() -> tuple[Replay, Rulebook]:
            return Replay(paths, pace=Pace(speed)), rulebook(session)

        with tempfile.TemporaryDirectory(prefix="xdrtui-replay-") as folder:
            with Player(Path(folder), make) as player, logs_in(Path(folder)):
                code = run(
                    folder, preferences=preferences_of(session.settings_if_set()), name="replay", box=box
                )
            if player.failure:
                raise XdrtuiError(f"the replay stopped: {player.failure}")
        return code

    def triage(self, session: Session, query: str) -> None:
        import getpass
        import platform

        from screens.linear import converse
        from screens.times import Zone
        from xdrtui.triage.desk import Desk, Principal

        name = getpass.getuser()
        zone = Zone(named=preferences_of(session.settings_if_set()).named_zone())
        with Desk.open(session.place()[1], Principal(name, platform.node() or "this machine")) as desk:
            converse(desk, query, name, zone)

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


@contextlib.contextmanager
def logs_in(workspace: Path) -> Iterator[None]:
    """Keep logs off the screen, and write them to the workspace from a moment after the first frame."""
    quiet = logging.NullHandler()
    logging.getLogger().addHandler(quiet)
    timer = threading.Timer(LOGS_AFTER, _start_logs, (workspace,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if "xdrtui.logs" in sys.modules:
            from xdrtui.logs import stop_logs

            stop_logs()
        logging.getLogger().removeHandler(quiet)


def _start_logs(workspace: Path) -> None:
    from xdrtui.logs import start_logs

    with contextlib.suppress(
        XdrtuiError
    ):  # no log is no reason to stop; the status line tells of a full disk
        start_logs(workspace, "tui")


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
