"""The screens in the demo: card, clock, hints, truth."""

from pathlib import Path

import pytest

from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import HOSTILE, NOW, sample


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


class Played:
    """A demo as the screens know it."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def clock_text(self) -> str:
        return "DEMO 03-03 14:02 x120"

    def now(self) -> int:
        return NOW

    def _act(self, name: str) -> str:
        self.acts.append(name)
        return f"{name} done"

    def pause(self) -> str:
        return self._act("pause")

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
        return ["found 9 of 10 steps"]

    def ended(self) -> bool:
        return False


async def test_the_demo_begins_with_a_card_gives_hints_and_tells_the_truth_of_closed_alerts(
    store: Path,
) -> None:
    demo = Played()
    app = app_on(store, demo=demo)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.3)
        assert "Welcome to the demo" in "\n".join(shown(app))
        await pilot.press("enter")
        await settled(pilot, rows=7)
        assert "DEMO 03-03 14:02 x120" in shown(app)[0]
        await pilot.press("equals_sign", "greater_than_sign", "plus", "minus")
        await pilot.pause(0.1)
        assert demo.acts == ["pause", "step", "faster", "slower"]
        await pilot.press("x")
        await pilot.pause(0.1)
        assert "hint 1 of 3: look at ␛]0;owned" in shown(app)[-2]
        await pilot.press("enter")
        await settled(pilot)
        assert "passwords were read" not in "\n".join(shown(app))
        await pilot.press("c", "t")
        await settled(pilot)
        await pilot.pause(0.3)
        assert "passwords were read" in "\n".join(shown(app))
