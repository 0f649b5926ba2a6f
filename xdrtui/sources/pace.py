"""The clock of a replay: recorded time that passes faster or slower than the wall's, pauses, and jumps ahead.

In: a wall clock (injected) and what people ask. Out: the recorded time that is 'now', in nanoseconds since
1970 UTC. Safe to use from several threads: a worker reads it while a screen sets it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECOND = 1_000_000_000
FASTEST = 1_000_000.0


class Pace:
    """speed: recorded seconds per second of the wall, at most a million; 0 = as fast as possible, where the
    clock is set by what has been handed on (`reach`)."""

    def __init__(self, speed: float = 0.0, *, wall: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._speed = _checked(speed)
        self._paused = False
        self._base = 0
        self._since = wall()

    def begin(self, at: int) -> None:
        """The clock stands at `at` now."""
        with self._lock:
            self._base, self._since = at, self._wall()

    def now(self) -> int:
        """The recorded time that it is."""
        with self._lock:
            return self._now()

    def _now(self) -> int:
        if self._paused:
            return self._base
        return self._base + int((self._wall() - self._since) * self._speed * SECOND)

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def paused(self) -> bool:
        return self._paused

    def set_speed(self, speed: float) -> None:
        """From now on; the clock does not jump. Raises ValueError for a negative one."""
        speed = _checked(speed)
        with self._lock:
            self._rebase()
            self._speed = speed

    def pause(self) -> None:
        with self._lock:
            self._rebase()
            self._paused = True

    def resume(self) -> None:
        with self._lock:
            self._rebase()
            self._paused = False

    def step_to(self, at: int) -> None:
        """Jump ahead to `at`, and stay paused if paused; never back."""
        with self._lock:
            self._rebase()
            self._base = max(self._base, at)

    reach = step_to

    def seconds_until(self, at: int) -> float | None:
        """Seconds of the wall until it is `at`; 0 where it was; None where that is not foreseeable."""
        with self._lock:
            left = at - self._now()
            if left <= 0:
                return 0.0
            return None if self._paused or not self._speed else left / SECOND / self._speed

    def _rebase(self) -> None:
        self._base, self._since = self._now(), self._wall()


def _checked(speed: float) -> float:
    if not speed >= 0:
        raise ValueError("a replay's speed is 0 (as fast as possible) or more")
    return min(speed, FASTEST)
