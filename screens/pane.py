"""What every pane is: a part of the workbench with a name, facts about itself, and handlers for commands.

A pane handles a command in a method `do_<id>` (dots as underscores); what it does not handle the workbench
does. Panes read through `Services.desks` in workers and never compute what the desk can say.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace

from textual.containers import Vertical
from textual.geometry import Offset
from textual.message import Message

from screens.commands import Command, Facts
from screens.paint import Line
from screens.services import Services


class Say(Message):
    """A line for the person. style: "good", "bad", or ""."""

    def __init__(self, text: str, style: str = "") -> None:
        super().__init__()
        self.text, self.style = text, style


class Changed(Message):
    """Facts or summary of a pane changed: the lines around it should be drawn again."""


class Pane(Vertical):
    """A pane. name: as in `commands.PANES`."""

    DEFAULT_CSS = "Pane { width: 1fr; height: 1fr; }"
    pane = ""

    def __init__(self, services: Services) -> None:
        super().__init__(id=f"pane-{self.pane}")
        self.services = services
        self.active = False

    def start(
        self, work: Callable[[], Coroutine[object, object, None]], group: str, *, exclusive: bool = False
    ) -> None:
        """Run a coroutine function; its coroutine is made when it starts, so none is left over at the end."""
        self.run_worker(work, group=group, exclusive=exclusive)

    def facts(self, base: Facts) -> Facts:
        """What commands need to know about this pane, over what the workbench knows."""
        return replace(base, pane=self.pane)

    def unready(self, judges: bool) -> str:
        """What a command about what is under the cursor has to wait for, "" = nothing. judges: it judges, so
        that what the person did just before must be read again first."""
        return ""

    def summary(self, cells: int) -> Line:
        """What stands in the line below: how many of what."""
        return []

    def heading(self) -> Line:
        """What stands at the right of the line of panes: a filter, a place."""
        return []

    def handler(self, command: Command) -> Callable[[], object] | None:
        """The method that does this command here, if there is one."""
        return getattr(self, "do_" + command.id.replace(".", "_"), None)

    def filtered(self, text: str) -> None:
        """The person typed a filter, or a text to search for."""

    def refused(self, text: str) -> str:
        """Why this filter cannot be taken; "" = it can."""
        return ""

    async def assist(self, text: str, cursor: int) -> tuple[int, Sequence[str]]:
        """What could be typed next in the filter: where the word begins, and what it could become."""
        return cursor, ()

    def filter_text(self) -> str:
        """The filter in force, to be edited."""
        return ""

    def set_active(self, active: bool) -> None:
        """Keys go to this pane, or no longer."""
        self.active = active

    def poll(self) -> None:
        """The store changed: read again what is shown."""

    def bare_text(self) -> list[str]:
        """What it shows as bare text, values whole."""
        return []

    def cursor_at(self) -> Offset:
        """Where on the screen the terminal's own cursor stands: screen readers follow it."""
        return self.region.offset

    def restyle(self) -> None:
        """Theme or zone changed: draw again."""
