"""A worker that is in its group no more moves no offset, even where everybody else has left."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import CommitFailedError

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.test_kafka_source import produce
from xdrtui.sources.fence import commit_as_member


@pytest.mark.parametrize("fenced", [True, False])
async def test_without_membership_nothing_is_committed(real: Broker, topic: str, fenced: bool) -> None:
    """Unfenced, the broker takes it: a commit without a generation in an empty group is anybody's right."""
    await produce(real, topic, [b"1", b"2", b"3"])
    where = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=real.bootstrap(), group_id=new_name(), enable_auto_commit=False
    )
    await consumer.start()
    try:
        if fenced:
            commit_as_member(consumer)
        await consumer.getmany(timeout_ms=100)
        await consumer.commit({where: OffsetAndMetadata(3, "")})
        coordinator = consumer._coordinator
        await coordinator._maybe_leave_group()
        coordinator._rejoin_needed_fut = coordinator._rejoin_needed_fut.get_loop().create_future()
        coordinator.generation, coordinator.member_id = -1, ""
        if fenced:
            with pytest.raises(CommitFailedError):
                await consumer.commit({where: OffsetAndMetadata(1, "")})
        else:
            await consumer.commit({where: OffsetAndMetadata(1, "")})
        assert await consumer.committed(where) == (3 if fenced else 1)
    finally:
        await consumer.stop()
