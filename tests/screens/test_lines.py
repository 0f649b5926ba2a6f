"""The queue's lines: alerts of one rule with one main entity, as one, driven by keys on a real store."""

from collections.abc import Sequence
from pathlib import Path

from screens.queue_row import COLUMNS, line_row, open_of, owner_word, state_word
from screens.times import Zone
from screens.widgets.columns import fit_columns
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import NOW, commit, findings
from xdrtui.triage.desk import AlertQuery, Desk, Principal
from xdrtui.triage.rows import AlertRow

DAY = 24 * 60
MINE = [("r-shell", "high", "web-02", "www-data", f"shell {day}", day * DAY, 1) for day in range(3)]
OTHERS = [("r-7z", "medium", "files-1", "a.moreau", "archive", 10, 1)]


def opened(directory: Path, name: str = "me") -> Desk:
    return Desk.open(directory, Principal(name, "here"), clock=lambda: NOW)


def alerts(directory: Path, text: str = "", order: str = "newest") -> list[AlertRow]:
    with opened(directory) as desk:
        return desk.alerts(AlertQuery(text, order=order))


def three(directory: Path) -> Path:
    """A line of three alerts of three days, and another of one."""
    commit(directory, findings(MINE) + findings(OTHERS, first=100))
    return directory


async def test_alerts_of_one_rule_and_host_are_one_line_that_counts_them(tmp_path: Path) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        assert "Shell started by a web server" in shown(app)[3] and " 3 new" in shown(app)[3]
        assert "3 of 3 alerts open, 3 findings" in shown(app)[-2]


async def test_a_command_acts_on_all_open_alerts_of_the_line_and_one_undo_takes_it_back(
    tmp_path: Path,
) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("c")
        await until(pilot, "Close 3 alerts as")
        await pilot.press("t")
        await settled(pilot)
        assert [row.state for row in alerts(tmp_path, "host:web-02")] == ["closed"] * 3
        assert [row.state for row in alerts(tmp_path, "host:files-1")] == ["new"]
        with opened(tmp_path) as desk:
            assert len(list(desk.entries())) == 1
        assert "0/3 closed" in shown(app)[3]
        await pilot.press("u")
        await settled(pilot)
        assert [row.state for row in alerts(tmp_path)] == ["new"] * 4


async def test_a_line_shows_its_least_handled_state_and_how_many_are_open(tmp_path: Path) -> None:
    newest, middle, oldest = alerts(three(tmp_path), "host:web-02")
    with opened(tmp_path) as desk:
        desk.close([newest.id], "duplicate")
        desk.acknowledge([middle.id])
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        assert "2/3 new" in shown(app)[3]
        with opened(tmp_path) as desk:
            desk.investigate([oldest.id])
        await until(pilot, lambda: "2/3 ack" in shown(app)[3])


async def test_opening_a_line_shows_its_newest_alert_and_j_and_k_go_through_them(tmp_path: Path) -> None:
    newest, middle, oldest = alerts(three(tmp_path), "host:web-02")
    (other,) = alerts(tmp_path, "host:files-1")
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("enter")
        await settled(pilot)
        assert app.workbench.alert.id_shown == newest.id
        assert "1 of 3 of this line" in shown(app)[-2]
        for key, wanted in (("J", middle), ("J", oldest), ("K", middle), ("J", oldest), ("J", other)):
            await pilot.press(key)
            await settled(pilot)
            assert app.workbench.alert.id_shown == wanted.id
        await pilot.press("J")
        await until(pilot, lambda: "last alert of the queue" in shown(app)[-2])
        await pilot.press("K", "J", "K", "J", "J")  # as fast as can be: no step is lost
        await settled(pilot)
        assert app.workbench.alert.id_shown == oldest.id


async def test_on_the_page_a_command_acts_on_that_alert_alone(tmp_path: Path) -> None:
    newest, *_ = alerts(three(tmp_path), "host:web-02")
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("enter", "a")
        await settled(pilot)
        assert [row.id for row in alerts(tmp_path, "state:acknowledged")] == [newest.id]


async def test_an_alert_that_came_after_the_line_was_painted_is_not_acted_on(tmp_path: Path) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        app.workbench.watcher.paused = True
        late = [("r-shell", "high", "web-02", "www-data", "late", -DAY, 1)]
        commit(tmp_path, findings(late, first=300))
        await pilot.press("a")
        await settled(pilot)
        states = [row.state for row in alerts(tmp_path, "host:web-02")]
        assert states == ["new", "acknowledged", "acknowledged", "acknowledged"]


async def test_a_line_of_which_one_alert_was_judged_meanwhile_is_refused(tmp_path: Path) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        app.workbench.watcher.paused = True
        with opened(tmp_path, "jl") as other:
            other.close([alerts(tmp_path, "host:web-02")[1].id], "duplicate")
        await pilot.press("i")
        await settled(pilot)
        assert "changed meanwhile by jl" in "".join(line.strip() for line in shown(app)[-4:-1])
        assert [row.state for row in alerts(tmp_path, "host:web-02")] == ["new", "closed", "new"]


