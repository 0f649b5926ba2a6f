"""Topics as somebody reads them who only looks on: no group, nothing committed, the latest and what comes.

In: settings, topics by name or pattern. Out: records, partition by partition, and how many were jumped over
because reading fell behind. What is there before one begins is read from a little before the end on; topics
and partitions that are made meanwhile are taken up. All replies go through the screen, as a worker's do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection, explained, look_at_cluster, topic_problem
from xdrtui.sources.reads import bounds
from xdrtui.sources.screen import Screen
from xdrtui.sources.topics import is_pattern, wanted

FETCH_BYTES = 1_000_000
FETCH_MESSAGES = 2_000
SILENCE_SECONDS = 1.0
"""Without a message for so long, the broker is asked whether it is there at all."""

ANSWER_SECONDS = 2.0
TOPICS_SECONDS = 5.0
"""So often it is looked whether there are new topics or partitions."""


class Onlooker:
    """A look: `async with`, then `fetch` again and again; it may be entered again, where the broker was lost.
    Entering raises BrokerError, SettingsError.

    last: begin so many messages before the end, all partitions together, at least one each; far: messages of
    a partition behind its end, from which on the rest is jumped over; places: where to read on (of an
    earlier look), kept up to date; skipped: messages jumped over; fault: what is wrong now, or "".
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        client: str,
        *,
        last: int = 0,
        far: int = 2**63,
        places: Mapping[TopicPartition, int] | None = None,
    ) -> None:
        self.cluster = ""
        self.skipped = 0
        self.fault = ""
        self.places = dict(places or {})
        self._settings = settings
        self._topics = list(topics)
        self._client = client
        self._last = last
        self._far = far
        self._every: list[TopicPartition] = []
        self._ends: Mapping[TopicPartition, int] = {}
        self._before: dict[TopicPartition, int] = {}
        self._heard = self._renewed = 0.0
        self._entered = False

    async def __aenter__(self) -> Onlooker:
        self._to = connection(self._settings)
        # one that was deleted meanwhile keeps the others from nothing: `_renew` tells of it
        report = await ask_broker(self._to, self._topics, all_there=not self._entered)
        self.cluster = report.cluster
        self._consumer = AIOKafkaConsumer(
            **self._to.arguments(),
            client_id=self._client,
            auto_offset_reset="latest",
            isolation_level="read_committed",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
            check_crcs=False,  # the screen does
        )
        self._screen = Screen(self._consumer._client)
        try:
            async with explained(self._to):
                await self._consumer.start()
                await self._begin(_partitions(report.topics))
        except BaseException:
            await self._consumer.stop()
            raise
        self._heard = time.monotonic()
        self._renewed = 0.0 if self._entered else self._heard
        self._entered = True
        self.fault = ""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def fetch(self, seconds: float) -> dict[TopicPartition, list[Any]]:
        """What came, waiting so long at most. Raises BrokerError where the broker is lost."""
        async with explained(self._to):
            got: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                timeout_ms=int(seconds * 1000), max_records=FETCH_MESSAGES
            )
            await self._screen.go_past(self._consumer)
            if got:
                self._heard = time.monotonic()
            elif time.monotonic() - self._heard > SILENCE_SECONDS:
                await self._ask()
                self._heard = time.monotonic()
            if time.monotonic() - self._renewed > TOPICS_SECONDS:
                await self._renew()
                self._renewed = time.monotonic()
            for each, records in got.items():  # not before: else they would be lost where the broker is
                self.places[each] = records[-1].offset + 1
            await self._jump()
        return got

    async def behind(self) -> bool:
        """Whether something of what was there when one began is still to come."""
        for each in list(self._ends):
            if each not in self._every or await self._consumer.position(each) >= self._ends[each]:
                self._ends = {other: end for other, end in self._ends.items() if other != each}
        return bool(self._ends)

    def was_there(self, each: TopicPartition, offset: int) -> bool:
        """Whether a message was there before one began to look."""
        return offset < self._before.get(each, 0)

    async def _begin(self, every: Sequence[TopicPartition]) -> None:
        self._consumer.assign(every)
        firsts, ends = await bounds(self._consumer, every)
        self._every = list(firsts)
        if len(firsts) < len(every):  # deleted in this moment
            self._consumer.assign(self._every)
        share = shares({each: ends[each] - firsts[each] for each in firsts}, self._last)
        self._ends = dict(ends)
        self._before |= {each: end for each, end in ends.items() if each not in self.places}
        for each in self._every:
            at = ends[each] - share[each]
            before = self.places.get(each, -1)
            if firsts[each] <= before <= ends[each]:  # it goes on where it was
                at = before if ends[each] - before <= self._far else at
                self.skipped += max(0, at - before)
            self._stand(each, at)

    def _stand(self, each: TopicPartition, at: int) -> None:
        self._consumer.seek(each, at)
        self.places[each] = at

    async def _renew(self) -> None:
        """Take up what is new, whole where it is not too much; leave what is gone. No answer: next time."""
        names = [each for each in self._topics if not is_pattern(each)]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                cluster = await look_at_cluster(self._consumer._client, names)
        except (KafkaError, OSError):
            return
        problems = [step for each in cluster.asked if (step := topic_problem(self._to, each))]
        self.fault = problems[0].sentence if problems else ""
        seen = {each.name: each.partitions for each in (*cluster.seen, *cluster.asked) if not each.error}
        now = _partitions({name: seen[name] for name in wanted(self._topics, seen)})
        if set(now) == set(self._every) or not now:
            return
        kept = {each: await self._consumer.position(each) for each in now if each in self._every}
        self._consumer.assign(now)
        with contextlib.suppress(KafkaError):
            firsts, ends = await bounds(self._consumer, now)
            self._every = [each for each in now if each in firsts]
            if len(self._every) < len(now):
                self._consumer.assign(self._every)
            for each in self._every:
                self._stand(each, kept.get(each, max(firsts[each], ends[each] - self._far)))

    async def _ask(self) -> None:
        """Is the broker there? Said at once where it is not; its cause is looked for afterwards."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.end_offsets(self._every)
        except (KafkaError, OSError):
            broker = visible(self._settings.brokers[0])
            self.fault = f"the broker at {broker} does not answer, tried again"
            raise

    async def _jump(self) -> None:
        for each in self._every:
            end = self._consumer.highwater(each)
            if end is None:
                continue
            at = await self._consumer.position(each)
            if end - at > self._far:
                self._stand(each, end)
                self.skipped += end - at


def _partitions(topics: Mapping[str, int]) -> list[TopicPartition]:
    return [TopicPartition(name, number) for name, count in topics.items() for number in range(count)]


def shares(held: Mapping[TopicPartition, int], last: int) -> dict[TopicPartition, int]:
    """How many messages of each to begin with: what one partition lacks, the others bring; of none that holds
    any nothing, if any are wanted."""
    shares, left = {}, last
    for place, (each, there) in enumerate(sorted(held.items(), key=lambda item: item[1])):
        fair = max(left // (len(held) - place), min(last, 1))
        shares[each] = min(there, fair)
        left = max(0, left - shares[each])
    return shares
