"""What a terminal is told that cannot show the screen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from screens.main import refusal

GOOD = {"TERM": "xterm-256color"}


def test_a_terminal_of_80x24_is_good_enough() -> None:
    assert refusal(GOOD, (80, 24), terminal=True) == ""


@pytest.mark.parametrize(
    ("environ", "size", "terminal", "remedy"),
    [
        (GOOD, (80, 24), False, "use the commands instead"),
        ({"TERM": "dumb"}, (80, 24), True, "set TERM"),
        ({}, (80, 24), True, "set TERM"),
        (GOOD, (79, 24), True, "make it larger"),
        (GOOD, (80, 23), True, "make it larger"),
    ],
)
def test_any_other_is_told_why_and_what_to_do(
    environ: dict[str, str], size: tuple[int, int], terminal: bool, remedy: str
) -> None:
    said = refusal(environ, size, terminal=terminal)
    assert remedy in said
    assert said.endswith(".")
    assert "\n" not in said


def test_without_a_terminal_the_command_exits_2_with_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "screens.main"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
