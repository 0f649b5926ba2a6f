"""Two pages of a shift: what happened since one looked last, and what the shift hands to the next.

Both are read in a thread and drawn by pure functions (`since_page`, the manual's Markdown). Leaving the first
notes that one has looked; the second is given, or acknowledged, by commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from screens.commands import HANDOVER, SINCE, Facts
from screens.help import markdown_lines
from screens.paint import Line
from screens.pane import Changed, Say
from screens.paper_pane import ListPane
from screens.parts import wrapped
from screens.services import Services
from screens.since_page import since_items
from screens.times import duration
from screens.widgets.listing import Item

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.looking import Since
    from xdrtui.triage.shift import Given

HOUR = 3_600 * 1_000_000_000
SHIFT = 8 * HOUR


class Period(NamedTuple):
    """What a handover tells of. words: for the heading; since: its beginning, by the events' clock."""

    words: str
    since: Callable[[Desk, int], int]


EIGHT_HOURS = Period("the last eight hours", lambda desk, now: now - SHIFT)


class SincePane(ListPane):
    """What is new, changed, taken back, about to end or silent since one looked last."""

    pane = SINCE

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.since: Since | None = None
        self.failure = ""
        self._opened = False

    def set_active(self, active: bool) -> None:
        came, left = active and not self.active, self.active and not active
        super().set_active(active)
        if came:
            self._opened = False
            self.start(self._read, "shift", exclusive=True)
        elif left and not self._opened and self.since is not None and not self.services.readonly:
            mark = self.since.now
            self.run_worker(self.services.desks.act(lambda desk: desk.shift.look(mark)), group="looked")

    def summary(self, cells: int) -> Line:
        return [("enter opens an alert; going back from here notes that you have looked", "dim")]

    def address(self) -> str:
        """To open an alert from here is not to have done with the page: one comes back to it."""
        found = super().address()
        self._opened = bool(found)
        return found

    async def _read(self) -> None:
        from xdrtui.errors import XdrtuiError

        now = self.services.now()
        try:
            self.since = await self.services.desks.read(
                lambda desk: desk.shift.since(desk.shift.looked(now), now)
            )
            self.failure = ""
        except XdrtuiError as error:
            self.since, self.failure = None, str(error)
        self.paper.list_items(self._page, keep_place=True)
        self.post_message(Changed())

    def _page(self, cells: int) -> list[Item]:
        if self.since is None:
            said = self.failure or "reading what happened …"
            return [Item([[], *wrapped(said, "bad" if self.failure else "dim", cells)])]
        return since_items(self.since, self.services.zone, cells)


class HandoverPane(ListPane):
    """What this shift hands to the next; or the one that was handed over and waits for oneself."""

    pane = HANDOVER

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.text = ""
        self.given: Given | None = None
        self.failure = ""
        self.period = self._gathered = EIGHT_HOURS

    def set_active(self, active: bool) -> None:
        came = active and not self.active
        super().set_active(active)
        if came:
            self._start()

    @property
    def waits(self) -> bool:
        """A handover of somebody else waits to be acknowledged: it is what the page shows."""
        given = self.given
        return given is not None and not given.taken_by and given.author != self.services.person

    def facts(self, base: Facts) -> Facts:
        return replace(super().facts(base), state="new" if self.waits else "")

    def summary(self, cells: int) -> Line:
        given = self.given
        if given is None:
            return [("nothing was handed over yet · : hand over gives this", "dim")]
        ago = duration(max(0, self.services.now() - given.clock)) if not self.services.demo else ""
        when = f"{given.author} handed over{f' {ago} ago' if ago else ''}"
        if self.waits:
            return [(f"{when}: ", "mark"), ("a", "key"), (" acknowledges it", "mark")]
        taken = f"acknowledged by {given.taken_by}" if given.taken_by else "not acknowledged yet"
        return [(f"{when}, {taken} · `:` hand over gives this", "dim")]

    def _start(self) -> None:
        self.start(self._read, "shift", exclusive=True)

    async def _read(self) -> None:
        from xdrtui.errors import XdrtuiError

        now, zone, demo = self.services.now(), self.services.zone.zone, self.services.demo is not None
        period = self.period

        def gather(desk: Desk) -> tuple[str, Given | None]:
            from xdrtui.triage.handover_text import markdown

            acts = (0, 2**62) if demo else None  # the demo's clock is not the ledger's
            found = desk.shift.handover(period.since(desk, now), now, now + SHIFT, acts)
            return markdown(found, zone), desk.shift.given()

        try:
            self.text, self.given = await self.services.desks.read(gather)
            self.failure, self._gathered = "", period
        except XdrtuiError as error:
            if self.period == self._gathered:
                self.failure = str(error)
            else:  # what is shown stays
                self.period = self._gathered
                self.post_message(Say(str(error), "bad"))
        self.paper.list_items(self._page, keep_place=True)
        self.post_message(Changed())

    def _page(self, cells: int) -> list[Item]:
        if self.failure or not self.text:
            said = self.failure or "gathering the handover …"
            return [Item([[], *wrapped(said, "bad" if self.failure else "dim", cells)])]
        text = self.given.text if self.waits and self.given else self.text
        return handover_items(text, cells)

    def heading(self) -> Line:
        return [] if self.waits else [(f"{self.period.words}; ", "dim"), ("P", "key"), (" another", "dim")]

    def take(self, period: Period) -> None:
        """Gather the handover of another period."""
        self.period = period
        self._start()

    def give(self) -> None:
        """Hand over what is shown."""
        if self.waits:
            self.post_message(Say("acknowledge the handover that waits first: a", "bad"))
        elif self.text:
            text = self.text
            self.run_worker(self._act(lambda desk: desk.shift.give(text), "handed over"), group="act")

    def do_acknowledge(self) -> None:
        self.run_worker(
            self._act(lambda desk: desk.shift.take(), "acknowledged: it is your shift"), group="act"
        )

    async def _act(self, deed: Callable[[Desk], object], said: str) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            await self.services.desks.act(deed)
        except XdrtuiError as error:
            self.post_message(Say(str(error), "bad"))
        else:
            self.post_message(Say(said, "good"))
        self._start()


def handover_items(text: str, cells: int) -> list[Item]:
    """A handover's Markdown as items: a line of it each; one that names an alert opens it."""
    items: list[Item] = []
    for line in filter(str.strip, text.splitlines()):
        found = _ADDRESS.findall(line)  # the last: a value before it may look like one
        drawn = [_unescaped(each) for each in markdown_lines(line, cells)]
        if drawn and not drawn[0]:  # the blank line before a heading belongs to nobody
            items.append(Item([drawn.pop(0)]))
        items.append(Item(drawn, f"alert/{found[-1]}" if found else ""))
    return items


_ADDRESS = re.compile(r"`alert/([0-9a-f]{8,36})`")


def _unescaped(line: Line) -> Line:
    """The line without the backslashes that keep Markdown from taking text for markup."""
    return [(re.sub(r"\\([\\`*_\[\]<>#|!&~])", r"\1", text), style) for text, style in line]
