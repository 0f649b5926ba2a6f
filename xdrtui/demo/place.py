"""Where the demo keeps what it does: a folder of its own, never a workspace of the user's.

A folder for each choice of scenarios, so that each goes on where it was left; `report` beside them is made anew
each time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import platformdirs

from sample_data import SCENARIOS, scenario_dir
from xdrtui.errors import SettingsError

FOLDER = "XDRTUI_DEMO_DIR"
RESET = "RESET"
CHOICE = "SCENARIO"
MARK = ".xdrtui-demo"
"""Lies in every folder of the demo; one without it is never deleted."""


def chosen(scenarios: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The scenarios to play, in the order of the days they tell of. Raises SettingsError."""
    wanted = tuple(scenarios) or tuple(environ.get(CHOICE, "").replace(",", " ").split())
    for name in wanted:
        if name not in SCENARIOS:
            raise SettingsError(f"there is no scenario {name!r}; choose from {', '.join(SCENARIOS)}")
    return tuple(name for name in SCENARIOS if name in wanted) or SCENARIOS


def wants_reset(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks to start over."""
    return environ.get(RESET, "") not in ("", "0", "no")


def files_of(scenario: str) -> list[Path]:
    """The log files of a scenario; its truth is none of them."""
    return sorted(path for path in scenario_dir(scenario).iterdir() if path.suffix == ".gz")


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The demo's folder."""
    named = environ.get(FOLDER, "")
    return Path(named).expanduser() if named else platformdirs.user_data_path("xdrtui") / "demo"


def workspace(name: str, *, reset: bool, environ: Mapping[str, str] = os.environ) -> Path:
    """A folder of the demo, 0700. reset: empty it first. Raises SettingsError where it cannot be had."""
    top = home(environ)
    folder = top / name
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        top.chmod(0o700)
        if reset and folder.exists():
            if not (folder / MARK).exists():
                raise SettingsError(f"{folder} was not made by the demo: choose another {FOLDER}")
            shutil.rmtree(folder)
        if folder.exists() and not (folder / MARK).exists() and any(folder.iterdir()):
            raise SettingsError(f"{folder} was not made by the demo: choose another {FOLDER}")
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / MARK).touch(mode=0o600)
    except OSError as error:
        raise SettingsError(
            f"the demo cannot use {error.filename or folder} ({error.strerror}): set {FOLDER} to a folder of"
            " yours on a local disk"
        ) from error
    return folder


def name_of(scenarios: Sequence[str]) -> str:
    """The folder's name for a choice of scenarios."""
    return "all" if tuple(scenarios) == SCENARIOS else "-".join(scenarios)