async def test_a_new_window_on_a_closed_line_waits_and_then_stands_marked_again(tmp_path: Path) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("c", "t", "full_stop")
        await settled(pilot)
        await pilot.press("g", "g", "j")
        await settled(pilot)
        await app.workbench.queue._read_order(app.workbench.queue.query_text)
        assert len(app.workbench.queue.source) == 1
        late = [("r-shell", "high", "web-02", "www-data", "late", -DAY, 1)]
        commit(tmp_path, findings(late, first=300))
        await until(pilot, lambda: app.workbench.queue.waiting == 1)
        await pilot.press("full_stop")
        await settled(pilot, rows=2)
        assert "1/4 again" in shown(app)[3]


async def test_the_cursor_and_marks_stay_on_the_line_when_its_alerts_change(tmp_path: Path) -> None:
    app = app_on(three(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("j", "k", "space", "k")
        await settled(pilot)
        table = app.workbench.queue.table
        before = table.cursor_key
        with opened(tmp_path, "jl") as other:
            other.close([alerts(tmp_path, "host:web-02")[0].id], "duplicate")
        await until(pilot, lambda: "2/3" in shown(app)[3])
        assert table.cursor_key == before and table.marks == {before}
        await pilot.press("a")  # the mark was read again: it stands for the two that are open now
        await settled(pilot)
        assert len(alerts(tmp_path, "state:acknowledged")) == 2


async def test_taking_over_what_another_owns_asks_once(tmp_path: Path) -> None:
    with opened(three(tmp_path)) as desk:
        desk.own([alerts(tmp_path, "host:web-02")[0].id], "jl")
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        assert shown(app)[3].rstrip().endswith("jl+")
        await pilot.press("o")
        await until(pilot, "jl has 3 alerts: take over?")
        await pilot.press("y")
        await settled(pilot)
        assert {row.owner for row in alerts(tmp_path, "host:web-02")} == {"me"}


def test_the_first_lines_are_those_of_the_whole_order(tmp_path: Path) -> None:
    story = [
        (f"r-{rule}", level, f"h{host}", "u", "s", 60 * host * place, 1)
        for place, (rule, level) in enumerate((("shell", "high"), ("7z", "medium"), ("task", "low")), 1)
        for host in range(1, 12)
    ]
    commit(tmp_path, findings(story) + findings(MINE, first=900))
    with opened(tmp_path) as desk:
        desk.close([row.id for row in desk.alerts(AlertQuery("host:h3"))], "duplicate")
        for text in ("", "state:open", "state:closed", "level>=medium", "host:h1*", "shell"):
            query = AlertQuery(text)
            whole = desk.line_numbers(query)
            assert desk.line_numbers(query, 10) == whole[:10]
            assert desk.lines(query, 5, 5) == [desk.lines_at(whole)[number] for number in whole[5:10]]
            assert len(set(whole)) == len(whole)


async def test_the_page_tells_of_related_alerts_and_searches_the_folded_event(tmp_path: Path) -> None:
    near = [("r-run", "high", "web-02", "www-data", "run key", 30, 1)]
    commit(tmp_path, findings(near) + findings(MINE, first=50))
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 60)) as pilot:
        await settled(pilot, rows=2)
        await pilot.press("enter")
        await settled(pilot)
        text = "\n".join(shown(app))
        assert "alerts of its entities on 1 host within 24 h" in text and "ParentImage" not in text
        app.workbench.alert.filtered("ParentImage")
        await settled(pilot)
        assert "ParentImage" in "\n".join(shown(app))


# Drawn


def a_line(**changed: object):  # type: ignore[no-untyped-def]
    import msgspec

    return msgspec.structs.replace(_LINE, **changed)


def _line(rows: Sequence[AlertRow]):  # type: ignore[no-untyped-def]
    from xdrtui.triage.rows import Line

    return Line(rows[0], 1, 1, 1, NOW, NOW, False, 1, "new", ("",), rows[0].id, 1, 0)


_ROW = AlertRow(
    "id", "r", "Title", "high", "new", "", "", "h", "u", "s", 1, 0, NOW, NOW, (), (), 0, 0, "rule", ()
)
_LINE = _line([_ROW])


def test_numbers_of_alerts_stay_short() -> None:
    counts = ((1, 1), (3, 18), (0, 9_999_999), (12_345, 12_345))
    said = [open_of(a_line(open=few, total=all_of_them)) for few, all_of_them in counts]
    assert said == ["1", "3/18", "0/9M", "12k"]


