"""Newcomers that are taken in out of sight, and queues without a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from screens.app import XdrApp
from screens.paint import plain
from screens.queue_empty import Held, empty_lines, in_shell
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import NOW, commit, findings, sample
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk, Principal


def many(count: int, first: int = 0, level: str = "medium") -> list:  # type: ignore[type-arg]
    story = [("r-7z", level, f"h{first + n:04}", "u", "x", 500 + n, 1) for n in range(count)]
    return findings(story, first=first)


async def newcomers_wait(pilot: Pilot) -> XdrApp:
    app = pilot.app
    assert isinstance(app, XdrApp)
    await until(pilot, lambda: app.workbench.queue.waiting)
    return app


async def test_what_is_taken_in_above_the_screen_is_told_and_one_key_goes_there(tmp_path: Path) -> None:
    commit(tmp_path, many(60))
    async with app_on(tmp_path).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=60)
        await pilot.press("G")
        await settled(pilot)
        table = pilot.app.workbench.queue.table
        cursor = table.cursor_key
        grave = [("r-lsass", "critical", "dc09", "u", "x", 1, 1), ("r-run", "high", "dc08", "u", "x", 1, 1)]
        commit(tmp_path, findings(grave, first=900))
        app = await newcomers_wait(pilot)
        assert "2 new since" in shown(app)[-2]
        await pilot.press("full_stop")
        await settled(pilot, rows=62)
        assert table.cursor_key == cursor, "the cursor stays on its alert"
        assert "2 new taken in" in shown(app)[-2] and "2 new above: . goes there" in shown(app)[-2]
        app.workbench.hush("")
        assert "2 new above  . goes there" in shown(app)[-2]
        await pilot.press("full_stop")
        await settled(pilot)
        assert "dc09" in shown(app)[3] and "dc08" in shown(app)[4] and table.cursor == 0
        app.workbench.hush("")
        assert "new above" not in shown(app)[-2]


async def test_gg_takes_them_in_and_stands_on_the_first(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j")
        commit(store, findings([("r-lsass", "critical", "dc09", "u", "x", 1, 1)], first=900))
        app = await newcomers_wait(pilot)
        await pilot.press("g", "g")
        await settled(pilot, rows=8)
        assert "►" in shown(app)[3] and "dc09" in shown(app)[3]


async def test_a_line_that_was_closed_and_comes_again_counts_as_new(tmp_path: Path) -> None:
    day = 24 * 60
    commit(tmp_path, many(40) + findings([("r-shell", "high", "web", "u", "x", day, 1)], first=700))
    async with app_on(tmp_path).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=41)
        await pilot.press("c", "t", "G")
        await settled(pilot)
        commit(tmp_path, findings([("r-shell", "high", "web", "u", "x", -day, 1)], first=800))
        app = await newcomers_wait(pilot)
        assert app.workbench.queue.waiting == 1
        await pilot.press("full_stop")
        await settled(pilot)
        await pilot.press("full_stop")
        await settled(pilot)
        assert "again" in shown(app)[3] and "►" in shown(app)[3]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


# Empty queues


def said(held: Held, query: str, **more) -> str:  # type: ignore[no-untyped-def]
    facts = {"reads": True, "alive": 1, "cells": 76} | more
    return " ".join(plain(line) for line in empty_lines(held, query, **facts))


def test_an_empty_queue_tells_why() -> None:
    assert "no worker is running" in said(Held(), "state:open", alive=0)
    assert "`xdrtui run`" in said(Held(), "state:open", alive=0)
    assert "A worker reads: the first alert appears" in said(Held(), "state:open")
    assert "3 workers read" in said(Held(), "host:x", alive=3)
    assert "no rule fired on what was scanned" in said(Held(), "state:open", reads=False, alive=0)
    assert "Nothing is left to judge: all 41 alerts are judged." in said(Held(41, 0), "state:open")
    assert "the only alert is judged" in said(Held(1, 0), "state:open")
    assert "2 of them sleep: V shows them" in said(Held(41, 2, 2), "state:open")
    assert "It hides 41 alerts, 3 of them open" in said(Held(41, 5, 2), "host:x")
    assert "host:web* finds" in said(Held(41, 5, 2), "state:open host:x")
    assert "host:web* finds" not in said(Held(41, 5, 2), "host:x*") + said(Held(41, 5, 2), "level:high")
    assert "--into '/a b'`" in said(Held(), "", alive=0, folder=in_shell(Path("/a b")))
    assert all(len(plain(line)) <= 36 for line in empty_lines(Held(41, 2, 2), "state:open", reads=True,
                                                              alive=1, cells=36))  # fmt: skip


async def test_empty_queues_as_they_stand_on_the_screen(tmp_path: Path) -> None:
    with Store.open(tmp_path / "none", clock=lambda: NOW):
        pass
    async with app_on(tmp_path / "none").run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=0)
        assert "no worker is running" in "\n".join(shown(pilot.app)[3:8])
    store = sample(tmp_path / "some")
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        pilot.app.workbench.queue.filtered("host:nowhere")
        await settled(pilot, rows=0)
        assert "It hides 7 alerts, 7 of them open." in "\n".join(shown(pilot.app)[3:8])
    with Desk.open(store, Principal("me", "here"), clock=lambda: NOW) as desk:
        desk.close([row.id for row in desk.alerts(AlertQuery())], "benign_test")
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=0)
        assert "Nothing is left to judge: all 7 alerts are judged." in "\n".join(shown(pilot.app)[3:8])
