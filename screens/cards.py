"""Pages over the whole screen: the demo's card, which any key takes away, and its report, which scrolls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.app import ComposeResult

from screens.demo import card_lines, keyed
from screens.keyboard import key_name
from screens.link import Paced
from screens.look import Look
from screens.widgets.paper import OneLine, Paper

BURST = 0.3
"""Seconds after the key that took the card away in which keys are dropped: they were typed at the card."""

ALL = 1_000_000


class CardScreen(Paced[None]):
    """A card. gone: told when the key came that took it away (seconds, monotonic)."""

    AUTO_FOCUS = ""

    def __init__(
        self, look: Look, text: Sequence[str], foot: str, gone: Callable[[float], object] | None = None
    ) -> None:
        super().__init__()
        self.paper = Paper(look, margin=4)
        self._look, self._text, self._foot, self._gone = look, list(text), foot, gone
        self._left = False

    def compose(self) -> ComposeResult:
        self.paper.show(lambda cells: card_lines(self._text, self._foot, cells))
        yield self.paper

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.typed(key_name(event), event.time)

    def typed(self, key: str, at: float) -> None:
        """A key came."""
        self.leave(at)

    def leave(self, at: float) -> None:
        """Go on, once."""
        if not self._left:
            self._left = True
            if self._gone is not None:
                self._gone(at)
            self.dismiss(None)


class ReportScreen(CardScreen):
    """A card of any length: it scrolls, and q, escape or enter go back."""

    def __init__(
        self, look: Look, text: Sequence[str], gone: Callable[[float], object] | None = None
    ) -> None:
        super().__init__(look, text, "`j` `k` `PgDn` `PgUp` `gg` `G` scroll · `q` goes back", gone)
        self._begun = False

    def compose(self) -> ComposeResult:
        self.paper.show(lambda cells: card_lines(self._text, "", cells)[:-2])
        yield self.paper
        yield self.foot()

    def foot(self) -> OneLine:
        """The line of keys."""
        foot = OneLine(self._look, "bar")
        foot.show(lambda cells: [[(" ", ""), *keyed(self._foot)]])
        return foot

    def typed(self, key: str, at: float) -> None:
        begun, self._begun = self._begun, key == "g" and not self._begun
        page = max(1, self.paper.size.height - 2)
        steps = {"j": 1, "down": 1, "k": -1, "up": -1, "pagedown": page, "space": page, "pageup": -page,
                 "ctrl+f": page, "ctrl+b": -page, "G": ALL, "end": ALL, "home": -ALL}  # fmt: skip
        if key in ("q", "escape", "enter"):
            self.leave(at)
        elif key in steps:
            self.paper.move(steps[key])
        elif key == "g" and begun:
            self.paper.move_to(0)
