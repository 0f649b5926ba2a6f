"""The app on a sample store, with a fixed clock and zone, for pilots and pictures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from screens.app import XdrApp
from screens.look import Look
from screens.services import Desks, Services
from screens.times import Zone, fixed
from tests.screens.sample_store import NOW
from xdrtui.triage.desk import Desk, Principal


def app_on(directory: Path, *, theme: str = "dark", initial: str = "queue", **more) -> XdrApp:
    services = Services(
        desks=Desks(lambda: Desk.open(directory, Principal("me", "here"), clock=lambda: NOW)),
        look=Look(theme),
        zone=Zone(fixed(1)),
        now=lambda: NOW,
        person="me",
        **more,
    )
    return XdrApp(services, "acme-prod", initial)


async def settled(pilot: Pilot, *, rows: int | None = None) -> None:
    """Wait until the queue is read (and has this many rows) and nothing is being read any more."""
    bench = pilot.app.workbench
    for _ in range(200):
        await pilot.pause(0.02)
        busy = bench.queue._reading or bench.alert._reading or bench.status is None or not bench.queue.loaded
        if not busy and (rows is None or len(bench.queue.source) == rows):
            break
    else:
        raise AssertionError(
            f"not settled: {len(bench.queue.source)} rows, {bench.failure or bench.queue.failure}"
        )
    await asyncio.sleep(0.12)
    await pilot.pause()


def shown(app: XdrApp) -> list[str]:
    """The screen as lines of text."""
    lines = app.screen._compositor.render_strips()
    return [strip.text for strip in lines[: app.size.height]]
