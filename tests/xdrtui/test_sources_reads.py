"""Where partitions begin and end is asked of those alone that are still there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from xdrtui.sources import reads

KEPT, GONE = TopicPartition("kept", 0), TopicPartition("gone", 0)


class Raw:
    """A consumer that waits without end for what a deleted partition holds."""

    _client = None

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if GONE in partitions:
            await asyncio.Event().wait()
        return dict.fromkeys(partitions, 3)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 7)


def cluster(monkeypatch: pytest.MonkeyPatch, *answers: Mapping[str, int]) -> None:
    told = list(answers)

    async def still_there(client: object, topics: Collection[str]) -> Mapping[str, int]:
        return told.pop(0) if len(told) > 1 else told[0]

    monkeypatch.setattr(reads, "still_there", still_there)
    monkeypatch.setattr(reads, "PATIENCE", (0.05, 0.05, 0.05))


async def test_a_topic_deleted_while_one_asks_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"kept": 1, "gone": 1}, {"kept": 1})
    raw: Any = Raw()
    assert await reads.bounds(raw, [KEPT, GONE]) == ({KEPT: 3}, {KEPT: 7})


async def test_a_cluster_that_does_not_tell_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"kept": 1, "gone": 1})
    raw: Any = Raw()
    with pytest.raises(KafkaTimeoutError):
        await reads.bounds(raw, [KEPT, GONE])
