"""Every command that README and manual show works as shown."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.command_blocks import ROOT, Shown, commands
from xdrtui.commands import make_group
from xdrtui.commands.help import MANUAL

ALL = commands()
XDRTUI = [command for command in ALL if command.words[0] == "xdrtui"]
MAKE = [command for command in ALL if command.words[0] == "make"]


def without_page(commands: list[Shown]) -> list[Shown]:
    """Each command line once, whichever pages show it."""
    return list({command.words: command for command in commands}.values())


def parse(words: tuple[str, ...]) -> None:
    """Parse a command line as click would, and run nothing. Raises click.UsageError."""
    command: click.Command = make_group()
    context = command.make_context("xdrtui", list(words[1:]))
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, below, arguments = command.resolve_command(context, rest)
        assert below is not None and name is not None
        command, context = below, below.make_context(name, arguments, parent=context)


def test_the_pages_show_commands_of_two_kinds_only() -> None:
    assert XDRTUI and MAKE
    assert {command.words[0] for command in ALL} == {"xdrtui", "make"}


@pytest.mark.parametrize("shown", without_page(XDRTUI), ids=str)
def test_a_command_line_is_understood(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    parse(shown.words)


INSTALLED = sorted(
    {
        line.strip().partition("/bin/xdrtui")[2]
        for page in ("service.md", "upkeep.md")
        for line in (MANUAL / page).read_text().splitlines()
        if "/opt/xdrtui/bin/xdrtui " in line
    }
)


@pytest.mark.parametrize("arguments", INSTALLED)
def test_what_the_manual_runs_as_the_user_of_a_service_is_understood(arguments: str, tmp_path: Path) -> None:
    assert len(INSTALLED) >= 3
    parse(("xdrtui", *shlex.split(arguments.replace("/etc/xdrtui", str(tmp_path)))))


@pytest.mark.parametrize(
    "shown", without_page([each for each in XDRTUI if not each.broker and len(each.words) > 1]), ids=str
)
def test_a_command_runs_in_a_home_without_anything(shown: Shown, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDRTUI", "XDG"))}
    run = subprocess.run(
        [sys.executable, "-m", "screens.main", *shown.words[1:]],
        cwd=ROOT,
        env={
            **environ,
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": os.environ.get("XDRTUI_TEST_CACHE", str(tmp_path)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout or run.stderr


@pytest.mark.parametrize("shown", without_page(MAKE), ids=str)
def test_make_knows_the_target(shown: Shown) -> None:
    run = subprocess.run(["make", "-n", *shown.words[1:]], cwd=ROOT, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stderr.decode()


def test_the_demo_prints_its_report_without_a_terminal(tmp_path: Path) -> None:
    """What `make demo </dev/null` runs once the environment is there."""
    run = subprocess.run(
        [sys.executable, "-m", "screens.main", "demo"],
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr.decode()
    for word in (b"invoice", b"miner", b"cloud"):
        assert word in run.stdout
