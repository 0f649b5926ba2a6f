"""The partitions that are ours: placed where the store stands, read, paused, left out.

In: what the group or the settings assign, and the stored positions. Out: a `Partition` for each that is
placed, with the consumer put to where it is read next. Kafka's own committed offsets place nothing.

What aiokafka does, and why this is not shorter: an assigned partition without a position makes every fetch
raise an error, whatever the others bring. One whose topic was deleted before it could be placed stays
assigned until the group has met again, so it is given a position and paused meanwhile.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from aiokafka import TopicPartition

from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.settings.start import start_time
from xdrtui.sources.commits import Commits
from xdrtui.sources.generation import Begin, Stored, begin, renewed
from xdrtui.sources.link import Link
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, Partition, name_of, nothing_of, source_of
from xdrtui.sources.reads import bounds

RETRY_SECONDS = 30.0
GONE_SECONDS = 2.0
"""After so long it is looked again whether a partition that was not there is there now."""

AskStored: TypeAlias = Callable[[str], Awaitable[Mapping[int, Stored]]]
"""Uid of a topic without its generation (`kafka:CLUSTER:TOPIC:`) -> partition -> its latest generation."""

Say: TypeAlias = Callable[[str, bool], None]
"""Tell people; True: what happened must be seen, False: it is told only as long as it lasts."""


class Assigned:
    """placed: those that are read or left out; openings: where partitions begin, to be stored before their
    first message; link: the consumer, which places and revokes here; commits: what Kafka is told.

    now: when the source was opened, nanoseconds since 1970 UTC.
    """

    def __init__(self, settings: KafkaSettings, stored: AskStored, owner: Owner, say: Say, now: int) -> None:
        self.placed: dict[TopicPartition, Partition] = {}
        self.openings: list[Fetched] = []
        self.paused = False
        self.link = Link(settings, self.place, self.take, self.revoke, self.lose)
        self.commits = Commits(self.link, owner)
        self._settings = settings
        self._stored = stored
        self._say = say
        self._start_at = start_time(settings.start, now)
        self._stored_before: dict[str, set[int]] = {}  # partitions that had a position when we began
        self._gone: dict[TopicPartition, float] = {}  # assigned but not there -> when to look again
        self._placing = asyncio.Lock()
        self._any = asyncio.Event()
        self._numbers = itertools.count()

    async def start(self) -> None:
        """Note which partitions of the link's topics have a stored position."""
        for topic in self.link.known:
            self._stored_before[topic] = set(await self._stored_of(topic))

    # --- placing

    async def take(self, assigned: Sequence[TopicPartition]) -> None:
        """The group gives us these: `place_missing` places them with the next fetch, and until then nothing
        is read of them. Not here: nobody tells the group that we are alive while it waits for this, and
        stored positions come from a thread that may have a long batch in hand."""
        for each in assigned:
            self._forget(each)
            self.link.consumer.leave_alone(each)
        if not assigned:  # others have all there are: nothing is to be placed, and all of nothing was read
            self._any.set()

    async def place(self, assigned: Sequence[TopicPartition]) -> None:
        """Put these partitions where the store stands; all that was fetched of them before is void.

        The store is asked first: what others commit meanwhile lies before the ends that are asked for then,
        and is fenced off when our first batch does not continue it. The other way round it would look like
        a topic that was made anew.
        """
        consumer = self.link.consumer
        async with self._placing:
            for each in assigned:
                self._forget(each)
            stored = {topic: await self._stored_of(topic) for topic in {each.topic for each in assigned}}
            firsts, ends = await bounds(consumer.raw, assigned)
            for each in set(assigned) - set(firsts):
                consumer.leave_alone(each)
                self._gone[each] = time.monotonic() + GONE_SECONDS
            starts = firsts if self._settings.start == "earliest" else ends
            if self._start_at is not None:
                starts = await consumer.at_time(list(firsts), self._start_at, ends)
            still = consumer.raw.assignment()
            for each in sorted(firsts.keys() & still):
                start = firsts[each] if self._is_new(each) else starts[each]
                known = stored[each.topic].get(each.partition)
                begins = begin(known, firsts[each], ends[each], name_of(each), start)
                self._enter(each, begins, known, firsts[each], ends[each])
        self._any.set()

    async def place_missing(self) -> None:
        """Place what the group gave us, or what was not there and is now; know no more of what is not ours.
        Not while the group meets: until then aiokafka calls assigned what `revoke` has given up."""
        consumer, now = self.link.consumer, time.monotonic()
        if consumer.meeting:
            return
        assigned: set[TopicPartition] = consumer.raw.assignment()
        for each in self.placed.keys() - assigned:
            self._forget(each)
        missing = assigned - self.placed.keys()
        missing -= {each for each, at in self._gone.items() if now < at}
        if missing and not self._placing.locked():
            await self.place(sorted(missing))

    async def revoke(self, revoked: Sequence[TopicPartition]) -> None:
        """These partitions are another worker's from now on; what is under way to be committed may arrive."""
        async with self.commits.under_way:
            for each in revoked:
                self._forget(each)

    def lose(self) -> None:
        """The consumer is gone: all that was fetched is void, and will be read again."""
        self.placed.clear()
        self.openings.clear()
        self._gone.clear()

    def renew(self, each: TopicPartition, state: Partition, why: str) -> None:
        """It is not the topic that the stored position is of: begin its next generation."""
        assert state.stored is not None
        self._enter(each, renewed(state.stored, state.first, why), None, state.first, state.end)

    def is_settled(self) -> bool:
        """All that is assigned is placed, and something was."""
        if not self._any.is_set() or self._placing.locked():
            return False
        assigned: set[TopicPartition] = self.link.consumer.raw.assignment()
        return assigned == self.placed.keys() | (self._gone.keys() & assigned)

    async def _stored_of(self, topic: str) -> Mapping[int, Stored]:
        return await self._stored(f"kafka:{self.link.cluster}:{topic}:")

    def _is_new(self, each: TopicPartition) -> bool:
        """It came into being after its topic was first read: it is read whole, wherever others begin."""
        before = self._stored_before.get(each.topic)
        if before and each.partition not in before:
            return True
        return bool(each.partition >= self.link.known.get(each.topic, 0))

    def _enter(
        self, each: TopicPartition, begins: Begin, stored: Stored | None, first: int, end: int
    ) -> None:
        if begins.note:
            self._say(begins.note, True)
        source = source_of(self._settings, self.link.cluster, each.topic, begins.generation)
        state = Partition(next(self._numbers), source, begins, stored, first, end)
        if begins.start != begins.offset:  # to be stored before its first message: it holds watermarks back
            nothing = nothing_of(source, each.partition)
            self.openings.append(
                Fetched(nothing, begins.start, begins.offset, b"", begins.generation, state.number)
            )
        self.placed[each] = state
        self.link.consumer.seek(each, state.stand)
        (self.link.consumer.pause if self.paused else self.link.consumer.resume)([each])

    def _forget(self, each: TopicPartition) -> None:
        self.placed.pop(each, None)
        self._gone.pop(each, None)
        self.commits.forget(each)
        self.link.consumer.screen.forget(each)

    # --- pausing

    def put_back(self) -> None:
        """Read each on from what was handed on: an error of one made aiokafka drop what others had."""
        for each, state in self.placed.items():
            self.link.consumer.seek(each, state.stand)

    def leave_out(self, each: TopicPartition, error: Exception) -> None:
        """It cannot be read: it is tried again after a while, and the others go on."""
        state = self.placed[each]
        state.fault = f"{type(error).__name__}: {visible(str(error))}"[:500]
        state.retry_at = time.monotonic() + RETRY_SECONDS
        self.link.consumer.pause([each])
        self._say(
            f"{name_of(each)} cannot be read at {state.next}"
            f" ({state.fault}); the others go on, it is tried again every {RETRY_SECONDS:.0f} s.",
            False,  # `health` tells of it while it lasts
        )

    def retry(self) -> None:
        """Try again what was left out, where it is time."""
        for each, state in self.placed.items():
            if state.fault and time.monotonic() >= state.retry_at:
                state.fault = ""
                if not self.paused:
                    self.link.consumer.resume([each])

    def set_aside(self, fetched: Fetched, reason: str) -> None:
        """Read no more of this partition until it is placed anew or taken up."""
        if (state := self.placed_now(fetched)) is not None:
            state.fault, state.retry_at = reason, math.inf
            self.link.consumer.pause([where(fetched)])

    def take_up(self, fetched: Fetched) -> None:
        """Read on after `set_aside`; `retry` resumes it."""
        state = self.placed_now(fetched)
        if state is not None and state.retry_at == math.inf:
            state.retry_at = 0.0

    def placed_now(self, fetched: Fetched) -> Partition | None:
        """The partition that this was fetched of; None where it was placed anew, or is another worker's."""
        state = self.placed.get(where(fetched))
        return state if state is not None and state.number == fetched.placing else None

    def pause(self) -> None:
        """Fetch nothing more."""
        self.paused = True
        self.link.consumer.pause(self.placed)

    def resume(self) -> None:
        """Fetch again what can be read."""
        self.paused = False
        self.link.consumer.resume(self.readable())

    def readable(self) -> list[TopicPartition]:
        """Those that are placed and not left out."""
        return [each for each, state in self.placed.items() if not state.fault]


def where(fetched: Fetched) -> TopicPartition:
    """Its partition, as Kafka names it."""
    return TopicPartition(fetched.messages.source.name, fetched.messages.partition)
