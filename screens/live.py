"""Live events, newest first; freeze them and scroll back. Two views: what workers read, and, however far they
are behind, what comes into the topics now, for display only.

At high rates a sample is shown, but the counters are true. While frozen nothing moves: what goes by is
counted, and said. The filter is that of `hunt`, held against what is shown; over the topics themselves it is
held against all that comes in. Each view keeps its place while one looks at the other.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.timer import Timer

from screens.alert_view import event_lines
from screens.commands import LIVE, Facts, sign_of
from screens.live_columns import SHARED
from screens.live_feed import TopicFeed, WorkersFeed
from screens.live_lines import behind_banner, figures, topic_banner
from screens.live_rows import LiveClock, LiveRows
from screens.live_view import View
from screens.paint import Line
from screens.pane import Changed, Pane, Say
from screens.parts import section
from screens.sanitise import sanitise, wrap
from screens.services import Services
from screens.status_bar import lag_words
from screens.widgets.frame_table import FrameTable
from screens.widgets.paper import OneLine, Paper

if TYPE_CHECKING:
    from xdrtui.hunt.glance import Glance
    from xdrtui.triage.rows import LiveRow, Status

OFTEN, SELDOM = 0.25, 1.0
"""Seconds between two looks at the topics; those at the ring go with the workbench's own."""


