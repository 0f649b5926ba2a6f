"""What people order a fleet's workers, through a small topic beside the findings topic: pause, go on.

In: orders, each under the consumer group that it is meant for; the topic is compacted, so the last order of a
group stays for workers that start later. Out: the order in force. Whoever may write to this topic may stop
the fleet's workers from reading, so every workbench says who did. Anything else in it is passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Annotated, Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from msgspec import Meta

from xdrtui.errors import BrokerError
from xdrtui.plain import visible
from xdrtui.sources.broker import KafkaConnection, explained
from xdrtui.sources.screen import Screen

log = logging.getLogger(__name__)

REPLICAS = 3
LOOK_SECONDS = 0.02
CATCH_UP_SECONDS = 10.0
AGAIN_SECONDS = 30.0
FETCH_BYTES = 1_000_000


class Order(msgspec.Struct, frozen=True):
    """paused: workers fetch nothing; by: who ordered it; at: when, nanoseconds since 1970 UTC."""

    paused: bool = False
    by: Annotated[str, Meta(max_length=200)] = ""
    at: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


GO_ON = Order()


def control_topic(findings_topic: str) -> str:
    """The topic of orders to the workers that write to this findings topic."""
    return f"{findings_topic[:240]}-control"


async def prepare_control(to: KafkaConnection, name: str) -> None:
    """Make the topic where it is missing. Raises BrokerError."""
    client = AIOKafkaAdminClient(**to.arguments(), client_id="xdrtui-control")
    async with explained(to):
        try:
            await client.start()
            (state,) = await client.describe_topics([name])
            if state["error_code"] != 3:
                return
            brokers = len((await client.describe_cluster())["brokers"])
            config = {"cleanup.policy": "compact"}
            answer = await client.create_topics(
                [NewTopic(name, 1, min(REPLICAS, brokers), topic_configs=config)]
            )
            for _, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise BrokerError(
                        f"the topic {visible(name)} is missing and cannot be made"
                        f" ({for_code(code).__name__}): have it made with one partition and"
                        " cleanup.policy=compact, or the fleet cannot be paused."
                    )
        finally:
            await client.close()


async def send_order(to: KafkaConnection, name: str, group: str, order: Order) -> None:
    """Order the workers of this group. Raises BrokerError."""
    await prepare_control(to, name)
    producer = AIOKafkaProducer(**to.arguments(), client_id="xdrtui-control", acks="all")
    async with explained(to):
        await producer.start()
        try:
            await producer.send_and_wait(name, msgspec.json.encode(order), key=group.encode(), partition=0)
        finally:
            await producer.stop()


class Orders:
    """A worker's look at the orders; all calls in its event loop. fault: why there are none, empty while all
    is well."""

    def __init__(self, to: KafkaConnection, name: str, group: str) -> None:
        self.fault = ""
        self._to = to
        self._name = name
        self._key = group.encode()
        self._order = GO_ON
        self._consumer: Any = None
        self._screen: Screen | None = None
        self._tried_at = 0.0
        self._again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and read what was ordered before. A topic that cannot be used is a fault, not an error; it
        is tried again."""
        self._tried_at = time.monotonic()
        consumer: Any = None
        try:
            await prepare_control(self._to, self._name)
            consumer = AIOKafkaConsumer(
                **self._to.arguments(),
                client_id="xdrtui-control",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_bytes=FETCH_BYTES,
                max_partition_fetch_bytes=FETCH_BYTES,
                check_crcs=False,  # the screen does
            )
            self._screen = Screen(consumer._client)
            where = TopicPartition(self._name, 0)
            async with explained(self._to):
                await consumer.start()
                self._consumer = consumer
                consumer.assign([where])
                await consumer.seek_to_beginning(where)
                end = (await consumer.end_offsets([where]))[where]
                async with asyncio.timeout(CATCH_UP_SECONDS):
                    while await consumer.position(where) < end:
                        await self.look()
                        await asyncio.sleep(LOOK_SECONDS)
        except (BrokerError, KafkaError, TimeoutError) as error:
            self.fault = _unreadable(error)
            log.warning("orders to the fleet cannot be read", extra={"error": repr(error)})
            if self._consumer is None and consumer is not None:
                await _stop(consumer)

    async def look(self) -> Order:
        """The order in force; what has come in since the last look is taken, nothing is waited for."""
        if self._consumer is None:
            if time.monotonic() - self._tried_at > AGAIN_SECONDS:
                self._again = asyncio.create_task(self.start())
                self._tried_at = time.monotonic()
        elif self._screen is not None:
            try:
                await self._screen.go_past(self._consumer)
                got = await self._consumer.getmany(timeout_ms=0)
            except KafkaError as error:
                self.fault = _unreadable(error)
                return self._order
            self.fault = ""
            for record in [record for records in got.values() for record in records]:
                if record.key == self._key:
                    self._order = _read(record.value) or self._order
        return self._order

    async def close(self) -> None:
        if self._again is not None:
            self._again.cancel()
            await asyncio.wait([self._again])
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _stop(consumer)


async def _stop(consumer: Any) -> None:
    with contextlib.suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(consumer.stop(), 10.0)


def _unreadable(error: Exception) -> str:
    return f"orders to the fleet cannot be read: {visible(str(error) or type(error).__name__)}"


def _read(value: bytes | None) -> Order | None:
    """The order; None where it is none."""
    if not value:
        return GO_ON
    try:
        return msgspec.json.decode(value, type=Order)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
