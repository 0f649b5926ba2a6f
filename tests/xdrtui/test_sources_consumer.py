"""Where a partition stands, as far as what was handed out tells."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException

from xdrtui.sources.consumer import Consumer

ONE, OTHER = TopicPartition("a", 0), TopicPartition("b", 0)


class Raw:
    """A consumer whose own position is past all that it has got."""

    def __init__(self, got: dict[TopicPartition, list[int]] | Exception) -> None:
        self._got = got

    async def position(self, each: TopicPartition) -> int:
        return 20

    async def getmany(self, **_: object) -> dict[TopicPartition, list[int]]:
        if isinstance(self._got, Exception):
            raise self._got
        return self._got


@pytest.mark.parametrize(
    ("got", "stands"),
    [({}, 20), ({OTHER: [1]}, 20), ({ONE: [1]}, -1), (CorruptRecordException(), -1)],
    ids=["nothing", "another's", "its records", "an error, and with it what others had"],
)
async def test_what_is_got_and_not_handed_out_yet_is_not_passed(
    got: dict[TopicPartition, list[int]] | Exception, stands: int
) -> None:
    consumer = Consumer({"bootstrap_servers": "127.0.0.1:1"}, "")
    stop, consumer.raw = consumer.raw, Raw(got)
    consumer._getting = asyncio.create_task(consumer._get(0.0))
    await asyncio.wait([consumer._getting])
    assert await consumer.stands(ONE) == stands
    if isinstance(got, Exception):
        assert consumer._getting.exception() is got
    await stop.stop()
