"""The palette finds any command, alert, rule, host, user, value and page, and tells what cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from screens.app import XdrApp
from screens.commands import BY_ID, Facts
from screens.finding import likely
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import commit, findings, sample
from tests.screens.test_bursts import burst
from tests.screens.test_queue import typed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


async def opened(pilot: Pilot) -> XdrApp:
    await settled(pilot, rows=7)
    app = pilot.app
    assert isinstance(app, XdrApp)
    await pilot.press("colon")
    await settled(pilot)
    return app


def first(app: XdrApp) -> str:
    lines = shown(app)
    head = next(y for y, line in enumerate(lines) if "WHAT IT IS" in line)
    return next(line for line in lines[head:] if line.startswith(" ►"))


def test_what_applies_and_is_likely_comes_first() -> None:
    alert = likely(Facts(pane="queue", rows=7, state="new"))
    ids = [command.id for command in alert]
    assert {"assign", "suppress"} == set(ids[:2]), "commands that only the palette knows"
    assert ids.index("close") < ids.index("zone") < ids.index("down")
    empty = [command.id for command in likely(Facts(pane="queue", rows=0, undo=False))]
    assert empty.index("zone") < empty.index("close"), "nothing is there to be closed"
    live = [command.id for command in likely(Facts(pane="live", rows=9))]
    assert live.index("freeze") < live.index("close") and live.index("around") < live.index("close")
    assert set(ids) == set(BY_ID) - {"palette"} - {id for id in BY_ID if id.startswith("demo.")}


def test_what_was_chosen_lately_comes_before() -> None:
    recent = likely(Facts(pane="queue", rows=7, state="new"), ["theme", "log"])
    assert [command.id for command in recent[:2]] == ["theme", "log"]


async def test_the_line_that_is_typed_stays_in_sight_whatever_is_said(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await opened(pilot)
        await typed(pilot, "sno")
        await settled(pilot)
        assert shown(app)[-3].startswith(" : sno") and "snooze" in first(app)
        app.workbench.say("a long message that takes two lines of the screen at least, " * 3, "bad")
        await until(pilot, lambda: any(line.startswith(" : sno") for line in shown(app)[:-4]))
        lines = shown(app)
        place = next(y for y, line in enumerate(lines) if line.startswith(" : sno"))
        assert "snooze" in "\n".join(lines[place - 14 : place]) and "two lines" in "\n".join(
            lines[place + 1 :]
        )
        assert "least" in "\n".join(lines[place + 2 :])


async def test_a_command_that_does_not_apply_says_why_and_of_another_pane_where(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await opened(pilot)
        await typed(pilot, "unmark")
        await settled(pilot)
        assert "nothing is marked" in "\n".join(shown(app))
        for _ in "unmark":
            await pilot.press("backspace")
        await typed(pilot, "freeze")
        await settled(pilot)
        assert "not here: it is a command of live events" in "\n".join(shown(app))
        await pilot.press("enter")
        await settled(pilot)
        assert "freeze: not here" in shown(app)[-2]


async def test_rules_hosts_users_and_values_are_found_and_shown_in_the_queue(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await opened(pilot)
        await typed(pilot, "t.n")
        await until(pilot, "t.ngo user: all its alerts")
        assert "alert: low on wks-090" in first(app), "what is found later does not move what stands there"
        await pilot.press("down", "enter")
        await settled(pilot, rows=1)
        assert app.workbench.queue.query_text == "user:t.ngo"
        await pilot.press("colon")
        await typed(pilot, "run key")
        await until(pilot, "rule: all its alerts")


async def test_an_alert_that_the_queue_does_not_hold_is_found(tmp_path: Path) -> None:
    story = [("r-7z", "high", f"h{n:03}", "u", "x", n, 1) for n in range(400)]
    commit(tmp_path, findings([*story, ("r-task", "low", "far", "zoe", "schtasks of note", 600, 1)]))
    async with app_on(tmp_path).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=401)
        burst(pilot.app, ": n o t e enter")  # enter comes before the store has answered
        await until(pilot, lambda: pilot.app.workbench.current == "alert")
        await until(pilot, "schtasks of note")
