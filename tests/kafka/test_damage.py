"""Bytes damaged on disk or wire, and batches meant to kill: one dead letter each, and reading goes on."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from zstandard import ZstdCompressor

from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.proxy import Proxy, batches
from tests.kafka.test_kafka_source import Memory, produce, source
from tests.stopwatch import Stopwatch
from xdrtui.events.message import DeadLetter
from xdrtui.pipeline.memory import resident
from xdrtui.sources import batches as own
from xdrtui.sources.generation import Stored
from xdrtui.sources.kafka import KafkaSource

Flip = Callable[[bytearray], None]


async def produce_batches(
    broker: Broker, topic: str, whole: Sequence[Sequence[bytes]], partition: int = 0, **more: Any
) -> None:
    """Each of these as one batch."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.bootstrap(), max_batch_size=20_000_000, max_request_size=20_000_000, **more
    )
    await producer.start()
    for values in whole:
        batch = producer.create_batch()
        for value in values:
            assert batch.append(key=None, value=value, timestamp=None)
        await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


async def read_all(kafka: KafkaSource, memory: Memory) -> tuple[list[bytes], list[DeadLetter]]:
    """Everything to the end, as a store would take it."""
    await kafka.start()
    values: list[bytes] = []
    dead: list[DeadLetter] = []
    async with asyncio.timeout(90):
        while not await kafka.caught_up():
            fetched = await kafka.fetch(0.2)
            values += memory.take(fetched)
            dead += [letter for each in fetched for letter in each.dead]
    await kafka.stop()
    return values, dead


async def produce_raw(broker: Broker, topic: str, batch: bytes) -> None:
    """This batch as it is."""
    client = AIOKafkaClient(bootstrap_servers=broker.bootstrap())
    await client.bootstrap()
    try:
        await client.set_topics([topic])
        node = client.cluster.leader_for_partition(TopicPartition(topic, 0))
        reply = await client.send(
            node,
            ProduceRequest(
                transactional_id=None, required_acks=-1, timeout=30_000, topics=[(topic, [(0, batch)])]
            ),
        )
        ((_, ((_, code, *_),)),) = reply.topics
        assert code == 0
    finally:
        await client.close()


def bomb_of(size: int) -> bytes:
    """A batch of one message with so many zeros, by zstd."""
    packer = ZstdCompressor(level=19).compressobj()
    body = b"\0\0\0" + b"\x01" + varint(size)  # attributes, time, offset, no key
    packed = [packer.compress(varint(len(body) + size + 1) + body)]
    packed += [packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)]
    packed += [packer.compress(b"\0"), packer.flush()]  # no headers
    records = b"".join(packed)
    now = int(time.time() * 1000)
    tail = struct.pack(">hiqqqhii", 4, 0, now, now, -1, -1, -1, 1) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, calc_crc32c(tail)) + tail


def varint(value: int) -> bytes:
    value, found = value << 1, bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def at(offset: int, fmt: str, change: Callable[[int], int]) -> Flip:
    def flip(batch: bytearray) -> None:
        (value,) = struct.unpack_from(fmt, batch, offset)
        struct.pack_into(fmt, batch, offset, change(value))

    return flip


def signed(flip: Flip) -> Flip:
    """With the checksum set right again."""

    def both(batch: bytearray) -> None:
        flip(batch)
        struct.pack_into(">I", batch, 17, calc_crc32c(bytes(batch[21:])))

    return both


def damage(flip: Flip, first: int, topic: str) -> Callable[[str, int, bytes], bytes]:
    """Flip the batch that begins at this offset, in every reply."""

    def alter(of: str, partition: int, data: bytes) -> bytes:
        changed = bytearray(data)
        for start, stop, base, _ in batches(data):
            if of == topic and base == first and stop <= len(data):
                batch = changed[start:stop]
                flip(batch)
                changed[start:stop] = batch
        return bytes(changed)

    return alter


