"""The alert queue: a line for the alerts of one rule and one main entity, gravest and latest first; where
they are marked and judged.

Lines are neither put in nor sorted again while a person works: newcomers wait, counted, until they are
taken in. A closed line keeps its place, dimmed, until then, so that undo finds it where it was. Commands act
on the open alerts of the line that was painted under the cursor when the key came, as many as it told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.message import Message

from screens.commands import QUEUE, Facts
from screens.paint import Line as Painted
from screens.pane import Changed, Say
from screens.queue_empty import Held, empty_lines, in_shell
from screens.queue_marking import Marking
from screens.queue_marks import Marks
from screens.queue_news import News
from screens.queue_reading import FIRST, Reading, read_order, read_states
from screens.queue_row import COLUMNS, line_row
from screens.queue_source import QueueSource, number_of
from screens.queue_summary import summary
from screens.services import Services
from screens.targets import Targets
from screens.times import number
from screens.widgets.frame_table import FrameTable

if TYPE_CHECKING:
    from xdrtui.triage.desk import AlertQuery
    from xdrtui.triage.rows import Line

_EMPTY: list[Painted] = [[], [("reading alerts …", "dim")]]


class QueuePane(Marking):
    """The queue."""

    pane = QUEUE

    class At(Message):
        """The cursor is on another line, or what it stands on is known now."""

    class Open(Message):
        """The line under the cursor should be opened."""

    def __init__(self, services: Services, query: str = "state:open") -> None:
        super().__init__(services)
        self.query_text = query
        self.touched = False
        self.news = News()
        self.held = Held()
        self.loaded = False
        self.failure = ""
        self.source = QueueSource(self._row)
        self.order = "severity"
        self._order: set[int] = set()
        self._upto = 0
        self._unknown = ""
        self._wanted: set[str] = set()
        self._read_at = 0
        self._wakes = 0
        self._reading = False
        self._filter_wanted: str | None = None
        self._filtering = self._to_top = False
        self._telling = 0
        self._owed = self._paying = False
        self.table = FrameTable(COLUMNS, services.look, self.source, empty=_EMPTY, id="queue-table")
        self.marks = Marks(self.table)

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        self.set_interval(1.0, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """What sleeps comes back when its time has come, though nothing was written; why nothing is shown
        follows the workers."""
        if self.loaded and not len(self.source):
            self._draw_again()
        if 0 < self._wakes <= self.services.now():
            self._wakes = 0
            self.poll()

    # What the workbench asks

    def facts(self, base: Facts) -> Facts:
        line = self.current()
        return replace(
            base,
            pane=QUEUE,
            rows=len(self.source),
            state=line.state if line else "",
            marked=len(self.table.marks),
            new=self.waiting + len(self.news.unseen),
        )

    @property
    def waiting(self) -> int:
        """How many new lines wait to be taken in."""
        return len(self.news.waiting)

    def summary(self, cells: int) -> Painted:
        if self.failure:
            return [(self.failure, "bad")]
        clock = self.services.zone.clock(self.news.since, seconds=False)
        marks = self.marks.in_words(self._away()) if self.table.marks else ""
        return summary(
            self.table.cursor + 1, len(self.source), self.current(), self.table.cells_of("what"),
            marks, self.news.in_words(clock, self.table.top), cells,
        )  # fmt: skip

    def heading(self) -> Painted:
        by = "" if self.order == "severity" else f" · by {self.order}"
        return [(self.query_text or "all alerts", "label"), (by, "dim")]

    def filter_text(self) -> str:
        return self.query_text

    def current(self) -> Line | None:
        """The line under the cursor, as it was painted."""
        return self.source.line(self.table.cursor_key)

    def alert_here(self) -> str:
        """The id of the alert that opening the line under the cursor shows: its newest; "" = none."""
        line = self.current()
        return line.newest if line is not None else ""

    def targets_here(self) -> Targets:
        """The line painted under the cursor alone, marks or not."""
        painted = self.table.standing(self.table.cursor_key)
        return Targets((cast("Line", painted.about),)) if painted is not None and painted.about else Targets()

    def unready(self, judges: bool) -> str:
        """What a command has to wait for: the line under the cursor on the screen, and what was asked for."""
        if self.failure:
            return ""
        asked = self._filter_wanted is not None or self._filtering
        if not self.loaded or asked or (judges and (self._owed or self._paying or self.marking)):
            return "the queue is read"
        painted = self.table.standing(self.table.cursor_key)
        if len(self.source) and (painted is None or painted.about is None):
            return "the line is on the screen"
        if judges and painted is not None and painted.about is not self.current():
            return "the line stands there as it is now"
        return ""

    def targets(self) -> Targets:
        """What a command acts on: the marked lines, else the one painted under the cursor."""
        return self.marks.targets(self._away()) if len(self.marks) else self.targets_here()

    def _away(self) -> int:
        """How many marked lines are out of sight."""
        return self.marks.away(self._order, [number_of(row.key) for row in self.table.shown()])

    def set_active(self, active: bool) -> None:
        super().set_active(active)
        self.table.active = active
        self.table.repaint()

    def bare_text(self) -> list[str]:
        return self.table.bare_text()

    def cursor_at(self) -> Offset:
        return self.table.cursor_at()

    def restyle(self) -> None:
        self.table.look = self.services.look
        self._draw_again()

    # Reading: one at a time; what is wanted meanwhile is read next

    def poll(self) -> None:
        """The store changed: read states again; what is new waits, or comes in where nobody works yet."""
        self._want("states" if self.touched and len(self.source) else "order")

    def look_again(self) -> None:
        """Something was refused: read what is shown, and all that is marked, as it is now."""
        self._want("marks")
        self._want("states", owed=True)

    def judged(self) -> None:
        """An act was done: marks go, and what it changed is read."""
        self.unmark()
        self._want("states", owed=True)

    def take_in(self) -> None:
        """Read again and sort again."""
        self._want("order", owed=True)

    def _want(self, what: str, *, owed: bool = False) -> None:
        """owed: it follows on what the person did, and judging waits for it."""
        self._owed |= owed
        self._wanted.add(what)
        if not self._reading:
            self._reading = True
            self.start(self._read_on, "queue")

    async def _read_on(self) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, set()
                self._paying, self._owed = self._owed, False
                try:
                    if self._filter_wanted is not None:
                        text, self._filter_wanted = self._filter_wanted, None
                        await self._filter(text)
                    if "order" in wanted:
                        await self._read_order(self.query_text)
                    elif wanted != {"filter"}:
                        await self._read_states("states" in wanted, marks="marks" in wanted)
                    self.failure = ""
                except XdrtuiError as error:
                    self.failure = str(error)
                self.post_message(Changed())
        finally:
            self._reading = self._paying = False

    async def _read_order(self, text: str, *, top: bool = False) -> None:
        """The first lines at once, then the whole order."""
        desks, query = self.services.desks, self.alert_query(text)
        place = 0 if top else self.table.top
        if not self.loaded or top:
            self.news.forget()
            self._take(await desks.read(lambda desk: read_order(desk, query, FIRST, place)), top)
        sought = self.news.sought() if self.touched else frozenset()
        self._take(await desks.read(lambda desk: read_order(desk, query, -1, place, sought)), False)

    def _take(self, reading: Reading, top: bool) -> None:
        self.loaded = True
        self.news.taken(reading.places)
        self.held = reading.held or self.held
        self._read_at, self._wakes, self._upto = reading.at, reading.wakes, reading.upto
        if reading.order is not None:
            self.source.set_order(reading.order)
            self._order = set(reading.order)
        self.source.learn(reading.lines)
        if top:
            self.table.forget_needs()
        if top or self._to_top or not self.touched:  # where nobody works yet the gravest stays in sight
            self.table.move_to(0)
        self._to_top = False
        self._draw_again()
        if self._telling:
            where = self.news.where(self.table.top)
            more = f" · {where}: . goes there" if where else ""
            self.post_message(Say(f"{number(self._telling)} new taken in; sorted again{more}"))
            self._telling = 0

    async def _read_states(self, count: bool, marks: bool = False) -> None:
        """The lines on the screen and near it as they are now; marks: and all that are marked; neither count
        nor marks: those alone that have not been read."""
        read = self.source.around if count or marks else self.source.unread
        numbers = read(self.table.top, self.table.rows_visible)
        if marks:
            numbers += self.marks.numbers
        query, after, since = self.alert_query(self.query_text) if count else None, self._upto, self._read_at
        reading = await self.services.desks.read(lambda desk: read_states(desk, numbers, query, after, since))
        closed = {each for each in reading.newcomers if self.source.closed(each)}
        self.source.learn(reading.lines)
        if marks:
            self.marks.learn(reading.lines)
        if count:  # a line that was closed comes again: it counts, wherever it stands
            self.news.came((set(reading.newcomers) - self._order) | closed, self.services.now())
            self._upto, self._read_at, self._wakes = reading.upto, reading.at, reading.wakes
        self._draw_again()

    def alert_query(self, text: str) -> AlertQuery:
        from xdrtui.triage.query import AlertQuery

        return AlertQuery(text, self.order, self.services.person, self.services.now())

    def _draw_again(self) -> None:
        if not len(self.source):
            self.table.empty = empty_lines(
                self.held, self.query_text, reads=self.services.reads, alive=self._alive(),
                cells=self.table.size.width - 4, folder=in_shell(self.services.directory),
            )  # fmt: skip
        self.source.forget_drawings()
        self.table.update()
        self.news.seen([number_of(row.key) for row in self.table.shown()])
        if self._unknown and self._unknown == self.table.cursor_key and self.current() is not None:
            self._unknown = ""
            self.post_message(self.At())
        self.fetch()

    def _alive(self) -> int | None:
        """How many workers run; None = not known yet."""
        status = getattr(getattr(self.screen, "watcher", None), "status", None)
        return sum(worker.alive for worker in status.workers) if status is not None else None

    def fetch(self) -> None:
        """Read rows that were painted as placeholders."""
        if self.source.missing:
            self.source.missing = False
            self._want("rows")

    def _row(self, line: Line) -> tuple[dict[str, str | Painted], str]:
        return line_row(line, self.services.now(), self.services.zone, self.services.person)

    # Commands

    def do_down(self) -> None:
        self.table.move(1)

    def do_up(self) -> None:
        self.table.move(-1)

    do_next_alert, do_previous_alert = do_down, do_up

    def do_page_down(self) -> None:
        self.table.move(self.table.rows_visible - 1)

    def do_page_up(self) -> None:
        self.table.move(1 - self.table.rows_visible)

    def do_first(self) -> None:
        if self.waiting:
            self._to_top = True
            self.do_newcomers()
        self.table.move_to(0)

    def do_last(self) -> None:
        self.table.move_to(len(self.source) - 1)

    def sort(self, order: str) -> None:
        """Sort by another column; the cursor stays on its line."""
        self.order = order
        self.take_in()
        self.post_message(Say(f"sorted by {order}"))

    def take_view(self, text: str, order: str) -> None:
        """Show a saved view; marks stay."""
        self.order = order
        self.filtered(text)

    def do_newcomers(self) -> None:
        """Take in what waits; where nothing waits, go to the next that was taken in and is out of sight."""
        place = self.news.next()
        if not self.waiting and place is not None:
            self.table.move_to(place)
            return
        self._telling = self.waiting
        self.take_in()

    def refused(self, text: str) -> str:
        from xdrtui.triage.grammar import QueryError
        from xdrtui.triage.query import parse

        try:
            parse(self.alert_query(text.strip()))
        except QueryError as error:
            return f"filter: {error}"
        return ""

    async def assist(self, text: str, cursor: int) -> tuple[int, Sequence[str]]:
        from xdrtui.errors import XdrtuiError

        try:
            found = await self.services.desks.read(lambda desk: desk.complete(text, cursor))
        except XdrtuiError:
            return cursor, ()
        return found.start, found.options

    def filtered(self, text: str) -> None:
        self._filter_wanted = text.strip()
        self._want("filter")

    async def _filter(self, text: str) -> None:
        """Take the filter if it can be understood, else say where it cannot and keep the old one."""
        from xdrtui.errors import XdrtuiError

        self._filtering = True
        try:
            await self._read_order(text, top=True)
        except XdrtuiError as error:
            self.post_message(Say(f"filter: {error}", "bad"))
        else:
            self.query_text = text
            self._draw_again()
        finally:
            self._filtering = False

    @on(FrameTable.Moved)
    def _moved(self, message: FrameTable.Moved) -> None:
        message.stop()
        self._unknown = message.key if self.current() is None else ""
        self.news.seen([number_of(row.key) for row in self.table.shown()])
        self.post_message(self.At())
        if self.source.ends_soon(self.table.top, self.table.rows_visible):
            self._want("rows")
        self.post_message(Changed())

    @on(FrameTable.Chosen)
    def _chosen(self, message: FrameTable.Chosen) -> None:
        message.stop()
        if self.current() is not None:
            self.post_message(self.Open())
