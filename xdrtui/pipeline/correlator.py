"""Fold findings, in the order of their commits, into alerts. One correlator works on a store at a time.

Each step is one transaction: findings after the cursor are read, their alerts grow, the cursor moves on. What
comes of it depends on the set of findings alone, so `rebuild` (drop all alerts, fold again) gives the same;
what people did stands in the ledger and is not touched. Which findings make one alert was settled when they
were stored; how an alert looks is `triage.grouping`'s, what counts within a window `detectors.correlate`'s.
"""

from __future__ import annotations

import os
import uuid
from collections import defaultdict
from types import TracebackType
from typing import NamedTuple

from xdrtui.store import alerts, findings, workers
from xdrtui.store.alerts import Folded, Naming
from xdrtui.store.findings import Stored
from xdrtui.store.store import Store
from xdrtui.triage.grouping import absorb, first_of

CURSOR = "correlator"
LEASE_SECONDS = 15
STEP = 2_000


class Progress(NamedTuple):
    """What a fold did. mine: False where another process holds the lease (nothing was done)."""

    findings: int
    opened: int
    grown: int
    mine: bool = True


class Correlator:
    """Folds one store's findings. Not for use by two threads at once."""

    def __init__(self, store: Store, *, holder: str = "", step: int = STEP) -> None:
        """holder: names this correlator in the lease; step: findings a transaction."""
        self.store = store
        self.holder = holder or f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.step = step
        self._names: dict[tuple[str, str], Naming] = {}

    def fold(self) -> Progress:
        """Fold all findings that are there. Raises StoreBusy, StoreError."""
        total = Progress(0, 0, 0)
        while self._pending():
            with self.store.transaction():
                if not self._lease():
                    return total._replace(mine=False)
                done = self._step()
            total = Progress(
                total.findings + done.findings, total.opened + done.opened, total.grown + done.grown
            )
        return total

    def rebuild(self) -> Progress:
        """Drop every alert and fold all findings again, in one transaction: nobody sees the half of it."""
        total = Progress(0, 0, 0)
        with self.store.transaction():
            if not self._lease():
                return total._replace(mine=False)
            alerts.forget_all(self.store.connection)
            workers.set_cursor(self.store.connection, CURSOR, 0)
            while (done := self._step()).findings:
                total = Progress(
                    total.findings + done.findings, total.opened + done.opened, total.grown + done.grown
                )
        return total

    def __enter__(self) -> Correlator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lease back, so that another correlator need not wait for it to run out."""
        with self.store.transaction():
            workers.drop_lease(self.store.connection, CURSOR, self.holder)

    def lag(self) -> int:
        """Findings stored and not folded yet."""
        connection = self.store.connection
        (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM findings").fetchone()
        return max(0, int(last) - workers.cursor(connection, CURSOR))

    def _pending(self) -> bool:
        return self.lag() > 0

    def _lease(self) -> bool:
        now = self.store.clock()
        return workers.take_lease(
            self.store.connection, CURSOR, self.holder, now, now + LEASE_SECONDS * 1_000_000_000
        )

    def _step(self) -> Progress:
        """Fold the next findings, inside the caller's transaction."""
        connection = self.store.connection
        after = workers.cursor(connection, CURSOR)
        rows = findings.read_after(connection, after, self.step)
        if not rows:
            return Progress(0, 0, 0)
        by_alert: dict[str, list[Stored]] = defaultdict(list)
        for row in rows:
            if not row.muted:
                by_alert[row.alert].append(row)
        known = alerts.read_folded(connection, by_alert)
        again = alerts.duplicates_between(connection, after, rows[-1].seq)
        folded = [
            absorb(known.get(alert) or first_of(new[0]), new, again.get(alert, 0))
            for alert, new in by_alert.items()
        ]
        alerts.write_folded(connection, folded, self._naming(folded))
        alerts.repin(connection, by_alert, known)
        workers.set_cursor(connection, CURSOR, rows[-1].seq)
        return Progress(len(rows), len(folded) - len(known), len(known))

    def _naming(self, folded: list[Folded]) -> dict[tuple[str, str], Naming]:
        """Title and techniques from the version of each rule that fired."""
        names = {}
        for key in {(alert.rule, alert.rule_hash) for alert in folded}:
            if key not in self._names:
                rule = self.store.rule(*key)
                name = Naming(rule.title, rule.techniques) if rule else Naming(key[0])
                if rule is None or rule.hash != key[1]:  # not a settled version: ask again next time
                    names[key] = name
                    continue
                self._names[key] = name
            names[key] = self._names[key]
        return names