FLIPS: dict[str, Flip] = {
    "body": at(70, ">B", lambda byte: byte ^ 0x55),
    "checksum": at(17, ">I", lambda crc: crc ^ 1),
    "codec": at(21, ">h", lambda attributes: attributes ^ 2),
    "unknown codec, signed": signed(at(21, ">h", lambda attributes: attributes | 7)),
    "not of its codec, signed": signed(at(21, ">h", lambda attributes: attributes | 4)),
    "length too long": at(8, ">i", lambda length: length + 100_000),
    "length a little longer": at(8, ">i", lambda length: length + 9),
    "length too short": at(8, ">i", lambda length: length - 5),
    "length of nothing": at(8, ">i", lambda length: 0),
    "length negative": at(8, ">i", lambda length: -length),
    "base offset later": at(0, ">q", lambda base: base + 1),
    "base offset far away": at(0, ">q", lambda base: base + 2**40),
    "base offset before": at(0, ">q", lambda base: base - 1),
    "base offset negative": at(0, ">q", lambda base: -5),
    "magic": at(16, ">b", lambda magic: 9),
    "magic of old": at(16, ">b", lambda magic: 1),
    "last offset far away": at(23, ">i", lambda delta: delta + 4),
    "last offset before": at(23, ">i", lambda delta: delta - 1),
    "count": at(57, ">i", lambda count: 2**31 - 1),
    "all its header": at(0, ">q", lambda base: 2**63 - 1),
}


@pytest.mark.parametrize("name", FLIPS)
async def test_a_damaged_batch_is_one_dead_letter_and_nothing_else_is_lost(real: Broker, name: str) -> None:
    topic, memory = await real.create_topic(new_name(), partitions=2), Memory()
    whole = [[b"0", b"1"], [b"2", b"3", b"4"], [b"5"], [b"6", b"7", b"8", b"9"]]
    await produce_batches(real, topic, whole)
    await produce(real, topic, [b"other"], partition=1)
    async with Proxy(real) as proxy:
        proxy.alter = damage(FLIPS[name], 2, topic)
        kafka = source(real, topic, memory, brokers=[proxy.bootstrap])
        values, dead = await read_all(kafka, memory)
    assert sorted(values) == [b"0", b"1", b"5", b"6", b"7", b"8", b"9", b"other"]
    (letter,) = dead
    assert letter.position[1:] == (0, 2, 0)
    assert "offsets 2 to 4" in letter.reason and "3 messages" in letter.reason
    assert letter.payload
    assert memory.at[0].next_offset == 10
    assert len(kafka.notes) == 1 and "cannot be read at offsets 2 to 4" in kafka.notes[0]


@pytest.mark.parametrize("name", ["body", "length too long", "base offset far away", "last offset far away"])
async def test_a_damaged_batch_at_the_end_is_passed_over_too(real: Broker, name: str) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce_batches(real, topic, [[b"0", b"1"], [b"2", b"3", b"4"]])
    async with Proxy(real) as proxy:
        proxy.alter = damage(FLIPS[name], 2, topic)
        values, dead = await read_all(source(real, topic, memory, brokers=[proxy.bootstrap]), memory)
    assert (values, [letter.position.offset for letter in dead]) == ([b"0", b"1"], [2])
    assert memory.at[0].next_offset == 5
    await produce_batches(real, topic, [[b"5"]])
    assert await read_all(source(real, topic, memory), memory) == ([b"5"], [])


async def test_bytes_damaged_on_their_way_cost_nothing(real: Broker) -> None:
    """The same batch comes differently each time, and at last whole: it was the wire, not the log."""
    topic, memory, seen = await real.create_topic(new_name()), Memory(), 0
    await produce_batches(real, topic, [[b"0"], [b"1"], [b"2"]])

    def noise(of: str, partition: int, data: bytes) -> bytes:
        nonlocal seen
        seen += of == topic
        flip = at(66, ">B", lambda byte: byte ^ seen)
        return data if seen > 5 else damage(flip, 1, topic)(of, partition, data)

    async with Proxy(real) as proxy:
        proxy.alter = noise
        values, dead = await read_all(source(real, topic, memory, brokers=[proxy.bootstrap]), memory)
    assert (values, dead) == ([b"0", b"1", b"2"], [])
    assert seen > 5


