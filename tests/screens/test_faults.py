"""What is told without being asked: faults in the red line, bell and lock; and where the cursor stands."""

import shutil
import sqlite3
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.geometry import Offset

from screens.app import XdrApp
from screens.away import LockScreen
from screens.preferences import Preferences
from screens.status_bar import UNHEARD, alarm
from screens.watch import PATIENCE
from tests.screens.opened import LONG, app_on, settled, shown, until
from tests.screens.sample_store import commit, findings, sample
from xdrtui.triage.rows import Status


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


def told(app: XdrApp) -> str:
    """The first lines of the screen."""
    return " ".join(line.strip() for line in shown(app)[:10])


async def test_the_terminals_cursor_stands_on_the_row_in_focus(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j", "j")
        await settled(pilot)
        assert app.cursor_position == Offset(0, 5) and "►" in shown(app)[5]


async def test_the_screen_is_hidden_after_a_while_without_a_key_and_enter_shows_it(store: Path) -> None:
    app = app_on(store, preferences=Preferences(lock_minutes=1))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        app.workbench.watcher.away.typed_at = time.monotonic() - 61
        app.workbench.watcher.tick()
        await until(pilot, lambda: isinstance(app.screen, LockScreen))
        await until(pilot, lambda: "LSASS" not in "\n".join(shown(app)))
        await pilot.press("a")
        assert isinstance(app.screen, LockScreen)
        await pilot.press("enter")
        await until(pilot, "LSASS")


async def test_the_bell_rings_for_a_new_critical_alert_alone(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(store, preferences=Preferences(bell=True))
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await app.workbench.watcher.away.look()
        commit(store, findings([("r-run", "high", "other", "u", "x", 1, 1)], first=500))
        await app.workbench.watcher.away.look()
        assert not rung
        commit(store, findings([("r-lsass", "critical", "other", "u", "x", 1, 1)], first=600))
        await pilot.pause(0.6)
        await app.workbench.watcher.away.look()
        assert rung == [True]


def test_a_worker_that_fell_silent_is_told_within_three_seconds() -> None:
    def status(age: float) -> Status:
        worker = SimpleNamespace(worker="w1", age=age, alive=True, busy=0.0, symptom="")
        return SimpleNamespace(faults=(), workers=(worker,), unheard=0)  # type: ignore[return-value]

    assert alarm(status(1.5)) == ""
    assert "w1 was not heard of for" in alarm(status(2.9)) and "xdrtui doctor" in alarm(status(2.9))
    assert UNHEARD + 0.5 < 3.0, "half a second may pass until it is looked at"


async def test_a_database_that_does_not_answer_is_told_while_keys_go_on(store: Path) -> None:
    app, let_go = app_on(store), threading.Event()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        bench = app.workbench
        stuck = bench.run_worker(bench.services.desks.watch(lambda desk: let_go.wait(LONG)))
        try:
            began = time.monotonic()
            await until(pilot, "the database has not answered")
            assert time.monotonic() - began >= PATIENCE - 0.5
            await pilot.press("j")
            await until(pilot, lambda: bench.queue.table.cursor == 1)
            assert not let_go.is_set()
        finally:
            let_go.set()
        await stuck.wait()
        await until(pilot, lambda: "has not answered" not in "\n".join(shown(app)))


async def test_a_full_disk_is_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_on(store)
    app.services.directory = store
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=3_000_000))
        await until(pilot, "is full, 3 MB are left")


async def test_a_file_system_that_hangs_is_told_of_while_keys_go_on(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on(store)
    app.services.directory = store
    again, main = threading.Event(), threading.main_thread()

    def hangs(folder: Path) -> SimpleNamespace:
        assert threading.current_thread() is not main, "keys would wait for it"
        again.wait(LONG)
        return SimpleNamespace(free=10**12)

    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        monkeypatch.setattr(shutil, "disk_usage", hangs)
        try:
            await pilot.press("j")
            await until(pilot, lambda: app.workbench.queue.table.cursor == 1)
            await until(pilot, "its disk stuck?")
        finally:
            again.set()
        await until(pilot, lambda: "stuck" not in told(app))


async def test_a_database_that_is_damaged_while_it_is_open_is_told_of_and_ends_nothing(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        for path in store.glob("xdrtui.sqlite*"):
            with path.open("r+b") as file:
                file.seek(0)
                file.write(b"\xde\xad" * (path.stat().st_size // 2))
        await pilot.press("enter")
        await until(pilot, "is damaged")
        await pilot.press("J", "a")
        await until(pilot, lambda: all(part in told(app) for part in ("is damaged", "put back a copy")))
    assert app.return_code in (None, 0)


async def test_an_act_that_waits_for_the_database_is_told_of(store: Path) -> None:
    app = app_on(store)
    holder = sqlite3.connect(store / "xdrtui.sqlite", isolation_level=None)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        holder.execute("BEGIN IMMEDIATE")
        await pilot.press("a")
        await until(pilot, lambda: "what you did is not stored yet" in " ".join(shown(app)[:4]))
        holder.execute("ROLLBACK")
        await until(pilot, "acknowledged: 1 alert")
        await until(pilot, lambda: "not stored yet" not in " ".join(shown(app)[:4]))
    holder.close()
