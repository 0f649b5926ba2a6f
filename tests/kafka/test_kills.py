"""Workers killed at named points and at random, with rebalances between: nothing is lost, nothing doubled.

XDRTUI_KILLS=100 and XDRTUI_SEED make it longer and other: `make soak`.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.killable import PARTITIONS
from tests.kafka.kills import RANDOM, Storm, judge, read_to_end
from xdrtui.points import POINTS

KILLS = int(os.environ.get("XDRTUI_KILLS", "10"))
SEED = int(os.environ.get("XDRTUI_SEED", "5"))
LOCAL = [point for point in POINTS if not point.startswith(("fleet.", "snapshot.", "finish."))]
FIRST = [point for point in LOCAL if point.startswith(("store.upgrade.", "reserve."))]
"""Reached while there is no workspace yet."""


def test_workers_killed_under_load_leave_what_one_clean_pass_leaves(real: Broker, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    points = order_of(dice)
    kept = {"retention.ms": "-1"}  # the messages are stamped years ago
    topic = asyncio.run(real.create_topic(new_name(), PARTITIONS, kept))
    letters = asyncio.run(real.create_topic(f"{topic}.dlq", config=kept))
    storm = Storm(tmp_path, real.bootstrap(), topic, new_name(), SEED, letters)
    report = asyncio.run(storm.run(points))
    clean = msgspec.structs.replace(storm.order, directory=str(tmp_path / "clean"), dead_letters="")
    read_to_end([storm.order, clean], storm.context)
    print("\n".join(report.lines()))

    stormy, expected = judge(storm.store, report.sent), judge(Path(clean.directory), report.sent)
    assert sum(report.kills.values()) == KILLS
    if 2 * len(LOCAL) <= KILLS:
        assert not set(LOCAL) - set(report.kills), "each point was hit"
    assert (expected.lost, expected.both) == ([], [])
    assert (stormy.lost, stormy.both) == ([], [])
    assert stormy.positions == expected.positions
    assert stormy.counts == expected.counts
    assert stormy.findings == expected.findings
    assert stormy.alerts == expected.alerts
    assert stormy.archived == expected.archived
    assert len(stormy.archived) == stormy.counts["events"]
    assert asyncio.run(keys_of(real, letters)) == stormy.dead_keys


def order_of(dice: random.Random) -> list[str]:
    """Where the workers die: every point as often as any other, and each fourth at random."""
    often = [point for point in LOCAL if point not in FIRST]
    named: list[str] = [*FIRST]
    while len(named) < KILLS:
        named += dice.sample(often, len(often))
    points: list[str] = []
    for point in named:
        points += [point, RANDOM] if len(points) % 4 == 2 else [point]
    return points[:KILLS]


async def keys_of(broker: Broker, topic: str) -> set[str]:
    """The keys of all records of a topic with one partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap(), auto_offset_reset="earliest")
    await consumer.start()
    where = TopicPartition(topic, 0)
    consumer.assign([where])
    end = (await consumer.end_offsets([where]))[where]
    keys: set[str] = set()
    while await consumer.position(where) < end:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            keys |= {record.key.decode() for record in records}
    await consumer.stop()
    return keys
