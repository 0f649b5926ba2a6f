"""The screens, driven by keys on a real store."""

import asyncio
from pathlib import Path

import pytest

from tests.screens.opened import LONG, app_on, settled, shown, until
from tests.screens.sample_store import HOSTILE, NOW, commit, evil, findings, live, sample
from xdrtui.store import place
from xdrtui.triage.desk import AlertQuery, Desk, Principal

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


def desk(store: Path) -> Desk:
    return Desk.open(store, Principal("me", "here"), clock=lambda: NOW)


def states(store: Path) -> list[str]:
    with desk(store) as open_desk:
        return [row.state for row in open_desk.alerts(AlertQuery())]


@pytest.mark.parametrize("size", SIZES)
async def test_the_queue_shows_the_gravest_first(store: Path, size: tuple[int, int]) -> None:
    app = app_on(store)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, rows=7)
        lines = shown(app)
        tall = 2 if size == (120, 40) else 1  # beside a page a row takes two lines
        assert "CRIT" in lines[2 + tall] and "LSASS dump via" in lines[2 + tall]
        assert "LOW" in lines[2 + 7 * tall]
        assert "1 of 7 lines" in lines[-2]


async def test_side_by_side_at_120_and_one_pane_at_80(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, rows=7)
        assert "why it fired" in "\n".join(shown(app))
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert "why it fired" not in "\n".join(shown(app))


async def test_the_right_pane_follows_when_it_comes_to_sight(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, rows=7)
        before = app.workbench.alert.id_shown
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        await pilot.press("j", "j")
        await settled(pilot)
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert app.workbench.alert.id_shown == app.workbench.queue.alert_here() != before


