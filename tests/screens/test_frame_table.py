"""The table: windows of rows, a cursor that belongs to a key, columns that fit."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from screens.look import Look
from screens.widgets.columns import Column, fit_columns, lay_out, row_lines
from screens.widgets.frame_table import FrameTable
from screens.widgets.rows import FrameSource, ListSource, Row

COLUMNS = (
    Column("id", "ID", 4, 8),
    Column("n", "N", 3, 6, right=True, rank=2),
    Column("text", "WHAT", 10),
)


def rows(ids: Sequence[int]) -> list[Row]:
    return [Row(str(i), {"id": str(i), "n": str(i * 10), "text": f"event {i}"}) for i in ids]


class TableApp(App[None]):
    def __init__(self, table: FrameTable) -> None:
        super().__init__()
        self.table = table

    def compose(self) -> ComposeResult:
        yield self.table


def lines(table: FrameTable) -> list[str]:
    return [table.render_line(y).text for y in range(table.size.height)]


async def test_numbers_stand_right_and_the_header_stays() -> None:
    table = FrameTable(COLUMNS, Look(), ListSource(rows(range(100))))
    async with TableApp(table).run_test(size=(40, 6)) as pilot:
        table.move(50)
        await pilot.pause()
        shown = lines(table)
        assert shown[0].split() == ["ID", "N", "WHAT"]
        assert shown[-1].split() == ["►50", "500", "event", "50"]
        assert all(len(line) == 40 for line in shown)


async def test_the_cursor_and_marks_stay_on_their_keys_when_rows_come_before() -> None:
    table = FrameTable(COLUMNS, Look(), ListSource(rows(range(10, 30))))
    async with TableApp(table).run_test(size=(40, 8)) as pilot:
        table.move(3)
        table.toggle_mark()
        place = table.cursor - table.top
        table.update(ListSource(rows(range(0, 30))))
        await pilot.pause()
        assert table.cursor_key == "13" and table.standing("13") is not None
        assert table.cursor - table.top == place, "the row stays where the eye is"
        assert table.marks == {"13"}


async def test_a_cursor_whose_row_went_away_takes_the_next() -> None:
    table = FrameTable(COLUMNS, Look(), ListSource(rows(range(5))))
    async with TableApp(table).run_test(size=(40, 8)):
        table.move_to_key("2")
        table.update(ListSource(rows([0, 1, 3, 4])))
        assert table.cursor_key == "3"
        table.update(ListSource())
        assert table.cursor_key == ""


async def test_a_tail_sticks_to_its_newest_row_only_from_there() -> None:
    table = FrameTable(COLUMNS, Look(), ListSource(rows([3, 2, 1])), sticks=True)
    async with TableApp(table).run_test(size=(40, 8)):
        table.update(ListSource(rows([5, 4, 3, 2, 1])))
        assert table.cursor_key == "5"
        table.move(1)
        table.update(ListSource(rows([7, 6, 5, 4, 3])))
        assert table.cursor_key == "4"


async def test_only_changed_lines_are_painted_again() -> None:
    table = FrameTable(COLUMNS, Look(), ListSource(rows(range(20))))
    async with TableApp(table).run_test(size=(40, 8)) as pilot:
        await pilot.pause()
        asked: list[int] = []
        refresh = table.refresh

        def noting(*regions, **options):
            asked.extend(region.y for region in regions)
            return refresh(*regions, **options)

        table.refresh = noting  # type: ignore[method-assign]
        table.move(1)
        assert asked == [1, 2]


@pytest.mark.parametrize("count", [100, 1_000_000])
async def test_a_frame_of_any_length_is_read_by_windows(count: int) -> None:
    frame = pl.DataFrame({"id": pl.int_range(count, eager=True), "n": [7] * count, "text": ["x"] * count})
    asked: list[int] = []

    class Noting(FrameSource):
        def window(self, start: int, stop: int) -> Sequence[Row]:
            asked.append(stop - start)
            return super().window(start, stop)

    table = FrameTable(COLUMNS, Look(), Noting(frame, key="id"))
    async with TableApp(table).run_test(size=(80, 24)) as pilot:
        table.move_to(count - 1)
        await pilot.pause()
        assert table.cursor_key == str(count - 1)
        assert max(asked) <= 24


async def test_hostile_cells_reach_the_strip_without_control_characters() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J [red]x[/red]\u202e\n"
    table = FrameTable(COLUMNS, Look(), ListSource([Row("a", {"id": evil, "n": evil, "text": evil * 3})]))
    async with TableApp(table).run_test(size=(80, 5)):
        text = "".join(lines(table))
        assert "[red]x[/red]" in text
        assert text.isprintable()


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=10),
    st.integers(1, 200),
)
def test_columns_never_exceed_the_room(shapes: list[tuple[int, int, int]], cells: int) -> None:
    columns = [
        Column(str(place), str(place), least, max(least, most) if most else 0, rank=rank)
        for place, (least, most, rank) in enumerate(shapes)
    ]
    fitted = fit_columns(columns, cells)
    used = sum(size for _, size in fitted) + len(fitted) - 1
    if all(column.rank for column in columns):
        assert used <= cells or len(fitted) == 1
    assert all(size >= 1 for _, size in fitted)


def test_the_highest_rank_goes_first() -> None:
    columns = [Column("a", "A", 10, 10), Column("b", "B", 10, 10, rank=1), Column("c", "C", 10, 10, rank=2)]
    assert [column.name for column, _ in fit_columns(columns, 25)] == ["a", "b"]


def test_the_table_does_not_import_polars() -> None:
    import subprocess
    import sys

    code = "import sys, screens.widgets.frame_table, screens.commands; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_columns_that_yield_make_room_for_the_flexible_one() -> None:
    columns = (
        Column("host", "HOST", 7, 24, rank=3),
        Column("user", "USER", 6, 16, rank=5, yields=True),
        Column("what", "WHAT", 20, room=26),
        Column("own", "OWN", 3, 9, rank=6, yields=True),
    )
    assert [column.name for column, _ in fit_columns(columns, 60)] == ["host", "user", "what", "own"]
    assert [column.name for column, _ in fit_columns(columns, 44)] == ["host", "user", "what"]
    assert [column.name for column, _ in fit_columns(columns, 38)] == ["host", "what"]
    assert [column.name for column, _ in fit_columns(columns, 30)] == ["host", "what"], "it yields no more"


TALL = (
    Column("sev", "SEV", 4, 4),
    Column("host", "HOST", 6, 20, claim=15),
    Column("what", "WHAT", 10, alone=30),
    Column("n", "N", 3, 6, right=True),
)


def tall_rows(count: int) -> list[Row]:
    return [
        Row(str(i), {"sev": "HIGH", "host": f"host-{i}", "what": f"sentence {i} " + "w" * 40, "n": str(i)})
        for i in range(count)
    ]


def test_a_sentence_without_room_gets_a_line_of_its_own_where_there_are_lines() -> None:
    assert row_lines(TALL, 40, 40) == 2
    assert row_lines(TALL, 40, 20) == 1, "a low screen keeps as many rows as it can"
    assert row_lines(TALL, 60, 40) == 1, "there is room for the sentence"
    assert row_lines(COLUMNS, 20, 40) == 1, "no column asks for it"
    above, below = lay_out(TALL, 40, 2).lines
    assert [(column.name, size) for column, size in above] == [("sev", 4), ("what", 34)]
    assert [column.name for column, _ in below] == ["host", "n"]


@given(st.integers(26, 200), st.integers(1, 2), st.integers(0, 80))
def test_no_line_of_a_row_is_wider_than_the_table(cells: int, lines: int, need: int) -> None:
    layout = lay_out(TALL, cells, lines, {"host": need})
    for number, fitted in enumerate(layout.lines):
        assert sum(size + 1 for _, size in fitted) - 1 + number * layout.indent <= cells


async def test_rows_of_two_lines_move_stand_and_are_clicked_as_one() -> None:
    table = FrameTable(TALL, Look(), ListSource(tall_rows(100)))
    async with TableApp(table).run_test(size=(42, 31)) as pilot:
        await pilot.pause()
        assert (table.lines, table.rows_visible, len(table.shown())) == (2, 14, 14)
        assert lines(table)[0].split() == ["SEV", "WHAT"] and lines(table)[1].split() == ["HOST", "N"]
        await pilot.click(table, offset=(10, 7))
        assert table.cursor_key == "2", "the lower line of the third row"
        assert table.cursor_at().y == 6
        table.move(97)
        table.toggle_mark()
        await pilot.pause()
        shown = lines(table)
        assert shown[28].startswith("●►HIGH sentence 99") and "host-99" in shown[29]
        assert all(len(line) == 42 for line in shown)
        assert table.standing("99") is not None and table.standing("85") is None
        assert table.marked["99"].key == "99"


async def test_a_row_stands_on_the_screen_when_both_its_lines_do() -> None:
    table = FrameTable(TALL, Look(), ListSource(tall_rows(3)))
    async with TableApp(table).run_test(size=(42, 31)) as pilot:
        await pilot.pause()
        before = Row("1", table.source.window(1, 2)[0].cells, about="before")
        after = Row("1", {**before.cells, "what": "another sentence"}, about="after")
        others = tall_rows(3)
        table.update(ListSource([others[0], before, others[2]]))
        await pilot.pause()
        assert (row := table.standing("1")) is not None and row.about == "before"
        table.update(ListSource([others[0], after, others[2]]))
        assert table.standing("1") is None, "its first line is not painted again yet"
        await pilot.pause()
        assert (row := table.standing("1")) is not None and row.about == "after"
