"""A pane as bare text: values whole, no columns, no colours, nothing beside them, so that the terminal's own
mouse can select what it shows. In: lines of text. `q` goes back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.app import ComposeResult

from screens.cards import ReportScreen
from screens.look import Look
from screens.paint import Line, plain
from screens.sanitise import sanitise, wrap

WIDE = 600
"""Cells that a page is laid out in before it is wrapped: values that long are not cut."""


def bare(lines: Sequence[Line]) -> list[str]:
    """A page that was laid out for `WIDE` cells, as text: rules and wide gaps go."""
    texts: list[str] = []
    for line in lines:
        text = plain(line).rstrip(" ─")
        texts.append(re.sub(r" {4,}", "   ", text) if not text.startswith("  ") else text)
    return texts


class BareScreen(ReportScreen):
    """The text, wrapped, from edge to edge."""

    def __init__(self, look: Look, text: Sequence[str]) -> None:
        super().__init__(look, text)
        self.paper.margin = 0

    def compose(self) -> ComposeResult:
        self.paper.show(
            lambda cells: [
                [(part, "")] for text in self._text for part in wrap(sanitise(text, 20_000), cells) or [""]
            ]
        )
        yield self.paper
        yield self.foot()

    def on_mount(self) -> None:
        self._mouse(False)

    def on_unmount(self) -> None:
        self._mouse(True)

    def _mouse(self, back: bool) -> None:
        """The mouse is the terminal's while this is open."""
        switch = getattr(self.app, "lend_mouse", None)
        if switch is not None:
            switch(back)
