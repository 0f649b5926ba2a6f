"""The alert queue: a line an alert, gravest and latest first; where alerts are marked and judged.

Lines are neither put in nor sorted again while a person works: newcomers wait, counted, until they are
taken in. A closed alert keeps its place, dimmed, until then, so that undo finds it where it was. Commands act
on the alert that was painted under the cursor when the key came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from screens.alert_page import severity
from screens.commands import QUEUE, Facts
from screens.look import STATE_WORDS
from screens.names import main_entity, short_host, short_user
from screens.paint import Line
from screens.pane import Changed, Pane, Say
from screens.queue_source import QueueSource
from screens.services import Services
from screens.times import age, number
from screens.widgets.columns import Column
from screens.widgets.frame_table import FrameTable
from screens.widgets.rows import Row

if TYPE_CHECKING:
    from xdrtui.triage.desk import AlertQuery, Desk
    from xdrtui.triage.rows import AlertRow

FIRST = 200
"""Alerts read for the first look at a queue of any length."""

COUNTED = 20_000
"""Up to so many alerts newcomers are told one by one; above, from the count alone."""

LIKE = 1_000
"""Alerts that one key may mark."""

COLUMNS = (
    Column("sev", "SEV", 6, 6),
    Column("age", "AGE", 5, 5, right=True),
    Column("host", "HOST", 8, 18, rank=3),
    Column("user", "USER", 8, 14, rank=5),
    Column("what", "WHAT HAPPENED", 20),
    Column("n", "N", 4, 6, right=True, rank=2),
    Column("state", "STATE", 6, 6, rank=1),
    Column("own", "OWN", 3, 9, rank=6),
)


_EMPTY: list[Line] = [[], [("reading alerts …", "dim")]]


@dataclass(frozen=True)
class _Reading:
    """What was read at once. order: None where it was not asked for."""

    order: list[int] | None
    numbers: list[int]
    alerts: list[AlertRow]
    total: int
    newcomers: int = 0


class QueuePane(Pane):
    """The queue."""

    pane = QUEUE

    class At(Message):
        """The cursor is on this alert ("" = none)."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    class Open(Message):
        """The alert under the cursor should be opened."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    def __init__(self, services: Services, query: str = "state:open") -> None:
        super().__init__(services)
        self.query_text = query
        self.touched = False
        self.waiting = 0
        self.waiting_since = 0
        self.total = 0
        self.loaded = False
        self.failure = ""
        self.source = QueueSource(self._row)
        self.marked: dict[str, AlertRow] = {}
        self._wanted: set[str] = set()
        self._reading = False
        self.table = FrameTable(COLUMNS, services.look, self.source, empty=_EMPTY, id="queue-table")

    def compose(self) -> ComposeResult:
        yield self.table

    # What the workbench asks

    def facts(self, base: Facts) -> Facts:
        row = self.current()
        return replace(
            base,
            pane=QUEUE,
            rows=len(self.source),
            state=row.state if row else "",
            marked=len(self.table.marks),
            new=self.waiting,
        )

    def summary(self, cells: int) -> Line:
        if self.failure:
            return [(self.failure, "bad")]
        place = f"{number(self.table.cursor + 1)} of {number(len(self.source))}" if len(self.source) else "0"
        line: Line = [(place, "strong"), (" alerts", "dim")]
        if self.table.marks:
            away = sum(1 for id in self.table.marks if self.source.index(id, 0) is None)
            line.append((f" · {len(self.table.marks)} marked", "mark"))
            if away:
                line.append((f", {away} of them out of sight", "mark"))
        if self.waiting:
            since = self.services.zone.clock(self.waiting_since, seconds=False)
            line += [(f" · {number(self.waiting)} new since {since}: ", "notice"), (".", "notice"),
                     (" takes them in ", "notice")]  # fmt: skip
        return line

    def heading(self) -> Line:
        return [(self.query_text or "all alerts", "label")]

    def filter_text(self) -> str:
        return self.query_text

    def current(self) -> AlertRow | None:
        """The alert under the cursor, as it was painted."""
        return self.source.alert(self.table.cursor_key)

    def targets(self) -> list[AlertRow]:
        """What a command acts on: the marked alerts, else the one painted under the cursor."""
        if self.table.marks:
            return [self.marked[id] for id in sorted(self.table.marks)]
        current = self.current()
        return [current] if current is not None and self.table.painted_key == current.id else []

    def set_active(self, active: bool) -> None:
        super().set_active(active)
        self.table.active = active
        self.table.repaint()

    def restyle(self) -> None:
        self.table.look = self.services.look
        self._draw_again()

    # Reading: one at a time; what is wanted meanwhile is read next

    def poll(self) -> None:
        """The store changed: read states again; what is new waits, or comes in where nobody works yet."""
        self._want("states" if self.touched and len(self.source) else "order")

    def take_in(self) -> None:
        """Read again and sort again."""
        self._want("order")

    def _want(self, what: str) -> None:
        self._wanted.add(what)
        if not self._reading:
            self._reading = True
            self.run_worker(self._read_on(), group="queue")

    async def _read_on(self) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, set()
                try:
                    if "order" in wanted:
                        await self._read_order(self.query_text)
                    else:
                        await self._read_states("states" in wanted)
                    self.failure = ""
                except XdrtuiError as error:
                    self.failure = str(error)
                self.post_message(Changed())
        finally:
            self._reading = False

    async def _read_order(self, text: str, *, top: bool = False) -> None:
        """The first alerts at once, then the whole order."""
        desks = self.services.desks
        if not self.loaded or top:
            self._take(await desks.read(lambda desk: self._ask_order(desk, text, FIRST)), top)
        self._take(await desks.read(lambda desk: self._ask_order(desk, text, -1)), False)

    def _take(self, reading: _Reading, top: bool) -> None:
        self.loaded = True
        self.total = reading.total
        self.waiting = self.waiting_since = 0
        if reading.order is not None:
            self.source.set_order(reading.order)
        self.source.learn(reading.numbers, reading.alerts)
        if top:
            self.table.move_to(0)
        self._draw_again()

    async def _read_states(self, count: bool) -> None:
        """The alerts on the screen and near it, as they are now."""
        numbers = self.source.around(self.table.top, self.table.rows_visible)
        order, text, total = self.source.order, self.query_text, self.total
        reading = await self.services.desks.read(
            lambda desk: self._ask_states(desk, text, numbers, order if count else None, total)
        )
        self.source.learn(reading.numbers, reading.alerts)
        for alert in reading.alerts:
            if alert.id in self.marked:
                self.marked[alert.id] = alert
        if count:
            if reading.newcomers and not self.waiting:
                self.waiting_since = self.services.now()
            self.waiting = reading.newcomers
        self._draw_again()

    def _query(self, text: str) -> AlertQuery:
        from xdrtui.triage.query import AlertQuery

        return AlertQuery(text, me=self.services.person, now=self.services.now())

    def _ask_order(self, desk: Desk, text: str, limit: int) -> _Reading:
        query = self._query(text)
        order = desk.keys(query, limit)
        top = self.table.top
        numbers = order[max(0, top - FIRST) : top + FIRST]
        return _Reading(order, numbers, desk.rows(numbers), len(order))

    def _ask_states(
        self, desk: Desk, text: str, numbers: list[int], order: Sequence[int] | None, total: int
    ) -> _Reading:
        alerts = desk.rows(numbers)
        newcomers = 0
        if order is not None:
            query = self._query(text)
            now = desk.count(query)
            newcomers = max(0, now - total)
            if now <= COUNTED and len(order) <= COUNTED:
                newcomers = len(set(desk.keys(query)) - set(order))
        return _Reading(None, numbers, alerts, total, newcomers)

    def _draw_again(self) -> None:
        none = f"No alert fits  {self.query_text}" if self.query_text else "No alert yet."
        self.table.empty = [[], [(none, "strong")], [("/ changes the filter, ? tells all keys", "dim")]]
        self.source.forget_drawings()
        self.table.update()
        self.fetch()

    def fetch(self) -> None:
        """Read rows that were painted as placeholders."""
        if self.source.missing:
            self.source.missing = False
            self._want("rows")

    def _row(self, alert: AlertRow) -> Row:
        judged = alert.state != "new"
        style = "dim" if alert.state == "closed" else ""
        sign = severity(alert.level) if alert.state != "closed" else [(severity(alert.level)[0][0], "dim")]
        what: Line = [(alert.title, style or ("" if judged else "strong"))]
        if alert.summary:
            what += [("  ", style), (alert.summary, style or "dim")]
        state = STATE_WORDS.get(alert.state, alert.state)
        again = "again" if alert.seen_after_close else state
        return Row(
            alert.id,
            {
                "sev": sign,
                "age": age(alert.last_seen, self.services.now(), self.services.zone),
                "host": short_host(main_entity(alert)[1]) or "-",
                "user": short_user(alert.user) or "-",
                "what": what,
                "n": number(alert.count),
                "state": [(again, style or ("strong" if again in ("new", "again") else ""))],
                "own": self._owner(alert.owner),
            },
            style,
        )

    def _owner(self, owner: str) -> str:
        return "me" if owner and owner == self.services.person else owner or "-"

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
            self.do_newcomers()
        self.table.move_to(0)

    def do_last(self) -> None:
        self.table.move_to(len(self.source) - 1)

    def do_mark(self) -> None:
        current = self.current()
        if current is None:
            return
        self.marked[current.id] = current
        self.table.toggle_mark()
        self.table.move(1)
        self.post_message(Changed())

    def do_mark_like(self) -> None:
        current = self.current()
        if current is not None:
            self.run_worker(self._mark_like(current), group="mark")

    async def _mark_like(self, alert: AlertRow) -> None:
        """Mark the open alerts of this one's rule and host, on the screen or not."""
        from xdrtui.errors import XdrtuiError

        host = f' host:"{alert.host}"' if alert.host else ""
        query = self._query(f'state:open rule:"{alert.rule}"{host}')
        try:
            like = await self.services.desks.read(lambda desk: desk.alerts(query, LIKE))
        except XdrtuiError as error:  # a quote in the data: the filter language cannot say it
            self.post_message(Say(f"cannot look for alerts like this one: {error}", "bad"))
            return
        found = [row for row in like if (row.rule, row.host) == (alert.rule, alert.host)]
        self.marked.update({row.id: row for row in found})
        self.table.marks.update(row.id for row in found)
        self.table.repaint()
        self.post_message(Say(f"{number(len(found))} marked: same rule, same host", ""))
        self.post_message(Changed())

    def do_unmark(self) -> None:
        self.table.marks.clear()
        self.table.repaint()
        self.post_message(Changed())

    def do_newcomers(self) -> None:
        count = self.waiting
        self.take_in()
        self.post_message(Say(f"{number(count)} new taken in; sorted again", ""))

    def do_open(self) -> None:
        if self.table.cursor_key:
            self.post_message(self.Open(self.table.cursor_key))

    def filtered(self, text: str) -> None:
        self.run_worker(self._filter(text), group="queue", exclusive=True)

    async def _filter(self, text: str) -> None:
        """Take the filter if it can be understood, else say where it cannot and keep the old one."""
        from xdrtui.errors import XdrtuiError

        try:
            await self._read_order(text.strip(), top=True)
        except XdrtuiError as error:
            self.post_message(Say(f"filter: {error}", "bad"))
            return
        self.query_text = text.strip()
        self._draw_again()
        self.post_message(Changed())

    @on(FrameTable.Moved)
    def _moved(self, message: FrameTable.Moved) -> None:
        message.stop()
        self.post_message(self.At(message.key))
        self.fetch()
        self.post_message(Changed())

    @on(FrameTable.Chosen)
    def _chosen(self, message: FrameTable.Chosen) -> None:
        message.stop()
        self.do_open()
