"""The screen: status line, line of panes, the panes, a line that says something, a line of keys.

It takes every key that no input takes, finds its command in the registry, asks whether it applies and hands
it to the active pane, or does it itself. What panes show, what judging does and when the store is looked at
is theirs.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal

from screens.alert import AlertPane
from screens.asking import Asking
from screens.commands import (
    ALERT,
    HANDOVER,
    HELP,
    LIVE,
    MANUAL,
    QUEUE,
    SINCE,
    Command,
    Facts,
)
from screens.edges import Edges
from screens.handing import Handing
from screens.judging import Judging
from screens.keyboard import key_name
from screens.link import Paced
from screens.menu import Choice, Menu
from screens.pane import Changed, Pane, Say
from screens.pastes import marked_in_tmux
from screens.queue import QueuePane
from screens.services import Services
from screens.suppressing import Suppressing
from screens.taking import Taking
from screens.targets import Targets
from screens.walk import Walk
from screens.watch import Watch
from screens.widgets.divider import Divider

WIDE = 110
"""From this many columns on, queue and alert stand side by side."""


class Workbench(Paced[None], inherit_bindings=False):
    """The one screen."""

    CSS_PATH: ClassVar = "workbench.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = []

    def __init__(self, services: Services, name: str, initial: str = QUEUE) -> None:
        super().__init__()
        self.services = services
        self.source_name = name
        self.asking = Asking(self)
        self.judging: Judging = Judging(self)
        self.handing: Handing = Handing(self, self.judging)
        self.suppressing: Suppressing = Suppressing(self, self.judging, self.handing)
        self.taking = Taking(self)
        self.watcher = Watch(self)
        self.walk = Walk(self)
        self.current = QUEUE
        self._first = initial
        self._followed = ""
        self._history: list[str] = []
        self.queue = QueuePane(services)
        self.alert = AlertPane(services)
        self._panes: dict[str, Pane] = {QUEUE: self.queue, ALERT: self.alert}
        self.divider = Divider(services.look)
        self.edges = Edges(self)

    def compose(self) -> ComposeResult:
        yield self.edges.status
        yield self.edges.alarm
        yield self.edges.tabs
        with Horizontal(id="body"):
            yield self.queue
            yield self.divider
            yield self.alert
        yield self.edges.message
        yield self.edges.keys

    def on_mount(self) -> None:
        self.edges.begin()
        self._arrange()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first frame: what is heavy may be imported now, in threads."""
        self.start(self._ask_tmux)
        self.watcher.begin()
        self.set_interval(15.0, self.queue.restyle)
        self.watcher.tick()
        if self._first != QUEUE:
            from screens.deeds import go_to

            go_to(self, self._first)
        if "SSH_CONNECTION" in os.environ and not self.services.low_bandwidth:
            self.say("over SSH: _ sends less, for a slow link")
        kept = self.services.drafts.names() if self.services.drafts is not None else []
        if kept and kept[0].startswith("memo-"):
            address = f"alert/{kept[0].removeprefix('memo-')[:8]}"
            self.say(f"the memo that you were typing is kept: : {address} and m go on with it")

    async def _ask_tmux(self) -> None:
        self.services.link.marks_pastes |= await asyncio.to_thread(marked_in_tmux)

    # What others ask

    @property
    def pane(self) -> Pane:
        """The pane that keys go to."""
        return self._panes[self.current]

    @property
    def wide(self) -> bool:
        """Whether queue and alert stand side by side."""
        return self.size.width >= WIDE

    def facts(self) -> Facts:
        """What commands need to know now."""
        base = Facts(
            wide=self.wide,
            demo=self.services.demo is not None,
            readonly=self.services.readonly,
            rows=len(self.queue.source),
        )
        return self.pane.facts(base)

    def say(self, text: str, style: str = "") -> None:
        """A line for the person, for some seconds."""
        self.edges.say(text, style)

    def hush(self, style: str) -> None:
        """What was said in this style is no longer true."""
        self.edges.hush(style)

    def start(self, work: Callable[[], object]) -> None:
        self.run_worker(work(), group="act")  # type: ignore[arg-type]

    def changed(self) -> None:
        """The store changed: panes that are shown read again."""
        self.queue.poll()
        if self.alert.display:
            self.alert.poll()

    def judged(self) -> None:
        """An act was done: marks go, panes read again."""
        self.queue.judged()
        self.alert.judged()

    def look_again(self) -> None:
        """What is shown and marked is read again; marks stay."""
        self.queue.look_again()
        self.alert.judged()

    @property
    def lines(self) -> int:
        """Lines of the screen."""
        return self.size.height

    def close_over(self) -> None:
        """Take menu, prompt and palette away."""
        self.asking.close()

    @property
    def menu(self) -> Menu | None:
        """The menu that is open."""
        return self.asking.open_menu

    @property
    def busy(self) -> bool:
        """Whether something takes keys over the panes: a card, a menu, an input, keys that wait."""
        over = self.app.screen is not self or self.menu is not None or self.asking.typing
        return over or self.taking.busy or bool(self.taking.keyboard.pending)

    # Keys

    def on_key(self, event: events.Key) -> None:
        key = key_name(event)
        self.watcher.away.typed_at = event.time
        if (
            self.asking.typing and not self.taking.asked
        ):  # not stopped here: Textual looks for the input's own keys afterwards
            if self.focused is None:
                self.asking.type(event)
            elif (palette := self.asking.open_palette) is not None:
                palette.moved(key)
            return
        event.stop()
        self.queue.touched = True
        self.taking.typed(key, event.time)

    def on_paste(self, event: events.Paste) -> None:
        """Outside an input a paste is no command."""
        event.stop()
        self.say("a paste was dropped: no input is open")

    def perform(self, command: Command, escape: bool = False) -> None:
        """Do a command, or say why it does not apply."""
        why = command.why_not(self.facts())
        if why:
            self.say(f"{command.title}: {why}")
            return
        if command.id == "back":
            self.go_back(escape)
            return
        handler = self.pane.handler(command) or self.handler(command)
        if handler is not None:
            handler()
            self.redraw()

    def handler(self, command: Command) -> Callable[[], object] | None:
        """The method of the workbench that does this command."""
        from screens.deeds import deed

        return deed(self, command)

    def targets(self) -> Targets:
        """What a command acts on."""
        if self.current == ALERT:
            return self.alert.targets()
        return self.queue.targets()

    # Panes

    def open_pane(self, name: str) -> None:
        """Go to a pane."""
        if name == self.current:
            return
        if name in self._history:
            self._history.remove(name)
        self._history.append(self.current)
        self._go(name)

    def go_back(self, escape: bool = False) -> None:
        """To the pane one came from; on the first pane q asks whether to leave, escape does nothing."""
        if self._history:
            self._go(self._history.pop())
        elif self.current != QUEUE:
            self._go(QUEUE)
        elif not escape:
            what = "the demo goes on from here next time" if self.services.demo else "workers go on"
            self.asking.menu("Leave xdrtui?", [Choice("y", f"yes, leave; {what}", self.leave)])

    def leave(self) -> None:
        """End the app."""
        self.taking.end()
        self.app.exit(0)

    def _go(self, name: str) -> None:
        facts = self.facts()
        if name not in self._panes:
            self._panes[name] = self._made(name)
            self.query_one("#body").mount(self._panes[name])
        self.current = name
        if self.services.box is not None:
            self.services.box.note("pane", name)
        pane = self._panes[name]
        from screens.help import HelpPane, ManualPane

        if isinstance(pane, HelpPane):
            pane.show(facts)
        elif isinstance(pane, ManualPane) and not pane.topic:
            pane.show("")
        elif name == ALERT and not self.alert.pinned:
            self.show_line()
        self.alert.pinned = self.alert.pinned and name != QUEUE
        self._arrange()

    def _made(self, name: str) -> Pane:
        from screens.help import HelpPane, ManualPane
        from screens.live import LivePane
        from screens.shift import HandoverPane, SincePane

        makers: dict[str, Callable[[Services], Pane]] = {
            LIVE: LivePane,
            HELP: HelpPane,
            MANUAL: ManualPane,
            SINCE: SincePane,
            HANDOVER: HandoverPane,
        }
        return makers[name](self.services)

    def _arrange(self) -> None:
        """Show the panes that there is room for."""
        pair = self.current in (QUEUE, ALERT)
        shown = {QUEUE, ALERT} if pair and self.wide else {self.current}
        for name, pane in self._panes.items():
            pane.display = name in shown
            pane.set_active(name == self.current)
        self.divider.display = len(shown) == 2
        self._follow()
        self.redraw()

    def redraw(self) -> None:
        """Draw the lines around the panes again."""
        if not self.asking.typing:
            self.app.cursor_position = self.pane.cursor_at()
        self.edges.redraw()

    def restyle(self) -> None:
        """Theme or zone changed."""
        look = self.services.look
        self.styles.background = look.page_colour()
        self.edges.restyle()
        self.divider.look = look
        self.divider.refresh()
        for pane in self._panes.values():
            pane.restyle()

    def on_resize(self) -> None:
        self._arrange()

    @on(QueuePane.At)
    def _at(self, message: QueuePane.At) -> None:
        if self.alert.display:
            self.set_timer(0.08, self._follow)

    def _follow(self) -> None:
        """The page follows the cursor, once it rests."""
        followed = self.alert.pinned or self._followed == self.queue.table.cursor_key
        if self.alert.display and not (followed and self.alert.id_wanted):
            self.show_line()

    def show_line(self) -> None:
        """The page shows the newest alert of the line under the queue's cursor."""
        self._followed = self.queue.table.cursor_key
        self.alert.show(self.queue.alert_here())

    @on(QueuePane.Open)
    def _open(self, message: QueuePane.Open) -> None:
        self.open_pane(ALERT)

    @on(Changed)
    def _changed(self) -> None:
        self.redraw()

    @on(Say)
    def _say(self, message: Say) -> None:
        self.say(message.text, message.style)
