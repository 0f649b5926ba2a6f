"""Three brokers that are one cluster, for the loss of one: everything is there three times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kafka.broker import PLAIN, Broker, new_cluster


class Three:
    """brokers: by node id, each of which can be stopped and started by itself."""

    def __init__(self, folder: Path) -> None:
        cluster = new_cluster()
        self.brokers = {n: Broker(folder / str(n), (PLAIN,), cluster=cluster) for n in (1, 2, 3)}
        voters = ",".join(f"{n}@127.0.0.1:{broker.controller}" for n, broker in self.brokers.items())
        for node, broker in self.brokers.items():
            broker.extra = {
                "node.id": str(node),
                "controller.quorum.voters": voters,
                "controller.quorum.bootstrap.servers": "",
                "offsets.topic.num.partitions": "1",
                "offsets.topic.replication.factor": "3",
                "transaction.state.log.replication.factor": "3",
                "transaction.state.log.min.isr": "2",
                "broker.session.timeout.ms": "2000",
                "broker.heartbeat.interval.ms": "400",
                "replica.lag.time.max.ms": "2000",
            }

    @property
    def bootstrap(self) -> list[str]:
        return [broker.bootstrap() for broker in self.brokers.values()]

    def start(self) -> None:
        """All at once: none answers before there is a majority."""
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(Broker.start, self.brokers.values()))

    def stop(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda broker: broker.stop(kill=True), self.brokers.values()))

    async def create_topic(
        self, name: str, partitions: int = 3, config: Mapping[str, str] | None = None
    ) -> str:
        """Three copies of each partition, two of which must be there for a message to count."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            both = {"min.insync.replicas": "2", **(config or {})}
            await admin.create_topics([NewTopic(name, partitions, 3, topic_configs=both)])
        finally:
            await admin.close()
        for broker in self.bootstrap:
            await self._knows(broker, name)
        return name

    @staticmethod
    async def _knows(broker: str, topic: str) -> None:
        """Wait until a broker has heard of a topic and its leaders."""
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        try:
            for _ in range(200):
                (found,) = await admin.describe_topics([topic])
                if found["error_code"] == 0 and all(each["leader"] >= 0 for each in found["partitions"]):
                    return
                await asyncio.sleep(0.05)
        finally:
            await admin.close()
        raise AssertionError(f"{broker} does not know {topic}")

    async def leader(self, topic: str, partition: int) -> int:
        """Node id of the broker that leads this partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            ((found,),) = ([each] for each in await admin.describe_topics([topic]))
        finally:
            await admin.close()
        return next(int(each["leader"]) for each in found["partitions"] if each["partition"] == partition)
