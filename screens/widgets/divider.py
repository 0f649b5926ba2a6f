"""The line between two panes."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from screens.look import Look
from screens.paint import strip


class Divider(Widget):
    """One cell wide."""

    DEFAULT_CSS = "Divider { width: 1; height: 1fr; }"

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look

    def render_line(self, y: int) -> Strip:
        return strip([("│", "rule")], self.size.width, self.look)