class LivePane(Pane):
    """The tail."""

    pane = LIVE
    DEFAULT_CSS = """
    LivePane Paper { height: 40%; display: none; }
    LivePane OneLine { display: none; }
    """

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.ring = View(WorkersFeed(services), LiveRows(LiveClock(services)))
        self.topic: View | None = None
        self.view = self.ring
        self.banner = OneLine(services.look, id="live-banner")
        self.table = FrameTable(SHARED, services.look, self.view.rows, sticks=True, id="live-table")
        self.paper = Paper(services.look)
        self.query_text = ""
        self._glance: Glance | None = None
        self._timer: Timer | None = None
        self._unfolded = False

    def compose(self) -> ComposeResult:
        yield self.banner
        yield self.table
        yield self.paper

    def on_mount(self) -> None:
        self.banner.show(self._banner_lines)
        self._say_why_empty()
        self.start(partial(asyncio.to_thread, _load_language), "live-language")

    async def on_unmount(self) -> None:
        if self._topic_feed is not None:
            await self._topic_feed.end()

    # What others ask

    @property
    def tail(self) -> LiveRows:
        """The rows of the view that is shown."""
        return self.view.rows

    @property
    def frozen(self) -> bool:
        return self.view.frozen

    @property
    def watching_topic(self) -> bool:
        """Whether the topics themselves are shown."""
        return self.view is self.topic

    def facts(self, base: Facts) -> Facts:
        why = ""
        if self.services.demo is not None:
            why = "the demo has no topic"
        elif self.services.preferences.connection is None:
            why = "no Kafka topic is set: `xdrtui help kafka`"
        return replace(base, pane=LIVE, rows=len(self.tail), frozen=self.frozen, topic=why)

    def heading(self) -> Line:
        return [(self.query_text or "everything", "label")]

    def summary(self, cells: int) -> Line:
        view, status = self.view, self._status()
        known = status is not None and any(worker.alive for worker in status.workers)
        return figures(
            view.went, len(view.rows), cells, waiting=view.waiting, dropped=view.dropped,
            lag=lag_words(status.lag) if status is not None and known else "unknown",
            topic=self.watching_topic,
        )  # fmt: skip

    def set_active(self, active: bool) -> None:
        super().set_active(active)
        self.table.active = active
        self.table.repaint()
        if active:
            self.poll()
        self._hold_topic(active and self.watching_topic)

    def bare_text(self) -> list[str]:
        return self.table.bare_text()

    def cursor_at(self) -> Offset:
        return self.table.cursor_at()

    def restyle(self) -> None:
        self.table.look = self.paper.look = self.banner.look = self.services.look
        for view in (self.ring, self.topic):
            if view is not None:
                view.rows.again()
        self.table.restyle()
        self.paper.restyle()
        self.banner.restyle()
        self._show_banner()

    def _status(self) -> Status | None:
        return getattr(getattr(self.screen, "watcher", None), "status", None)

    @property
    def _topic_feed(self) -> TopicFeed | None:
        return self.topic.feed if self.topic is not None and isinstance(self.topic.feed, TopicFeed) else None

    # The filter

    def filter_text(self) -> str:
        return self.query_text

    def refused(self, text: str) -> str:
        from xdrtui.hunt.glance import Glance
        from xdrtui.triage.grammar import QueryError

        try:
            Glance(text, self.services.now())
        except QueryError as error:
            return f"filter: {error}"
        return ""

    async def assist(self, text: str, cursor: int) -> tuple[int, list[str]]:
        from screens.live_words import complete

        return complete(text, cursor, self.tail.held()[-500:])

    def filtered(self, text: str) -> None:
        self.start(partial(self._filter, text.strip()), "live-filter", exclusive=True)

    async def _filter(self, text: str, stand_on: str = "") -> None:
        """Take the filter. What is there already is looked through in a thread. stand_on: the row to be at
        afterwards, else the newest."""
        from xdrtui.hunt.glance import Glance
        from xdrtui.triage.grammar import QueryError

        try:
            glance = Glance(text, self.services.now()) if text else None
        except QueryError as error:
            self.post_message(Say(f"filter: {error}", "bad"))
            return
        self.query_text, self._glance = text, glance
        if self._topic_feed is not None:
            self._topic_feed.look_for(text)
        for view in (self.ring, self.topic):
            if view is not None:
                await self._refilter(view)
        if glance is not self._glance:
            return
        self.table.columns = self.tail.columns
        self.table.forget_needs()
        self.table.update()
        if not (stand_on and self.table.move_to_key(stand_on)):
            self.table.move_to(0)
        self._say_why_empty()
        self.post_message(Changed())

    async def _refilter(self, view: View) -> None:
        glance = self._glance
        if glance is None:
            view.rows.filter("", None)
            return
        held = view.rows.held()
        fitting = await asyncio.to_thread(lambda: {row.id for row in held if glance.fits(row)})
        if glance is self._glance:
            last = held[-1].id if held else 0
            fitting |= {row.id for row in view.rows.held() if row.id > last and glance.fits(row)}
            view.rows.filter(self.query_text, glance.fits, fitting)

    # Reading

    def poll(self) -> None:
        self._read(self.ring)

    def _read(self, view: View) -> None:
        if not view.reading:
            view.reading = True
            self.start(partial(self._look, view), "live")

    async def _look(self, view: View) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            after, frozen = view.after, view.frozen
            rows, view.went = await view.feed.look(after, frozen)
        except XdrtuiError:
            return  # the ring is thrown away and begun again by the workers; the next look finds the new one
        finally:
            view.reading = False
        if view.went.last < view.after:
            view.after = 0
            view.rows.begin_again()
        elif rows and not view.frozen:
            view.after = rows[-1].id
            view.rows.add(rows)
        if view is self.view:
            if rows and not view.frozen:
                self.table.update()
            self._say_why_empty()
            self._show_banner()
            self.post_message(Changed())

    def _say_why_empty(self) -> None:
        """What stands where there is no row."""
        lines: list[Line] = [[]]
        if self.query_text:
            lines.append([("Nothing that went by fits this filter.", "strong")])
            if not self.watching_topic:
                hint = f"It looks at what is shown, a sample. {sign_of('topic')} looks at all of the topic."
                lines.append([(hint, "dim")])
        elif self.watching_topic:
            lines.append([("There is no message in the topic yet.", "strong")])
        else:
            lines.append([("No event has gone by yet.", "strong")])
            lines.append([("Workers write here what they read; the status line says how they do.", "dim")])
        if self.table.empty != lines:
            self.table.empty = lines
            self.table.repaint()

    # The topics themselves

    def do_topic(self) -> None:
        connection = self.services.preferences.connection
        if connection is None:
            return
        if self.topic is None:
            feed = TopicFeed(connection)
            feed.look_for(self.query_text)
            self.topic = View(feed, LiveRows(LiveClock(self.services)))
            if self._glance is not None:
                self.topic.rows.filter(self.query_text, self._glance.fits)
        self.view.cursor = "" if self.table.cursor == 0 and not self.frozen else self.table.cursor_key
        self.view = self.ring if self.watching_topic else self.topic
        self.table.sticks = not self.frozen
        self.table.columns = self.tail.columns
        self.table.cursor_key = ""
        self.table.forget_needs()
        self.table.update(self.tail)
        if not (self.view.cursor and self.table.move_to_key(self.view.cursor)):
            self.table.move_to(0)
        self._hold_topic(self.watching_topic)
        self._say_why_empty()
        self._show_banner()
        self._show_event()
        self.post_message(Changed())

    def _hold_topic(self, wanted: bool) -> None:
        """Connect to the broker while the topics are looked at, and let go of it when one leaves."""
        feed = self._topic_feed
        if feed is None or wanted == feed.on:
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if wanted:
            self._timer = self.set_interval(SELDOM if self.services.low_bandwidth else OFTEN, self._tick)
        self.start(feed.begin if wanted else feed.end, "live-topic")
        self._show_banner()

    def _tick(self) -> None:
        if self.topic is not None:
            self._read(self.topic)

    def _banner_lines(self, cells: int) -> list[Line]:
        connection, feed = self.services.preferences.connection, self._topic_feed
        if connection is None or self.services.demo is not None:
            return []
        if self.watching_topic and feed is not None:
            return topic_banner(connection.topics, feed.fault, feed.connecting, cells)
        status = self._status()
        if status is None:
            return []
        return behind_banner(status.lag, sum(worker.alive for worker in status.workers), cells)

    def _show_banner(self) -> None:
        lines = len(self._banner_lines(self.size.width or 80))
        self.banner.display = bool(lines)
        self.banner.styles.height = max(1, lines)
        self.banner.repaint()

    # Commands

    def do_freeze(self) -> None:
        view = self.view
        view.frozen = not view.frozen
        view.fit_at_freeze = view.went.fit
        self.table.sticks = not view.frozen
        if not view.frozen:
            self.table.move_to(0)
            self._read(view)
        self.post_message(Changed())

    def do_around(self) -> None:
        """Stand still on this event, with all that went by about it, whatever the filter."""
        if not self.frozen:
            self.do_freeze()
        self.start(partial(self._filter, "", self.table.cursor_key), "live-filter", exclusive=True)

    def do_event(self) -> None:
        self._unfolded = not self._unfolded
        self.paper.styles.display = "block" if self._unfolded else "none"
        self._show_event()

    do_open = do_event

    def do_down(self) -> None:
        self.table.move(1)

    def do_up(self) -> None:
        self.table.move(-1)

    def do_page_down(self) -> None:
        self._page(1)

    def do_page_up(self) -> None:
        self._page(-1)

    def _page(self, way: int) -> None:
        """A page of the event, where it is unfolded, else of the list."""
        if self._unfolded:
            self.paper.move(way * (self.paper.size.height - 1))
        else:
            self.table.move(way * (self.table.rows_visible - 1))

    def do_first(self) -> None:
        self.table.move_to(0)

    def do_last(self) -> None:
        self.table.move_to(len(self.tail) - 1)

    @on(FrameTable.Moved)
    def _moved(self, message: FrameTable.Moved) -> None:
        message.stop()
        self._show_event()
        self.post_message(Changed())

    @on(FrameTable.Chosen)
    def _chosen(self, message: FrameTable.Chosen) -> None:
        message.stop()
        self.do_event()

    def _show_event(self) -> None:
        if self._unfolded:
            row = self.tail.at(self.table.cursor)
            self.paper.show(lambda cells: _event_page(row, cells))


def _event_page(row: LiveRow | None, cells: int) -> list[Line]:
    if row is None:
        return []
    lines = [section("raw event", cells, sanitise(row.event_type, 60))]
    for raw in event_lines(row.raw):
        lines += [[(part, "")] for part in wrap(sanitise(raw, 20_000), cells, 40)]
    return lines


def _load_language() -> None:
    """Import what filters need off the screen's own thread, before one is typed."""
    import xdrtui.hunt.glance  # noqa: F401
