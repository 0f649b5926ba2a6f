"""Every pane as a picture, at 80x24 and 120x40, and the panes themselves at 200x60, with a fixed clock.

Renew: `pytest tests/screens/test_snapshots.py --snapshot-update`, then look at them
(`python -m tests.screens.pictures FOLDER`).
"""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.screens.opened import app_on, settled
from tests.screens.pictures import SCENES, SIZES, STORES, THEMES
from tests.screens.sample_store import commit, evil, findings, live, sample

LARGE = ("queue", "alert", "live", "help", "handover", "since", "full")
DRAWN = [(scene, size) for scene in SCENES for size in SIZES if size != (200, 60) or scene in LARGE]


@pytest.mark.parametrize(
    ("scene", "size"), DRAWN, ids=[f"{scene}-{size[0]}x{size[1]}" for scene, size in DRAWN]
)
def test_pane(scene: str, size: tuple[int, int], tmp_path: Path, snap_compare) -> None:
    app = app_on(STORES.get(scene, sample)(tmp_path), theme=scene if scene in THEMES else "dark")

    async def ready(pilot: Pilot) -> None:
        await settled(pilot, rows=None if scene in STORES else 7)
        for key in SCENES[scene]:
            await pilot.press(key)
            await settled(pilot)
        await pilot.pause(0.4)
        await settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=ready)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_long_and_hostile_data(size: tuple[int, int], tmp_path: Path, snap_compare) -> None:
    long = [("r-shell", "high", "h" * 63, "u" * 64, "fe80:0000:0000:0000:0202:b3ff:fe1e:8329 " * 4, 3, 1)]
    commit(tmp_path, findings(long) + evil())
    live(tmp_path, 5, hostile=True)
    app = app_on(tmp_path)

    async def ready(pilot: Pilot) -> None:
        await settled(pilot, rows=2)
        await pilot.press("j", "enter")
        await settled(pilot)
        await pilot.pause(0.4)

    assert snap_compare(app, terminal_size=size, run_before=ready)
