"""Read topics of a Kafka cluster from where the store stands.

In: settings, and an asynchronous question for the stored positions. Out: `Fetched`, at most one a partition
and call: messages with what the store needs to move that partition's position on. Kafka's own committed
offsets are written for lag tools and never read to place anything.

What aiokafka does, and why this is not shorter: an error in one partition makes `getmany` drop what it had
already taken from others, so after every error each partition is put back to what was handed on; one that
stays bad is set aside with its fault said aloud, and the others go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from xdrtui.errors import BrokerError
from xdrtui.events.message import Messages, Source
from xdrtui.plain import visible
from xdrtui.points import reach
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection, explained, refuse_foreign_group
from xdrtui.sources.fence import commit_as_member
from xdrtui.sources.generation import Begin, Stored, anchor, begin, renewed
from xdrtui.sources.owner import Owner, written
from xdrtui.sources.partitions import Fetched, Partition, SourceHealth
from xdrtui.sources.stamps import ingest_times, replay_times

log = logging.getLogger(__name__)

FETCH_BYTES = 1_000_000
FETCH_MESSAGES = 4_000
RETRY_SECONDS = 30.0
COMMIT_SECONDS = 0.5
IDLE_SECONDS = 30.0
SESSION_MS = 6_000
NOBODY = Owner()

AskStored: TypeAlias = Callable[[str], Awaitable[Mapping[int, Stored]]]
"""Uid of a topic without its generation (`kafka:CLUSTER:TOPIC:`) -> partition -> its latest generation."""


class KafkaSource:
    """One consumer, of one event loop. `start`, then `fetch` again and again, `commit` after the store has
    committed, `stop`. until_end: remember where the partitions end now, for `caught_up`."""

    def __init__(
        self,
        settings: KafkaSettings,
        stored: AskStored,
        *,
        owner: Owner = NOBODY,
        until_end: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.settings = settings
        self.until_end = until_end
        self.cluster = ""
        self.notes: list[str] = []
        self._stored = stored
        self._owner = owner
        self._clock = clock
        self._partitions: dict[TopicPartition, Partition] = {}
        self._placing = asyncio.Lock()
        self._committing = asyncio.Lock()
        self._numbers = itertools.count()
        self._openings: list[Fetched] = []
        self._assigned = asyncio.Event()
        self._paused = False
        self._consumer: Any = None
        self._commits: dict[TopicPartition, OffsetAndMetadata] = {}
        self._committed_at = 0.0

    # --- life

    async def start(self) -> None:
        """Connect, check that every topic is there, join the group. Raises BrokerError, SettingsError."""
        if not self.settings.topics:
            raise BrokerError("no topic is set: name at least one under kafka.topics.")
        to = connection(self.settings)
        report = await ask_broker(to, self.settings.topics)
        self.cluster = report.cluster
        group = self.settings.group
        if group and self._owner.id:
            await refuse_foreign_group(to, group, report.topics, self._owner)
        self._consumer = AIOKafkaConsumer(
            **to.arguments(),
            client_id="xdrtui",
            group_id=group or None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            metadata_max_age_ms=30_000,
        )
        async with explained(to):
            try:
                if group:
                    self._consumer.subscribe(self.settings.topics, listener=_Listener(self))
                await self._consumer.start()
            except BaseException:
                await self._consumer.stop()
                raise
        commit_as_member(self._consumer)
        if not group:
            every = [TopicPartition(name, n) for name, count in report.topics.items() for n in range(count)]
            self._consumer.assign(every)
            await self.place(every)

    async def stop(self) -> None:
        """Send the last commit and leave the group."""
        if self._consumer is not None:
            with contextlib.suppress(KafkaError):
                await self._flush_commits()
            await self._consumer.stop()

    # --- placing

    async def place(self, assigned: Sequence[TopicPartition]) -> None:
        """Put these partitions where the store stands; all that was fetched of them before is void."""
        async with self._placing:
            for each in assigned:
                self._partitions.pop(each, None)
                self._commits.pop(each, None)
            firsts = await self._consumer.beginning_offsets(assigned)
            ends = await self._consumer.end_offsets(assigned)
            for topic in {each.topic for each in assigned}:
                stored = await self._stored(f"kafka:{self.cluster}:{topic}:")
                still = self._consumer.assignment()
                for each in assigned:
                    if each.topic == topic and each in still:
                        self._begin(each, stored.get(each.partition), firsts[each], ends[each])
        self._assigned.set()

    async def place_again(self) -> None:
        """After the store fenced a batch off: read all positions again."""
        await self.place(sorted(self._consumer.assignment()))

    async def _place_missing(self) -> None:
        """A placing that failed within a rebalance is only logged by aiokafka; it is made up for here."""
        missing = self._consumer.assignment() - self._partitions.keys()
        if missing and not self._placing.locked():
            await self.place(sorted(missing))

    def is_current(self, fetched: Fetched) -> bool:
        """False where the partition was placed anew, or is another worker's, since this was fetched."""
        messages = fetched.messages
        state = self._partitions.get(TopicPartition(messages.source.name, messages.partition))
        return state is not None and state.number == fetched.placing

    def _begin(self, each: TopicPartition, stored: Stored | None, first: int, end: int) -> None:
        name = f"partition {each.partition} of {visible(each.topic)}"
        begins = begin(stored, first, end, name, self.settings.start)
        self._enter(each, begins, stored, first, end)

    def _enter(
        self, each: TopicPartition, begins: Begin, stored: Stored | None, first: int, end: int
    ) -> None:
        if begins.note:
            self._say(begins.note)
        source = Source(
            uid=f"kafka:{self.cluster}:{each.topic}:{begins.generation}",
            name=each.topic,
            kind="replay" if each.topic in self.settings.replay_topics else "kafka",
            layout=self.settings.layouts.get(each.topic, ""),
        )
        state = Partition(next(self._numbers), source, begins, stored, first, end)
        if begins.start != begins.offset:  # to be stored before its first message: it holds watermarks back
            nothing = Messages(source, each.partition, (), (), ())
            self._openings.append(
                Fetched(nothing, begins.start, begins.offset, b"", begins.generation, state.number)
            )
        self._partitions[each] = state
        self._consumer.seek(each, state.next - 1 if state.check else state.next)
        if self._paused:
            self._consumer.pause(each)

    async def revoke(self, revoked: Sequence[TopicPartition]) -> None:
        """These partitions are another worker's from now on; what is under way to be committed may arrive."""
        async with self._committing:
            for each in revoked:
                self._partitions.pop(each, None)
                self._commits.pop(each, None)

    def _say(self, note: str) -> None:
        log.warning(note)
        self.notes.append(note)

    # --- reading

    async def fetch(self, seconds: float) -> list[Fetched]:
        """What has come in, at most 4000 messages; waits so long where there is nothing.

        A partition that begins elsewhere than stored comes first without messages, to store where it begins.
        """
        self._retry()
        try:
            await self._place_missing()
            got = {}
            if not self._openings:
                got = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=FETCH_MESSAGES)
        except KafkaError as error:
            await self._set_aside(error)
            return []
        fetched, self._openings = self._openings, []  # one may have come up while we waited: it goes first
        for each, records in got.items():
            state = self._partitions.get(each)
            if state is None:  # assigned in this moment, not placed yet: `place` seeks back
                continue
            if state.check and not self._same(each, state, records[0]):
                continue
            if records := [record for record in records if record.offset >= state.next]:
                fetched.append(self._hand_on(state, records))
        return fetched

    def _same(self, each: TopicPartition, state: Partition, record: Any) -> bool:
        """Compare the record before the stored position with its anchor; a new generation if it differs."""
        expected, state.check = state.check, b""
        if record.offset >= state.next:  # compacted away: nothing to compare
            return True
        if anchor(record.offset, record.timestamp, record.key, record.value) == expected:
            return True
        assert state.stored is not None
        why = f"partition {each.partition} of {visible(each.topic)} has another record at {record.offset}"
        self._enter(each, renewed(state.stored, state.first, why), None, state.first, state.end)
        return False

    def _hand_on(self, state: Partition, records: Sequence[Any]) -> Fetched:
        last = records[-1]
        replay = state.source.kind == "replay"
        ingest = replay_times(records) if replay else ingest_times(records, self._clock())
        start, state.stands = state.stands, last.offset + 1
        state.next = last.offset + 1
        state.idle, state.active_at = False, time.monotonic()
        return Fetched(
            Messages(
                state.source,
                last.partition,
                [record.offset for record in records],
                [record.value or b"" for record in records],
                ingest,
            ),
            start=start,
            next_offset=state.next,
            anchor=anchor(last.offset, last.timestamp, last.key, last.value),
            generation=state.generation,
            placing=state.number,
        )

    async def _set_aside(self, error: KafkaError) -> None:
        """Put every partition back to what was handed on, then find the one that fails and leave it out."""
        for each, state in self._partitions.items():
            self._consumer.seek(each, state.next - 1 if state.check else state.next)
        culprits: list[TopicPartition] = []
        if isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
            named = error.args[0] if isinstance(error.args[0], dict) else error.args
            await self.place([each for each in named if each in self._partitions])
            return
        for each, state in list(self._partitions.items()):
            if state.fault:
                continue
            try:
                await self._consumer.getmany(each, timeout_ms=1000, max_records=1)
            except KafkaError as again:
                culprits.append(each)
                state.fault = f"{type(again).__name__}: {visible(str(again))}"[:500]
                state.retry_at = time.monotonic() + RETRY_SECONDS
                self._consumer.pause(each)
                self._say(
                    f"partition {each.partition} of {visible(each.topic)} cannot be read at {state.next}"
                    f" ({state.fault}); the others go on, it is tried again every {RETRY_SECONDS:.0f} s."
                )
            self._consumer.seek(each, state.next - 1 if state.check else state.next)
        if not culprits:
            log.warning("a fetch failed and went on", extra={"error": repr(error)})

    def _retry(self) -> None:
        for each, state in self._partitions.items():
            if state.fault and time.monotonic() >= state.retry_at:
                state.fault = ""
                if not self._paused:
                    self._consumer.resume(each)

    # --- telling

    async def caught_up(self) -> bool:
        """With `until_end`: every partition that can be read was, to where it ended when it was assigned."""
        if not self._assigned.is_set() or self._placing.locked():
            return False
        for each, state in list(self._partitions.items()):
            if state.fault or (state.next >= state.end and not state.check):
                continue
            # the consumer's own position is past control records, which are never handed on
            if await self._consumer.position(each) < state.end:
                return False
        return bool(self._partitions.keys() == self._consumer.assignment())

    async def newly_idle(self) -> list[tuple[str, int]]:
        """Partitions (source uid, number) that have brought nothing for long and have nothing more."""
        found = []
        for each, state in list(self._partitions.items()):
            end = self._consumer.highwater(each)
            quiet = time.monotonic() - state.active_at > IDLE_SECONDS
            if quiet and not state.idle and end is not None and await self._consumer.position(each) >= end:
                state.idle = True
                found.append((state.source.uid, each.partition))
        return found

    def set_aside(self, fetched: Fetched, reason: str) -> None:
        """Read no more of this partition until it is placed anew: its messages break what comes after."""
        each = TopicPartition(fetched.messages.source.name, fetched.messages.partition)
        if self.is_current(fetched):
            self._partitions[each].fault = reason
            self._partitions[each].retry_at = math.inf
            self._consumer.pause(each)

    def health(self) -> SourceHealth:
        """Figures for the heartbeat."""
        lag = 0
        for each, state in self._partitions.items():
            end = self._consumer.highwater(each)
            lag += max(0, (state.end if end is None else end) - state.next)
        faults = {
            f"{each.topic}/{each.partition}": state.fault
            for each, state in self._partitions.items()
            if state.fault
        }
        return SourceHealth(lag, len(self._partitions), self._paused, faults)

    def pause(self) -> None:
        """Fetch nothing more, stay in the group; `fetch` must still be called."""
        self._paused = True
        self._consumer.pause(*self._partitions)

    def resume(self) -> None:
        self._paused = False
        self._consumer.resume(*(each for each, state in self._partitions.items() if not state.fault))

    async def commit(self, done: Sequence[Fetched]) -> None:
        """Tell Kafka how far the store is, at most twice a second. For lag tools: failures are logged."""
        for each in done:
            where = TopicPartition(each.messages.source.name, each.messages.partition)
            text = written(self._owner, each.generation, each.anchor)
            self._commits[where] = OffsetAndMetadata(each.next_offset, text)
        if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
            await self._flush_commits()

    async def _flush_commits(self) -> None:
        async with self._committing:
            await self._send_commits()

    async def _send_commits(self) -> None:
        commits = {each: at for each, at in self._commits.items() if each in self._partitions}
        self._commits.clear()
        if not (commits and self.settings.group):
            return
        self._committed_at = time.monotonic()
        reach("kafka.commit.before")
        try:
            await self._consumer.commit(commits)
            reach("kafka.commit.after")
        except KafkaError as error:
            log.warning("the group's offsets were not committed", extra={"error": repr(error)})


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, source: KafkaSource) -> None:
        self._source = source

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._source.revoke(sorted(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._source.place(sorted(assigned))
