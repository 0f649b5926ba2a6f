"""The pages of a shift are lists: one moves in them, opens alerts, searches, and chooses the period."""

from __future__ import annotations

from pathlib import Path

import pytest

from screens.commands import ALERT, HANDOVER, SINCE
from screens.shift import handover_items
from screens.widgets.listing import Listing
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import sample
from xdrtui.triage.desk import AlertQuery, Desk, Principal


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return sample(tmp_path)


def listing(app) -> Listing:
    paper = app.workbench.pane.paper
    assert isinstance(paper, Listing)
    return paper


async def come(pilot, key: str, pane: str) -> Listing:
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.workbench.current == pane and len(listing(pilot.app).lines) > 3)
    return listing(pilot.app)


def under(paper: Listing) -> str:
    """The text under the cursor."""
    return "".join(text for text, _ in paper._listed[paper._cursor].lines[0])


async def test_the_page_since_i_looked_opens_alerts_and_stays_until_one_goes_back(
    store: Path,
) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        paper = await come(pilot, "L", SINCE)
        first = paper.address
        assert first.startswith("alert/")
        await pilot.press("j")
        second = paper.address
        assert second not in ("", first)
        await pilot.press("enter")
        await settled(pilot)
        assert app.workbench.current == ALERT
        assert f"alert/{app.workbench.alert.id_shown}" == second
        await pilot.press("q")
        await until(pilot, lambda: app.workbench.current == SINCE and listing(app).address == second)
        assert app.workbench.pane.since.new_total > 0
        await pilot.press("q")
        await until(pilot, lambda: app.workbench.current != SINCE)
        await come(pilot, "L", SINCE)
        await until(pilot, lambda: app.workbench.pane.since.new_total == 0)


async def test_n_goes_through_the_hits_of_a_search(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        paper = await come(pilot, "L", SINCE)
        await pilot.press("/", *"new", "enter")
        hits = set()
        for _ in range(4):
            assert "new" in under(paper).lower()
            hits.add(paper._cursor)
            await pilot.press("n")
        assert len(hits) > 0
        await pilot.press("N")
        assert "new" in under(paper).lower()


async def test_a_handover_opens_its_alerts_and_tells_of_the_period_one_chooses(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.workbench.open_pane(HANDOVER)
        paper = await come(pilot, "", HANDOVER)
        assert paper.address.startswith("alert/")
        title = paper.lines[0]
        await pilot.press("P", "6")
        await until(pilot, lambda: "since 06:00" in "\n".join(shown(app)[:4]) and paper.lines[0] != title)
        await pilot.press("P", "l")
        await until(pilot, "you have not handed over yet")
        assert "since 06:00" in "\n".join(shown(app)[:4]) and paper.address
        await pilot.press("P", "t", *"2h", "enter")
        await until(pilot, lambda: "since 2h" in "\n".join(shown(app)[:4]))
        app.workbench.pane.give()
        with Desk.open(store, Principal("me", "here")) as desk:
            await until(pilot, desk.shift.given)
        await pilot.press("P", "l")
        await until(pilot, lambda: "since I handed over last" in "\n".join(shown(app)[:4]))
        where = paper.address
        await pilot.press("enter")
        await settled(pilot)
        assert app.workbench.current == ALERT and where.endswith(app.workbench.alert.id_shown[:8])


def test_what_looks_like_an_address_in_a_value_opens_nothing_else() -> None:
    (item,) = handover_items("- **high** `alert/00000000` on `x`: 1 open; `alert/12345678`", 80)
    assert item.address == "alert/12345678"
    (none,) = handover_items("- memo eve: \\`alert/00000000\\`", 80)
    assert none.address == ""


async def test_every_line_of_a_long_list_can_be_reached(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        app.workbench.open_pane(HANDOVER)
        paper = await come(pilot, "", HANDOVER)
        seen = set()
        for _ in range(len(paper.lines) + 2):
            start = paper._starts[paper._cursor]
            size = len(paper._listed[paper._cursor].lines)
            below = len(paper.lines) - paper.top - paper.size.height
            assert paper.top <= start and start + size <= paper.top + paper.size.height - (below > 0)
            seen.add(paper._cursor)
            await pilot.press("j")
        assert paper._cursor == max(n for n in range(len(paper._listed)) if paper._stops(n))
        await pilot.press("g", "g")
        assert paper.top == 0


def test_the_period_since_ones_own_handover_begins_there(store: Path) -> None:
    with Desk.open(store, Principal("me", "here"), clock=lambda: 77) as desk:
        desk.shift.give("text")
        assert desk.shift.since_mine() == 77
        assert desk.alerts(AlertQuery(), 1)


async def test_a_hit_is_marked_and_n_goes_on_at_the_end_of_a_page_too(store: Path) -> None:
    app = app_on(store)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("e")
        await pilot.press("/", *"svc_sql", "enter")
        paper = app.workbench.alert.paper
        hits = []
        for _ in range(50):
            assert "svc_sql" in "".join(text for text, _ in paper.lines[paper.hit])
            assert paper.top <= paper.hit < paper.top + paper.size.height
            assert paper._over(paper.hit) == "cursor"
            if paper.hit in hits:
                break
            hits.append(paper.hit)
            await pilot.press("n")
        wanted = [n for n, line in enumerate(paper.lines) if "svc_sql" in "".join(text for text, _ in line)]
        assert sorted(hits) == wanted and len(hits) > 2
        await pilot.press("N")
        assert paper.hit == hits[-1]
        await pilot.press("j")
        assert paper.hit == -1


def test_typing_hand_over_finds_that_and_not_the_page_handover() -> None:
    from screens.palette import Entry, matching

    entries = [Entry("command", title, "hand", "", lambda: None) for title in ("handover", "hand over")]
    assert matching(entries, "hand over")[0].title == "hand over"
    assert matching(entries, "handover")[0].title == "handover"