async def test_neighbours_that_are_damaged_are_a_letter_each(real: Broker) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce_batches(real, topic, [[b"0"], [b"1", b"2"], [b"3", b"4", b"5"], [b"6"]])
    async with Proxy(real) as proxy:
        first, second = damage(FLIPS["body"], 1, topic), damage(FLIPS["checksum"], 3, topic)
        proxy.alter = lambda of, partition, data: second(of, partition, first(of, partition, data))
        values, dead = await read_all(source(real, topic, memory, brokers=[proxy.bootstrap]), memory)
    assert values == [b"0", b"6"]
    assert [letter.position.offset for letter in dead] == [1, 3]


async def test_a_log_damaged_on_the_brokers_disk_is_passed_over(real: Broker) -> None:
    topic, memory = await real.create_topic(new_name(), partitions=2), Memory()
    await produce(real, topic, [b"good %d" % number for number in range(50)], partition=1)
    await produce_batches(real, topic, [[b"before"], [b"will be damaged", b"and this too"], [b"after"]])
    (segment,) = (real.folder / "data" / f"{topic}-0").glob("*.log")
    segment.write_bytes(segment.read_bytes().replace(b"will be damaged", b"WAS BEING DAMAGED"[:15]))
    values, dead = await read_all(source(real, topic, memory), memory)
    assert sorted(values) == sorted([b"after", b"before", *(b"good %d" % number for number in range(50))])
    assert [(letter.position.offset, letter.reason) for letter in dead] == [
        (1, "Kafka batch: bad checksum: offsets 1 to 2, 2 messages")
    ]


async def test_a_position_within_a_batch_that_is_damaged_since_goes_on_behind_it(real: Broker) -> None:
    """The record before the position lies in the batch too: nothing is read twice, the rest is one letter."""
    topic, memory = await real.create_topic(new_name()), Memory()
    await produce_batches(real, topic, [[b"0", b"1", b"2", b"3"], [b"4"]])
    memory.at = {0: Stored(2, b"whatever")}
    async with Proxy(real) as proxy:
        proxy.alter = damage(FLIPS["body"], 0, topic)
        values, dead = await read_all(source(real, topic, memory, brokers=[proxy.bootstrap]), memory)
    assert values == [b"4"]
    assert [(letter.position.offset, letter.reason) for letter in dead] == [
        (2, "Kafka batch: bad checksum: offsets 2 to 3, 2 messages")
    ]
    memory.at = {0: Stored(4, b"whatever")}
    async with Proxy(real) as proxy:
        proxy.alter = damage(FLIPS["body"], 0, topic)
        kafka = source(real, topic, memory, brokers=[proxy.bootstrap])
        assert await read_all(kafka, memory) == ([b"4"], [])
    assert "the message before 4 cannot be read any more" in kafka.notes[0]


