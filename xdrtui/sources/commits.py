"""Tell Kafka how far the store is: the group's offsets, which lag tools read.

In: what is stored. Out: commits, at most twice a second, each with its owner, generation and anchor. In local
mode nothing is ever placed by them, so a commit that fails is only logged: the next one says what it said.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Container, Sequence

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.points import reach
from xdrtui.sources.link import Link
from xdrtui.sources.owner import Owner, written
from xdrtui.sources.partitions import Fetched

log = logging.getLogger(__name__)

COMMIT_SECONDS = 0.5
WAIT_SECONDS = 5.0


class Commits:
    """The commits of one source. under_way: held while one is sent; a rebalance waits for it."""

    def __init__(self, link: Link, owner: Owner) -> None:
        self.under_way = asyncio.Lock()
        self._link = link
        self._owner = owner
        self._next: dict[TopicPartition, OffsetAndMetadata] = {}
        self._sent_at = 0.0

    async def take(self, done: Sequence[Fetched], ours: Container[TopicPartition]) -> None:
        """Commit these with the next commit. ours: the partitions that are placed now."""
        for each in done:
            where = TopicPartition(each.messages.source.name, each.messages.partition)
            text = written(self._owner, each.generation, each.anchor)
            self._next[where] = OffsetAndMetadata(each.next_offset, text)
        if time.monotonic() - self._sent_at >= COMMIT_SECONDS:
            await self.flush(ours)

    async def flush(self, ours: Container[TopicPartition]) -> None:
        """Send what waits."""
        async with self.under_way:
            commits = {each: at for each, at in self._next.items() if each in ours}
            self._next.clear()
            if commits and self._link.settings.group and self._link.running:
                await self._send(commits)

    async def _send(self, commits: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self._sent_at = time.monotonic()
        reach("kafka.commit.before")
        try:
            async with asyncio.timeout(WAIT_SECONDS):  # aiokafka tries for as long as there is no broker
                await self._link.consumer.raw.commit(commits)
            reach("kafka.commit.after")
        except (KafkaError, TimeoutError) as error:
            log.warning("the group's offsets were not committed", extra={"error": repr(error)})

    def forget(self, each: TopicPartition) -> None:
        """The partition is placed anew or another worker's: commit nothing of before."""
        self._next.pop(each, None)
