"""librdkafka's mock cluster, for machines without Java: topics, groups, commits and seeks, no admin calls."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka


class MockBroker:
    """The part of `Broker` that a mock cluster can do. `real` tells tests to skip what it cannot."""

    real = False

    def __init__(self) -> None:
        self._owner = confluent_kafka.Producer({"test.mock.num.brokers": 1})
        brokers = self._owner.list_topics(timeout=10).brokers.values()
        self._bootstrap = ",".join(f"{each.host}:{each.port}" for each in brokers)
        library = next(Path(confluent_kafka.__file__).parent.parent.glob("confluent_kafka.libs/librdkafka*"))
        self._library = ctypes.CDLL(str(library))
        self._library.rd_kafka_handle_mock_cluster.restype = ctypes.c_void_p
        handle = ctypes.cast(id(self._owner) + object.__basicsize__, ctypes.POINTER(ctypes.c_void_p))[0]
        self._cluster = self._library.rd_kafka_handle_mock_cluster(ctypes.c_void_p(handle))

    def bootstrap(self, listener: str = "PLAINTEXT") -> str:
        return self._bootstrap

    async def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        error = self._library.rd_kafka_mock_topic_create(
            ctypes.c_void_p(self._cluster), name.encode(), partitions, 1
        )
        if error:
            raise RuntimeError(f"mock topic {name}: error {error}")
        return name

    def stop(self) -> None:
        self._owner.flush(1)
