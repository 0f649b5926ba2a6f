"""Where the demo keeps what it does: a folder of its own, never a workspace of the user's.

A folder for each choice of scenarios, so that each goes on where it was left; `report` beside them is made
anew each time. A folder is used by one demo at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from sample_data import SCENARIOS, scenario_dir
from xdrtui.errors import SettingsError

FOLDER = "XDRTUI_DEMO_DIR"
MARK = ".xdrtui-demo"
"""Lies in every folder of the demo; one without it is never deleted."""


def chosen(scenarios: Sequence[str]) -> tuple[str, ...]:
    """The scenarios to play (none named: all), in the order of their days. Raises SettingsError."""
    for name in scenarios:
        if name not in SCENARIOS:
            raise SettingsError(f"there is no scenario {name!r}; choose from {', '.join(SCENARIOS)}")
    return tuple(name for name in SCENARIOS if name in scenarios) or SCENARIOS


def files_of(scenario: str) -> list[Path]:
    """The log files of a scenario; its truth is none of them."""
    return sorted(path for path in scenario_dir(scenario).iterdir() if path.suffix == ".gz")


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The demo's folder."""
    named = environ.get(FOLDER, "")
    return Path(named).expanduser() if named else platformdirs.user_data_path("xdrtui") / "demo"


@contextmanager
def held(name: str, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Keep other demos off a folder of the demo. Raises SettingsError."""
    top = _top(environ)
    try:
        lock = os.open(top / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(error, top) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"this demo is open in another terminal: leave it there, or set {FOLDER} to another folder"
            ) from None
        yield
    finally:
        os.close(lock)


def workspace(name: str, *, reset: bool, environ: Mapping[str, str] = os.environ) -> Path:
    """A folder of the demo, 0700. reset: empty it first. Raises SettingsError where it cannot be had."""
    folder = _top(environ) / name
    try:
        if folder.exists() and not (folder / MARK).exists() and any(folder.iterdir()):
            raise SettingsError(f"{folder} was not made by the demo: set {FOLDER} to another folder")
        if reset and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / MARK).touch(mode=0o600)
    except OSError as error:
        raise _unusable(error, folder) from error
    return folder


def _top(environ: Mapping[str, str]) -> Path:
    top = home(environ)
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(error, top) from error
    return top


def _unusable(error: OSError, path: Path) -> SettingsError:
    return SettingsError(
        f"the demo cannot use {error.filename or path} ({error.strerror}): set {FOLDER} to a folder of yours"
        " on a local disk"
    )


def name_of(scenarios: Sequence[str]) -> str:
    """The folder's name for a choice of scenarios."""
    return "all" if tuple(scenarios) == SCENARIOS else "-".join(scenarios)
