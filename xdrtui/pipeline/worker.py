"""The headless worker: Kafka in, alerts in the workspace's store.

Tasks share one event loop: one fetches into a bounded queue (`waiting.py`), one hands batches to the only
thread that detects and hands on (`sink.py`), one beats each second, one keeps our place in the group. When
the queue is full nothing more is fetched, so memory stays flat however far ahead the topic is. A stop
finishes the batch in hand; what was fetched beyond it is read again next time.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from xdrtui.errors import Fenced, StoreBusy
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.figures import Figures
from xdrtui.pipeline.fleet import FleetSink
from xdrtui.pipeline.garbage import rare_collections
from xdrtui.pipeline.leaving import Leaving
from xdrtui.pipeline.outgoing import forward, topic_for_dead_letters
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.reload import RuleWatch
from xdrtui.pipeline.signals import stopped_by_signals
from xdrtui.pipeline.sink import Broken, OpenSink, Sink
from xdrtui.pipeline.waiting import WAITING_BYTES, Waiting
from xdrtui.settings.model import ArchiveSettings, KafkaSettings
from xdrtui.sources.message_source import MessageSource, OpenSource
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.pieces import joined, size_of
from xdrtui.sources.unpacking import open_source as open_kafka

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_SECONDS = 0.4
BATCH_BYTES = (64_000, 10_000_000)
FETCH_SECONDS = 0.2
BEAT_SECONDS = 1.0
BUSY_SECONDS = 0.5
LEASE_WAIT_SECONDS = 60.0
LEASE_POLL_SECONDS = 0.5
STAY_SECONDS = 1.0
STUCK_SECONDS = 900.0
"""With one batch in hand for so long the group is not told any more that we are at work: after aiokafka's own
300 s others take over."""


class Summary(msgspec.Struct):
    """What a run did. faults: partition -> what was wrong with it at the end; notes: gaps and new
    generations; ended: "end" (caught up) or "stop"."""

    messages: int = 0
    events: int = 0
    findings: int = 0
    alerts: int = 0
    dead: int = 0
    seconds: float = 0.0
    ended: str = ""
    faults: dict[str, str] = {}
    notes: list[str] = []


Progress: TypeAlias = Callable[[Summary, int], None]


def run_worker(
    directory: Path,
    settings: KafkaSettings,
    process: Process,
    *,
    until_end: bool = False,
    stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
    clock: Callable[[], int] = time.time_ns,
    rules: RuleWatch | None = None,
    archive: ArchiveSettings | None = None,
) -> Summary:
    """Work until a signal (SIGTERM, SIGINT), until `stop` says so, or until caught up.

    directory: of the store; stop: is asked every 0.2 s; progress: is told each second the figures so far and
    how many messages wait; rules: asked for rules that have changed; archive: what of the events is kept.
    In mode `fleet` its results go to the findings topic (see `run_fold`). Raises BrokerError, SettingsError,
    StoreError.
    """

    def open_sink(loop: asyncio.AbstractEventLoop) -> Sink:
        if settings.mode == "fleet":
            return FleetSink(loop, settings, process, clock=clock)
        topic = topic_for_dead_letters(settings)
        return Committer(directory, process, clock=clock, archive=archive, dead_letter_topic=topic)

    worker = Worker(
        directory,
        settings,
        process,
        until_end=until_end,
        stop=stop,
        progress=progress,
        clock=clock,
        rules=rules,
        open_sink=open_sink,
    )
    with rare_collections():
        return asyncio.run(worker.run())


class Worker:
    """One run of a worker. `stop()` ends it as a signal does."""

    def __init__(
        self,
        directory: Path,
        settings: KafkaSettings,
        process: Process,
        *,
        until_end: bool = False,
        stop: Callable[[], bool] | None = None,
        progress: Progress | None = None,
        clock: Callable[[], int] = time.time_ns,
        open_source: OpenSource = open_kafka,
        open_sink: OpenSink | None = None,
        rules: RuleWatch | None = None,
    ) -> None:
        """open_sink: makes what takes the results; the store in the directory where none is given."""
        self._open_sink = open_sink or (lambda _: Committer(directory, process, clock=clock))
        self._settings = settings
        self._until_end = until_end
        self._clock = clock
        self._progress = progress
        self._asked_to_stop = stop
        self._open_source = open_source
        self._rules = rules
        self._recorded = set(settings.topics) <= set(settings.replay_topics)
        self._figures = Figures(clock, self._recorded)
        self._stopping = asyncio.Event()
        self._waiting = Waiting(WAITING_BYTES)
        self._void: set[tuple[str, int, int]] = set()
        self._worked_at = time.monotonic()
        self._bytes_a_second = 5e6
        self._thread = ThreadPoolExecutor(1, "detect")
        self._summary = Summary()
        self._source: MessageSource
        self._sink: Sink
        self._open = False

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> Summary:
        """Work to the end. Raises as `run_worker` does."""
        begun = time.monotonic()
        try:
            self._sink = await self._patiently(self._open_sink, asyncio.get_running_loop())
            self._open = True
            try:
                await self._run()
            finally:
                await self._call(self._sink.close)
        finally:
            self._thread.shutdown()
        self._sum_up()
        self._summary.seconds = time.monotonic() - begun
        return self._summary

    async def _run(self) -> None:
        self._source = self._open_source(
            self._settings,
            lambda prefix: self._patiently(self._sink.stored, prefix),
            owner=self._sink.owner,
            until_end=self._until_end,
            clock=self._clock,
        )
        async with stopped_by_signals(self.stop):
            await self._source.start()
            try:
                if await self._call(self._sink.is_paused):
                    self._source.pause()
                await self._together()
            finally:
                self._summary.faults = self._source.health().faults
                await self._source.stop()

    async def _together(self) -> None:
        """Run the tasks; the first that ends, or fails, ends all."""
        every = (self._fetch, self._work, self._beat, self._stay)
        tasks = [asyncio.create_task(each()) for each in every]
        stopping = asyncio.create_task(self._stopping.wait())
        sending = asyncio.create_task(self._send_dead_letters())
        leaving = asyncio.create_task(self._leave())
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        done = await asyncio.gather(*tasks, sending, leaving, return_exceptions=True)
        stopping.cancel()
        for result in done:
            if isinstance(result, BaseException):
                raise result
        self._summary.ended = self._summary.ended or "stop"
        await self._commit(await self._call(self._sink.flush))
        if self._summary.ended == "end":
            await self._fold_all()
        else:
            await self._fold()

    @property
    def _decide(self) -> bool:
        """Correlations decide as the watermark moves; but read from the start to the end, recorded data is
        decided at its end, as in a scan: its partitions are not read in step."""
        return not (self._recorded and self._until_end)

    async def _fold_all(self) -> None:
        """At the end all must be folded: wait for the lease where a killed worker still holds it."""
        last = self._sink.finish if self._recorded else functools.partial(self._sink.fold, True)
        until = time.monotonic() + LEASE_WAIT_SECONDS
        while not await self._done(last):
            if time.monotonic() > until:
                self._summary.notes.append("Another worker folds the findings into alerts: some may follow.")
                return
            await asyncio.sleep(LEASE_POLL_SECONDS)

    async def _fold(self) -> None:
        await self._done(functools.partial(self._sink.fold, self._decide))

    async def _done(self, fold: Callable[[], bool]) -> bool:
        """False where another process folds, or holds the database: what is left is folded next time."""
        with contextlib.suppress(StoreBusy):
            return await self._call(fold)
        return False

    async def _patiently(self, function: Callable[..., T], *arguments: Any) -> T:
        """As `_call`, again while others hold the database; at the start and the end for a minute."""
        until = time.monotonic() + LEASE_WAIT_SECONDS
        while True:
            try:
                return await self._call(function, *arguments)
            except StoreBusy as busy:
                if time.monotonic() > until and (self._stopping.is_set() or not self._open):
                    raise
                log.warning("the store is busy", extra={"reason": str(busy)})
                await asyncio.sleep(BUSY_SECONDS)

    async def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run in the detecting thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    # --- fetch

    async def _fetch(self) -> None:
        while not self._stopping.is_set():
            fetched = deque(await self._source.fetch(FETCH_SECONDS))
            self._waiting.count(fetched)  # with no await in between: see `_caught_up`
            while fetched and not self._stopping.is_set():
                if await self._waiting.put(fetched[0], FETCH_SECONDS):
                    fetched.popleft()
            for notes, mended in ((self._source.notes, False), (self._source.mended, True)):
                while notes:
                    note = notes.pop(0)
                    self._summary.notes.append(note)
                    await self._patiently(self._sink.note, note, mended)

    async def _stay(self) -> None:
        """Nobody asks for more while there is no room, and who does not ask is thrown out of the group."""
        while not self._stopping.is_set():
            if time.monotonic() - self._worked_at < STUCK_SECONDS:
                self._source.stay()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), STAY_SECONDS)

    # --- work

    async def _work(self) -> None:
        while not self._stopping.is_set():
            if self._asked_to_stop is not None and self._asked_to_stop():
                return
            await self._renew_rules()
            self._worked_at = time.monotonic()
            least, most = BATCH_BYTES
            room = min(max(self._bytes_a_second * BATCH_SECONDS, least), most)
            batch = await self._waiting.take(FETCH_SECONDS, room)
            if batch:
                await self._settle(batch)
                self._waiting.settled(batch)
            else:
                await self._flush()
                if await self._caught_up():
                    self._summary.ended = "end"
                    return

    async def _renew_rules(self) -> None:
        """Take up rules that have changed, between two batches."""
        process = self._rules.poll() if self._rules is not None else None
        if process is not None and not self._stopping.is_set():
            await self._patiently(self._sink.adopt, process)
            self._summary.notes.append(f"rules taken up: {len(process.rulebook.rules)}")

    async def _settle(self, batch: list[Fetched]) -> None:
        """Commit a batch, less what has become void; set aside a partition that breaks detection."""
        while current := joined([each for each in batch if self._is_current(each)]):
            begun = time.monotonic()
            try:
                safe = await self._call(self._sink.commit, current)
            except Fenced as fenced:
                await self._read_again(fenced)
                return
            except StoreBusy as busy:
                log.warning("the store is busy", extra={"reason": str(busy)})
                await asyncio.sleep(BUSY_SECONDS)
                if self._stopping.is_set():
                    return
                continue
            except Broken as broken:
                self._void.add(broken.fetched.placed)
                self._source.set_aside(broken.fetched, str(broken))
                continue
            await self._commit(safe)
            await self._fold()
            spent = time.monotonic() - begun
            if (size := sum(map(size_of, current))) > 20_000 and spent > 0:
                self._bytes_a_second += 0.3 * (size / spent - self._bytes_a_second)
            return

    def _is_current(self, fetched: Fetched) -> bool:
        return self._source.is_current(fetched) and fetched.placed not in self._void

    async def _flush(self) -> None:
        """Nothing more is there for now: what was handed on is made safe."""
        try:
            await self._commit(await self._call(self._sink.flush))
        except Fenced as fenced:
            await self._read_again(fenced)

    async def _read_again(self, fenced: Fenced) -> None:
        """What was not made safe is void: it comes again from where the store, or the group, stands."""
        log.warning("fenced off", extra={"reason": str(fenced)})
        await self._source.place_again()

    async def _commit(self, safe: Sequence[Fetched]) -> None:
        """Commit offsets, but of no partition that is another worker's by now."""
        if current := [each for each in safe if self._source.is_current(each)]:
            await self._source.commit(current)

    async def _caught_up(self) -> bool:
        """Nothing that left the source is not committed yet."""
        return self._until_end and self._waiting.pieces == 0 and await self._source.caught_up()

    async def _send_dead_letters(self) -> None:
        """To their topic, where one is set and the sink has an outbox."""
        if self._settings.dead_letter_topic and isinstance(self._sink, Committer):
            ended = lambda: self._summary.ended == "end"  # noqa: E731
            await forward(self._settings, self._sink, self._patiently, self._stopping, ended)

    async def _leave(self) -> None:
        """Partitions that nobody reads any more; a fold reads none of those that it knows of."""
        if isinstance(self._sink, Committer | FleetSink):
            leaving = Leaving(self._source, self._sink, self._call)
            await leaving.watch(self._stopping, lambda: self._summary.ended == "end")

    # --- beat

    async def _beat(self) -> None:
        totals = self._sink.totals
        before, at = totals.events, time.monotonic()
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), BEAT_SECONDS)
            rate = (totals.events - before) / max(time.monotonic() - at, 1e-3)
            before, at = totals.events, time.monotonic()
            await self._tell(rate)

    async def _tell(self, rate: float) -> None:
        health = self._source.health()
        waiting = health.lag + self._waiting.messages
        figures = self._figures.of(rate, health, waiting, self._sink.totals)
        faults = {f"partition:{name}": f"{name}: {text}" for name, text in health.faults.items()}
        if self._rules is not None and self._rules.fault:
            faults["rules"] = self._rules.fault
        try:
            await self._call(self._sink.idle, await self._source.newly_idle())
            await self._call(self._sink.fold, self._decide)
            pause = await self._call(self._sink.heartbeat, figures, faults)
        except StoreBusy:
            return
        except Fenced as fenced:  # a fleet's sink makes safe what it holds before it tells
            await self._read_again(fenced)
            return
        if pause != health.paused:
            (self._source.pause if pause else self._source.resume)()
        if self._progress is not None:
            self._sum_up()
            self._progress(self._summary, waiting)

    def _sum_up(self) -> None:
        totals, summary = self._sink.totals, self._summary
        summary.messages, summary.events, summary.findings = totals.messages, totals.events, totals.findings
        summary.alerts, summary.dead = totals.alerts, totals.dead