async def test_the_alert_answers_the_questions_on_its_first_screen(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("enter")
        await settled(pilot)
        text = "\n".join(shown(app))
        for label in ("what", "where", "who", "when", "sure", "ATT&CK", "why it fired"):
            assert label in text
        assert "ends with \\rundll32.exe" in text and "[\\rundll32.exe]" in text
        assert "contains MiniDump" in text and "not: ends with" in text
        assert "T1003.001 OS Credential Dumping: LSASS Memory" in text


async def test_acknowledge_undo_redo(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("a")
        await settled(pilot)
        assert states(store)[0] == "acknowledged"
        assert "acknowledged: 1 alert" in shown(app)[-2] and " ack" in shown(app)[3]
        await pilot.press("u")
        await settled(pilot)
        assert set(states(store)) == {"new"}
        await pilot.press("U")
        await settled(pilot)
        assert states(store)[0] == "acknowledged"


async def test_marks_take_a_bulk_and_one_undo_takes_it_back(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("space", "space", "space")
        await settled(pilot)
        assert "3 marked" in shown(app)[-2]
        await pilot.press("i")
        await settled(pilot)
        assert states(store)[:3] == ["investigating"] * 3
        await pilot.press("u")
        await settled(pilot)
        assert set(states(store)) == {"new"}


async def test_closing_takes_one_key_for_the_disposition_and_the_line_keeps_its_place(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("c")
        await until(pilot, "false positive: the rule is wrong")
        await pilot.press("r")
        await settled(pilot)
        with desk(store) as open_desk:
            row = open_desk.alerts(AlertQuery("state:closed"))[0]
        assert row.disposition == "false_positive_rule"
        assert "LSASS" in shown(app)[3] and "closed" in shown(app)[3]
        await pilot.press("c")
        await until(pilot, lambda: "closed already" in shown(app)[-2])


async def test_newcomers_wait_while_one_works_and_are_taken_in_by_a_key(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j")
        await settled(pilot)
        table = app.workbench.queue.table
        key = table.cursor_key
        commit(store, findings([("r-shell", "critical", "web-09", "root", "new one", 1, 1)], first=900))
        await until(pilot, lambda: "1 new since" in shown(app)[-2])
        assert "web-09" not in "\n".join(shown(app))
        assert table.cursor_key == key and table.standing(key) is not None
        await pilot.press("full_stop")
        await settled(pilot, rows=8)
        assert "web-09" in "\n".join(shown(app)[3:6])
        assert app.workbench.queue.table.cursor_key == key, "the cursor stays on its alert"


async def test_newcomers_come_in_by_themselves_before_anyone_works(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        commit(store, findings([("r-shell", "critical", "web-09", "root", "new one", 1, 1)], first=900))
        await settled(pilot, rows=8)
        assert "web-09" in shown(app)[3], "the gravest stays in sight"
        assert app.workbench.queue.table.cursor == 0


async def test_an_alert_changed_meanwhile_is_refused_with_a_line(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        app.workbench.watcher.paused = True  # the app does not see what follows
        with Desk.open(store, Principal("jl", "elsewhere"), clock=lambda: NOW) as other:
            other.investigate([app.workbench.queue.alert_here()])
        await pilot.press("a")
        await until(pilot, "look again")
        said = "".join(line.rstrip() for line in shown(app)[-3:-1])
        assert "was changed meanwhile by jl" in said and "look again" in said


async def test_filter_narrows_and_an_error_says_where(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("slash")
        await until(pilot, lambda: app.workbench.asking.typing)
        for _ in "state:open ":
            await pilot.press("backspace")
        await pilot.press(*["h", "o", "s", "t", "colon", "w", "e", "b", "minus", "0", "2", "enter"])
        await settled(pilot, rows=2)
        assert "host:web-02" in shown(app)[1]
        await pilot.press("slash", "o", "r", "enter")
        await until(pilot, "filter not taken: put it right")
        assert "filter:" in shown(app)[-4] and "character" in shown(app)[-4]
        assert "filter not taken: put it right" in shown(app)[-2]
        assert "host:web-02 or" in shown(app)[-3], "the input stays open, with what was typed"
        assert len(app.workbench.queue.source) == 2
        await pilot.press("space", *"state", "colon", *"new", "enter")
        await settled(pilot, rows=7)
        assert "host:web-02 or state:new" in shown(app)[1]


async def test_keys_that_do_not_apply_say_why(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("full_stop")
        await until(pilot, lambda: "no new alert waits" in shown(app)[-2])
        await pilot.press("s")
        await until(pilot, lambda: "s is a key of live events" in shown(app)[-2])


async def test_next_and_previous_alert_from_the_alert_pane(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("enter", "J")
        await settled(pilot)
        assert "Office program started PowerShell" in shown(app)[2]
        await pilot.press("K")
        await settled(pilot)
        assert "LSASS" in shown(app)[2]


async def test_a_memo_and_an_owner(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("m", "h", "i", "space", "q", "enter")
        await settled(pilot)
        await pilot.press("o")
        await settled(pilot)
        with desk(store) as open_desk:
            detail = open_desk.alert(open_desk.alerts(AlertQuery())[0].id)
        assert detail.row.owner == "me"
        assert [act.text for act in detail.history if act.kind == "memo"] == ["hi q"]


async def test_freezing_the_tail_keeps_the_painted_rows_and_counts_what_waits(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3")
        await until(pilot, lambda: "40 shown" in shown(app)[-2])
        await pilot.press("s")
        await until(pilot, lambda: "FROZEN" in shown(app)[-2])
        before = shown(app)[2:-2]
        live(store, 25)
        await until(pilot, lambda: "FROZEN" in shown(app)[-2] and "25 waiting" in shown(app)[-2])
        assert shown(app)[2:-2] == before
        await pilot.press("s")
        await until(pilot, lambda: "FROZEN" not in shown(app)[-2] and "65 shown" in shown(app)[-2])


async def test_the_palette_opens_the_manual(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("colon", *"keys", "down", "enter")
        await until(pilot, lambda: app.workbench.current in ("manual", "help"))


async def test_q_goes_back_and_asks_on_the_first_pane(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("enter", "q")
        await settled(pilot)
        assert app.workbench.current == "queue"
        await pilot.press("escape")
        await settled(pilot)
        assert "Leave" not in "\n".join(shown(app)), "escape may be a fragment of an arrow key"
        await pilot.press("q", "q")
        await settled(pilot)
        assert app.is_running and app.return_value is None
        await pilot.press("q", "y")
        async with asyncio.timeout(LONG):
            while app.return_value is None:
                await asyncio.sleep(0.02)
    assert app.return_value == 0


async def test_split_arrow_keys_change_nothing(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        for last in "ABCDEFGH":
            await pilot.press("escape", "left_square_bracket", last, "escape", "O", last)
        await pilot.press("tilde")
        await settled(pilot)
        assert set(states(store)) == {"new"}
        assert app.is_running


async def test_no_worker_is_a_red_line_that_says_what_to_do(tmp_path: Path) -> None:
    commit(tmp_path, findings(), worker=False)
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        assert "no worker is running" in shown(app)[1] and "xdrtui run" in shown(app)[1]


async def test_a_store_that_cannot_be_opened_is_said_not_raised(tmp_path: Path) -> None:
    (tmp_path / place.DATABASE).write_bytes(b"this is no database" * 100)
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.workbench.watcher.failure or app.workbench.queue.failure)
        assert app.is_running


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_data_is_harmless_in_every_pane(tmp_path: Path, size: tuple[int, int]) -> None:
    commit(tmp_path, evil())
    live(tmp_path, 5, hostile=True)
    app = app_on(tmp_path)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, rows=1)
        for key in ["enter", *"edG13e", "colon", "escape", *"1ac", "escape", "question_mark"]:
            await pilot.press(key)
            await settled(pilot)
            lines = shown(app)
            assert all(line.isprintable() for line in lines), key
            assert all(len(line) == size[0] for line in lines), key
            if key in ("enter", "3"):
                assert "[red]" in "\n".join(lines) and "\x1b" not in "\n".join(lines)


async def test_a_hostile_filter_is_shown_harmlessly(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        app.workbench.queue.filtered(f'"{HOSTILE}"')
        await settled(pilot)
        app.workbench.say(HOSTILE)
        await until(pilot, "owned")
        assert all(line.isprintable() for line in shown(app))


async def test_one_key_marks_all_lines_of_the_same_rule(tmp_path: Path) -> None:
    again = [("r-shell", "high", f"web-{host}", "www-data", "sh", 60 * host, 1) for host in range(10, 14)]
    commit(tmp_path, findings() + findings(again, first=500))
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=11)
        await pilot.press("j", "j", "j")
        await settled(pilot)
        assert app.workbench.queue.current().row.host == "web-02"
        await pilot.press("asterisk")
        await until(pilot, lambda: len(app.workbench.queue.table.marks) == 5)
        await pilot.press("c", "t")
        await settled(pilot)
        assert states(tmp_path).count("closed") == 5


async def test_theme_zone_and_mouse_switch(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("t")
        await settled(pilot)
        assert shown(app)[0].rstrip().endswith("14:02 UTC")
        await pilot.press("colon", *"theme", "enter")
        await until(pilot, lambda: app.services.look.theme == "light")
        await settled(pilot)
        await pilot.press("colon", *"mouse", "enter")
        await until(pilot, lambda: "the mouse is" in shown(app)[-2])


async def test_an_explanation_that_fails_leaves_the_alert_readable(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(evidence: object) -> None:
        raise RecursionError

    monkeypatch.setattr("xdrtui.triage.explanation.fields_of", fails)
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("enter")
        await settled(pilot)
        text = "\n".join(shown(app))
        assert "✓ Image" in text and "matched" in text


async def test_a_long_message_takes_the_lines_it_needs_and_gives_them_back(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        app.workbench.say("a long hint " * 15)
        await until(pilot, lambda: shown(app)[-4].startswith(" a long"))
        lines = shown(app)
        assert "hint" in lines[-2] and "a ack" in lines[-1]
        app.workbench.say("short")
        await until(pilot, lambda: shown(app)[-2].startswith(" short") and "hint" not in shown(app)[-3])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_alert_of_an_address_stays_though_the_queue_does_not_hold_it(
    store: Path, size: tuple[int, int]
) -> None:
    with desk(store) as open_desk:
        id = open_desk.alerts(AlertQuery("state:open"))[-1].id
        open_desk.snooze([id], NOW + 3600 * 10**9)
    app = app_on(store, initial=f"alert/{id}")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.workbench.alert.id_shown == id)
        await pilot.press("question_mark")
        await pilot.press("q")
        await pilot.pause(0.3)
        assert app.workbench.alert.id_shown == id
        await pilot.press("1", "j", "enter")
        await until(pilot, lambda: app.workbench.alert.id_shown == app.workbench.queue.alert_here() != id)
