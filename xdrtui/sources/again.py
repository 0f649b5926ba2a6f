"""One message read once more from where it stands, for what the store has kept only the beginning of."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import connection, explained
from xdrtui.sources.screen import Screen

WAIT_SECONDS = 10.0


def read_again(settings: KafkaSettings, topic: str, partition: int, offset: int) -> bytes | None:
    """The payload of the message at this offset; None where it is no longer there. Raises BrokerError.

    Joins no group and commits nothing. Whether it is still the same message is for the caller to see.
    """
    return asyncio.run(_read(settings, TopicPartition(topic, partition), offset))


async def _read(settings: KafkaSettings, where: TopicPartition, offset: int) -> bytes | None:
    to = connection(settings)
    consumer = AIOKafkaConsumer(
        **to.arguments(),
        client_id="xdrtui-again",
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        fetch_max_bytes=1_000_000,
        max_partition_fetch_bytes=1_000_000,
        check_crcs=False,  # the screen does
    )
    Screen(consumer._client)
    async with explained(to):
        await consumer.start()
    try:
        consumer.assign([where])
        consumer.seek(where, offset)
        got = await consumer.getmany(where, timeout_ms=int(WAIT_SECONDS * 1000), max_records=1)
    except KafkaError:  # deleted, damaged, or no such topic any more
        return None
    finally:
        await consumer.stop()
    records = got.get(where, [])
    return records[0].value if records and records[0].offset == offset else None
