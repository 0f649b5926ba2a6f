"""The findings topic of a fleet, and the way into it.

`prepare_topic` makes it where it is missing, or says what of its settings would lose or reorder findings.
`Outlet` is a worker's idempotent producer (acks=all), used from the detecting thread while its client runs in
the worker's event loop. What cannot be delivered raises; then everything since the last flush is void.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from xdrtui.errors import BrokerError
from xdrtui.pipeline.fleet_records import RECORD_BYTES
from xdrtui.plain import visible
from xdrtui.sources.broker import KafkaConnection, explained

log = logging.getLogger(__name__)

T = TypeVar("T")

DAY_MS = 86_400_000
RETENTION_MS = 30 * DAY_MS
REPLICAS = 3
COORDINATOR_SECONDS = 20.0
SECONDS = 120.0
"""How long the detecting thread waits for the broker, before it gives the batch up."""

SETTINGS = {
    "cleanup.policy": "delete",
    "retention.ms": str(RETENTION_MS),
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": "2000000",
}


async def prepare_topic(to: KafkaConnection, name: str, *, create: bool) -> str:
    """Check the findings topic and return the cluster's id; make the topic where it is missing and `create`.

    Raises BrokerError. One partition: its order is the order in which every workbench folds, whatever its
    speed. Broker time: a workbench reads no clock, so the record's must be one that no worker sets.
    """
    client = AIOKafkaAdminClient(**to.arguments(), client_id="xdrtui-check")
    async with explained(to):
        try:
            await client.start()
            cluster = await client.describe_cluster()
            (state,) = await client.describe_topics([name])
            if state["error_code"] == 3 and create:
                await _create(client, name, min(REPLICAS, len(cluster["brokers"])))
            elif state["error_code"]:
                raise BrokerError(_missing(name, state["error_code"]))
            elif len(state["partitions"]) != 1:
                raise BrokerError(
                    f"the findings topic {visible(name)} has {len(state['partitions'])} partitions: it must"
                    " have one, whose order is the order of all findings; name another topic, and it is made."
                )
            wrong = problems_of(await _read_config(client, name))
        finally:
            await client.close()
    if wrong:
        raise BrokerError(f"the findings topic {visible(name)} would lose findings: {'; '.join(wrong)}.")
    return str(cluster["cluster_id"] or "")


async def _create(client: AIOKafkaAdminClient, name: str, replicas: int) -> None:
    answer = await client.create_topics([NewTopic(name, 1, replicas, topic_configs=SETTINGS)])
    for _, code, *_ in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise BrokerError(
                f"the findings topic {visible(name)} is missing and cannot be made"
                f" ({for_code(code).__name__}): have it made with one partition and "
                + ", ".join(f"{key}={value}" for key, value in SETTINGS.items())
                + "."
            )
    for _ in range(50):  # until every broker knows it
        (state,) = await client.describe_topics([name])
        if not state["error_code"]:
            return
        await asyncio.sleep(0.1)


def _missing(name: str, code: int) -> str:
    if code == 29:
        return f"the broker hides the findings topic {visible(name)} from us: we need the right to read it."
    return (
        f"the broker has no findings topic {visible(name)}: check kafka.findings_topic, or start a fleet's"
        " worker (`xdrtui run`), which makes it."
    )


async def _read_config(client: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    """The topic's settings; empty where we may not read them."""
    try:
        (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    except KafkaError as error:
        log.warning("the findings topic's settings cannot be read", extra={"error": repr(error)})
        return {}
    return {
        entry[0]: entry[1]
        for code, _, _, _, entries in answer.resources
        for entry in (entries if not code else ())
    }


def problems_of(config: dict[str, str]) -> list[str]:
    """What of a topic's settings would lose findings, a clause each; what is unknown is held to be fine."""
    wrong = []
    policy = config.get("cleanup.policy", "delete")
    if policy != "delete":
        wrong.append(f"cleanup.policy is {visible(policy)}, it must be delete")
    retention = int(config.get("retention.ms", "-1"))
    if 0 <= retention < RETENTION_MS:
        wrong.append(
            f"retention.ms is {retention:,} ({retention / DAY_MS:.1f} days), at least 30 days are needed"
        )
    if int(config.get("retention.bytes", "-1")) >= 0:
        wrong.append("retention.bytes is set, which deletes by size: it must be -1")
    if config.get("message.timestamp.type", "LogAppendTime") != "LogAppendTime":
        wrong.append("message.timestamp.type is not LogAppendTime, and the broker's time is what counts here")
    if int(config.get("max.message.bytes", RECORD_BYTES)) < RECORD_BYTES:
        wrong.append(f"max.message.bytes is below {RECORD_BYTES:,}")
    return wrong


class Outlet:
    """A producer to the findings topic and a look at the group, for a thread that is not the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, to: KafkaConnection, topic: str) -> None:
        self._loop = loop
        self._to = to
        self._topic = topic
        self._producer: Any = None
        self._admin: Any = None
        self._futures: list[asyncio.Future[object]] = []

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the worker's loop and wait."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def start(self) -> str:
        """Check or make the topic, connect; return the cluster's id. Raises BrokerError."""
        cluster = self.call(prepare_topic(self._to, self._topic, create=True))
        self.call(self._connect())
        return cluster

    def restart(self) -> None:
        """After a failure: what is under way is given up, a new producer begins. Raises BrokerError."""
        self.call(self._disconnect())
        self.call(self._connect())

    def send(self, records: Sequence[bytes]) -> None:
        """Hand over to the producer, in this order. Raises KafkaError, TimeoutError."""
        if records:
            self.call(self._send(records))

    def flush(self) -> None:
        """Wait until every broker has all of it. Raises KafkaError, TimeoutError."""
        self.call(self._flush())

    def committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """The group's offsets of these partitions; -1 where there is none. Raises KafkaError."""
        return self.call(self._committed(group, partitions))

    def close(self) -> None:
        self.call(self._disconnect())

    async def _connect(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._to.arguments(),
            client_id="xdrtui-fleet",
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=512_000,
            max_request_size=1_000_000,
            linger_ms=5,
        )
        self._admin = AIOKafkaAdminClient(**self._to.arguments(), client_id="xdrtui-fleet-offsets")
        async with explained(self._to):
            try:
                await self._producer.start()
                await self._admin.start()
            except BaseException:
                await self._disconnect()
                raise

    async def _disconnect(self) -> None:
        for future in self._futures:
            future.cancel()
        self._futures = []
        for client in (self._producer, self._admin):
            if client is None:
                continue
            with contextlib.suppress(KafkaError, TimeoutError):
                stop = client.stop if client is self._producer else client.close
                await asyncio.wait_for(stop(), 10.0)

    async def _send(self, records: Sequence[bytes]) -> None:
        for record in records:
            self._futures.append(await self._producer.send(self._topic, record, partition=0))

    async def _flush(self) -> None:
        futures, self._futures = self._futures, []
        await self._producer.flush()
        for future in futures:
            await future

    async def _committed(
        self, group: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        until = self._loop.time() + COORDINATOR_SECONDS
        while True:
            try:
                found: dict[
                    TopicPartition, OffsetAndMetadata
                ] = await self._admin.list_consumer_group_offsets(group, partitions=list(partitions))
                return found
            except KafkaError as error:  # the first group of a cluster has to wait for its coordinator
                if not error.retriable or self._loop.time() > until:
                    raise
                await asyncio.sleep(0.2)
