"""aiokafka's consumer behind a screen and a watchdog.

In: the arguments of a connection, and what to read. Out: records, and the word that the consumer is stuck: a
task of it has ended, or nothing was heard of a partition for long though it was asked for. aiokafka can wait
for ever where its group is being joined, or lose the task that fetches; no caller waits with it here.
Who places partitions, and builds a new consumer, is `kafka.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.sources.bare import hand_on_bare
from xdrtui.sources.fence import commit_as_member
from xdrtui.sources.screen import Screen
from xdrtui.sources.topics import expression, is_pattern

FETCH_BYTES = 1_000_000
FETCH_MESSAGES = 8_000
SESSION_MS = 6_000
METADATA_MS = 30_000
SILENT_SECONDS = 15.0
"""Nothing heard of a partition for so long is a fault that is shown."""

STUCK_SECONDS = 60.0
"""After so long the consumer is built anew, if the brokers answer."""

STOP_SECONDS = 5.0
_AWAY_SECONDS = 5.0


class Consumer:
    """One consumer, once: `start`, `get` again and again, `stop`. raw: for what aiokafka does well."""

    def __init__(self, arguments: Mapping[str, Any], group: str) -> None:
        self.raw = AIOKafkaConsumer(
            **arguments,
            client_id="xdrtui",
            group_id=group or None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            check_crcs=False,  # the screen did, in a thread
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            metadata_max_age_ms=METADATA_MS,
        )
        self.screen = Screen(self.raw._client)
        self._getting: asyncio.Task[dict[TopicPartition, tuple[int, list[Any]]]] | None = None
        self._seeks: dict[TopicPartition, int] = {}
        self._asked_at = 0.0
        self._polled_at = 0.0
        self._polling_since = 0.0

    async def start(
        self, topics: Sequence[str], there: Collection[str], listener: ConsumerRebalanceListener | None
    ) -> None:
        """Connect, and with a listener join the group for these topics or patterns. Raises KafkaError.

        there: the topics that the cluster has; aiokafka waits for ever for a name that is missing, not so for
        a pattern.
        """
        if listener is not None:
            if any(is_pattern(each) or each not in there for each in topics):
                self.raw.subscribe(pattern=expression(topics), listener=listener)
            else:
                self.raw.subscribe(list(topics), listener=listener)
        try:
            await self.raw.start()
        except BaseException:
            await self.raw.stop()
            raise
        commit_as_member(self.raw)
        hand_on_bare(self.raw)

    async def stop(self) -> None:
        """Leave the group; a stuck consumer is left to itself after 5 s."""
        if self._getting is not None:
            self._getting.cancel()
            await asyncio.wait([self._getting])
            self._getting = None
        stopping = asyncio.create_task(self.raw.stop())
        _, pending = await asyncio.wait([stopping], timeout=STOP_SECONDS)
        if pending:
            stopping.cancel()
            await asyncio.wait([stopping], timeout=1.0)
        if stopping.done() and not stopping.cancelled():
            stopping.exception()  # of a consumer that is thrown away, nobody needs it
        with contextlib.suppress(KafkaError, OSError):
            await self.raw._client.close()  # what hung may have kept it from this

    async def get(self, seconds: float) -> dict[TopicPartition, list[Any]]:
        """What has come in, at most 8000 records; none after so many seconds. Raises KafkaError, and what
        aiokafka raises over records that it cannot take apart."""
        now = time.monotonic()
        if now - self._polled_at > _AWAY_SECONDS:
            self._polling_since = now
        if self._getting is None:
            self._asked_at = now
            self._getting = asyncio.create_task(self._get(seconds))
        either: set[asyncio.Future[Any]] = {self._getting, self.screen.news()}
        await asyncio.wait(either, timeout=seconds + 1, return_when=asyncio.FIRST_COMPLETED)
        self._polled_at = time.monotonic()
        if not self._getting.done():  # what it gets comes with a later call
            return {}
        got, self._getting = self._getting, None
        if got.cancelled():  # as a task of aiokafka's was: `ended` tells
            return {}
        return {each: records for each, (seeks, records) in got.result().items() if seeks == self._seek(each)}

    def stay(self) -> None:
        """As far as the group is told, this member has just asked for more: aiokafka leaves the group where
        nobody did for 300 s."""
        with self.raw._subscription.fetch_context():
            pass

    async def _get(self, seconds: float) -> dict[TopicPartition, tuple[int, list[Any]]]:
        """Records, with the number of seeks before them: they count only where none followed."""
        got = await self.raw.getmany(timeout_ms=int(seconds * 1000), max_records=FETCH_MESSAGES)
        return {each: (self._seek(each), records) for each, records in got.items()}

    def _seek(self, each: TopicPartition) -> int:
        return self._seeks.get(each, 0)

    def seek(self, each: TopicPartition, offset: int) -> None:
        """Read this partition from here; what was read and not handed out before is void."""
        self._seeks[each] = self._seek(each) + 1
        if each in self.raw.assignment():  # else a rebalance took it away just now; `place` puts it right
            self.raw.seek(each, offset)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetch nothing more of these, as far as they are ours at this moment."""
        self.raw.pause(*self.raw.assignment().intersection(partitions))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Fetch these again, likewise."""
        self.raw.resume(*self.raw.assignment().intersection(partitions))

    @property
    def meeting(self) -> bool:
        """The group meets: nothing is handed out, and what is ours is not settled."""
        return bool(self.raw._subscription.reassignment_in_progress)

    def leave_alone(self, each: TopicPartition) -> None:
        """Fetch nothing of one that has no place to begin at: without a position, every fetch would fail."""
        self.seek(each, 0)
        self.pause([each])

    async def at_time(
        self, partitions: Sequence[TopicPartition], time: int, ends: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """The first offset of each partition whose message is not older; its end where all are. time:
        nanoseconds since 1970 UTC."""
        at = max(time // 1_000_000, 0)
        found = await self.raw.offsets_for_times(dict.fromkeys(partitions, at))
        return {each: found[each].offset if found.get(each) else ends[each] for each in partitions}

    async def stands(self, each: TopicPartition) -> int:
        """The next offset that is handed out; -1 while there is none, or it is not ours, or records of it
        were got that `get` hands out with its next call: aiokafka's own position is past these."""
        try:
            async with asyncio.timeout(1.0):
                position = int(await self.raw.position(each))
        except (KafkaError, TimeoutError):
            return -1
        return -1 if self._is_got(each) else position

    def _is_got(self, each: TopicPartition) -> bool:
        """Also where it failed: aiokafka may have let go of what it had got before, and is put back then."""
        got = self._getting
        if got is None or not got.done():
            return False
        return got.cancelled() or got.exception() is not None or each in got.result()

    def silence(self, asked: Iterable[TopicPartition]) -> float:
        """For how many seconds nothing was heard of one of these partitions, which are fetched; 0 if all were
        heard of lately. Time in which nobody asked does not count."""
        now = time.monotonic()
        heard = [self.screen.heard.get(each, self._polling_since) for each in asked]
        if self._getting is not None:
            heard.append(self._asked_at)
        return now - max(self._polling_since, min(heard)) if heard else 0.0

    def ended(self) -> str:
        """Which of the consumer's own tasks has ended, and why; empty while all are at work."""
        tasks = {
            "the task that fetches": getattr(self.raw._fetcher, "_fetch_task", None),
            "the task that keeps to the group": getattr(
                self.raw._coordinator,
                "_coordination_task",
                None,
            ),
        }
        for name, task in tasks.items():
            if task is not None and task.done():
                error = None if task.cancelled() else task.exception()
                return f"{name} has ended ({type(error).__name__ if error else 'cancelled'})"
        return ""
