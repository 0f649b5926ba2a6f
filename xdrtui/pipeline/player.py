"""Play recorded files into a workspace, in a thread of this process: what the screen opens on in a replay.

In: a `Replay` and its pace. Out: what a worker would bring: findings, alerts, the live ring, heartbeats. The
pace may be changed meanwhile. The workspace is the player's alone.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from xdrtui.events.message import Messages
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.memory import resident
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.replay import Replay

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_WAIT = 0.05


class Player:
    """Plays in the background between `with Player(...)` and its end. ended: all of it has been played;
    failure: why it stopped early, or empty.

    make: the replay, made in the thread, since opening files and reading rules takes a while.
    """

    def __init__(
        self,
        directory: Path,
        make: Callable[[], tuple[Replay, Rulebook]],
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.directory = directory
        self.ended = False
        self.failure = ""
        self._make = make
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def __enter__(self) -> Player:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            replay, rulebook = self._make()
            committer = Committer(self.directory, Process(rulebook), clock=self._clock)
            try:
                self._play(replay, committer)
            finally:
                committer.close()
        except Exception as error:  # the thread's end is the boundary: the screen shows it
            log.exception("the replay stopped")
            self.failure = f"{type(error).__name__}: {error}"

    def _play(self, replay: Replay, committer: Committer) -> None:
        idle: set[tuple[str, int]] = set()
        seen: set[tuple[str, int]] = set()
        beat = before = 0.0
        while not self._stopping.is_set() and not replay.ended:
            due = replay.due()
            if due:
                committer.commit([_fetched(messages) for messages in due])
                now = {(messages.source.uid, messages.partition) for messages in due}
                seen |= now
                # files without anything due hold no window open: their next event is later than the clock
                quiet = seen - now
                committer.idle(sorted(quiet - idle))
                idle = quiet
                committer.fold(True)
            if time.monotonic() - beat >= BEAT_SECONDS:
                span, beat = time.monotonic() - beat, time.monotonic()
                rate = (committer.totals.events - before) / span if before else 0.0
                before = committer.totals.events
                self._beat(committer, rate, replay.pace.paused)
            if not due:
                left = replay.pace.seconds_until(replay.next_at or 0)
                self._stopping.wait(_WAIT if left is None else min(max(left, 0.001), _WAIT))
        if replay.ended:
            committer.finish()
            self.ended = True
        while not self._stopping.wait(BEAT_SECONDS):
            self._beat(committer, 0.0, replay.pace.paused)

    def _beat(self, committer: Committer, rate: float, paused: bool) -> None:
        figures = {
            "events_per_second": round(rate, 1),
            "lag": 0.0,
            "lag_seconds": 0.0,
            "paused": float(paused),
            "dropped": 0.0,
            "dead": float(committer.totals.dead),
            "memory_bytes": float(resident()),
        }
        committer.heartbeat(figures, {})


def _fetched(messages: Messages) -> Fetched:
    last = messages.payloads[-1]
    anchor = hashlib.blake2b(last, digest_size=16).digest()
    return Fetched(messages, -1, messages.offsets[-1] + 1, anchor, 0, 0)
