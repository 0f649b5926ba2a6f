"""The named points at which tests end a worker: each is on the way, and armed by the environment."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import xdrtui
from xdrtui import points


def reached() -> list[str]:
    """The names that the program reaches, one for each call."""
    names = []
    for path in Path(xdrtui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reach":
                assert isinstance(node.args[0], ast.Constant), path
                names.append(node.args[0].value)
    return names


def test_every_point_is_reached_at_one_place_and_no_other_is() -> None:
    assert sorted(reached()) == sorted(points.POINTS)


def test_unarmed_points_do_nothing() -> None:
    assert points.reach("commit.before") is None


@pytest.mark.parametrize(("order", "left"), [("commit.before:2", b"1"), ("commit.after:2", b"123")])
def test_an_armed_process_dies_at_the_nth_reach(order: str, left: bytes) -> None:
    program = (
        "from xdrtui.points import reach\n"
        "for n in (b'1', b'2', b'3'):\n"
        "    reach('commit.before')\n"
        "    import os; os.write(1, n)\n"
    )
    environment = os.environ | {points.VARIABLE: order}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, timeout=60)
    assert done.stdout == left
    assert done.returncode == (-signal.SIGKILL if left == b"1" else 0)


@pytest.mark.parametrize("order", ["nowhere:1", "commit.before", "commit.before:1:LATER"])
def test_an_order_that_makes_no_sense_is_refused(order: str) -> None:
    with pytest.raises(ValueError, match="NAME:N"):
        points.Armed(order)
