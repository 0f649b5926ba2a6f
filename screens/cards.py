"""A card over the whole screen: the demo's opening and its report. Any key goes on."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from screens.demo import card_lines
from screens.look import Look
from screens.widgets.paper import Paper


class CardScreen(Screen[None]):
    """A card."""

    AUTO_FOCUS = ""

    def __init__(self, look: Look, text: Sequence[str], foot: str) -> None:
        super().__init__()
        self.paper = Paper(look, margin=4)
        self._text, self._foot = list(text), foot

    def compose(self) -> ComposeResult:
        self.paper.show(lambda cells: card_lines(self._text, self._foot, cells))
        yield self.paper

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(None)
