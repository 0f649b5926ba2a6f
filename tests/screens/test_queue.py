"""Marks, sorting, views, snooze, escalation and suppression, driven by keys on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from screens.app import XdrApp
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import NOW, SECOND, commit, findings, sample
from xdrtui.triage.desk import AlertQuery, Desk, Principal

HOUR = 3600 * SECOND


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


def desk(store: Path, name: str = "me") -> Desk:
    return Desk.open(store, Principal(name, "here"), clock=lambda: NOW)


def hosts(store: Path, text: str, now: int = NOW) -> list[str]:
    with desk(store) as opened:
        return [row.host for row in opened.alerts(AlertQuery(text, now=now))]


def said(app: XdrApp) -> str:
    return " ".join("".join(shown(app)[-6:-1]).split())


async def typed(pilot: Pilot, text: str) -> None:
    for char in text:
        await pilot.press({" ": "space", ":": "colon", ".": "full_stop", "%": "percent_sign"}.get(char, char))


async def test_a_range_is_marked_from_the_last_mark_to_the_cursor(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j", "space", "j", "j", "T")
        await settled(pilot)
        assert "4 marked" in said(app) or "4 lines from mark to cursor marked: 4 open alerts" in said(app)
        await pilot.press("a")
        await settled(pilot)
        assert len(hosts(store, "state:acknowledged")) == 4 and hosts(store, "state:new")[0] == "dc01"


async def test_all_of_the_filter_are_marked_and_marks_outlive_another_filter(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("percent_sign")
        await settled(pilot)
        assert "7 lines of the filter marked: 7 open alerts" in said(app)
        app.workbench.queue.filtered("state:open level:critical")
        await settled(pilot, rows=1)
        await pilot.press("c")
        await until(pilot, "Close 7 alerts of 7 lines, 6 of them out of sight as")
        await pilot.press("2")
        await settled(pilot)
        assert "6 marked lines out of sight" in said(app)
        assert len(hosts(store, "disposition:duplicate")) == 7
        await pilot.press("u")
        await settled(pilot)
        assert len(hosts(store, "state:new")) == 7, "one undo takes back the whole bulk"


async def test_above_fifty_one_key_more_is_asked_for(tmp_path: Path) -> None:
    story = [("r-shell", "high", f"h{n:03}", "u", "s", n, 1) for n in range(60)]
    commit(tmp_path, findings(story))
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=60)
        await pilot.press("percent_sign")
        await settled(pilot)
        await pilot.press("a")
        await until(pilot, "Acknowledge 60 alerts of 60 lines")
        assert not hosts(tmp_path, "state:acknowledged")
        await pilot.press("y")
        await settled(pilot)
        assert len(hosts(tmp_path, "state:acknowledged")) == 60


async def test_a_refused_bulk_keeps_its_marks_and_the_next_try_knows_better(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("percent_sign")
        await settled(pilot)
        app.workbench.watcher.paused = True
        with desk(store, "jl") as other:
            other.investigate([row.id for row in other.alerts(AlertQuery("host:dc01"))])
        await pilot.press("a")
        await settled(pilot)
        assert "changed meanwhile by jl" in said(app) and not hosts(store, "state:acknowledged")
        assert len(app.workbench.queue.marks) == 7
        await pilot.press("a")
        await settled(pilot)
        assert len(hosts(store, "state:acknowledged")) == 6 and "1 were so already" in said(app)


async def test_snoozed_alerts_leave_and_come_back_by_themselves_as_newcomers(store: Path) -> None:
    app = app_on(store)
    clock = {"now": NOW}
    app.services.now = lambda: clock["now"]
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("z")
        await until(pilot, "four hours")
        await pilot.press("1")
        await settled(pilot)
        assert "snoozed: 1 alert until" in said(app) and "snooze" in shown(app)[3]
        await app.workbench.queue._read_order("state:open")
        await settled(pilot, rows=6)
        assert hosts(store, "state:snoozed") == ["dc01"]
        clock["now"] = NOW + HOUR
        await until(pilot, lambda: app.workbench.queue.waiting == 1)  # nothing was written, yet it is back
        await pilot.press("full_stop")
        await settled(pilot, rows=7)
        assert "dc01" in shown(app)[3]


async def test_escalating_asks_whom_and_why_writes_a_packet_and_waits(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("b")
        await until(pilot, "escalate 1 alert to")
        await pilot.press("enter")
        await until(pilot, "why tier2")
        await pilot.press("enter")
        await until(pilot, "whoever takes it up will ask")  # the sentence is required
        await typed(pilot, "lsass was dumped")
        await pilot.press("enter")
        await settled(pilot)
        assert "waits for somebody to take it up" in said(app) and "escal." in shown(app)[3]
        packet = next((store / "escalations").glob("*.md"))
        assert packet.stat().st_mode & 0o777 == 0o600
        text = packet.read_text()
        for part in ("lsass was dumped", "tier2", "Why it fired", "MiniDump", "Indicators", "Timeline"):
            assert part in text
        with desk(store, "jl") as other:
            (row,) = other.alerts(AlertQuery("state:escalated"))
            other.acknowledge([row.id])
            assert other.alert(row.id).row.owner == "jl"


async def test_suppressing_tells_what_it_would_have_hidden_and_can_be_lifted_and_undone(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        app.workbench.suppressing.suppress(app.workbench.queue.targets_here().rows[0])
        await until(pilot, 'make no alert of rule:"LSASS dump via comsvcs" host:"dc01"')
        for label, text in (("make no alert of", ""), ("why", "support dumps"), ("until", "")):
            await until(pilot, label)
            await typed(pilot, text)
            await pilot.press("enter")
        await settled(pilot)
        for part in ("it would have hidden 1 of 7 stored alerts", "rule LSASS dump via comsvcs", "host dc01",
                     "why support dumps", "owner me", "y yes"):  # fmt: skip
            await until(pilot, part)
        await pilot.press("y")
        await settled(pilot)
        assert "suppressed until 2026-04-02" in said(app) and "u undoes" in said(app)
        with desk(store) as opened:
            (one,) = opened.suppressing.all()
        assert (one.reason, one.until - one.since) == ("support dumps", 30 * 24 * HOUR)
        app.workbench.suppressing.suppressions()
        await until(pilot, "1 suppression in force")
        await until(pilot, "lift: LSASS dump via comsvcs, host dc01 · until 2026-04-02")
        await until(pilot, "me: support dumps")
        await pilot.press("1")
        await settled(pilot)
        assert "lifted: LSASS dump" in said(app)
        await pilot.press("u")
        await settled(pilot)
        assert "undone: lifting a suppression" in said(app)
        await pilot.press("u")
        await settled(pilot)
        assert "undone: suppression" in said(app)
        with desk(store) as opened:
            assert "in force" not in [one.standing(NOW + 1) for one in opened.suppressing.all()]


async def test_sorting_keeps_the_cursor_on_its_line(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j", "S")
        await until(pilot, "Sort the queue by")
        before = app.workbench.queue.table.cursor_key
        await pilot.press("h")
        await settled(pilot)
        assert "by host" in shown(app)[1] and "dc01" in shown(app)[3]
        assert app.workbench.queue.table.cursor_key == before
        order = [row.replace("►", " ").split()[3] for row in shown(app)[3:10]]
        assert order == sorted(order)


async def test_the_filter_is_completed_and_says_what_is_wrong_while_it_is_typed(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("slash")
        await until(pilot, lambda: app.workbench.asking.typing)
        await typed(pilot, "ho")
        await until(pilot, "tab host:")
        await pilot.press("tab")
        await typed(pilot, "w")
        await until(pilot, "host:web-02 host:wks-090 host:wks-114")
        await pilot.press("tab", "tab")
        await until(pilot, "state:open host:wks-090")
        await typed(pilot, " hots:x")
        await until(pilot, "there is no field hots; did you mean host?")
        for _ in " hots:x":
            await pilot.press("backspace")
        await pilot.press("enter")
        await settled(pilot, rows=1)


async def test_views_are_taken_and_kept(store: Path) -> None:
    with desk(store) as opened:
        opened.own([row.id for row in opened.alerts(AlertQuery("host:dc01"))], "me")
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("V")
        await until(pilot, "Views of the queue")
        await pilot.press("2")
        await settled(pilot, rows=1)
        assert "state:open owner:me" in shown(app)[1]
        await pilot.press("V")
        await until(pilot, "Views of the queue")
        await pilot.press("plus")
        await until(pilot, "name of this view")
        await typed(pilot, "my own")
        await pilot.press("enter")
        await settled(pilot)
        with desk(store) as opened:
            assert [(view.name, view.text) for view in opened.views.own()] == [
                ("my own", "state:open owner:me")
            ]
        await pilot.press("V")
        await until(pilot, "my own")


async def test_the_page_of_an_alert_acts_on_that_alert_though_lines_are_marked(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("space", "space", "enter")
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        assert hosts(store, "state:acknowledged") == ["wks-114"]


async def test_since_i_looked_and_the_handover_are_pages(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("L")
        await until(pilot, "gone quiet")
        text = "\n".join(shown(app))
        assert "since you last looked" in text and "7 alerts: 1 critical" in text
        await pilot.press("q")
        await until(pilot, lambda: app.workbench.current == "queue")
        with desk(store, "jl") as other:
            other.close([row.id for row in other.alerts(AlertQuery("host:dc01"))], "duplicate")
        await pilot.press("L")
        await until(pilot, "jl closed duplicate")
        text = "\n".join(shown(app))
        assert "0 alerts" not in text and "jl closed duplicate: LSASS dump via comsvcs on dc01" in text
        with desk(store, "jl") as other:
            other.shift.give("# Handover of jl\n\n- all quiet")
        app.workbench.open_pane("handover")
        await until(pilot, "all quiet")
        await until(pilot, "a acknowledges it")
        await pilot.press("a")
        await until(pilot, "it is your shift")
        with desk(store) as opened:
            given = opened.shift.given()
        assert given is not None and given.taken_by == "me"


async def test_a_bulk_leaves_lines_alone_that_are_closed(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("c", "t")
        await settled(pilot)
        await pilot.press("percent_sign", "i")
        await settled(pilot)
        assert "investigating: 6 alerts" in said(pilot.app) and "were so already" not in said(pilot.app)
        assert hosts(store, "state:closed") == ["dc01"]


async def test_a_range_begins_at_the_nearest_mark_where_none_was_put_by_hand(store: Path) -> None:
    async with app_on(store).run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("j", "asterisk")  # marks all lines of this rule: one
        await settled(pilot)
        await pilot.press("j", "j", "T")
        await settled(pilot)
        assert "3 lines from mark to cursor marked" in said(pilot.app)
