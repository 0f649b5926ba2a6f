"""Undo reaches back over a kill: as many acts as were done, then the fold is what it was at the start.

XDRTUI_KILL_ACTS: how many acts before the kill (80; 500 for the figure in the manual).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.xdrtui.store_samples import found
from tests.xdrtui.test_triage_desk import ADA, fill
from xdrtui.triage.desk import Desk

ACTS = int(os.environ.get("XDRTUI_KILL_ACTS", "80"))
ROOT = Path(__file__).parents[2]


def test_acts_then_sigkill_then_as_many_undos_give_the_start_again(tmp_path: Path) -> None:
    fill(tmp_path, *[found(offset=n, host=f"h{n}") for n in range(40)])
    with Desk.open(tmp_path, ADA) as desk:
        start = desk.states_digest()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.xdrtui.acting_child", str(tmp_path), "7"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) == ACTS:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with Desk.open(tmp_path, ADA) as desk:
        acts = len(list(desk.entries()))
        end = desk.states_digest()
        assert acts >= ACTS and end != start
    undos = 0
    with Desk.open(tmp_path, ADA) as desk:
        while desk.undo() is not None:
            undos += 1
        assert (undos, desk.states_digest()) == (acts, start)
        desk.refold()
        assert desk.states_digest() == start
    with Desk.open(tmp_path, ADA) as desk:
        while desk.redo() is not None:
            undos -= 1
        assert (undos, desk.states_digest(), desk.ledger_faults()) == (0, end, [])
        print(f"{acts} acts, SIGKILL, {acts} undos: the start again; {acts} redos: the end again")
