"""Looks at the store again and again: whether anything changed, and how the workers do.

One look at a time, in a thread of its own, so that a slow store never holds up a key; what cannot be read is
kept as a sentence for the red line.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from screens.away import Away
from screens.commands import LIVE, QUEUE

if TYPE_CHECKING:
    from textual.timer import Timer

    from screens.workbench import Workbench
    from xdrtui.triage.rows import Status

STATUS_EVERY = 0.5
PATIENCE = 2.5
"""Seconds that the store may take to answer."""

ROOM = 20_000_000
"""Bytes of free disk below which the red line tells of it."""
OFTEN, SELDOM = 0.25, 1.0
"""Seconds between two looks."""


class Watch:
    """status: the last that was read; failure: why nothing can be read, or ""."""

    def __init__(self, bench: Workbench) -> None:
        self.status: Status | None = None
        self.failure = ""
        self.paused = False
        self._bench = bench
        self._looking = False
        self._status_at = 0.0
        self._reported = False
        self._looked_at = self._acts_since = time.monotonic()
        self._offered = False
        self._full = ""
        self.away = Away(bench)
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Look from now on, seldom where the link is slow."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._bench.set_interval(
            SELDOM if self._bench.services.low_bandwidth else OFTEN, self.tick
        )

    def tick(self) -> None:
        """Look, unless the last look is not over yet."""
        self._hold()
        self._report()
        self.away.tick()
        self._offer()
        self._late()
        if not self._looking and not self.paused:
            self._looked_at = time.monotonic()
            self._looking = True
            self._bench.run_worker(self._look(), group="watch")

    def _offer(self) -> None:
        """Offer low bandwidth, once, where a write to the terminal took long."""
        link = getattr(self._bench.app, "link", None)
        if link is not None and link.slow and not link.low and not self._offered:
            self._offered = True
            self._bench.say("the link to this terminal is slow: _ sends less")

    def _late(self) -> None:
        """Say so where the store does not answer, or its disk is full; keys go on meanwhile."""
        waited = time.monotonic() - self._looked_at
        if self._looking and waited > PATIENCE:
            self.failure = (
                f"the database has not answered for {waited:.0f} s: is it locked, or its disk stuck?"
            )
            self._bench.redraw()
        elif not self._looking and (why := self._unstored() or self._full):
            self.failure = why
            self._bench.redraw()

    def _unstored(self) -> str:
        """Whether what the person did waits long for the database, which can be read meanwhile; or ""."""
        now = time.monotonic()
        if not self._bench.judging.under_way:
            self._acts_since = now
        waited = now - self._acts_since
        if waited <= PATIENCE:
            return ""
        return (
            f"what you did is not stored yet, after {waited:.0f} s: another process holds the database;"
            " `xdrtui doctor` names those that run"
        )

    def _hold(self) -> None:
        """The demo's clock waits while a page, a menu or a card is read: nothing runs past a student."""
        bench, demo = self._bench, self._bench.services.demo
        if demo is not None:
            over = bench.app.screen is not bench or bench.menu is not None or bench.asking.typing
            demo.hold(over or bench.current not in (QUEUE, LIVE))

    def _report(self) -> None:
        """The report of a demo that is over opens once, by itself, but over nothing that takes keys."""
        bench, demo = self._bench, self._bench.services.demo
        if demo is None or self._reported or not demo.ended() or bench.busy:
            return
        from screens.deeds import show_report

        self._reported = show_report(
            bench, lambda at: bench.say("the demo has ended · `:` report shows its report again", "good")
        )

    async def _look(self) -> None:
        from xdrtui.errors import XdrtuiError

        bench, desks = self._bench, self._bench.services.desks
        try:
            # in a thread: a file system that hangs holds up whoever asks it
            self._full = await asyncio.to_thread(_full, bench.services.directory)
            changed = await desks.watch(lambda desk: desk.changed())
            if time.monotonic() - self._status_at >= STATUS_EVERY:
                self.status = await desks.watch(lambda desk: desk.status())
                self._status_at = time.monotonic()
                bench.redraw()
        except XdrtuiError as error:
            self.failure = str(error)
            bench.redraw()
            return
        finally:
            self._looking = False
        if self.failure:
            self.failure = self._unstored() or self._full
            bench.redraw()
        if changed and self.away.wanted:
            await self.away.look()
        if changed or not bench.queue.loaded:
            bench.changed()
        if bench.current == LIVE:
            bench.pane.poll()


def _full(folder: Path | None) -> str:
    """Why nothing can be written there soon, or ""."""
    if folder is None:
        return ""
    try:
        left = shutil.disk_usage(folder).free
    except OSError as error:
        return f"the workspace {folder} cannot be looked at: {error.strerror}"
    if left >= ROOM:
        return ""
    megabytes = left // 1_000_000  # the path, which may be long, comes last: it alone is cut
    return f"the workspace's disk is full, {megabytes} MB are left: make room, or nothing is kept: {folder}"
