"""The one table of the project: reads windows of rows while it paints, keeps none.

In: columns and a `RowSource`. Out: painted lines, `FrameTable.Moved` when the cursor is on another row, and
`FrameTable.Chosen`. The cursor and the marks belong to keys, not to places: when rows come or go, they stay
on what they were put on; `standing` gives a row as it stands on the screen, `marked` the marked ones as they
stood there last. The table scrolls by a place of its own rather than through Textual's virtual
size, so that a growing tail costs no layout, and repaints only the lines that changed
(tests/benchmarks/frame_table.py holds the cost: a million rows open as fast as a hundred).
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from screens.look import Look
from screens.paint import Line, Span, clipped, line_width, plain, strip
from screens.sanitise import cut_before, fit, sanitise, width
from screens.widgets.columns import Column, Fitted, lay_out, row_lines
from screens.widgets.rows import ListSource, Row, RowSource

_CELL_LIMIT = 2_000
"""Characters of a value that are looked at for one cell."""


_NEED_LIMIT = 80
"""Characters of a value that are looked at to tell how wide a column must be."""


class FrameTable(Widget):
    """A table with a fixed header. `source` may change at any time: call `update` afterwards."""

    DEFAULT_CSS = "FrameTable { width: 1fr; height: 1fr; }"

    class Moved(Message):
        """The cursor is on another row. key: "" where the table is empty."""

        def __init__(self, table: FrameTable, key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

    class Chosen(Message):
        """The row under the cursor was clicked twice."""

        def __init__(self, table: FrameTable, key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

    def __init__(
        self,
        columns: Sequence[Column],
        look: Look,
        source: RowSource | None = None,
        *,
        empty: Sequence[Line] = (),
        sticks: bool = False,
        id: str | None = None,
    ) -> None:
        """empty: lines shown where there are no rows. sticks: a cursor on the first row stays on the first
        row when newer rows come before it (a tail)."""
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.look = look
        self.source: RowSource = source if source is not None else ListSource()
        self.empty = list(empty)
        self.sticks = sticks
        self.active = True
        self.marks: set[str] = set()
        self.cursor = 0
        self.cursor_key = ""
        self._standing: list[Row | None] = []
        self.marked: dict[str, Row] = {}
        self.top = 0
        self._strips: list[Strip] = []
        self._needs: dict[str, int] = {}
        self._widths: dict[str, int] = {}
        self._shown: Sequence[Row] = ()
        self._pending: set[int] = set()

    # What others call

    @property
    def rows_visible(self) -> int:
        """Rows of data that there is room for."""
        return max(1, self.size.height // self.lines - 1)

    @property
    def lines(self) -> int:
        """Lines that a row takes, and the header."""
        return row_lines(self.columns, self.size.width - 2, self.size.height)

    def cells_of(self, column: str) -> int:
        """Cells that a column has, as it was painted last; 0 where it is not shown."""
        return self._widths.get(column, 0)

    def shown(self) -> Sequence[Row]:
        """The rows on the screen."""
        return self._shown

    def update(self, source: RowSource | None = None) -> None:
        """The source changed (or is another one): find the cursor's row again and repaint what differs."""
        if source is not None:
            self.source = source
        count = len(self.source)
        place: int | None = None
        if self.cursor_key and not (self.sticks and self.cursor == 0):
            place = self.source.index(self.cursor_key, self.cursor)
        if place is not None and place != self.cursor:
            self.top += place - self.cursor  # the row stays where the eye is
        self._go(place if place is not None else min(self.cursor, max(0, count - 1)))

    def move(self, rows: int) -> None:
        """Move the cursor down (or up) by rows; it stops at the ends."""
        self._go(self.cursor + rows)

    def move_to(self, place: int) -> None:
        """Put the cursor on the row at this place."""
        self._go(place)

    def move_to_key(self, key: str) -> bool:
        """Put the cursor on this row; False if it is not there."""
        place = self.source.index(key, self.cursor)
        if place is None:
            return False
        self._go(place)
        return True

    def forget_needs(self) -> None:
        """Other rows are shown from now on: their content says anew how wide columns are."""
        self._needs.clear()

    def toggle_mark(self) -> None:
        """Mark the cursor's row, or take its mark away."""
        if self.cursor_key:
            self.marks ^= {self.cursor_key}
            self.repaint()

    def repaint(self) -> None:
        """Paint again; only lines that differ go to the terminal."""
        if not self.size.height:
            return
        strips = self._painted()
        for y, line in enumerate(strips):
            if y >= len(self._strips) or self._strips[y] != line:
                self._pending.add(y)
                self.refresh(Region(0, y, self.size.width, 1))
            elif y not in self._pending:
                self._stands(y)  # what stands on the screen says the same
        self._strips = strips

    def standing(self, key: str) -> Row | None:
        """This row as it stands on the screen; None where it does not."""
        found = [row for row in self._standing if row is not None and row.key == key]
        whole = len(found) >= self.lines and all(row.about is found[0].about for row in found)
        return found[0] if whole else None

    def _stands(self, y: int) -> None:
        """The row at this line stands on the screen: remember what it was drawn from."""
        place = y // self.lines - 1
        row = self._shown[place] if 0 <= place < len(self._shown) else None
        self._standing[len(self._strips) :] = ()
        self._standing += [None] * (y + 1 - len(self._standing))
        self._standing[y] = row
        if row is not None and row.key in self.marks and self.standing(row.key) is not None:
            self.marked[row.key] = row

    def bare_text(self) -> list[str]:
        """The rows on the screen as bare text, values whole."""
        texts = ["  ".join(column.title for column in self.columns if column.title)]
        for row in self.source.window(self.top, min(len(self.source), self.top + self.rows_visible)):
            values = (row.cells.get(column.name, "") for column in self.columns)
            texts.append("  ".join(text for text in map(_plainly, values) if text))
        return texts

    def cursor_at(self) -> Offset:
        """Where the cursor's row begins on the screen."""
        return self.region.offset + Offset(0, self.lines * (1 + self.cursor - self.top))

    def restyle(self) -> None:
        """The look changed: paint all again."""
        self._strips = []
        self.refresh()

    # Textual

    def render_line(self, y: int) -> Strip:
        if len(self._strips) != self.size.height or (
            self._strips and self._strips[0].cell_length != self.size.width
        ):
            self._strips = self._painted()
        self._pending.discard(y)
        self._stands(y)
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return container.height

    def on_resize(self) -> None:
        self._strips = []
        self._go(self.cursor)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(-3)

    def on_click(self, event: events.Click) -> None:
        place = self.top + event.y // self.lines - 1
        if event.y >= self.lines and place < len(self.source):
            self._go(place)
            if event.chain == 2:
                self.post_message(self.Chosen(self, self.cursor_key))

    # Inside

    def _go(self, place: int) -> None:
        count = len(self.source)
        self.cursor = max(0, min(place, count - 1))
        rows = self.source.window(self.cursor, self.cursor + 1) if count else ()
        key = rows[0].key if rows else ""
        self.top = max(self.cursor - self.rows_visible + 1, min(self.top, self.cursor))
        self.top = max(0, min(self.top, count - self.rows_visible))
        moved = key != self.cursor_key
        self.cursor_key = key
        self.repaint()
        if moved:
            self.post_message(self.Moved(self, key))

    def _painted(self) -> list[Strip]:
        cells, height = self.size.width, self.size.height
        count = len(self.source)
        rows = self.source.window(self.top, min(count, self.top + self.rows_visible)) if count else ()
        self._learn_needs(rows)
        layout = lay_out(self.columns, cells - 2, self.lines, self._needs)
        self._widths = {column.name: size for fitted in layout.lines for column, size in fitted}
        strips: list[Strip] = []
        for number, fitted in enumerate(layout.lines):
            titles = " ".join(fit(column.title, size, right=column.right) for column, size in fitted)
            header: Line = [(" " * (2 + number * layout.indent) + titles, "head")]
            strips.append(strip(header, cells, self.look, "head"))
        self._shown = rows
        for place, row in enumerate(rows, self.top):
            for number, fitted in enumerate(layout.lines):
                before = " " * layout.indent if number else ""
                strips.append(self._row(row, place == self.cursor, fitted, cells, before))
        if not count:
            strips += [strip([("  ", ""), *line], cells, self.look) for line in self.empty]
        strips += [Strip.blank(cells, self.look.style(""))] * (height - len(strips))
        return strips[:height]

    def _learn_needs(self, rows: Sequence[Row]) -> None:
        """How wide what is shown is, where a column asks; it only grows, so that columns stand still."""
        for column in self.columns:
            if column.claim and rows:
                values = [row.cells.get(column.name, column.idle) for row in rows]
                told = [_needed(value) for value in values if not column.idle or value != column.idle]
                needed = max(*told, len(column.title)) if told else 0
                self._needs[column.name] = max(self._needs.get(column.name, 0), needed)

    def _row(self, row: Row, here: bool, fitted: Fitted, cells: int, before: str) -> Strip:
        """before: blanks before a row's second line; "" = its first, which has the signs."""
        over = ("cursor" if self.active else "cursor away") if here else ""
        line: Line = [
            ("●" if row.key in self.marks and not before else " ", "mark"),
            ("►" if here and self.active and not before else " ", "key"),
            (before, ""),
        ]
        for place, (column, size) in enumerate(fitted):
            if place:
                line.append((" ", ""))
            value = row.cells.get(column.name, "")
            line += _cell(_ending(value, size) if column.end else value, size, column.right, row.style)
        return strip(line, cells, self.look, over)


def _plainly(value: str | Line) -> str:
    return plain([(value, "")] if isinstance(value, str) else value).strip()


def _needed(value: str | Line) -> int:
    if isinstance(value, str):
        return width(sanitise(value, _NEED_LIMIT))
    return line_width([(sanitise(text, _NEED_LIMIT), name) for text, name in value])


def _ending(value: str | Line, size: int) -> str | Line:
    """The value's end, where it is wider than its cell."""
    if isinstance(value, str):
        return cut_before(sanitise(value, _CELL_LIMIT), size)
    if len(value) != 1:
        return value
    return [(cut_before(sanitise(value[0][0], _CELL_LIMIT), size), value[0][1])]


def _cell(value: str | Line, size: int, right: bool, style: str) -> list[Span]:
    if isinstance(value, str):
        return [(fit(sanitise(value, _CELL_LIMIT), size, right=right), style)]
    line = clipped([(sanitise(text, _CELL_LIMIT), name or style) for text, name in value], size)
    padding = " " * (size - line_width(line))
    return [(padding, style), *line] if right else [*line, (padding, style)]
