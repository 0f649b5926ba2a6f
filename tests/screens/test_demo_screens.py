"""The screens in the demo: card, clock, hints, truth."""

from pathlib import Path

import pytest

from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import HOSTILE, NOW, sample


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


class Played:
    """A demo as the screens know it."""

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.over = False
        self.held = False
        self.holds: list[bool] = []

    def clock_text(self) -> str:
        return "DEMO 03-03 14:02 x120"

    def now(self) -> int:
        return NOW

    def _act(self, name: str) -> str:
        self.acts.append(name)
        return f"{name} done"

    def pause(self) -> str:
        return self._act("pause")

    def hold(self, on: bool) -> None:
        if on != self.held:
            self.held = on
            self.holds.append(on)

    def step(self) -> str:
        return self._act("step")

    def faster(self) -> str:
        return self._act("faster")

    def slower(self) -> str:
        return self._act("slower")

    def hint(self, alert: str) -> list[str]:
        return [f"look at {HOSTILE}", "the field", "the answer"]

    def truth(self, alert: str) -> list[str]:
        return ["step 4: passwords were read from memory"]

    def card(self) -> list[str]:
        return ["Welcome to the demo", "", "`j` `k` move"]

    def report(self) -> list[str]:
        return ["found 9 of 10 steps", *(f"step {number}" for number in range(1, 70)), "the last line"]

    def ended(self) -> bool:
        return self.over


async def test_the_demo_begins_with_a_card_gives_hints_and_tells_the_truth_of_closed_alerts(
    store: Path,
) -> None:
    demo = Played()
    app = app_on(store, demo=demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Welcome to the demo")
        await pilot.press("enter")
        await pilot.pause(0.35)  # what comes earlier was typed at the card
        await settled(pilot, rows=7)
        assert "DEMO 03-03 14:02 x120" in shown(app)[0]
        await pilot.press("equals_sign", "greater_than_sign", "plus", "minus")
        await until(pilot, lambda: demo.acts == ["pause", "step", "faster", "slower"])
        await pilot.press("x")
        await until(pilot, lambda: "hint 1 of 3: look at ␛]0;owned" in shown(app)[-2])
        await pilot.press("enter")
        await settled(pilot)
        assert "passwords were read" not in "\n".join(shown(app))
        await pilot.press("c", "t")
        await until(pilot, "passwords were read")


async def test_what_is_left_of_a_burst_at_the_card_is_dropped(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.cards.BURST", 60.0)  # however slowly this machine types
    app = app_on(store, demo=Played())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Welcome to the demo")
        await pilot.press("enter", "c", "t", "j")
        await settled(pilot, rows=7)
        assert app.workbench.menu is None and app.workbench.queue.table.cursor == 0
        app.workbench.taking.deaf_until -= 60.0
        await pilot.press("j")
        await settled(pilot)
        assert app.workbench.queue.table.cursor == 1


async def test_the_report_scrolls_and_q_goes_back(store: Path) -> None:
    app = app_on(store, demo=Played())
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Welcome to the demo")
        await pilot.press("enter")
        await pilot.pause(0.35)
        for leave in ("q", "escape", "enter"):
            await settled(pilot, rows=7)
            await pilot.press("colon", *"report", "enter")
            await until(pilot, lambda: "found 9 of 10" in shown(app)[1] and "goes back" in shown(app)[-1])
            assert " more lines below" in shown(app)[-2]
            await pilot.press("j", "down", "k")
            await until(pilot, lambda: app.screen.paper.top == 1 and "found 9 of 10" in shown(app)[0])
            await pilot.press("pagedown")
            await until(pilot, lambda: app.screen.paper.top == 22 and "step 21" in shown(app)[0])
            await pilot.press("pageup", "G")
            await until(pilot, lambda: "the last line" in shown(app)[-2])
            await pilot.press("g", "g", "x")
            await until(pilot, lambda: "found 9 of 10" in shown(app)[1])
            await pilot.press(leave)
            await until(pilot, lambda: app.screen is app.workbench)
            assert app.workbench.current == "queue"


async def test_the_report_opens_by_itself_once_but_over_no_input(store: Path) -> None:
    demo = Played()
    app = app_on(store, demo=demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, "Welcome to the demo")
        await pilot.press("enter")
        await pilot.pause(0.35)
        await settled(pilot, rows=7)
        await pilot.press("m", *"memo")
        await until(pilot, lambda: app.workbench.asking.typing)
        demo.over = True
        await pilot.pause(0.8)
        assert app.screen is app.workbench, "not over an open input"
        await pilot.press("enter")
        await until(pilot, lambda: "found 9 of 10" in shown(app)[1])
        await pilot.press("q")
        await until(pilot, lambda: "`:` report shows its report again" in shown(app)[-2])
        await pilot.pause(0.8)
        assert app.screen is app.workbench, "once"


async def test_the_demos_clock_waits_while_a_card_a_page_or_a_menu_is_read(store: Path) -> None:
    demo = Played()
    app = app_on(store, demo=demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: demo.held)  # the card is read
        await pilot.press("enter")
        await pilot.pause(0.35)
        await settled(pilot, rows=7)
        for keys in (["enter", "q"], ["c", "q"], ["slash", "escape"], ["question_mark", "q"]):
            await until(pilot, lambda: not demo.held)
            await pilot.press(keys[0])
            await until(pilot, lambda: demo.held)
            await pilot.press(keys[1])
        await until(pilot, lambda: not demo.held)
        await pilot.press("3")
        await until(pilot, lambda: app.workbench.current == "live")
        await pilot.pause(0.35)
        assert not demo.held, "a tail is watched, not read"
