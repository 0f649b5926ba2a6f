"""Keys that come faster than the screen paints: each acts where those before it led, on what was painted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from screens.app import XdrApp
from screens.keyboard import event_of
from tests.screens.opened import LONG, app_on, settled, shown, until
from tests.screens.sample_store import NOW, commit, findings, sample
from xdrtui.triage.desk import AlertQuery, Desk, Principal
from xdrtui.triage.rows import Entry


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


def burst(app: XdrApp, keys: str) -> None:
    """All keys at once, as one read of the terminal gives them."""
    for key in keys.split(" "):
        app.post_message(event_of(key))


def entries(store: Path) -> list[Entry]:
    with Desk.open(store, Principal("me", "here"), clock=lambda: NOW) as desk:
        return list(desk.entries())


def hosts(store: Path, text: str) -> list[str]:
    with Desk.open(store, Principal("me", "here"), clock=lambda: NOW) as desk:
        return [row.host for row in desk.alerts(AlertQuery(text, now=NOW))]


async def begun(pilot: Pilot) -> XdrApp:
    await settled(pilot, rows=7)
    app = pilot.app
    assert isinstance(app, XdrApp)
    return app


async def test_keys_behind_enter_go_to_the_page_that_it_opens(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "j enter c t")
        await settled(pilot)
        (entry,) = entries(store)
        assert (entry.kind, entry.body["disposition"]) == ("close", "true_positive")
        assert hosts(store, "state:closed") == ["wks-114"] and app.workbench.current == "alert"
        assert not app.workbench.services.zone.utc, "t is no key of its own here"


async def test_a_mark_and_what_follows_act_on_the_line_the_cursor_went_to(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "j space space a")
        await settled(pilot)
        assert hosts(store, "state:acknowledged") == ["wks-114", "wks-114"]


async def test_one_act_after_the_other_each_knows_what_the_last_did(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "a u a i c t")
        await settled(pilot)
        kinds = ["acknowledge", "undo", "acknowledge", "investigate", "close"]
        assert [entry.kind for entry in entries(store)] == kinds


async def test_marks_are_spent_before_the_next_key_judges(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "space space a j i")
        await settled(pilot)
        assert [len(entry.subject) for entry in entries(store)] == [2, 1]
        assert len(hosts(store, "state:acknowledged")) == 2 and len(hosts(store, "state:investigating")) == 1


async def test_all_are_marked_before_the_next_key_judges(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "% a")
        await settled(pilot)
        assert len(hosts(store, "state:acknowledged")) == 7


async def test_the_next_alert_is_judged_not_the_last(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "enter J a J i")
        await settled(pilot)
        assert hosts(store, "state:acknowledged") == ["wks-114"] and entries(store)[0].kind == "acknowledge"
        first, second = entries(store)
        assert first.subject != second.subject


async def test_what_is_typed_behind_a_key_that_asks_stands_in_its_line(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "m o n space i t enter")
        await settled(pilot)
        (entry,) = entries(store)
        assert (entry.kind, entry.body["text"]) == ("memo", "on it")


async def test_keys_behind_the_enter_of_a_line_act_on_what_it_leads_to(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        await pilot.press("slash")
        await settled(pilot)
        burst(app, "h o s t : w e b * enter j a")  # a filter, then its second line
        await settled(pilot)
        assert app.workbench.queue.query_text == "state:open host:web*"
        burst(app, "m o k enter j")
        await settled(pilot)
        assert [entry.kind for entry in entries(store)] == ["acknowledge", "memo"]


async def test_one_menu_after_the_other(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "c t j c r j c n")
        await settled(pilot)
        assert len(hosts(store, "state:closed")) == 3


async def test_a_menu_that_is_being_read_gets_the_keys_behind_its_own(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        burst(app, "V 2")
        await settled(pilot)
        assert app.workbench.queue.query_text == "state:open owner:me"


async def test_a_line_far_away_is_judged_once_it_is_painted(tmp_path: Path) -> None:
    commit(tmp_path, findings([("r-run", "high", f"h{n:04}", "u", "x", n, 1) for n in range(900)]))
    async with app_on(tmp_path).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=900)
        app = pilot.app
        assert isinstance(app, XdrApp)
        burst(app, "G a k enter i")
        await settled(pilot)
        assert hosts(tmp_path, "state:acknowledged") == ["h0899"]
        assert hosts(tmp_path, "state:investigating") == ["h0898"]


class Slow:
    """Desks of which reading takes until it is let go."""

    def __init__(self, app: XdrApp) -> None:
        self.go = asyncio.Event()
        self._read = app.services.desks.read
        app.services.desks.read = self.read  # type: ignore[method-assign, assignment]

    async def read(self, question):  # type: ignore[no-untyped-def]
        await self.go.wait()
        return await self._read(question)


async def test_keys_that_wait_are_told_of_and_what_changed_meanwhile_is_refused(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        slow = Slow(app)
        burst(app, "a i")  # i waits until what a did is read
        await until(pilot, lambda: "i … until" in shown(app)[-2])
        with Desk.open(store, Principal("jl", "there"), clock=lambda: NOW) as other:
            (row,) = other.alerts(AlertQuery("state:acknowledged", now=NOW))
            other.own([row.id], "jl")
        slow.go.set()
        await settled(pilot)
        assert "changed meanwhile by somebody else" in " ".join(shown(app)[-3:])
        assert [entry.kind for entry in entries(store)] == ["acknowledge", "own"]


async def test_keys_are_dropped_with_a_line_where_the_page_never_comes(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.taking.PATIENCE", 0.4)
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        slow = Slow(app)
        burst(app, "enter c t")
        await until(pilot, lambda: "dropped what was typed, c t" in " ".join(shown(app)[-4:]))
        slow.go.set()
        await settled(pilot)
        assert not entries(store) and app.workbench.menu is None


async def test_escape_drops_what_waits(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        slow = Slow(app)
        burst(app, "enter c t")
        await until(pilot, lambda: app.workbench.taking.waiting)
        burst(app, "escape")
        await until(pilot, lambda: not app.workbench.taking.waiting)
        slow.go.set()
        await settled(pilot)
        assert not entries(store) and app.workbench.current == "alert"


async def test_keys_behind_the_one_that_leaves_do_nothing(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await begun(pilot)
        burst(app, "q y a")
        async with asyncio.timeout(LONG):
            while app.return_value is None:
                await asyncio.sleep(0.02)
    assert app.return_code == 0 and not entries(store)


async def test_a_key_that_was_held_when_the_screens_ended_does_nothing(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await begun(pilot)
    app.workbench.taking._take("/")  # opens an input, where there is a screen to open it on
    app.workbench.taking._go_on()
