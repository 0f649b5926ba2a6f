"""Read topics of a Kafka cluster from where the store stands.

In: settings, and an asynchronous question for the stored positions. Out: `Fetched`, at most one a partition
and call: messages with what the store needs to move that partition's position on, or the dead letter of a
range that cannot be read. Kafka's own committed offsets are written for lag tools and never read to place
anything.

What aiokafka does, and why this is not shorter: an error in one partition makes `getmany` drop what it had
already taken from others, so after every error each partition is put back to what was handed on; and a
consumer that is stuck is built anew (`consumer.py`), which voids all that was not stored yet.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)

from xdrtui.errors import BrokerError
from xdrtui.events.message import Messages
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.start import start_time
from xdrtui.sources import holes
from xdrtui.sources.commits import Commits
from xdrtui.sources.consumer import Consumer
from xdrtui.sources.generation import Begin, Stored, anchor, begin, renewed
from xdrtui.sources.link import Link
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, Partition, SourceHealth, look_ahead, name_of, source_of
from xdrtui.sources.reads import Reads, bounds
from xdrtui.sources.screen import Hole
from xdrtui.sources.stamps import ingest_times, replay_times

log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
IDLE_SECONDS = 30.0
NOBODY = Owner()
_UNREADABLE = (CorruptRecordException, UnsupportedCodecError, ValueError, IndexError, OverflowError)
"""What aiokafka stumbles over in records."""

AskStored: TypeAlias = Callable[[str], Awaitable[Mapping[int, Stored]]]
"""Uid of a topic without its generation (`kafka:CLUSTER:TOPIC:`) -> partition -> its latest generation."""


class KafkaSource:
    """One consumer, of one event loop. `start`, then `fetch` again and again, `commit` after the store has
    committed, `stop`. until_end: remember where the partitions end now, for `caught_up`: at the last stable
    offset, since messages of transactions that are still open cannot be read."""

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
        self.notes: list[str] = []
        self.mended: list[str] = []
        self._stored = stored
        self._owner = owner
        self._clock = clock
        self._start_at = start_time(settings.start, clock())
        self._partitions: dict[TopicPartition, Partition] = {}
        self._stored_before: dict[str, set[int]] = {}  # partitions that had a position when we began
        self._placing = asyncio.Lock()
        self._numbers = itertools.count()
        self._openings: list[Fetched] = []
        self._assigned = asyncio.Event()
        self._paused = False
        self._holes = holes.Teller()
        self._link = Link(settings, self.place, self.revoke, self._lose)
        self._commits = Commits(self._link, owner)

    # --- life

    async def start(self) -> None:
        """Connect, check that every topic is there, join the group. Raises BrokerError, SettingsError."""
        await self._link.prepare(self._owner)
        for topic in self._link.known:
            self._stored_before[topic] = set(await self._stored(f"kafka:{self._link.cluster}:{topic}:"))
        await self._link.join()

    async def stop(self) -> None:
        """Send the last commit and leave the group."""
        await self._commits.flush(self._partitions)
        await self._link.close()

    @property
    def _consumer(self) -> Consumer:
        return self._link.consumer

    def _lose(self) -> None:
        """The consumer is gone: all that was fetched is void, and will be read again."""
        self._partitions.clear()
        self._openings.clear()

    async def _watch(self) -> None:
        reading = [each for each, state in self._partitions.items() if not (state.fault or self._paused)]
        if why := await self._link.watch(reading):
            self._say(
                f"the connection to Kafka was stuck ({why}) and was built anew: reading goes on.", False
            )

    # --- placing

    async def place(self, assigned: Sequence[TopicPartition]) -> None:
        """Put these partitions where the store stands; all that was fetched of them before is void."""
        raw = self._consumer.raw
        async with self._placing:
            for each in assigned:
                self._partitions.pop(each, None)
                self._commits.forget(each)
                self._consumer.screen.forget(each)
            firsts, ends = await bounds(raw, assigned)
            assigned = list(firsts)
            starts = firsts if self.settings.start == "earliest" else ends
            if self._start_at is not None:
                starts = await self._consumer.at_time(assigned, self._start_at, ends)
            for topic in {each.topic for each in assigned}:
                stored = await self._stored(f"kafka:{self._link.cluster}:{topic}:")
                still = raw.assignment()
                for each in assigned:
                    if each.topic == topic and each in still:
                        start = firsts[each] if self._is_new(each) else starts[each]
                        known, name = stored.get(each.partition), name_of(each)
                        begins = begin(known, firsts[each], ends[each], name, start)
                        self._enter(each, begins, known, firsts[each], ends[each])
        self._assigned.set()

    def _is_new(self, each: TopicPartition) -> bool:
        """It came into being after its topic was first read: it is read whole, wherever others begin."""
        before = self._stored_before.get(each.topic)
        if before and each.partition not in before:
            return True
        return bool(each.partition >= self._link.known.get(each.topic, 0))

    async def place_again(self) -> None:
        """After the store fenced a batch off: read all positions again."""
        self._partitions.clear()  # `fetch` places what is missing, and again where a broker fails meanwhile

    async def _place_missing(self) -> None:
        """A placing that failed within a rebalance is only logged by aiokafka; it is made up for here."""
        missing = self._consumer.raw.assignment() - self._partitions.keys()
        if missing and not self._placing.locked():
            await self.place(sorted(missing))

    def is_current(self, fetched: Fetched) -> bool:
        """False where the partition was placed anew, or is another worker's, since this was fetched."""
        messages = fetched.messages
        state = self._partitions.get(TopicPartition(messages.source.name, messages.partition))
        return state is not None and state.number == fetched.placing

    def _enter(
        self, each: TopicPartition, begins: Begin, stored: Stored | None, first: int, end: int
    ) -> None:
        if begins.note:
            self._say(begins.note)
        source = source_of(self.settings, self._link.cluster, each.topic, begins.generation)
        state = Partition(next(self._numbers), source, begins, stored, first, end)
        if begins.start != begins.offset:  # to be stored before its first message: it holds watermarks back
            nothing = Messages(source, each.partition, (), (), ())
            self._openings.append(
                Fetched(nothing, begins.start, begins.offset, b"", begins.generation, state.number)
            )
        self._partitions[each] = state
        self._consumer.seek(each, state.stand)
        if self._paused:
            self._consumer.pause([each])

    async def revoke(self, revoked: Sequence[TopicPartition]) -> None:
        """These partitions are another worker's from now on; what is under way to be committed may arrive."""
        async with self._commits.under_way:
            for each in revoked:
                self._partitions.pop(each, None)
                self._commits.forget(each)
                self._consumer.screen.forget(each)

    def _say(self, note: str, lasts: bool = True) -> None:
        log.warning(note)
        (self.notes if lasts else self.mended).append(note)

    # --- reading

    async def fetch(self, seconds: float) -> list[Fetched]:
        """What has come in, at most 8000 messages; waits so long where there is nothing.

        A partition that begins elsewhere than stored comes first without messages, to store where it begins.
        So does a range that cannot be read, with its dead letter.
        """
        if not self._link.running:
            await asyncio.sleep(seconds)
            await self._watch()
            return []
        self._retry()
        got: dict[TopicPartition, list[Any]] = {}
        found: list[Fetched] = []
        try:
            await self._link.renew_topics()
            await self._place_missing()
            found = await self._skip_holes()
            if not (self._openings or found):
                got = await self._consumer.get(seconds)
                self._link.fault = ""
        except (KafkaError, BrokerError, *_UNREADABLE) as error:
            await self._recover(error, seconds)
        if not got:
            await self._watch()
        # an opening may have come up while we waited: it goes first
        fetched, self._openings = [*self._openings, *found], []
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
        why = f"{name_of(each)} has another record at {record.offset}"
        self._enter(each, renewed(state.stored, state.first, why), None, state.first, state.end)
        return False

    def _hand_on(self, state: Partition, records: Sequence[Any]) -> Fetched:
        last = records[-1]
        replay = state.source.kind == "replay"
        messages = Messages(
            state.source,
            last.partition,
            [record.offset for record in records],
            [record.value or b"" for record in records],
            replay_times(records) if replay else ingest_times(records, self._clock()),
        )
        return state.advanced(
            messages, last.offset + 1, anchor(last.offset, last.timestamp, last.key, last.value)
        )

    async def _skip_holes(self) -> list[Fetched]:
        """Pass over what is found to be unreadable, one range of a partition at a time."""
        screen = self._consumer.screen
        found = []
        for each in [each for each, suspect in screen.suspects.items() if suspect.settled]:
            hole = await screen.hole(each)
            state = self._partitions.get(each)
            if hole is not None and state is not None and await self._consumer.stands(each) == hole.asked:
                found += self._skip(each, state, hole)
        return found

    def _skip(self, each: TopicPartition, state: Partition, hole: Hole) -> list[Fetched]:
        self._consumer.screen.passed(each)
        state.check = b""  # the record before the stored position may lie within
        first, after = max(hole.first, state.next), max(hole.next, state.next)
        self._consumer.seek(each, after)
        if first >= after:
            self._say(
                f"{name_of(each)}: the message before {state.next} cannot"
                " be read any more, so whether this is still the same topic is not known; reading goes on."
            )
            return []
        now = self._clock()
        letter = holes.letter(state.source, each.partition, hole, first, now)
        log.warning(letter.reason, extra={"topic": each.topic, "partition": each.partition})
        say, more = self._holes.may()
        if say:
            self._say(holes.note(state.source, each.partition, hole, first, more))
        nothing = Messages(state.source, each.partition, (), (), ())
        return [state.advanced(nothing, after, b"", (letter,))]

    async def _recover(self, error: Exception, seconds: float) -> None:
        """After an error: place anew what has no position, put all else back to what was handed on, and leave
        a partition out that may not be read or stays unreadable."""
        try:
            if isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
                named = error.args[0] if isinstance(error.args[0], dict) else error.args
                await self.place([each for each in named if each in self._partitions])
        except KafkaError as again:
            error = again
        for each, state in self._partitions.items():
            self._consumer.seek(each, state.stand)
        if isinstance(error, TopicAuthorizationFailedError):
            for each in self._partitions:
                if each.topic in error.args:
                    self._leave_out(each, error)
        elif isinstance(error, _UNREADABLE):
            if not any([self._consumer.screen.distrust(each) for each in self._partitions]):
                await self._find_unreadable()
        elif not isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
            self._link.fault = f"{type(error).__name__}: {visible(str(error))}"[:500]
            await asyncio.sleep(seconds)
        log.warning("a fetch failed", extra={"error": repr(error)})

    async def _find_unreadable(self) -> None:
        """Leave out the partition that no client can take apart, mended or not."""
        for each, state in list(self._partitions.items()):
            if not state.fault:
                try:
                    await self._consumer.raw.getmany(each, timeout_ms=1000)
                except (KafkaError, *_UNREADABLE) as error:
                    self._leave_out(each, error)
                self._consumer.seek(each, state.stand)

    def _leave_out(self, each: TopicPartition, error: Exception) -> None:
        state = self._partitions[each]
        state.fault = f"{type(error).__name__}: {visible(str(error))}"[:500]
        state.retry_at = time.monotonic() + RETRY_SECONDS
        self._consumer.pause([each])
        self._say(
            f"{name_of(each)} cannot be read at {state.next}"
            f" ({state.fault}); the others go on, it is tried again every {RETRY_SECONDS:.0f} s.",
            False,  # `health` tells of it while it lasts
        )

    def _retry(self) -> None:
        for each, state in self._partitions.items():
            if state.fault and time.monotonic() >= state.retry_at:
                state.fault = ""
                if not self._paused:
                    self._consumer.resume([each])

    # --- telling

    async def caught_up(self) -> bool:
        """With `until_end`: every partition that can be read was, to where it ended when it was assigned."""
        if not (self._link.running and self._assigned.is_set()) or self._placing.locked():
            return False
        for each, state in list(self._partitions.items()):
            if state.fault or (state.next >= state.end and not state.check):
                continue
            # the consumer's own position is past control records, which are never handed on
            if await self._consumer.stands(each) < state.end:
                return False
        return bool(self._partitions.keys() == self._consumer.raw.assignment())

    async def newly_idle(self) -> list[tuple[str, int]]:
        """Partitions (source uid, number) that have brought nothing for long and have nothing more."""
        found, unread = [], {k: v for k, v in self._partitions.items() if v.fault or self._paused}
        await look_ahead(self._consumer.raw, unread)
        for each, state in list(self._partitions.items()):
            if each not in self._consumer.raw.assignment():
                continue
            end = self._consumer.raw.highwater(each)
            state.passed = await self._consumer.stands(each)
            quiet = time.monotonic() - state.active_at > IDLE_SECONDS
            if quiet and not state.idle and end is not None and state.passed >= end:
                state.idle = True
                found.append((state.source.uid, each.partition))
        return found

    async def reads(self, held: Collection[str]) -> Reads | None:
        """What is read, and which of these topics there still are; None where nobody answers."""
        return await self._link.reads(held)

    def set_aside(self, fetched: Fetched, reason: str) -> None:
        """Read no more of this partition until it is placed anew: its messages break what comes after."""
        each = TopicPartition(fetched.messages.source.name, fetched.messages.partition)
        if self.is_current(fetched):
            self._partitions[each].fault = reason
            self._partitions[each].retry_at = math.inf
            self._consumer.pause([each])

    def take_up(self, fetched: Fetched) -> None:
        """Read on after `set_aside`."""
        each = TopicPartition(fetched.messages.source.name, fetched.messages.partition)
        if self.is_current(fetched) and self._partitions[each].retry_at == math.inf:
            self._partitions[each].retry_at = 0.0  # `_retry` resumes it

    def health(self) -> SourceHealth:
        """Figures for the heartbeat."""
        held = self._consumer.screen.held if self._link.running else {}
        faults = {"kafka": self._link.fault} if self._link.fault else {}
        lag, now = 0, time.monotonic()
        for each, state in self._partitions.items():
            lag += state.lag(held.get(each))
            if fault := state.fault or holes.held_back(held.get(each), now):
                faults[f"{each.topic}/{each.partition}"] = fault
        return SourceHealth(lag, len(self._partitions), self._paused, faults)

    def pause(self) -> None:
        """Fetch nothing more, stay in the group; `fetch` must still be called."""
        self._paused = True
        self._consumer.pause(self._partitions)

    def resume(self) -> None:
        self._paused = False
        self._consumer.resume(each for each, state in self._partitions.items() if not state.fault)

    async def commit(self, done: Sequence[Fetched]) -> None:
        """Tell Kafka how far the store is, at most twice a second. For lag tools: failures are logged."""
        await self._commits.take(done, self._partitions)
