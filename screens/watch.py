"""Looks at the store again and again: whether anything changed, and how the workers do.

One look at a time, in a thread of its own, so that a slow store never holds up a key; what cannot be read is
kept as a sentence for the red line.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from screens.commands import LIVE

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.rows import Status

STATUS_EVERY = 1.0


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

    def tick(self) -> None:
        """Look, unless the last look is not over yet."""
        self._report()
        if not self._looking and not self.paused:
            self._looking = True
            self._bench.run_worker(self._look(), group="watch")

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
            self.failure = ""
            bench.redraw()
        if changed or not bench.queue.loaded:
            bench.changed()
        if bench.current == LIVE:
            bench.pane.poll()
