"""The app on a sample store, with a fixed clock and zone, for pilots and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from screens.app import XdrApp
from screens.look import Look
from screens.services import Desks, Services
from screens.times import Zone, fixed
from tests.screens.sample_store import NOW
from xdrtui.triage.desk import Desk, Principal

LONG = 60.0
"""Seconds after which a test gives up waiting: far more than a loaded machine needs."""


def app_on(directory: Path, *, theme: str = "dark", initial: str = "queue", **more) -> XdrApp:
    services = Services(
        desks=Desks(lambda: Desk.open(directory, Principal("me", "here"), clock=lambda: NOW)),
        look=Look(theme),
        zone=Zone(fixed(1)),
        now=lambda: NOW,
        person="me",
        **more,
    )
    services.link.marks_pastes = True  # as most terminals do
    return XdrApp(services, "acme-prod", initial)


async def settled(pilot: Pilot, *, rows: int | None = None) -> None:
    """Wait until the queue is read (and has this many rows) and nothing is being read any more."""
    bench = pilot.app.workbench
    idle = 0
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        await pilot.pause(0.03)
        queue, alert = bench.queue, bench.alert
        followed = not alert.display or (
            alert.id_shown == alert.id_wanted and (alert.id_wanted or not len(queue.source))
        )
        busy = (
            queue._reading
            or bench.taking.busy
            or alert._reading
            or bench.watcher.status is None
            or not queue.loaded
            or not followed
            or any(
                worker.group in ("assist", "act", "context") and not worker.is_finished
                for worker in pilot.app.workers
            )
        )
        idle = 0 if busy or (rows is not None and len(queue.source) != rows) else idle + 1
        if idle == 5:
            await pilot.pause()
            return
    problem = bench.watcher.failure or queue.failure or alert.failure
    raise AssertionError(f"not settled: {len(queue.source)} rows, {problem}")


async def until(pilot: Pilot, wanted: str | Callable[[], object]) -> None:
    """Wait until this text is on the screen (its blanks folded), or until this is true."""

    def met() -> object:
        return wanted() if callable(wanted) else wanted in " ".join(" ".join(shown(pilot.app)).split())

    end = time.monotonic() + LONG
    while not met():
        if time.monotonic() > end:
            what = "this" if callable(wanted) else repr(wanted)
            raise AssertionError(f"{what} never came to be:\n" + "\n".join(shown(pilot.app)))
        await pilot.pause(0.02)


def shown(app: XdrApp) -> list[str]:
    """The screen as lines of text."""
    lines = app.screen._compositor.render_strips()
    return [strip.text for strip in lines[: app.size.height]]
