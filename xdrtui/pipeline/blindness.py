"""Say aloud when rules go blind: a field they need has stopped coming from a host.

In: a store whose workers count fields, and the rules. Out: a fault in the store's health for each event type
and host on which rules have gone blind, taken back when they see again. A look costs little
while nothing is gone.
"""

from __future__ import annotations

from collections import defaultdict

from xdrtui.pipeline.coverage import GONE, cover, is_gone, remembered
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.store import workers
from xdrtui.store.presence import Sightings
from xdrtui.store.store import Store

KIND = "blind"
EVERY = 600 * 1_000_000_000
"""Nanoseconds between two looks."""


class Blindness:
    """Watches one store. every: nanoseconds of the given clock between two looks."""

    def __init__(self, store: Store, book: Rulebook, every: int = EVERY) -> None:
        self._store = store
        self._book = book
        self._every = every
        self._looked = 0

    def watch(self, now: int) -> None:
        """Look, if it is time: report what has gone blind, take back what sees again. Raises StoreBusy."""
        if now - self._looked < self._every:
            return
        self._looked = now
        faults = self._faults()
        connection = self._store.connection
        known = {fault.key for fault in workers.faults(connection) if fault.kind == KIND}
        if not faults and not known:
            return
        with self._store.transaction():
            for key, text in faults.items():
                workers.report_fault(connection, key, KIND, text, now)
            for key in known - faults.keys():
                workers.clear_fault(connection, key, now)

    def _faults(self) -> dict[str, str]:
        sightings = self._store.sightings()
        suspects: Sightings = {}
        for (event_type, host), fields in sightings.items():
            if host and any(is_gone(one, fields[""].n) for one in fields.values() if "" in fields):
                suspects[event_type, host] = fields
                suspects[event_type, ""] = sightings.get((event_type, ""), fields)
        if not suspects:
            return {}
        rules: defaultdict[tuple[str, str], int] = defaultdict(int)
        gone: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for each in cover(self._book, remembered(suspects)):
            for sight in each.sights:
                if sight.status == GONE and sight.host:
                    rules[sight.event_type, sight.host] += 1
                    gone[sight.event_type, sight.host].update(sight.fields)
        return {
            f"{KIND}:{event_type}:{host}": (
                f"{event_type} events of {host} no longer bring {', '.join(sorted(fields))}: "
                f"{rules[event_type, host]} rules are blind there; see `xdrtui rules coverage`."
            )
            for (event_type, host), fields in gone.items()
        }
