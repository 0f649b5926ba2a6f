"""A bad way to a broker: a TCP proxy on the loopback that alters, delays, stalls, cuts and halves replies.

It stands where the broker's PROXIED listener tells clients to come. It knows of Kafka's protocol only which
replies are fetch replies; these it can take apart, and put together with other bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable, Iterator
from io import BytesIO

from aiokafka.protocol.fetch import FetchResponse_v11

from tests.kafka.broker import Broker

_FETCH, _VERSION = 1, 11

Alter = Callable[[str, int, bytes], bytes]
"""Topic, partition, batches -> the batches that the client is to see."""


class Proxy:
    """alter: what is done to the batches of fetch replies; delay: seconds before each reply; halves: so many
    replies are cut in their middle, with the connection; replies: fetch replies with data so far."""

    def __init__(self, broker: Broker, listener: str = "PROXIED") -> None:
        self.bootstrap = f"127.0.0.1:{broker.proxied[listener]}"
        self.alter: Alter | None = None
        self.delay = 0.0
        self.halves = 0
        self.replies = 0
        self._to = broker.ports[listener]
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        host, _, port = self.bootstrap.rpartition(":")
        self._server = await asyncio.start_server(self._serve, host, int(port))
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stall(self) -> None:
        """Hold back all replies, with the connections open."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """Close all connections there are."""
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        asked: dict[int, tuple[int, int]] = {}
        there: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            answers, there = await asyncio.open_connection("127.0.0.1", self._to, limit=2**26)
            self._writers.add(there)
            both = [self._requests(reader, there, asked), self._replies(answers, writer, asked)]
            tasks = [asyncio.ensure_future(each) for each in both]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, there):
            if end is not None:
                self._writers.discard(end)
                end.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await end.wait_closed()
        self._tasks.discard(task)

    async def _requests(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, asked: dict[int, tuple[int, int]]
    ) -> None:
        while True:
            frame = await _frame(reader)
            api, version, number = struct.unpack_from(">hhi", frame)
            asked[number] = api, version
            there.write(struct.pack(">i", len(frame)) + frame)
            await there.drain()

    async def _replies(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, tuple[int, int]]
    ) -> None:
        while True:
            frame = await _frame(answers)
            (number,) = struct.unpack_from(">i", frame)
            if asked.pop(number, None) == (_FETCH, _VERSION):
                frame = frame[:4] + self._altered(frame[4:])
            await self._flows.wait()
            if self.delay:
                await asyncio.sleep(self.delay)
            sent = struct.pack(">i", len(frame)) + frame
            if self.halves and len(frame) > 200:
                self.halves -= 1
                writer.write(sent[: len(sent) // 2])
                await writer.drain()
                return
            writer.write(sent)
            await writer.drain()

    def _altered(self, body: bytes) -> bytes:
        reply = FetchResponse_v11.decode(BytesIO(body))
        brought = sum(bool(part[-1]) for _, parts in reply.topics for part in parts)
        self.replies += brought
        if self.alter is None or not brought:
            return body
        reply.topics = [
            (topic, [(part[0], *part[1:-1], self.alter(topic, part[0], part[-1] or b"")) for part in parts])
            for topic, parts in reply.topics
        ]
        return bytes(reply.encode())


def batches(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each batch: where it begins and ends in `data`, its first and last offset."""
    at = 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        (delta,) = struct.unpack_from(">i", data, at + 23)
        yield at, at + 12 + length, base, base + delta
        at += 12 + length


async def _frame(reader: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    return await reader.readexactly(size)