async def test_a_headers_name_that_is_no_text_stops_nothing(real: Broker, topic: str) -> None:
    """Any producer can send it, and the client cannot take it apart: it would end the worker for ever."""
    memory = Memory()
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1_000_000)
    builder.append(0, 1_700_000_000_000, None, b"1", [("name", b"v"), ("NAME", b"v")])
    builder.append(1, 1_700_000_000_000, b"k", b"2", [])
    batch = bytearray(builder.build().replace(b"NAME", b"\xff\xfe\xfd\xfc"))
    signed(lambda batch: None)(batch)
    await produce(real, topic, [b"before"])
    await produce_raw(real, topic, bytes(batch))
    await produce(real, topic, [b"after"])
    kafka = source(real, topic, memory)
    assert await read_all(kafka, memory) == ([b"before", b"1", b"2", b"after"], [])
    assert kafka.notes == []


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd", "none"])
async def test_every_codec_is_read_and_its_bomb_is_a_dead_letter(
    real: Broker, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cap is lowered, so that snappy, which compresses little, has a bomb too."""
    defaults = own.screen.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "most", 1_000_000)
    topic, memory = await real.create_topic(new_name()), Memory()
    compression = None if codec == "none" else codec
    good = [b"line %d" % number for number in range(500)]
    bomb = [b"\0" * 3_000_000]
    whole = [good, bomb if compression else [b"x"], [b"after"]]
    await produce_batches(real, topic, whole, compression_type=compression)
    values, dead = await read_all(source(real, topic, memory), memory)
    if compression is None:
        assert (values, dead) == ([*good, b"x", b"after"], [])
        return
    assert values == [*good, b"after"]
    assert [(letter.position.offset, letter.reason) for letter in dead] == [
        (500, f"Kafka batch: {codec}: more than 1,000,000 bytes when decompressed: offset 500, 1 message")
    ]


async def test_hundreds_of_megabytes_in_a_few_kilobytes_neither_fill_memory_nor_stop_the_loop(
    real: Broker, topic: str
) -> None:
    """zstd packs 300 MB of zeros into less than 10 KB. The cap is the real one."""
    memory = Memory()
    await produce_raw(real, topic, bomb_of(300_000_000))
    await produce(real, topic, [b"after"])
    before = most = resident()
    longest = 0.0

    async def feel() -> None:
        nonlocal longest, most
        while True:
            watch = Stopwatch()
            await asyncio.sleep(0.01)
            longest, most = max(longest, watch.seconds()), max(most, resident())

    feeling = asyncio.create_task(feel())
    values, dead = await read_all(source(real, topic, memory), memory)
    feeling.cancel()
    grown = (most - before) / 1e6
    print(f"memory grew by {grown:.0f} MB at most, the loop stood still for {longest * 1000:.0f} ms at most")
    assert values == [b"after"]
    assert len(dead) == 1 and "zstd: more than 64,000,000 bytes when decompressed" in dead[0].reason
    assert grown < 200
    assert longest < 1.0


async def test_what_was_got_while_damage_was_found_is_handed_on_before_it_is_passed_over(
    real: Broker,
) -> None:
    """The word that a batch cannot be read may come first, when what stands before it has left aiokafka."""
    topic, memory = await real.create_topic(new_name()), Memory()
    whole = [[b"%d" % (10 * batch + each) for each in range(10)] for batch in range(4)]
    await produce_batches(real, topic, whole)
    async with Proxy(real) as proxy:
        proxy.alter = damage(FLIPS["body"], 20, topic)
        kafka = source(real, topic, memory, brokers=[proxy.bootstrap])
        await kafka.start()
        consumer, each = kafka._consumer, TopicPartition(topic, 0)
        values = memory.take(await kafka.fetch(0.0))
        async with asyncio.timeout(60):
            while each not in consumer.screen.suspects or not consumer.screen.suspects[each].settled:
                if consumer._getting is None and len(values) < 20:
                    consumer._getting = asyncio.create_task(consumer._get(0.2))
                await asyncio.sleep(0.05)
        assert consumer._getting is not None
        await asyncio.wait([consumer._getting])
        assert await consumer.raw.position(each) == 20 and await consumer.stands(each) == -1
        assert not await kafka.caught_up()
        async with asyncio.timeout(60):
            while not await kafka.caught_up():
                values += memory.take(await kafka.fetch(0.2))
        await kafka.stop()
    assert values == [value for batch in (0, 1, 3) for value in whole[batch]]


async def test_huge_empty_and_no_messages_go_on(real: Broker) -> None:
    topic, memory = await real.create_topic(new_name()), Memory()
    huge = bytes(range(256)) * 32_000  # 8 MB: more than one fetch asks for
    await produce_batches(real, topic, [[b"1"], [huge], [b""], [b"2"]])
    await produce(real, topic, [None], key=b"k")
    values, dead = await read_all(source(real, topic, memory), memory)
    assert (values, dead) == ([b"1", huge, b"", b"2", b""], [])


async def test_a_flood_of_bombs_is_passed_over_at_speed(
    real: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = own.screen.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "most", 10_000)
    topic, memory = await real.create_topic(new_name()), Memory()
    whole = [[b"\0" * 20_000] for _ in range(200)]
    await produce_batches(real, topic, [*whole, [b"after"]], compression_type="zstd")
    kafka = source(real, topic, memory)
    watch = Stopwatch()
    values, dead = await read_all(kafka, memory)
    assert (values, len(dead)) == ([b"after"], 200)
    assert watch.seconds() < 20.0
    assert len(kafka.notes) == 1  # the rest is said within a minute, in one sentence
