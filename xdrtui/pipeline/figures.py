"""The figures that a worker tells of itself with each heartbeat."""

from __future__ import annotations

from collections.abc import Callable

from xdrtui.pipeline.memory import resident
from xdrtui.pipeline.sink import Totals
from xdrtui.sources.partitions import SourceHealth


class Figures:
    """clock: nanoseconds since 1970 UTC; recorded: all topics are replays, whose times tell no lag."""

    def __init__(self, clock: Callable[[], int], recorded: bool) -> None:
        self._clock = clock
        self._recorded = recorded
        self._free_at = 0

    def of(self, rate: float, health: SourceHealth, waiting: int, totals: Totals) -> dict[str, float]:
        """rate: events a second; waiting: messages that are not committed yet."""
        return {
            "events_per_second": round(rate, 1),
            "lag": waiting,
            "lag_seconds": round(self._behind(waiting, health, totals.latest_ingest), 1),
            "catch_up_seconds": round(waiting / rate, 1) if rate else 0.0,
            "paused": float(health.paused),
            "dropped": 0,
            "dead": totals.dead,
            "memory_bytes": resident(),
            "partitions": health.partitions,
        }

    def _behind(self, waiting: int, health: SourceHealth, latest: int) -> float:
        """For how many seconds the first of what waits has waited, at most: since the last message that was
        committed came in, and since nothing waited. 0 where neither is known."""
        now = self._clock()
        if not waiting and health.partitions:  # before any is placed nobody knows what waits
            self._free_at = now
        since = max(latest, self._free_at)
        return max(0, now - since) / 1e9 if waiting and since and not self._recorded else 0.0