def test_again_is_said_only_while_nobody_has_looked() -> None:
    assert state_word(a_line(again=True)) == "again"
    assert state_word(a_line(again=True, state="acknowledged")) == "ack"


def test_owners_in_few_cells() -> None:
    owned = [(), ("",), ("me",), ("", "me"), ("ada", "me"), ("ada", "jl")]
    assert [owner_word(a_line(owners=owners), "me") for owners in owned] == [
        "-",
        "-",
        "me",
        "me+",
        "me+",
        "ada+",
    ]


def test_an_address_is_seen_whole_at_80_columns_and_nothing_else_takes_its_room() -> None:
    cells, _ = line_row(_LINE, NOW, Zone(), "me")
    assert set(cells) == {column.name for column in COLUMNS}
    for needs, host in (
        ({"host": 15, "user": 64, "n": 9}, 15),
        ({"host": 7, "user": 5}, 7),
        ({"host": 63}, 15),
    ):
        fitted = {column.name: size for column, size in fit_columns(COLUMNS, 78, needs)}
        assert fitted["host"] == host and fitted["what"] >= 20
        assert sum(fitted.values()) + len(fitted) - 1 == 78


async def test_an_ipv4_address_stands_whole_in_the_queue(tmp_path: Path) -> None:
    story = [("r-ssh", "medium", "203.113.117.225", "u" * 64, "logins", 5, 1), *OTHERS]
    commit(tmp_path, findings(story))
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=2)
        assert " 203.113.117.225 " in "\n".join(shown(app))
        assert all(len(line) == 80 for line in shown(app))


async def test_long_names_and_ipv6_break_no_layout(tmp_path: Path) -> None:
    long = [
        ("r-shell", "high", "h" * 63, "u" * 64, "what " * 40, 3, 1),
        ("r-ssh", "medium", "fe80:0000:0000:0000:0202:b3ff:fe1e:8329", "u" * 64, "logins", 5, 1),
    ]
    commit(tmp_path, findings(long) + findings(OTHERS, first=700))
    for size in ((80, 24), (120, 40), (200, 60)):
        app = app_on(tmp_path)
        async with app.run_test(size=size) as pilot:
            await settled(pilot, rows=3)
            for _ in range(3):
                lines = shown(app)
                assert all(len(line) == size[0] for line in lines)
                assert "SEV" in lines[2] and "WHAT HAPPENED" in lines[2]
                assert " ST " in lines[3 if size == (120, 40) else 2], "a row takes two lines there"
                await pilot.press("j", "enter")
                await settled(pilot)
                assert all(len(line) == size[0] for line in shown(app))
                await pilot.press("q")
                await settled(pilot)


LONG_HOST = {"sev": 6, "age": 4, "host": 15, "user": 8, "n": 1, "state": 3, "own": 0}


def test_at_80_columns_a_title_has_36_cells_or_more_and_what_says_nothing_takes_none() -> None:
    beside_a_name = dict(fit_columns_named(78, {**LONG_HOST, "host": 12}))
    assert beside_a_name["what"] == 38 and "own" not in beside_a_name and beside_a_name["user"] == 8
    beside_an_address = dict(fit_columns_named(78, LONG_HOST))
    assert beside_an_address["what"] == 44 and beside_an_address["host"] == 15
    judged = dict(fit_columns_named(78, {**LONG_HOST, "host": 12, "n": 3, "state": 6}))
    assert judged["user"] == 8 and judged["what"] == 33, "what a person does drives no column out"
    owned = dict(fit_columns_named(78, {**LONG_HOST, "host": 7, "own": 5}))
    assert owned["own"] == 5 and owned["what"] >= 36


def fit_columns_named(cells: int, needs: dict[str, int]) -> list[tuple[str, int]]:
    return [(column.name, size) for column, size in fit_columns(COLUMNS, cells, needs)]


async def test_a_title_that_is_cut_stands_whole_below_the_list(tmp_path: Path) -> None:
    title = "Many failed SSH logins, then one success"
    told = [("r-ssh", "medium", "DESKTOP-A1B2C3D", "u", "logins", 5, 1)]
    commit(tmp_path, findings([*told, ("r-7z", "medium", "web-02", "u", "x", 6, 1)]))
    app = app_on(tmp_path)
    async with app.run_test(size=(70, 24)) as pilot:
        await settled(pilot, rows=2)
        assert not any(title in line for line in shown(app)[3:20])
        assert title in shown(app)[-2]
        await pilot.press("j")
        await settled(pilot)
        assert "this one: 1 alert" in shown(app)[-2]


async def test_the_owner_is_shown_once_there_is_one(tmp_path: Path) -> None:
    commit(tmp_path, findings(OTHERS))
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "OWN" not in shown(app)[2]
        await pilot.press("o")
        await settled(pilot)
        assert "OWN" in shown(app)[2] and shown(app)[3].rstrip().endswith("me")
