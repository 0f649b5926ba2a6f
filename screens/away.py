"""While a person looks elsewhere: the bell or the title tells of new critical alerts, and after some minutes
without a key all data is hidden."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult

from screens.keyboard import key_name
from screens.link import Paced
from screens.look import Look
from screens.widgets.paper import Paper

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.desk import Desk

KEEP_TITLE, GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"


class LockScreen(Paced[None]):
    """Nothing but how to go on. It hides from eyes; it is no login."""

    AUTO_FOCUS = ""

    def __init__(self, look: Look, since: str) -> None:
        super().__init__()
        self.paper = Paper(look, margin=4)
        self.paper.show(
            lambda cells: [
                [],
                [("Hidden, since nobody typed for a while.", "strong")],
                [],
                [("enter", "key"), (f" shows it again. Hidden since {since}.", "")],
            ]
        )

    def compose(self) -> ComposeResult:
        yield self.paper

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if key_name(event) == "enter":
            self.dismiss(None)


class Away:
    """Looked at with each tick of the watch. typed_at: when the last key came (seconds, monotonic)."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.typed_at = time.monotonic()
        self._critical: int | None = None
        self._titled = False

    def tick(self) -> None:
        """Hide what is shown, if it is time."""
        services = self._bench.services
        minutes = services.preferences.lock_minutes
        over = time.monotonic() - self.typed_at > minutes * 60
        if minutes and over and not isinstance(self._bench.app.screen, LockScreen):
            since = services.zone.clock(time.time_ns(), seconds=False)
            self._bench.app.push_screen(LockScreen(services.look, since), self._back)

    def _back(self, nothing: None) -> None:
        self.typed_at = time.monotonic()

    @property
    def wanted(self) -> bool:
        """Whether new critical alerts are told of."""
        return self._bench.services.preferences.bell or self._bench.services.preferences.title

    async def look(self) -> None:
        """The store changed: tell where there are more new critical alerts than before. The title goes on to
        say how many there are, until there is none."""
        count = await self._bench.services.desks.watch(_critical)
        before, self._critical = self._critical, count
        if before is None or count == before:
            return
        wanted = self._bench.services.preferences
        if wanted.bell and count > before:
            self._bench.app.bell()
        if wanted.title and not count:
            self.leave()
        elif wanted.title and (self._titled or count > before):
            self._title(f"xdrtui: {count} new critical")

    def _title(self, text: str) -> None:
        """Our own words alone ever stand in the title."""
        driver = self._bench.app._driver
        if driver is not None:
            driver.write(("" if self._titled else KEEP_TITLE) + f"\x1b]2;{text}\x07")
            self._titled = True

    def leave(self) -> None:
        """Give the title back."""
        driver = self._bench.app._driver
        if self._titled and driver is not None:
            driver.write(GIVE_TITLE_BACK)
            self._titled = False


def _critical(desk: Desk) -> int:
    from xdrtui.triage.query import AlertQuery

    return desk.count(AlertQuery("level:critical state:new", now=time.time_ns()))
