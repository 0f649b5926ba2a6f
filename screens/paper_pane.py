"""Panes that are a page of text, or of items: moving and searching in it. What it says is its heirs'."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.geometry import Offset

from screens.commands import Facts
from screens.pane import Changed, Pane, Say
from screens.services import Services
from screens.widgets.listing import Listing
from screens.widgets.paper import Paper


class PaperPane(Pane):
    """A page."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.paper = self._made(services)
        self._searched = ""

    def _made(self, services: Services) -> Paper:
        return Paper(services.look)

    def compose(self) -> ComposeResult:
        yield self.paper

    def facts(self, base: Facts) -> Facts:
        return replace(base, pane=self.pane, rows=len(self.paper.lines), searched=bool(self._searched))

    def restyle(self) -> None:
        self.paper.look = self.services.look
        self.paper.restyle()

    def bare_text(self) -> list[str]:
        from screens.bare import WIDE, bare

        return bare(self.paper.laid_out(WIDE))

    def filter_text(self) -> str:
        return self._searched

    def filtered(self, text: str) -> None:
        self._searched = text
        if text:
            self._find(forward=True)
        self.post_message(Changed())

    def _find(self, forward: bool) -> None:
        if not self.paper.find(self._searched, forward):
            self.post_message(Say(f"{self._searched!r} is not on this page", "bad"))

    def do_hit_next(self) -> None:
        self._find(forward=True)

    def do_hit_previous(self) -> None:
        self._find(forward=False)

    def do_down(self) -> None:
        self.paper.move(1)

    def do_up(self) -> None:
        self.paper.move(-1)

    def do_page_down(self) -> None:
        self.paper.move(self.paper.size.height - 2)

    def do_page_up(self) -> None:
        self.paper.move(2 - self.paper.size.height)

    def do_first(self) -> None:
        self.paper.move_to(0)

    def do_last(self) -> None:
        self.paper.move_to(len(self.paper.lines))


class ListPane(PaperPane):
    """A page of items with a cursor; what is under it opens."""

    paper: Listing

    def _made(self, services: Services) -> Listing:
        return Listing(services.look)

    def cursor_at(self) -> Offset:
        return self.paper.cursor_at()

    def address(self) -> str:
        """What opens where the cursor stands; "" = nothing."""
        return self.paper.address
