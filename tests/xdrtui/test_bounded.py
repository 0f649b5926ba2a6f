"""A command that takes too much memory ends, whoever reads what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from xdrtui.commands.bounded import bounded
sys.stdout.write("x" * 10)  # kept back, as for a pipe
with bounded(1, "Ask for less."):
    while {more}:
        sys.stdout.write("x" * 100_000)
    time.sleep(20)
"""


@pytest.mark.parametrize("more", [True, False], ids=["stands", "is gone"])
def test_what_takes_too_much_ends_also_where_who_reads_it(more: bool) -> None:
    """A pager that stands at its first page, and one that was left."""
    reading, writing = os.pipe()
    if not more:
        os.close(reading)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(more=more)],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=15,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
    finally:
        os.close(writing)
        if more:
            os.close(reading)
    assert (done.returncode, done.stderr) == (
        1,
        "Ended: this takes more than 0 MB of memory. Ask for less.\n",
    )
