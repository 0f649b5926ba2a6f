"""A worker's heart beats on while a long batch keeps its thread.

All that a worker stores it stores from the thread that detects, its heartbeats too. Where a batch takes
longer than a few seconds (rules compiled for the first time, expressions that backtrack) the last heartbeat
is told again from here, through a connection of its own, with how long the batch has taken: slow is not dead.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from xdrtui.errors import XdrtuiError
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat, renew_heartbeat

QUIET_SECONDS = 2.0
"""A heartbeat older than this is told again; one older than 5 s would be taken for that of a dead worker."""


class Pulse:
    """Tells the last heartbeat again while no new one comes, until closed. Where the store cannot be written
    it waits and tries again."""

    def __init__(self, directory: Path, clock: Callable[[], int], quiet: float = QUIET_SECONDS) -> None:
        self._directory = directory
        self._clock = clock
        self._quiet = quiet
        self._last: tuple[Heartbeat, float] | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def told(self, beat: Heartbeat) -> None:
        """This heartbeat was stored just now."""
        self._last = (beat, time.monotonic())

    def close(self) -> None:
        """No heartbeat is told after this."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._quiet / 4):
            if self._last is None or time.monotonic() - self._last[1] < self._quiet:
                continue
            beat, at = self._last
            figures = {**beat.figures, "busy_seconds": round(time.monotonic() - at, 1)}
            again = msgspec.structs.replace(beat, at=self._clock(), figures=figures)
            with contextlib.suppress(XdrtuiError), Store.open(self._directory) as store, store.transaction():
                renew_heartbeat(store.connection, again)
