"""What every command is given: the profile that was asked for, and the way to the screen.

Settings are read when a command first asks, so that --help and --version read nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from xdrtui.settings import Settings


@dataclass(frozen=True)
class DemoOptions:
    """What `xdrtui demo` was asked for. scenarios: empty for all."""

    scenarios: tuple[str, ...] = ()
    reset: bool = False


class Screen(Protocol):
    """Opens the terminal app; `screens.main` has the one there is."""

    def open(self, session: Session, address: str = "queue") -> int:
        """Open it on the session's workspace and return the exit code when the user leaves. address: a pane,
        or `alert/ID`."""

    def open_demo(self, session: Session, options: DemoOptions) -> int:
        """Open it on the demo."""

    def open_replay(self, session: Session, paths: tuple[str, ...], speed: float) -> int:
        """Open it on a workspace of its own into which these files are played. speed: recorded seconds a
        second."""

    def triage(self, session: Session, query: str) -> None:
        """Judge alerts line by line, on standard input and output, without a terminal."""

    def refusal(self) -> str:
        """Why this terminal cannot show it, in one sentence with the remedy; empty where it can."""


@dataclass
class Session:
    """One call of the command line."""

    profile: str | None = None
    settings_file: Path | None = None
    screen: Screen | None = field(default=None, repr=False)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the profile; SettingsError where they are wrong."""
        from xdrtui.settings import load_settings

        return load_settings(self.profile, self.settings_file)

    def place(self) -> tuple[str, Path]:
        """Name of the profile and its workspace, for the screen: where nothing is set, without the 70 ms that
        reading settings takes, since the first frame waits for this."""
        from xdrtui.places import default_workspace

        settings = self.settings_if_set()
        if settings is not None:
            return settings.name, settings.workspace
        return "default", default_workspace("default")

    def settings_if_set(self) -> Settings | None:
        """The settings of the profile; None where nothing is set."""
        from xdrtui.places import default_file

        asked = self.profile or self.settings_file or any(name.startswith("XDRTUI_") for name in os.environ)
        return self.settings if asked or default_file().exists() else None


pass_session = click.make_pass_decorator(Session, ensure=True)
