"""Terminals that are made smaller than what the screens are laid out for."""

from pathlib import Path

import pytest

from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import sample


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


async def test_a_window_made_tiny_still_shows_the_line_that_keys_act_on(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        whole = shown(app)
        await pilot.press("j")
        await pilot.resize_terminal(20, 5)
        await settled(pilot)
        assert any("►" in line for line in shown(app)) and len(shown(app)) == 5
        await pilot.resize_terminal(80, 24)
        await pilot.press("k")
        await settled(pilot)
        assert shown(app) == whole
