"""The queue's commands that mark: one line, a range, all of a rule, all of the filter.

What marks are is `queue_marks`'s; here they are put, from what is painted or from a reading thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import TYPE_CHECKING

from screens.pane import Changed, Pane, Say
from screens.queue_marks import MOST, Marks
from screens.queue_source import QueueSource
from screens.targets import Targets
from screens.times import number
from screens.widgets.frame_table import FrameTable

if TYPE_CHECKING:
    from xdrtui.triage.desk import AlertQuery
    from xdrtui.triage.rows import Line


class Marking(Pane):
    """A pane of lines that can be marked."""

    table: FrameTable
    marks: Marks
    source: QueueSource
    query_text: str
    _order: Collection[int]
    marking = 0
    """Markings that are under way."""

    def current(self) -> Line | None:
        """The line under the cursor."""
        raise NotImplementedError

    def targets_here(self) -> Targets:
        """The line painted under the cursor."""
        raise NotImplementedError

    def alert_query(self, text: str) -> AlertQuery:
        raise NotImplementedError

    def do_mark(self) -> None:
        painted = self.targets_here().lines
        if not painted:
            self.post_message(Say("the line is not on the screen yet: once more", "bad"))
            return
        self.marks.toggle(painted[0])
        self.table.move(1)
        self.post_message(Changed())

    def do_mark_like(self) -> None:
        current = self.current()
        if current is not None:
            self._start_marking(partial(self._mark_like, current))

    def _start_marking(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        async def marking() -> None:
            try:
                await work()
            finally:
                self.marking -= 1

        self.marking += 1
        self.start(marking, "mark")

    async def _mark_like(self, line: Line) -> None:
        """Mark the lines of this one's rule that the filter lets through, on the screen or not."""
        from xdrtui.errors import XdrtuiError

        query = self.alert_query(f'({self.query_text or "level>=informational"}) rule:"{line.row.rule}"')
        try:
            like = await self.services.desks.read(lambda desk: desk.lines(query, MOST))
        except XdrtuiError as error:  # a quote in the data: the filter language cannot say it
            self.post_message(Say(f"cannot look for lines like this one: {error}", "bad"))
            return
        rule = line.row.rule
        self._marked([each for each in like if each.row.rule == rule], " of this rule", len(like) == MOST)

    def do_mark_to(self) -> None:
        place = self.source.index(self.marks.anchor, self.table.cursor) if self.marks.anchor else None
        if place is None:
            place = self._nearest_mark()
        if place is None:
            self.post_message(Say("no marked line is in this list: mark where the range begins"))
            return
        first, last = sorted((place, self.table.cursor))
        self._mark_numbers(list(self.source.order[first : last + 1]), " from mark to cursor")

    def _nearest_mark(self) -> int | None:
        """The place of the marked line nearest to the cursor; None = there is none near."""
        order, here, marked = self.source.order, self.table.cursor, set(self.marks.numbers)
        for away in range(min(MOST, len(order))):
            for place in (here - away, here + away):
                if 0 <= place < len(order) and order[place] in marked:
                    return place
        return None

    def do_mark_all(self) -> None:
        self._mark_numbers(list(self.source.order), " of the filter")

    def _mark_numbers(self, numbers: list[int], what: str) -> None:
        if len(numbers) > MOST:
            text = f"{number(len(numbers))} lines are too many to mark at once (at most {number(MOST)})"
            self.post_message(Say(f"{text}: narrow the filter", "bad"))
            return

        async def work() -> None:
            lines = await self.services.desks.read(lambda desk: desk.lines_at(numbers))
            self._marked(list(lines.values()), what, False)

        self._start_marking(work)

    def _marked(self, lines: list[Line], what: str, cut: bool) -> None:
        """Mark these lines as far as the list holds them, and say how many alerts that is."""
        held = [line for line in lines if line.number in self._order]
        alerts = self.marks.add(held)
        said = f"{_many(len(held), 'line')}{what} marked: {_many(alerts, 'open alert')}"
        self.post_message(Say(said + (", no more at once" if cut else "")))
        self.post_message(Changed())

    def do_unmark(self) -> None:
        self.unmark()
        self.post_message(Say("no line is marked any more"))

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self.post_message(Changed())


def _many(count: int, what: str) -> str:
    return f"{number(count)} {what}{'' if count == 1 else 's'}"
