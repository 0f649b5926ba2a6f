"""The Textual app: opens the workbench on a store, and gives the terminal back as it was.

Nothing heavy is imported here: the first frame is painted before the store is opened, in threads
(tests/benchmarks/first_frame.py).
"""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.color import ColorSystem
from textual import constants
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.geometry import Offset
from textual.screen import Screen

from screens.commands import set_in_force
from screens.drafts import Drafts
from screens.link import LinkDriver
from screens.look import look_for
from screens.preferences import Preferences
from screens.services import Desks, Services
from screens.thrift import Thrift
from screens.times import Zone
from screens.workbench import Workbench

if TYPE_CHECKING:
    from rich.console import RenderableType

    from screens.demo import Demo
    from screens.keeper import BlackBox
    from xdrtui.triage.desk import Desk


ESCAPE_OVER_SSH = 0.3
"""Seconds that may lie between the bytes of one key where the link is slow."""


ORDERLY = 2.0
"""Seconds that an orderly end may take."""


class XdrApp(App[int], inherit_bindings=False):
    """The app. Its keys are the registry's; Textual's own palette and bindings are off."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = []
    ESCAPE_TO_MINIMIZE = False
    TITLE = "xdrtui"

    def __init__(self, services: Services, name: str, initial: str = "queue", *, mouse: bool = False) -> None:
        super().__init__(
            driver_class=None if sys.platform == "win32" else LinkDriver, ansi_color=services.look.own_colours
        )
        self.link = services.link
        self._colours: ColorSystem | None = None
        self._thrift = Thrift()
        self._cursor_sent = Offset()
        self.services = services
        self.box = services.box
        self.low_bandwidth(services.low_bandwidth)
        self.workbench = Workbench(services, name, initial)
        self.animation_level = "none"
        self.mouse = mouse

    def on_mount(self) -> None:
        self._heed_the_world()
        self.push_screen(self.workbench)
        if self.services.demo is not None:
            from screens.cards import BURST, CardScreen

            def begun(at: float) -> None:
                self.workbench.taking.deaf_until = at + BURST

            card = self.services.demo.card()
            self.push_screen(CardScreen(self.services.look, card, "any key begins", begun))

    def switch_mouse(self) -> bool:
        """Switch the mouse on or off; whether it is on now."""
        self.mouse = not self.mouse
        self._send_mouse(self.mouse)
        return self.mouse

    def lend_mouse(self, back: bool) -> None:
        """Leave the mouse to the terminal for a while, or take it back."""
        if self.mouse:
            self._send_mouse(back)

    def _send_mouse(self, on: bool) -> None:
        driver = self._driver
        if driver is not None:
            name = "_enable_mouse_support" if on else "_disable_mouse_support"
            driver._mouse = True  # it looks whether it may, before it switches
            getattr(driver, name, lambda: None)()

    def low_bandwidth(self, low: bool) -> None:
        """Send little, or as much as there is."""
        self.services.low_bandwidth = self.link.low = low
        self._colours = full = self._colours or self.console._color_system
        if full is not None:
            self.console._color_system = min(full, ColorSystem.EIGHT_BIT) if low else full

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """In low bandwidth what changed alone is sent; else Textual sends its own way."""
        driver = self._driver
        if (
            not self.link.low
            or driver is None
            or self.is_headless
            or not isinstance(renderable, CompositorUpdate)
        ):
            self._thrift.forget()
            super()._display(screen, renderable)
            return
        try:
            if self._batch_count or not self._running or self._closed or screen is not self.screen:
                return
            text = self._thrift.frame(screen._compositor.render_strips(), self.console._color_system)
            at = self.screen.outer_size.clamp_offset(self.cursor_position)
            if text or at != self._cursor_sent:
                self._cursor_sent = at
                driver.write(f"{text}\x1b[{at.y + 1};{at.x + 1}H")
        finally:
            self.post_display_hook()

    def post_display_hook(self) -> None:
        if isinstance(self._driver, LinkDriver):
            self._driver.frame_sent()

    def on_unmount(self) -> None:
        self.workbench.watcher.away.leave()
        self.services.desks.close()

    # However it ends

    def _heed_the_world(self) -> None:
        """End in order when the terminal hangs up, when told to, and when the process that keeps the terminal
        is gone."""
        if self.is_headless or self.box is None:
            return
        loop, life = asyncio.get_running_loop(), self.box.life
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, 128 + number)

        def orphaned() -> None:
            loop.remove_reader(life)
            signal.signal(
                signal.SIGTTOU, signal.SIG_IGN
            )  # the shell has the terminal: give it back all the same
            self._end(1)

        loop.add_reader(life, orphaned)

    def _end(self, code: int) -> None:
        """End, even where the terminal takes no byte any more."""
        last = threading.Timer(ORDERLY, os._exit, (code,))
        last.daemon = True
        last.start()
        self.exit(code)

    def _fatal_error(self) -> None:
        """A bug: keep where it is, without the values that Textual would print, and end."""
        if self.box is not None and self._exception is not None:
            self.box.trace(self._exception)
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """Textual met an error outside its messages: what it would print may hold data."""
        if self.box is not None:
            for line in (line for one in renderables for line in _where(one)):
                self.box.note("trace", f"Textual gave up: {line}")
        self._return_code = 1
        self._close_messages_no_wait()


def _where(told: RenderableType) -> list[str]:
    """Kinds of errors and the places where they arose, without what they say."""
    stacks = getattr(getattr(told, "trace", None), "stacks", [])
    lines: list[str] = []
    for stack in stacks[:4]:
        frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in stack.frames[-12:]]
        lines += [stack.exc_type, *frames]
    return lines or [type(told).__name__]


def run(
    directory: Path | str,
    *,
    preferences: Preferences | None = None,
    demo: Demo | None = None,
    initial: str = "queue",
    name: str = "",
    person: str = "",
    box: BlackBox | None = None,
) -> int:
    """Open the screens on the store in this directory; return the exit code when they are left.

    initial: a pane, or an address such as `alert/ID`; name: what the status line calls this workspace;
    person: who acts (default: the user of this process); box: where a crash leaves its trace, if a parent
    keeps the terminal.
    """
    wanted = preferences or Preferences()
    services = services_for(Path(directory), wanted, demo=demo, person=person, box=box)
    if wanted.keys:
        from screens.keymap import rebound

        set_in_force(rebound(wanted.keys))
    if "SSH_CONNECTION" in os.environ:
        setattr(constants, "ESCAPE_DELAY", ESCAPE_OVER_SSH)  # noqa: B010 - Final, but read at each escape
    app = XdrApp(services, name or Path(directory).name, initial, mouse=wanted.mouse_on())
    if box is not None:
        box.begin(Path(directory))
        threading.excepthook = lambda args: box.trace(args.exc_value or RuntimeError())
    code = app.run(mouse=app.mouse)
    if box is not None and app.return_code in (None, 0):
        box.left()
    return code if code is not None else app.return_code or 0


def services_for(
    directory: Path,
    wanted: Preferences,
    *,
    demo: Demo | None = None,
    person: str = "",
    box: BlackBox | None = None,
) -> Services:
    """What panes are given. Raises ValueError for an unknown time zone."""
    who = person or getpass.getuser()
    device = platform.node() or "this machine"

    def open_desk() -> Desk:
        from xdrtui.triage.desk import Desk, Principal

        return Desk.open(directory, Principal(who, device))

    def demo_now() -> int:
        return (demo.now() if demo is not None else 0) or time.time_ns()

    return Services(
        desks=Desks(open_desk),
        look=look_for(os.environ, wanted.theme, wanted.plain),
        zone=Zone(named=wanted.named_zone()),
        demo=demo,
        now=demo_now if demo is not None else time.time_ns,
        low_bandwidth=wanted.low_bandwidth,
        person=who,
        drafts=Drafts(directory),
        box=box,
        preferences=wanted,
        directory=directory,
        reads=wanted.kafka or demo is not None,
    )
