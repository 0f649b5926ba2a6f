"""Plays scenarios into the demo's store: one after the other, by a clock that people can hold and push.

In: scenarios and orders. Out: what a worker brings: findings, alerts, the live ring, heartbeats; and a
`State`. Each `tick` does what is due and returns at once, so a test can play with a clock of its own. Where
it stopped is read from the store: positions and their watermark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sample_data.truth import load_truth
from xdrtui.demo import place
from xdrtui.demo.schedule import DEFAULT, FOLLOW, Schedule, faster, schedule_of, slower
from xdrtui.demo.state import State
from xdrtui.events.message import Messages
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.memory import resident
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.sources.pace import SECOND, Pace
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.replay import Replay
from xdrtui.store import workers
from xdrtui.store.batch import BatchResult, Mark

TICK = 0.2
"""Seconds between two looks at what is due."""

BEAT = 1.0
PLAYED = "demo.played"
"""Note in the store: the scenarios that were played to their end."""


class Player:
    """One run of the demo. Not for use by two threads at once. `close` it.

    wall: seconds, any zero; clock: wall clock in nanoseconds, for heartbeats; on_change: is told each new
    state while something takes long.
    """

    def __init__(
        self,
        directory: Path,
        scenarios: Sequence[str],
        rulebook: Rulebook,
        *,
        wall: Callable[[], float],
        clock: Callable[[], int],
        on_change: Callable[[State], None] = lambda state: None,
    ) -> None:
        self._wall = wall
        self._on_change = on_change
        self._committer = Committer(directory, Process(rulebook), clock=clock)
        self._store = self._committer.store
        self._pace = Pace(0.0, wall=wall)
        self._waiting = [name for name in scenarios if name not in self._played()]
        self._count = len(scenarios)
        self._chosen = DEFAULT
        self._replay: Replay | None = None
        self._schedule = Schedule((), ())
        self._marks: dict[str, Mark] = {}
        self._paused = False
        self._held = False
        self._loading = False
        self._rate_since = (wall(), 0)
        self._forget_the_dead()
        self.state = State(chosen=self._chosen, of=self._count)

    def close(self) -> None:
        self._committer.close()

    def order(self, name: str) -> None:
        """Heed an order; unknown ones are nothing."""
        if name == "pause":
            self._paused = not self._paused
            self._run_or_stand()
        elif name in ("hold", "go"):
            self._held = name == "hold"
            self._run_or_stand()
        elif name in ("faster", "slower"):
            self._chosen = (faster if name == "faster" else slower)(self._chosen)
            self._set_speed()
        elif name == "step" and self._replay is not None:
            self._step()
        self._tell()

    def tick(self) -> State:
        """Do what is due, and say where it stands."""
        if self._replay is None and self._waiting:
            self._begin(self._waiting[0])
        elif self._replay is not None:
            self._at_border()
            self._hand_on()
        if self._replay is not None and self._replay.ended:
            self._end()
        self._tell()
        return self.state

    def beat(self) -> None:
        """Say that it is alive; each second."""
        totals, (at, before) = self._committer.totals, self._rate_since
        span = max(self._wall() - at, 1e-3)
        self._rate_since = (self._wall(), totals.events)
        figures = {
            "events_per_second": round((totals.events - before) / span, 1),
            "lag": 0.0,
            "lag_seconds": 0.0,
            "paused": float(self._paused),
            "dropped": 0.0,
            "dead": float(totals.dead),
            "memory_bytes": float(resident()),
        }
        self._committer.heartbeat(figures, {})

    # --- scenario after scenario

    def _begin(self, scenario: str) -> None:
        """Open a scenario and load what comes before its first step, or all that was played before."""
        self.state = State(
            scenario, self._count - len(self._waiting) + 1, self._count, chosen=self._chosen, loading=True
        )
        self._on_change(self.state)
        self._schedule = schedule_of(load_truth(scenario))
        self._replay = Replay(place.files_of(scenario), pace=self._pace)
        self._pace.pause()
        self._marks = {mark.source: mark for mark in self._stored(scenario)}
        left_at = max((mark.watermark for mark in self._marks.values()), default=0)
        self._jump(max(self._schedule.begins, left_at))

    def _end(self) -> None:
        """The scenario is played: its files hold no window open any more."""
        self._mark(self._pace.now(), idle=True)
        scenario = self._waiting.pop(0)
        with self._store.transaction():
            names = [*self._played(), scenario]
            workers.set_note(self._store.connection, PLAYED, " ".join(names))
        self._replay = None
        if not self._waiting:
            self._committer.finish()

    def _played(self) -> list[str]:
        return workers.note(self._store.connection, PLAYED).split()

    def _stored(self, scenario: str) -> list[Mark]:
        """How far each file of the scenario was read before."""
        paths = {str(path) for path in place.files_of(scenario)}
        uids = [uid for uid, source in self._store.sources().items() if source.name in paths]
        return [mark for uid in uids for mark in self._store.positions(uid).values()]

    def _forget_the_dead(self) -> None:
        """What a demo that was killed left behind: its lease and its heartbeat. This folder is held by us."""
        connection = self._store.connection
        with self._store.transaction():
            for beat in workers.heartbeats(connection):
                workers.remove_heartbeat(connection, beat.worker)
                workers.drop_lease(connection, "correlator", beat.worker)

    # --- the clock

    @property
    def _stands(self) -> bool:
        """A person stopped the clock, or it waits while somebody reads."""
        return self._paused or self._held

    def _run_or_stand(self) -> None:
        if self._stands:
            self._pace.pause()
        else:
            self._pace.resume()

    def _at_border(self) -> None:
        """Where the speed changes, the clock stops for an instant, so that it runs past no step."""
        until = self._schedule.speed_at(self.state.now, self._chosen).until
        if until is not None and self._pace.now() > until > self.state.now:
            self._pace.begin(until)
        self._set_speed()

    def _set_speed(self) -> None:
        times = self._schedule.speed_at(self._pace.now(), self._chosen).times
        if times != self._pace.speed:
            self._pace.set_speed(times)

    def _step(self) -> None:
        """To the start of the next step; where the clock stands still, through it, so that it is seen."""
        moment = self._schedule.next_step(self._pace.now())
        if moment is None:
            self._jump(max((each.end for each in self._schedule.moments), default=0))
        elif self._stands:
            self._jump(min(moment.end, moment.start + FOLLOW) + SECOND)
        else:
            self._jump(moment.start)

    def _jump(self, to: int) -> None:
        """Load everything up to then."""
        self._pace.step_to(to)
        self._loading = True
        self._hand_on()
        self._loading = False

    # --- the data

    def _hand_on(self) -> None:
        """Commit what is due, then let correlations decide up to now. The clock stands meanwhile, so that a
        slow machine plays longer, but the same."""
        assert self._replay is not None
        self._pace.pause()
        while due := [self._unread(messages) for messages in self._replay.due()]:
            self._committer.commit(due)
            self._committer.fold(False)
            for each in due:
                uid = each.messages.source.uid
                self._marks[uid] = Mark(uid, 0, each.next_offset, each.anchor, 0)
            if self._loading:
                self._tell()
        self._mark(self._pace.now())
        if not self._stands:
            self._pace.resume()
        self._set_speed()

    def _mark(self, now: int, idle: bool = False) -> None:
        """Every file has been read up to now, those without an event too."""
        if any(mark.watermark < now or mark.idle != idle for mark in self._marks.values()):
            self._marks = {
                uid: msgspec.structs.replace(mark, watermark=now, idle=idle, start=-1)
                for uid, mark in self._marks.items()
            }
            self._store.commit_batch(BatchResult(marks=list(self._marks.values())))
            self._committer.fold(True)

    def _unread(self, messages: Messages) -> Fetched:
        """Messages less those that were committed before the demo was left."""
        known = self._marks.get(messages.source.uid)
        skip = sum(offset < known.next_offset for offset in messages.offsets) if known else 0
        if skip:
            messages = msgspec.structs.replace(
                messages,
                offsets=messages.offsets[skip:],
                payloads=messages.payloads[skip:],
                ingest=messages.ingest[skip:] if messages.ingest is not None else None,
            )
        if known and not len(messages):
            return Fetched(messages, -1, known.next_offset, known.anchor, 0, 0)
        anchor = hashlib.blake2b(messages.payloads[-1], digest_size=16).digest()
        return Fetched(messages, -1, messages.offsets[-1] + 1, anchor, 0, 0)

    def _tell(self) -> None:
        if self._replay is None:
            ended = not self._waiting
            self.state = msgspec.structs.replace(self.state, times=0, loading=not ended, ended=ended)
            self._on_change(self.state)
            return
        now = self._pace.now()
        speed = self._schedule.speed_at(now, self._chosen)
        self.state = State(
            scenario=self._waiting[0],
            number=self._count - len(self._waiting) + 1,
            of=self._count,
            now=now,
            times=0 if self._stands else speed.times,
            chosen=self._chosen,
            quiet=speed.quiet,
            paused=self._paused,
            held=self._held,
            step=self._schedule.begun(now),
            steps=len(self._schedule.moments),
            loading=self._loading,
        )
        self._on_change(self.state)
