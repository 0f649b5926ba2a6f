"""Read topics of a Kafka cluster from where the store stands.

In: settings, and an asynchronous question for the stored positions. Out: `Fetched`, in pieces (`pieces.py`):
messages with what the store needs to move that partition's position on, or the dead letter of a range that
cannot be read. Kafka's own committed offsets are written for lag tools and never read to place anything.

What aiokafka does, and why this is not shorter: an error in one partition makes `getmany` drop what it had
already taken from others, so after every error each partition is put back to what was handed on; and a
consumer that is stuck is built anew (`consumer.py`), which voids all that was not stored yet.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

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
from xdrtui.sources import holes
from xdrtui.sources.assigned import AskStored, Assigned
from xdrtui.sources.consumer import Consumer
from xdrtui.sources.generation import anchor
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, Partition, SourceHealth, look_ahead, name_of, nothing_of
from xdrtui.sources.pieces import cut
from xdrtui.sources.reads import Reads
from xdrtui.sources.screen import Hole
from xdrtui.sources.stamps import ingest_times, replay_times

log = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
NOBODY = Owner()
_UNREADABLE = (CorruptRecordException, UnsupportedCodecError, ValueError, IndexError, OverflowError)
"""What aiokafka stumbles over in records."""


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
        self._owner = owner
        self._clock = clock
        self._holes = holes.Teller()
        self._ours = Assigned(settings, stored, owner, self._say, clock())
        self._link = self._ours.link

    # --- life

    async def start(self) -> None:
        """Connect, check that every topic is there, join the group. Raises BrokerError, SettingsError."""
        await self._link.prepare(self._owner)
        await self._ours.start()
        await self._link.join()

    async def stop(self) -> None:
        """Send the last commit and leave the group."""
        await self._ours.commits.flush(self._ours.placed)
        await self._link.close()

    @property
    def _consumer(self) -> Consumer:
        return self._link.consumer

    async def _watch(self) -> None:
        if why := await self._link.watch(() if self._ours.paused else self._ours.readable()):
            self._say(
                f"the connection to Kafka was stuck ({why}) and was built anew: reading goes on.", False
            )

    async def place_again(self) -> None:
        """After the store fenced a batch off: read all positions again."""
        self._ours.placed.clear()  # `fetch` places what is missing, and again where a broker fails meanwhile

    def is_current(self, fetched: Fetched) -> bool:
        """False where the partition was placed anew, or is another worker's, since this was fetched."""
        return self._ours.placed_now(fetched) is not None

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
        self._ours.retry()
        got: dict[TopicPartition, list[Any]] = {}
        found: list[Fetched] = []
        try:
            await self._link.renew_topics()
            await self._ours.place_missing()
            found = await self._skip_holes()
            if not (self._ours.openings or found):
                got = await self._consumer.get(seconds)
                self._link.fault = ""
        except (KafkaError, BrokerError, *_UNREADABLE) as error:
            await self._recover(error, seconds)
        if not got:
            await self._watch()
        # an opening may have come up while we waited: it goes first
        fetched, self._ours.openings = [*self._ours.openings, *found], []
        for each, records in got.items():
            state = self._ours.placed.get(each)
            if state is None:  # assigned in this moment, not placed yet: `place` seeks back
                continue
            if state.check and not self._same(each, state, records[0]):
                continue
            records = [record for record in records if record.offset >= state.next]
            sizes = [len(record.value or b"") for record in records]
            fetched += [self._hand_on(each.partition, state, piece) for piece in cut(records, sizes)]
        return fetched

    def _same(self, each: TopicPartition, state: Partition, record: Any) -> bool:
        """Compare the record before the stored position with its anchor; a new generation if it differs."""
        expected, state.check = state.check, b""
        if record.offset >= state.next:  # compacted away: nothing to compare
            return True
        if anchor(record.offset, record.timestamp, record.key, record.value) == expected:
            return True
        self._ours.renew(each, state, f"{name_of(each)} has another record at {record.offset}")
        return False

    def _hand_on(self, partition: int, state: Partition, records: Sequence[Any]) -> Fetched:
        last = records[-1]
        replay = state.source.kind == "replay"
        messages = Messages(
            state.source,
            partition,
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
            state = self._ours.placed.get(each)
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
        nothing = nothing_of(state.source, each.partition)
        return [state.advanced(nothing, after, b"", (letter,))]

    async def _recover(self, error: Exception, seconds: float) -> None:
        """After an error: place anew what has no position, put all else back to what was handed on, and leave
        a partition out that may not be read or stays unreadable."""
        try:
            if isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
                named = error.args[0] if isinstance(error.args[0], dict) else error.args
                await self._ours.place([each for each in named if each in self._ours.placed])
        except KafkaError as again:
            error = again
        self._ours.put_back()
        if isinstance(error, TopicAuthorizationFailedError):
            for each in self._ours.placed:
                if each.topic in error.args:
                    self._ours.leave_out(each, error)
        elif isinstance(error, _UNREADABLE):
            if not any([self._consumer.screen.distrust(each) for each in self._ours.placed]):
                await self._find_unreadable()
        elif not isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
            self._link.fault = f"{type(error).__name__}: {visible(str(error))}"[:500]
            await asyncio.sleep(seconds)
        log.warning("a fetch failed", extra={"error": repr(error)})

    async def _find_unreadable(self) -> None:
        """Leave out the partition that no client can take apart, mended or not."""
        for each, state in list(self._ours.placed.items()):
            if not state.fault:
                try:
                    await self._consumer.raw.getmany(each, timeout_ms=1000)
                except (KafkaError, *_UNREADABLE) as error:
                    self._ours.leave_out(each, error)
                self._consumer.seek(each, state.stand)

    # --- telling

    async def caught_up(self) -> bool:
        """With `until_end`: every partition that can be read was, to where it ended when it was assigned."""
        if not (self._link.running and self._ours.is_settled()):
            return False
        for each, state in list(self._ours.placed.items()):
            if state.fault or (state.next >= state.end and not state.check):
                continue
            # the consumer's own position is past control records, which are never handed on
            if await self._consumer.stands(each) < state.end:
                return False
        return self._ours.is_settled()

    async def newly_idle(self) -> list[tuple[str, int]]:
        """Partitions (source uid, number) that have brought nothing for long and have nothing more."""
        found, unread = [], {k: v for k, v in self._ours.placed.items() if v.fault or self._ours.paused}
        await look_ahead(self._consumer.raw, unread)
        for each, state in list(self._ours.placed.items()):
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
        self._ours.set_aside(fetched, reason)

    def take_up(self, fetched: Fetched) -> None:
        """Read on after `set_aside`."""
        self._ours.take_up(fetched)

    def health(self) -> SourceHealth:
        """Figures for the heartbeat."""
        held = self._consumer.screen.held if self._link.running else {}
        faults = {"kafka": self._link.fault} if self._link.fault else {}
        lag, now = 0, time.monotonic()
        for each, state in self._ours.placed.items():
            lag += state.lag(held.get(each))
            if fault := state.fault or holes.held_back(held.get(each), now):
                faults[f"{each.topic}/{each.partition}"] = fault
        return SourceHealth(lag, len(self._ours.placed), self._ours.paused, faults)

    def stay(self) -> None:
        """We are at work, though nothing is fetched for now: keep our place in the group."""
        if self._link.running:
            self._consumer.stay()

    def pause(self) -> None:
        """Fetch nothing more, stay in the group; `fetch` must still be called."""
        self._ours.pause()

    def resume(self) -> None:
        self._ours.resume()

    async def commit(self, done: Sequence[Fetched]) -> None:
        """Tell Kafka how far the store is, at most twice a second. For lag tools: failures are logged."""
        await self._ours.commits.take(done, self._ours.placed)
