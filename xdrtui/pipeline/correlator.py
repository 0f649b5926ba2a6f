"""Fold findings, in the order of their commits, into alerts. One correlator works on a store at a time.

Each fold is one transaction: findings after the cursor are read, their alerts grow, correlations count them,
the cursor moves on. What comes of it depends on the set of findings alone, so `rebuild` (drop all alerts,
fold again) gives the same; what people did stands in the ledger and is not touched. Which findings make
one alert was settled when they were stored; how an alert looks is `triage.grouping`'s, what counts within
a window `detectors.correlate`'s.

Only where an event comes later than the lateness does it matter what had been decided before. Correlations
decide in the steps that stand beside the findings (`store.steps`), whoever folds and whenever; and what they
remember is made again, after a restart, by feeding them the last findings in the same steps.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections import defaultdict
from collections.abc import Iterable
from itertools import islice
from types import TracebackType
from typing import NamedTuple

import msgspec

from detectors.correlate.engine import Correlations, State
from detectors.correlate.model import CorrelationRule, Fired
from xdrtui.pipeline.remembering import Memory
from xdrtui.points import reach
from xdrtui.store import alerts, findings, steps, workers
from xdrtui.store.alerts import Folded, Naming
from xdrtui.store.findings import Stored
from xdrtui.store.store import Store
from xdrtui.triage.correlated import folded_of, id_of, match_of
from xdrtui.triage.grouping import absorb, first_of
from xdrtui.triage.suppressions import InForce, note_hidden

CURSOR = "correlator"
COUNTED = "correlator.counted"
WATERMARK = "correlator.watermark"
SWEPT = "correlator.swept"
FINISHED = "correlator.finished"
FINGERPRINT = "correlations"
LEASE_SECONDS = 15
STEP = 2_000
LATENESS = 600 * 1_000_000_000
"""How late an event may come, in nanoseconds of event time."""


class Progress(NamedTuple):
    """What a fold did. mine: False where another process holds the lease (nothing was done)."""

    findings: int = 0
    opened: int = 0
    grown: int = 0
    mine: bool = True

    def plus(self, other: Progress) -> Progress:
        return Progress(
            self.findings + other.findings, self.opened + other.opened, self.grown + other.grown, self.mine
        )


class Correlator:
    """Folds one store's findings. Not for use by two threads at once."""

    def __init__(
        self,
        store: Store,
        correlations: Correlations | None = None,
        *,
        muted: frozenset[str] = frozenset(),
        lateness: int = LATENESS,
        holder: str = "",
        step: int = STEP,
    ) -> None:
        """muted: correlations that only feed others; holder: names this correlator in the lease; step:
        findings a transaction. Without correlations those of others are left as they are."""
        self.store = store
        self.correlations = correlations if correlations and correlations.rules else None
        self.muted = muted
        self.lateness = lateness
        self.holder = holder or f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.step = step
        self._names: dict[tuple[str, str], Naming] = {}
        self._lost: dict[str, int] = {}
        self._state: State | None = None
        self._cursor = -1
        self._watermark = 0
        rules = self.correlations.rules if self.correlations else ()
        self._order = {rule.id: place for place, rule in enumerate(rules)}
        self._rules = {rule.id: rule for rule in rules}
        self._fingerprint = fingerprint(rules, muted, lateness)
        self._needed = frozenset(self.correlations.needs()) if self.correlations else frozenset()
        self._memory = (
            Memory(store, self.correlations, self._needed, lateness, step) if self.correlations else None
        )

    def fold(self, *, decide: bool = True, here: bool = False) -> Progress:
        """Fold all findings that are there. Raises StoreBusy, StoreError.

        decide: let correlations decide, in the steps that are noted, what the watermark has passed; False
        while sources are still read one after the other (a scan), so that times do not come in order:
        `finish` then decides all. here: note a step now, where batches noted none.
        """
        total = Progress()
        if here:
            with self.store.transaction():
                self.store.note_step()
        try:
            while True:
                behind = self.lag() > 0
                if not behind and not (decide and self._due()) and not self._stale():
                    return total
                if self._forgot() and not self._remember():
                    return total._replace(mine=False)
                with self.store.transaction():
                    if not self._lease():
                        return total._replace(mine=False)
                    total = total.plus(self._step(decide))
                    reach("fold.before")
                reach("fold.after")
        except BaseException:
            self._state = None  # what it counted was not committed: made again from the findings
            raise

    def finish(self) -> Progress:
        """Fold all that is there, then decide every window that is still open: no more will come."""
        total = self.fold(decide=False)
        if not total.mine:
            return total
        try:
            with self.store.transaction():
                if not self._lease():
                    return total._replace(mine=False)
                while (done := self._step(False)).findings:
                    total = total.plus(done)
                total = total.plus(self._decide_all())
                reach("finish.before")
            reach("finish.after")
            return total
        finally:
            self._state = None

    def rebuild(self) -> Progress:
        """Drop every alert and fold all findings again, in one transaction: nobody sees the half of it."""
        connection = self.store.connection
        total = Progress()
        try:
            with self.store.transaction():
                if not self._lease():
                    return total._replace(mine=False)
                last = workers.cursor(connection, CURSOR)
                alerts.forget_all(connection)
                workers.set_cursor(connection, CURSOR, 0)
                while (done := self._rows_step(self._read())).findings:
                    total = total.plus(done)
                if self.correlations:
                    total = total.plus(self._recount())
                    if workers.cursor(connection, FINISHED) == last > 0:
                        total = total.plus(self._decide_all())
        finally:
            self._state = None
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

    def _due(self) -> bool:
        """The watermark has moved since correlations last decided."""
        last = steps.latest(self.store.connection)
        return self.correlations is not None and last is not None and last.watermark > self._watermark

    def _stale(self) -> bool:
        """The correlations were edited since the stored findings were counted, or some were not counted."""
        if self.correlations is None or self._state is not None:
            return False
        connection = self.store.connection
        edited = workers.note(connection, FINGERPRINT) != self._fingerprint
        return edited or workers.cursor(connection, COUNTED) != workers.cursor(connection, CURSOR)

    def _forgot(self) -> bool:
        """What correlations know is to be made again, from the findings folded so far."""
        return self.correlations is not None and self._state is None and not self._stale()

    def _remember(self) -> bool:
        """Make it again before the database is locked for the fold: it may take seconds. False where another
        process folds."""
        with self.store.transaction():
            if not self._lease():
                return False
        self._recall(workers.cursor(self.store.connection, CURSOR))
        return True

    def _recall(self, cursor: int) -> None:
        assert self._memory is not None
        self._watermark = workers.cursor(self.store.connection, WATERMARK)
        self._state = self._memory.again(self._watermark, cursor)
        self._cursor = cursor

    def _lease(self) -> bool:
        now = self.store.clock()
        return workers.take_lease(
            self.store.connection, CURSOR, self.holder, now, now + LEASE_SECONDS * 1_000_000_000
        )

    def _read(self) -> list[Stored]:
        connection = self.store.connection
        return findings.read_after(connection, workers.cursor(connection, CURSOR), self.step)

    # --- everything below runs inside a transaction

    def _step(self, decide: bool) -> Progress:
        """Fold the next findings, and let correlations decide in the steps that are noted up to there."""
        state = self._ready()
        rows = self._read()
        counted = self._cursor
        done = self._rows_step(rows)
        if self.correlations is None or state is None:
            return done
        until = rows[-1].seq if len(rows) == self.step else None
        memory = self._memory
        assert memory is not None
        memory.tidy()
        due = memory.pending(self._watermark, counted, until) if decide else []
        fired = memory.in_steps(state, [row for row in rows if row.rule in self._needed], due)
        connection = self.store.connection
        workers.set_cursor(connection, COUNTED, self._cursor)
        if due:
            self._watermark = due[-1].watermark
            workers.set_cursor(connection, WATERMARK, self._watermark)
        done = done.plus(self._write_fired(fired))
        self._sweep(self._watermark - self.lateness - self.correlations.reach())
        self._note_health(state)
        return done

    def _rows_step(self, rows: list[Stored]) -> Progress:
        """Grow the alerts of these findings and move the cursor past them."""
        connection = self.store.connection
        if not rows:
            return Progress()
        by_alert: dict[str, list[Stored]] = defaultdict(list)
        for row in self._let_through(rows):
            by_alert[row.alert].append(row)
        known = alerts.read_folded(connection, by_alert)
        again = alerts.duplicates_between(connection, rows[0].seq - 1, rows[-1].seq)
        folded = [
            absorb(known.get(alert) or first_of(new[0]), new, again.get(alert, 0))
            for alert, new in by_alert.items()
        ]
        alerts.write_folded(connection, folded, self._naming(folded))
        alerts.repin(connection, by_alert, known)
        self._cursor = rows[-1].seq
        workers.set_cursor(connection, CURSOR, self._cursor)
        return Progress(len(rows), len(folded) - len(known), len(known))

    def _let_through(self, rows: list[Stored]) -> list[Stored]:
        """Those that make an alert. What a suppression hides is written down, with its evidence."""
        connection = self.store.connection
        veil = InForce.read(connection)
        through: list[Stored] = []
        hidden: dict[str, list[Stored]] = defaultdict(list)
        for row in rows:
            if row.muted:
                continue
            by = veil.finding(row)
            if by:
                hidden[by].append(row)
            else:
                through.append(row)
        for by, some in hidden.items():
            note_hidden(connection, some, by)
            apart: dict[str, list[Stored]] = defaultdict(list)
            for row in some:  # pinned under a name of its own: the alert, if there is one, does not show it
                apart[f"{by}:{row.alert}"].append(row)
            alerts.repin(connection, apart, apart)
        return through

    def _ready(self) -> State | None:
        """The correlations' state, made from the findings where it is not at hand."""
        if self.correlations is None:
            return None
        connection = self.store.connection
        cursor = workers.cursor(connection, CURSOR)
        if cursor != self._cursor:  # another correlator came between
            self._state = None
        if self._stale():
            self._recount()
        if self._state is None:
            self._recall(cursor)
        return self._state

    def _recount(self) -> Progress:
        """Make the alerts of all correlations anew from the findings folded so far, in order of time."""
        assert self.correlations is not None
        connection = self.store.connection
        alerts.forget_correlated(connection)
        workers.set_note(connection, FINGERPRINT, self._fingerprint)
        state = self.correlations.new_state()
        until, watermark = workers.cursor(connection, CURSOR), workers.cursor(connection, WATERMARK)
        total = Progress()
        left = findings.read_feeding(connection, self._needed, -(2**62), until)
        while part := list(islice(left, self.step)):
            fired = state.feed(match_of(row) for row in part)
            fired += state.advance(min(part[-1].window_time, watermark), self.lateness)
            total = total.plus(self._write_fired(fired))
        total = total.plus(self._write_fired(state.advance(watermark, self.lateness)))
        self._state, self._cursor, self._watermark = state, until, watermark
        workers.set_cursor(connection, COUNTED, until)
        assert self._memory is not None
        self._memory.begin(until, watermark)
        return total

    def _decide_all(self) -> Progress:
        """Decide every open window, as though the watermark had passed it."""
        state = self._ready()
        if state is None:
            return Progress()
        assert self.correlations is not None
        done = self._write_fired(state.finish())
        self._sweep((self.store.watermark() or 0) - self.lateness - self.correlations.reach())
        self._note_health(state)
        connection = self.store.connection
        workers.set_cursor(connection, FINISHED, workers.cursor(connection, CURSOR))
        return done

    def _write_fired(self, fired: Iterable[Fired]) -> Progress:
        """Write the alerts of correlations as they stand now, children before those that count them."""
        connection = self.store.connection
        newest = {one.id: one for one in fired}
        veil = InForce.read(connection)
        folded: list[Folded] = []
        for one in sorted(newest.values(), key=lambda one: (self._order[one.correlation], one.id)):
            seqs = {
                int(seq)
                for member in one.members
                for seq in (member.counted if member.alert else (member.finding,))
            }
            rows = list(findings.read_many(connection, sorted(seqs)).values())
            if not rows:
                continue
            alert = folded_of(one, rows)
            by = veil.correlation(alert)
            shown = one.correlation not in self.muted and not by
            alerts.replace_members(connection, id_of(one), rows, shown)
            if shown:
                folded.append(alert)
            elif by:
                note_hidden(connection, rows[:1], by)
        known = alerts.read_folded(connection, [alert.id for alert in folded])
        alerts.write_folded(connection, folded, self._naming(folded))
        return Progress(0, len(folded) - len(known), len(known))

    def _sweep(self, before: int) -> None:
        """Drop raw events that were kept for windows which have passed."""
        connection = self.store.connection
        since = workers.cursor(connection, SWEPT)
        if before > since:
            alerts.sweep(connection, since, before)
            workers.set_cursor(connection, SWEPT, before)

    def _note_health(self, state: State) -> None:
        """A correlation that had to drop groups says so: flooding it with keys is a way to evade it."""
        now = self.store.clock()
        for rule, health in state.health.items():
            lost = health.keys_capped + health.crowded
            if lost > self._lost.get(rule, 0):
                self._lost[rule] = lost
                title = self._rules[rule].title
                text = (
                    f"The correlation '{title}' met more keys or events than it keeps ({health.keys_capped}"
                    f" groups dropped, {health.crowded} thinned): someone may be flooding it."
                )
                workers.report_fault(self.store.connection, f"correlation:{rule}", "correlation", text, now)

    def _naming(self, folded: list[Folded]) -> dict[tuple[str, str], Naming]:
        """Title and techniques from the version of each rule that fired."""
        names = {}
        for key in {(alert.rule, alert.rule_hash) for alert in folded}:
            if key not in self._names:
                rule = self.store.rule(*key)
                title = self._rules[key[0]].title if key[0] in self._rules else key[0]
                name = Naming(rule.title, rule.techniques) if rule else Naming(title)
                if rule is None or rule.hash != key[1]:  # not a settled version: ask again next time
                    names[key] = name
                    continue
                self._names[key] = name
            names[key] = self._names[key]
        return names


def fingerprint(rules: Iterable[CorrelationRule], muted: frozenset[str], lateness: int) -> str:
    """A hash of all that decides what correlations make of findings."""
    plain = sorted((msgspec.structs.replace(rule, file="") for rule in rules), key=lambda rule: rule.id)
    text = repr((plain, sorted(muted), lateness))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
