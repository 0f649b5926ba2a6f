"""One consumer, kept alive: connect, choose the topics, notice that it is stuck, build it anew.

In: settings. Out: a started `Consumer` at all times but while brokers do not answer, and a fault in words
where something is wrong with it. What it reads, and from where, is `kafka.py`'s; `lost` tells it of a loss.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.errors import BrokerError
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection, explained, refuse_foreign_group
from xdrtui.sources.consumer import SILENT_SECONDS, STUCK_SECONDS, Consumer
from xdrtui.sources.owner import Owner
from xdrtui.sources.reach import unreached
from xdrtui.sources.reads import Reads, still_there

TOPICS_SECONDS = 30.0
REBUILD_SECONDS = 30.0
QUIET_SECONDS = 0.7
"""Without a word from the brokers for so long (an idle one speaks twice a second), it is looked whether any
can be reached at all."""


OnPartitions: TypeAlias = Callable[[Sequence[TopicPartition]], Awaitable[None]]


class Link:
    """consumer: the present one; running: it is started; fault: what is wrong, empty while all is well;
    known: the topics with their number of partitions when we began; cluster: its id.

    place: puts partitions where the store stands; take: the group gives us these, to be placed; revoke: they
    are another worker's; lost: all that was fetched is void.
    """

    consumer: Consumer

    def __init__(
        self,
        settings: KafkaSettings,
        place: OnPartitions,
        take: OnPartitions,
        revoke: OnPartitions,
        lost: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.running = False
        self.fault = ""
        self.known: Mapping[str, int] = {}
        self.cluster = ""
        self._listener = _Listener(take, revoke)
        self._place = place
        self._lost = lost
        self._rebuild_at = 0.0
        self._topics_at = 0.0
        self._addresses: tuple[str, ...] = ()
        self._reaching: asyncio.Task[str] | None = None
        self._unreached = ""
        self._tls: ssl.SSLContext | None = None

    async def prepare(self, owner: Owner) -> None:
        """Connect, check that every topic is there and the group ours. Raises BrokerError, SettingsError."""
        if not self.settings.topics:
            raise BrokerError("no topic is set: name at least one under kafka.topics.")
        self.cluster, self.known = await self._ask_topics(all_there=True)
        group = self.settings.group
        if group and owner.id:
            await refuse_foreign_group(connection(self.settings), group, self.known, owner)

    async def join(self) -> None:
        """Begin to read, in the group if there is one. Raises BrokerError."""
        await self._start(self.known)

    async def close(self) -> None:
        """Leave the group."""
        if self._reaching is not None:
            self._reaching.cancel()
            self._reaching = None
        if self.running:
            self.running = False
            await self.consumer.stop()

    async def renew_topics(self) -> None:
        """Without a group: take up topics and partitions that are new (with one, its coordinator does)."""
        if self.settings.group or time.monotonic() < self._topics_at:
            return
        self._topics_at = time.monotonic() + TOPICS_SECONDS
        _, now = await self._ask_topics()
        have = {(each.topic, each.partition) for each in self.consumer.raw.assignment()}
        if any((name, n) not in have for name, count in now.items() for n in range(count)):
            await self._assign(now)

    async def reads(self, held: Collection[str]) -> Reads | None:
        """What is read, and which of these topics the cluster still has; None where it does not answer."""
        there = await still_there(self.consumer.raw._client, held) if self.running else None
        if there is None:
            return None
        return Reads(self.cluster, self.settings.group, tuple(self.settings.topics), there)

    async def watch(self, asked: Collection[TopicPartition]) -> str:
        """Build a new consumer where this one is stuck and the brokers answer; then return why. asked: the
        partitions that are read just now."""
        if self.running:
            silent, ended = self.consumer.silence(asked), self.consumer.ended()
            if not ended:
                self._note_reach(silent)
            if not ended and silent < SILENT_SECONDS:
                return ""
            stuck = ended or f"nothing was heard from the brokers for {silent:.0f} s"
            self.fault = f"{stuck}: {self._unreached}" if self._unreached else stuck
            if not ended and silent < STUCK_SECONDS:
                return ""
        if time.monotonic() < self._rebuild_at:
            return ""
        self._rebuild_at = time.monotonic() + REBUILD_SECONDS
        why, _, _ = self.fault.partition(";")
        why, _, _ = why.partition(": no broker")
        try:
            _, topics = await self._ask_topics()
            await self.close()
            self._lost()
            async with asyncio.timeout(STUCK_SECONDS):
                await self._start(topics)
        except (BrokerError, KafkaError, TimeoutError) as error:
            self.fault = f"{why}; {str(error) or type(error).__name__}"[:500]
            return ""
        self.fault = self._unreached = ""
        return why

    def _note_reach(self, silent: float) -> None:
        """Say what is wrong where nothing was heard and no broker can be reached; nobody waits for it. It is
        said until one answers: a client that tries on in vain may look for a moment as if it had heard."""
        if (silent >= QUIET_SECONDS or self._unreached) and self._reaching is None:
            self._reaching = asyncio.create_task(self._unreached_now())
        if self._reaching is not None and self._reaching.done():
            self._unreached, self._reaching = self._reaching.result(), None
        self.fault = self._unreached or self.fault

    async def _unreached_now(self) -> str:
        return await unreached(self._addresses or tuple(self.settings.brokers), self._tls)

    async def _ask_topics(self, all_there: bool = False) -> tuple[str, Mapping[str, int]]:
        """The cluster's id, and the topics that are meant now with their number of partitions. all_there: one
        that is missing is an error; later on it is not, the others are read without it."""
        to = connection(self.settings)
        report = await ask_broker(to, self.settings.topics, all_there=all_there)
        self._addresses = tuple(dict.fromkeys((*self.settings.brokers, *report.brokers)))
        return report.cluster, report.topics

    async def _start(self, topics: Mapping[str, int]) -> None:
        """A new consumer; without a group it is placed as well."""
        to, group = connection(self.settings), self.settings.group
        self._tls = to.tls_context() if to.tls else None
        async with explained(to):
            self.consumer = Consumer(to.arguments(), group)
            await self.consumer.start(self.settings.topics, topics, self._listener if group else None)
        self.running = True
        if not group:
            await self._assign(topics)

    async def _assign(self, topics: Mapping[str, int]) -> None:
        self._topics_at = time.monotonic() + TOPICS_SECONDS
        every = [TopicPartition(name, n) for name, count in topics.items() for n in range(count)]
        self.consumer.raw.assign(every)
        await self._place(every)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    def __init__(self, take: OnPartitions, revoke: OnPartitions) -> None:
        self._take = take
        self._revoke = revoke

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._revoke(sorted(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._take(sorted(assigned))
