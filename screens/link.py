"""The link to the terminal: how much went over it, whether it is slow, and when the next frame may go.

In low-bandwidth mode at most one frame is on its way: the next waits until the last was written, until the
terminal answered a question sent behind it (where it answers at all), and until the rate allows; what changed
meanwhile is in it, what is stale was never sent. `Link` is arithmetic; `LinkDriver` is Textual's driver that
keeps it; `Paced` is the screen that asks it.
"""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Callable
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from textual import messages
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen, ScreenResultType

from screens.pastes import ANSWERED_WITHIN, MarksPastes
from screens.pastes import QUESTION as MARKS_PASTES

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

RATE = 5_800
"""Bytes a second in low-bandwidth mode: below 6 KiB."""

BURST = 3_000
"""Bytes that may go at once after a rest, so that a key is answered at once."""

PATIENCE = 2.0
"""Seconds that the next frame waits for the rate at most: one of 200x60 is 40 KB, and worth 7 s."""

SLOW = 0.1
"""Seconds that a write may take on a link that is not slow."""

UNANSWERED = 3.0
"""Seconds after which a question counts as lost; where none was ever answered, or two in a row are lost, none
is asked, until there is an answer again."""

QUESTION = "\x1b[?2026$p"
"""Asks for a mode that Textual asks for anyway: any answer says that all before it was read."""


class Link:
    """What is known of the link. low: low-bandwidth mode; clock: seconds, any zero."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.low = False
        self.sent = 0
        """Bytes written since the start."""
        self.slow = False
        """A write took long: said once, by `took`."""
        self.marks_pastes = False
        """The terminal is known to mark what is pasted."""
        self._clock = clock
        self._written = 0  # counted by the writer alone, as what was sent is by the app: no count is lost
        self._debt = 0.0
        self._debt_at = clock()
        self._asked_at = 0.0
        self._answers = False
        self._unanswered = 0

    def queued(self, size: int) -> None:
        """Bytes were handed to the writer."""
        self.sent += size
        owed = min(self._debt_now() + size, BURST + PATIENCE * RATE)
        self._debt, self._debt_at = owed, self._clock()

    def took(self, size: int, seconds: float) -> None:
        """Bytes were written, in so many seconds."""
        self._written += size
        self.slow = self.slow or seconds >= SLOW

    def ask(self) -> bool:
        """A frame went: whether to ask the terminal whether it came."""
        most = 1 if self._answers else 0
        if self._unanswered > most or self._asked_at:
            return False
        self._asked_at = self._clock()
        return True

    def answered(self) -> None:
        """The terminal answered."""
        self._answers, self._unanswered, self._asked_at = True, 0, 0.0

    def wait(self) -> float:
        """Seconds until the next frame may go, as far as is known; 0 = now."""
        if not self.low:
            return 0.0
        now = self._clock()
        if self.sent > self._written:
            return 0.05
        if self._asked_at:
            if now - self._asked_at < UNANSWERED:
                return 0.03
            self._unanswered, self._asked_at = self._unanswered + 1, 0.0
        over = self._debt_now() - BURST
        return 0.0 if over < 1 else max(0.01, over / RATE)

    def _debt_now(self) -> float:
        return max(0.0, self._debt - (self._clock() - self._debt_at) * RATE)


class _Measured:
    """The terminal's file, with a watch on it."""

    def __init__(self, file: IO[str], took: Callable[[int, float], object]) -> None:
        self._file, self._took = file, took
        self._size = 0

    def write(self, text: str) -> int:
        self._size += len(text)
        return self._timed(lambda: self._file.write(text))

    def flush(self) -> None:
        self._timed(self._file.flush)
        size, self._size = self._size, 0
        self._took(size, 0.0)

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def _timed(self, act: Callable[[], int | None]) -> int:
        began = time.monotonic()
        done = act()
        self._took(0, time.monotonic() - began)
        return done or 0


def _lenient(name: str) -> Callable[[], codecs.IncrementalDecoder]:
    return partial(codecs.getincrementaldecoder(name), errors="replace")


# Bytes that are no UTF-8 (a Latin-1 terminal, a pasted binary, half a character) would end Textual's thread
# of input, and with it the app: they are read as U+FFFD, which is no key.
setattr(linux_driver, "getincrementaldecoder", _lenient)  # noqa: B010


class LinkDriver(LinuxDriver):
    """Textual's driver, with a watch on what is written and whether the terminal answers."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.link: Link = getattr(app, "link", None) or Link()
        self._asked_at = float("-inf")
        setattr(self, "_file", _Measured(cast(IO[str], self._file), self.link.took))  # noqa: B010 - as good a file

    def _enable_bracketed_paste(self) -> None:
        super()._enable_bracketed_paste()
        if self.input_tty and os.environ.get("TERM_PROGRAM") != "Apple_Terminal":  # which would show it
            self._asked_at = time.monotonic()
            self.write(MARKS_PASTES)

    def write(self, data: str) -> None:
        self.link.queued(len(data))
        super().write(data)

    def frame_sent(self) -> None:
        """A frame went to the writer."""
        if self.link.low and self.link.ask():
            self.write(QUESTION)

    def process_message(self, message: Message) -> None:
        if isinstance(message, messages.TerminalSupportsSynchronizedOutput):
            self.link.answered()
        if isinstance(message, MarksPastes):
            self.link.marks_pastes |= time.monotonic() - self._asked_at < ANSWERED_WITHIN
            return
        super().process_message(message)


class Paced(Screen[ScreenResultType]):
    """A screen that paints when the link takes it."""

    def _on_timer_update(self) -> None:
        driver = self.app._driver
        link = driver.link if isinstance(driver, LinkDriver) else None
        wait = link.wait() if link is not None else 0.0
        if not wait:
            super()._on_timer_update()
            return
        self._update_timer.pause()
        self.set_timer(wait, self._update_timer.resume)
        if self._callbacks:
            self.call_next(self._invoke_and_clear_callbacks)
