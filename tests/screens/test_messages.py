"""The line above the keys: what is said goes by itself."""

from pathlib import Path

import pytest

from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import commit, findings, sample


async def test_what_was_said_goes_while_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.edges.SAID_FOR", 2.5)
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j")
        await settled(pilot)
        commit(tmp_path, findings([("r-shell", "critical", "web-09", "root", "new one", 1, 1)], first=900))
        await until(pilot, lambda: app.workbench.queue.waiting)
        app.workbench.say("closed: 1 alert")
        app.workbench.watcher.paused = True  # nothing redraws but the timer
        await until(pilot, lambda: "closed: 1 alert" in shown(app)[-2])
        await until(pilot, lambda: "1 new since" in shown(app)[-2])
