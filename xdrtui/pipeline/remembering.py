"""What correlations remember, made again from the findings, and the steps in which they decide.

In: the stored findings, in the order of their commits, and the steps beside them (`store.steps`). Out: a
state as good as that of a process that never ended, also where events came later than the lateness: the
last findings that matter are fed once more, between the same steps. Only what a flood made correlations
drop (`engine.Health`) may be there again. All but `again` runs inside a transaction of the correlator's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from detectors.correlate.engine import Correlations, State
from detectors.correlate.model import Fired
from xdrtui.store import findings, steps, workers
from xdrtui.store.findings import Stored
from xdrtui.store.steps import Step
from xdrtui.store.store import Store
from xdrtui.triage.correlated import match_of

BASE = "correlator.base"
BASE_WATERMARK = "correlator.base.watermark"


class Memory:
    """The memory of one correlator."""

    def __init__(
        self, store: Store, correlations: Correlations, needed: frozenset[str], lateness: int, step: int
    ) -> None:
        """needed: rules whose findings count; step: findings held in memory at once."""
        self._store = store
        self._correlations = correlations
        self._needed = needed
        self._lateness = lateness
        self._step = step
        self._needless = 0

    def begin(self, seq: int, watermark: int) -> None:
        """Up to this finding all were fed in order of time, as though none had come late."""
        workers.set_cursor(self._store.connection, BASE, seq)
        workers.set_cursor(self._store.connection, BASE_WATERMARK, watermark)

    def tidy(self) -> None:
        """Drop the steps that `again` no longer needed, nor will."""
        if self._needless:
            steps.forget(self._store.connection, self._needless)
            self._needless = 0

    def pending(self, watermark: int, counted: int, until: int | None) -> list[Step]:
        """The steps beyond this watermark, up to a finding. Those before the finding that was counted last
        were passed by a fold that did not decide: it is done there, as far as it still can."""
        connection = self._store.connection
        due = steps.beyond(connection, watermark)
        passed = [step for step in due if step.seq < counted]
        if passed:
            now = Step(counted, min(passed[-1].watermark, self._store.watermark() or 0))
            steps.put_off(connection, passed, now)
            due = [step for step in (now, *due[len(passed) :]) if step.watermark > watermark]
        return [step for step in due if until is None or step.seq <= until]

    def in_steps(self, state: State, rows: Sequence[Stored], due: Iterable[Step]) -> list[Fired]:
        """Feed these findings, deciding after those up to each step."""
        fired: list[Fired] = []
        at = 0
        for step in due:
            end = bisect_right(rows, step.seq, at, key=lambda row: row.seq)
            if end > at:
                fired += state.feed(map(match_of, rows[at:end]))
            fired += state.advance(step.watermark, self._lateness)
            at = end
        return fired + state.feed(map(match_of, rows[at:]))

    def again(self, watermark: int, until: int) -> State:
        """The state after the findings up to this one, the last step being that of this watermark."""
        connection = self._store.connection
        state = self._correlations.new_state()
        at, mark = self._start(state, watermark, until)
        state.advance(mark, self._lateness)
        due = deque(step for step in steps.beyond(connection, mark) if step.watermark <= watermark)
        rows = findings.read_feeding_between(connection, self._needed, at, until)
        while part := list(islice(rows, self._step)):
            here = []
            while due and due[0].seq < part[-1].seq:
                here.append(due.popleft())
            self.in_steps(state, part, here)
        state.advance(watermark, self._lateness)
        return state

    def _start(self, state: State, watermark: int, until: int) -> tuple[int, int]:
        """The finding after which those begin that are to be fed in steps, and how far the watermark was."""
        connection = self._store.connection
        reach = self._lateness + 1 + self._correlations.reach()
        first = findings.first_feeding(connection, self._needed, watermark - reach)
        at, mark = workers.cursor(connection, BASE), workers.cursor(connection, BASE_WATERMARK)
        if first is not None and first <= at:
            rows = findings.read_feeding(connection, self._needed, mark - reach, at)
            while part := list(islice(rows, self._step)):
                state.feed(map(match_of, part))
            return at, mark
        last = steps.last_within(connection, watermark)
        begins = [first, last and last.seq + 1, until + 1]
        at = max(at, min(seq for seq in begins if seq is not None) - 1)
        before = steps.at(connection, at)
        if before is not None and before.watermark <= watermark:
            self._needless = before.seq
            mark = max(mark, before.watermark)
        return at, mark
