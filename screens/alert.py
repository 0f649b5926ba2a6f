"""One alert: the page of the alert under the queue's cursor, folded and unfolded here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from screens.alert_context import MOST_RELATED, Context
from screens.alert_page import Folds, alert_lines
from screens.alert_view import AlertView, view_of
from screens.commands import ALERT, Facts
from screens.paint import Line
from screens.pane import Changed
from screens.paper_pane import PaperPane
from screens.parts import wrapped
from screens.services import Services
from screens.targets import Targets
from screens.times import number

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk


WARM_AFTER = 0.4
"""Seconds after which what the first alert needs is loaded: the first frame is on the screen by then."""


class AlertPane(PaperPane):
    """The page of one alert."""

    pane = ALERT

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.id_shown = ""
        self.view: AlertView | None = None
        self.failure = ""
        self.folds = Folds()
        self.id_wanted = ""
        self.pinned = False
        self._reading = False
        self._stale = False
        self._owed = self._paying = False
        self.context = Context()

    def compose(self) -> ComposeResult:
        self.paper.show(self._page)
        yield self.paper

    def on_mount(self) -> None:
        self.set_timer(WARM_AFTER, lambda: self.start(self._warm_up, "warm"))

    async def _warm_up(self) -> None:
        from xdrtui.triage.explanation import warm

        await asyncio.to_thread(warm)

    def facts(self, base: Facts) -> Facts:
        row = self.view.row if self.view else None
        return replace(super().facts(base), pane=ALERT, rows=base.rows, state=row.state if row else "")

    def summary(self, cells: int) -> Line:
        if self.failure:
            return [(self.failure, "bad")]
        if self.view is None:
            return []
        place, of = self.view.place
        among = f", {number(place)} of {number(of)} of this line, newest first" if of > 1 else ""
        return [(f"alert {self.id_shown[:8]}{among}", "dim")]

    def targets(self) -> Targets:
        """What a command acts on: the alert that stands on the screen, as it stands there."""
        painted = cast("AlertView | None", self.paper.painted)
        wanted = painted is not None and painted.row.id == self.id_wanted
        return Targets(alerts=(painted.row,)) if painted is not None and wanted else Targets()

    def unready(self, judges: bool) -> str:
        """What a command has to wait for: the page on the screen, and what the person did read again."""
        if self.failure or not self.id_wanted:
            return ""
        painted = cast("AlertView | None", self.paper.painted)
        there = painted is not None and painted.row.id == self.id_wanted
        current = painted is self.view and not (self._owed or self._paying)
        return "" if there and (current or not judges) else "the alert is on the screen"

    def show(self, id: str, pinned: bool = False) -> None:
        """Show this alert; "" = none. pinned: the page stays with it, wherever the queue's cursor is, until
        one goes back to the queue."""
        self.id_wanted, self.pinned = id, pinned
        if self.view is None:
            self._show()
        self._read()

    def poll(self) -> None:
        self._stale = True
        self._read()

    def judged(self) -> None:
        """The person did something: judging waits until that is read."""
        self._owed = True
        self.poll()

    def restyle(self) -> None:
        self.paper.look = self.services.look
        self.paper.restyle()

    def _read(self) -> None:
        if not self._reading and (self.id_wanted != self.id_shown or self._stale):
            self._reading = True
            self.start(self._read_on, "alert")

    async def _read_on(self) -> None:
        from xdrtui.errors import XdrtuiError

        try:
            while self.id_wanted != self.id_shown or self._stale:
                id, again = self.id_wanted, self.id_wanted == self.id_shown
                self._stale, self._paying, self._owed = False, self._owed, False
                view, failure = None, ""
                if id:
                    try:
                        view = await self.services.desks.read(partial(view_of, id=id))
                    except XdrtuiError as error:
                        failure = str(error)
                if again and view == self.view and failure == self.failure:
                    continue
                self.id_shown, self.view, self.failure = id, view, failure
                if not again:
                    self.folds = Folds()
                    self.context = Context()
                self._show(keep_place=again)
                self.post_message(Changed())
                if view is not None and self.context == Context() and self.id_wanted == id:
                    self.start(partial(self._read_context, view), "context", exclusive=True)
        finally:
            self._reading = self._paying = False

    async def _read_context(self, view: AlertView) -> None:
        """What stands around it, a part at a time, after the page; it ends when another alert is wanted."""
        from xdrtui.errors import XdrtuiError

        readers: dict[str, Callable[[Desk], object]] = {
            "rarity": lambda desk: desk.rarity(view.detail),
            "also": lambda desk: desk.related(view.row.id, limit=MOST_RELATED),
            "around": lambda desk: desk.around(view.detail),
        }
        for part, reader in readers.items():
            try:
                found = await self.services.desks.look_around(reader)
            except XdrtuiError as error:
                self.failure = str(error)
                self.post_message(Changed())
                return
            if self.id_wanted != view.row.id:
                return
            self.context = replace(self.context, **{part: found})  # type: ignore[arg-type]
            self._show(keep_place=True)

    def _show(self, *, keep_place: bool = False) -> None:
        self.paper.show(self._page, keep_place=keep_place, about=self.view)

    def _page(self, cells: int) -> list[Line]:
        if self.view is None and (self.id_wanted or self.failure):
            return [[], *wrapped(self.failure or "reading the alert …", "dim", cells)]
        if self.view is None:
            return [[], [("Put the queue's cursor on an alert: it is shown here.", "dim")]]
        truth: tuple[str, ...] = ()
        demo = self.services.demo
        if demo is not None and self.view.row.state == "closed":
            truth = tuple(demo.truth(self.view.row.id))
        return alert_lines(self.view, self.services.zone, cells, self.folds, truth, self.context)

    def do_event(self) -> None:
        self._fold(replace(self.folds, event=not self.folds.event), "raw event")

    def do_rule(self) -> None:
        self._fold(replace(self.folds, rule=not self.folds.rule), "definition of the rule")

    def filtered(self, text: str) -> None:
        """The raw event is searched too: it unfolds where what is looked for stands in it alone."""
        in_event = self.view is not None and any(text.casefold() in line.casefold() for line in self.view.raw)
        if text and in_event and not self.folds.event and not self.paper.holds(text):
            self.do_event()
        super().filtered(text)

    def _fold(self, folds: Folds, title: str) -> None:
        unfolding = (folds.event, folds.rule) > (self.folds.event, self.folds.rule)
        self.folds = folds
        self._show(keep_place=True)
        if unfolding:
            self.paper.move_to_line(f"── {title}")
