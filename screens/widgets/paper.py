"""Text on the screen: a page of lines that scrolls, and a single line.

In: a function from a width to lines (a page is arithmetic, tested without a screen). Out: painted strips;
only lines that changed are sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from screens.look import Look
from screens.paint import Line, plain, strip

ABOVE = 3
"""Lines above a hit that stay in view."""


class Paper(Widget):
    """A page. `show` sets what it says; it is laid out anew when the width changes."""

    DEFAULT_CSS = "Paper { width: 1fr; height: 1fr; }"

    def __init__(self, look: Look, *, margin: int = 1, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self.margin = margin
        self.top = 0
        self.lines: list[Line] = []
        self.painted: object = None
        self.hit = -1
        """The line that a search led to: it is marked until one moves on."""
        self._page: Callable[[int], Sequence[Line]] = lambda cells: ()
        self._about: object = None
        self._strips: list[Strip] = []

    def show(
        self, page: Callable[[int], Sequence[Line]], *, keep_place: bool = False, about: object = None
    ) -> None:
        """Say something else; begins at the top unless told to keep its place. about: what it is drawn from,
        which `painted` is once it stands on the screen."""
        self._page, self._about = page, about
        if not keep_place:
            self.top, self.hit = 0, -1
        self._lay_out()

    def laid_out(self, cells: int) -> list[Line]:
        """The page as it would be on so many cells."""
        return list(self._page(cells))

    def move(self, lines: int) -> None:
        """Scroll down (or up)."""
        self.hit = -1
        self.move_to(self.top + lines)

    def move_to(self, line: int) -> None:
        """Scroll so that this line is the first, as far as there is text."""
        self.top = max(0, min(line, len(self.lines) - self.size.height))
        self.repaint()

    def move_to_line(self, beginning: str) -> None:
        """Scroll to the first line that begins so, if there is one."""
        for place, line in enumerate(self.lines):
            if plain(line).startswith(beginning):
                self.move_to(place)
                return

    def holds(self, text: str) -> bool:
        """Whether a line holds the text."""
        return any(text.casefold() in plain(line).casefold() for line in self.lines)

    def find(self, text: str, forward: bool = True) -> bool:
        """Go to the next line that holds the text, from the last hit or the first line shown on, round the
        end."""
        wanted = text.casefold()
        count = len(self.lines)
        here = self.hit if 0 <= self.hit < count else self.top - forward
        for step in range(1, count + 1):
            place = (here + (step if forward else -step)) % count
            if wanted in plain(self.lines[place]).casefold():
                self.hit = place
                if not self.top <= place < self.top + self.size.height - 1:
                    self.move_to(place - ABOVE)
                self.repaint()
                return True
        return False

    def repaint(self) -> None:
        """Paint again; only lines that differ go to the terminal."""
        strips = self._painted()
        before, self._strips = self._strips, strips
        for y, line in enumerate(strips):
            if y >= len(before) or before[y] != line:
                self.refresh(Region(0, y, self.size.width, 1))
        if before == strips:
            self.painted = self._about  # what stands on the screen says the same

    def restyle(self) -> None:
        """The look changed: lay out and paint all again."""
        self._strips = []
        self._lay_out()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        self.painted = self._about
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.look.style(""))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return container.height

    def on_resize(self) -> None:
        self._strips = []
        self._lay_out()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.move(-3)

    def _lay_out(self) -> None:
        if self.size.width:
            self.lines = list(self._page(self.size.width - 2 * self.margin))
            self.move_to(self.top)

    def _over(self, line: int) -> str:
        """Style of a whole line: the cursor's, where there is one."""
        return "cursor" if line == self.hit else ""

    def _painted(self) -> list[Strip]:
        cells, height = self.size.width, self.size.height
        edge = (" " * self.margin, "")
        shown = self.lines[self.top : self.top + height]
        strips = [
            strip([edge, *line], cells, self.look, self._over(place))
            for place, line in enumerate(shown, self.top)
        ]
        below = len(self.lines) - self.top - height
        if below > 0 and strips:
            note = f" {below + 1} more lines below "
            strips[-1] = strip([edge, ("─" * 3, "rule"), (note, "dim")], cells, self.look)
        return strips + [Strip.blank(cells, self.look.style(""))] * (height - len(strips))


class OneLine(Widget):
    """A line, or a few, at a fixed height: status, tabs, keys, menus."""

    DEFAULT_CSS = "OneLine { width: 1fr; height: 1; }"

    def __init__(self, look: Look, base: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look = look
        self.base = base
        self._page: Callable[[int], Sequence[Line]] = lambda cells: ()
        self._strips: list[Strip] = []

    def show(self, page: Callable[[int], Sequence[Line]]) -> None:
        """Say something else."""
        self._page = page
        self.repaint()

    def text(self) -> str:
        """What it says, without styles."""
        return "\n".join(plain(line) for line in self._page(self.size.width))

    def repaint(self) -> None:
        """Paint again, if anything differs."""
        strips = [strip(line, self.size.width, self.look, self.base) for line in self._page(self.size.width)]
        if strips != self._strips:
            self._strips = strips
            self.refresh()

    def restyle(self) -> None:
        """The look changed."""
        self.repaint()

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.look.style("", self.base))

    def on_resize(self) -> None:
        self.repaint()
