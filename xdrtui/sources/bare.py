"""Records as they stand in their batch, instead of a `ConsumerRecord` made of each.

In: a consumer of aiokafka that has started. Out: the same, whose records have offset, timestamp, its type,
key, value and headers, but no topic and partition: the caller knows these. Making a ConsumerRecord takes
half of what the client does for a small event ("aiokafka alone" in tests/benchmarks/kafka_worker.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords


def hand_on_bare(consumer: AIOKafkaConsumer) -> None:
    """From now on this consumer hands on bare records."""
    fetcher = consumer._fetcher
    fetcher._records = _Fetched(fetcher._records)


class _Bare(PartitionRecords):  # type: ignore[misc]
    def __iter__(self) -> Iterator[Any]:
        return iter(self._records_iterator or ())

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        return record


class _Fetched(OrderedDict[TopicPartition, Any]):
    """What was fetched and not handed on yet, by partition: records, or an error."""

    def __setitem__(self, each: TopicPartition, result: Any) -> None:
        if isinstance(result, FetchResult):
            result._partition_records.__class__ = _Bare  # it decides anew for each record what it hands on
        super().__setitem__(each, result)
