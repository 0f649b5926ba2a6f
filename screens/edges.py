"""The lines around the panes: status, red line, panes' names, what is said, keys.

What stands in them is arithmetic of `status_bar` and `lines`; here is when they are drawn, and how long
something that was said stays.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from screens.lines import footer_lines, tabs_line
from screens.paint import Line, clipped, spread
from screens.sanitise import sanitise, wrap
from screens.status_bar import alarm, alarm_lines, status_line
from screens.widgets.paper import OneLine

if TYPE_CHECKING:
    from screens.workbench import Workbench

SAID_FOR = 6.0
SAID_LINES = 4
READ_A_SECOND = 12.0
"""Characters: how long a line stays is long enough to read it."""

LOW = 10
"""Lines below which a terminal has room for the list and the message alone."""


class Edges:
    """said: what was said last, and its style."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        look = bench.services.look
        self.status = OneLine(look, "bar", id="status")
        self.alarm = OneLine(look, "alarm", id="alarm")
        self.tabs = OneLine(look, id="tabs")
        self.message = OneLine(look, id="message")
        self.keys = OneLine(look, "bar", id="keys")
        self.said: tuple[str, str] = ("", "")
        self._said_until = 0.0

    def begin(self) -> None:
        """The widgets are there: say what they show."""
        bench = self._bench
        self.status.show(self._status_lines)
        self.alarm.show(lambda cells: alarm_lines(self._alarm(), cells))
        self.tabs.show(lambda cells: [tabs_line(bench.current, bench.pane.heading(), cells)])
        self.message.show(self._message_lines)
        self.keys.show(lambda cells: footer_lines(bench.facts(), cells))

    def say(self, text: str, style: str = "") -> None:
        """A line for the person, for some seconds."""
        self.said = (text, style)
        seconds = max(SAID_FOR, len(text) / READ_A_SECOND)
        self._said_until = time.monotonic() + seconds
        self._show_message()
        self._bench.set_timer(seconds + 0.05, self._show_message)

    def hush(self, style: str) -> None:
        """What was said in this style is no longer true."""
        self._said_until = 0.0 if self.said[1] == style else self._said_until
        self._show_message()

    def redraw(self) -> None:
        """Draw them again."""
        bench = self._bench
        for line in (self.status, self.tabs, self.keys):
            line.repaint()
        self._show_message()
        low = bench.size.height < LOW  # what is judged keeps the room that there is
        self.tabs.display = self.keys.display = not low
        self.alarm.display = bool(self._alarm()) and not low
        self.alarm.styles.height = max(1, len(alarm_lines(self._alarm(), bench.size.width)))
        self.alarm.repaint()

    def restyle(self) -> None:
        for line in (self.status, self.alarm, self.tabs, self.message, self.keys):
            line.look = self._bench.services.look
            line.restyle()

    def _status_lines(self, cells: int) -> list[Line]:
        bench, services = self._bench, self._bench.services
        clock = services.demo.clock_text() if services.demo is not None else ""
        return [
            status_line(
                bench.source_name, bench.watcher.status, services.zone, services.now(), cells, clock,
                services.low_bandwidth,
            )
        ]  # fmt: skip

    def _alarm(self) -> str:
        watcher = self._bench.watcher
        return alarm(watcher.status, watcher.failure, reads=self._bench.services.reads)

    def _message_lines(self, cells: int) -> list[Line]:
        taking = self._bench.taking
        if waiting := taking.in_words():
            return [clipped([(" " + waiting, "key")], cells)]
        text, style = self.said
        if text and time.monotonic() < self._said_until:
            return [[(" ", ""), (part, style)] for part in wrap(sanitise(text, 1_000), cells - 2, SAID_LINES)]
        if taking.keyboard.pending:
            return [[(f" {taking.keyboard.pending} …", "key")]]
        return [spread([(" ", ""), *self._bench.pane.summary(cells - 1)], [], cells)]

    def _show_message(self) -> None:
        """The line above the keys; what takes more lines gets them for a while."""
        lines = len(self._message_lines(self._bench.size.width))
        if self.message.styles.height is None or self.message.styles.height.value != lines:
            self.message.styles.height = lines
            self._bench.asking.make_room()
        self.message.repaint()
