"""Play recorded files again: all at once in the order of their own clocks, timed, to a program or to Kafka.

In: paths as for `open_files`. Out: `Messages` whose ingest times are the replay clock, folded over each file
in its order, exactly as a scan does it: so a scan and a replay come to the same alerts. (A message of several
events has one stamp, that of its last.)
"""

from __future__ import annotations

import asyncio
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from detectors.contract import Needs
from xdrtui.errors import BrokerError, SourceError
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import Layouts, load_layouts
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import KafkaConnection, ask_broker, connection, explained
from xdrtui.sources.files import modified, open_files, walk
from xdrtui.sources.pace import SECOND, Pace
from xdrtui.sources.stamps import stamp

BATCH_BYTES = 1_000_000
AT_ONCE = 60 * SECOND
"""Recorded time handed on at once where speed is 0: files drift apart by no more than this."""

POLL_SECONDS = 0.05
LARGEST_MESSAGE = 40_000_000
UNACKNOWLEDGED = 10_000


class Replay:
    """Files played together. Not for use by two threads at once, but for its `pace`.

    begins: the earliest recorded time; handed_on: messages so far.
    """

    def __init__(
        self,
        paths: Iterable[str | Path],
        *,
        pace: Pace | None = None,
        layouts: Layouts | None = None,
        report: Callable[[SourceError], None] | None = None,
    ) -> None:
        """report: is told of files that cannot be read, which are then left out; else SourceError."""
        self.pace = pace or Pace()
        self.handed_on = 0
        decoder = Decoder(layouts or load_layouts(), lambda event_type: Needs())
        self._streams = [_Stream(_clocked(file, decoder, report)) for file in _files(paths, report)]
        self._streams = [stream for stream in self._streams if stream.head is not None]
        dated = [stream.head for stream in self._streams if stream.head]
        self.begins = min(dated, default=0)
        self.pace.begin(self.begins)

    @property
    def ended(self) -> bool:
        """Everything was handed on."""
        return not self._streams

    @property
    def next_at(self) -> int | None:
        """Recorded time of the next message; None at the end."""
        return min((stream.head for stream in self._streams if stream.head is not None), default=None)

    def due(self) -> list[Messages]:
        """What is due now and was not handed on yet, of each file at most about 1 MB. Never waits."""
        following = self.next_at
        if following is None or (self.pace.paused and following > self.pace.now()):
            return []
        if not self.pace.speed and not self.pace.paused:
            self.pace.reach(max(following, self.begins) + AT_ONCE)
        until = self.pace.now()
        taken = [messages for stream in self._streams if (messages := stream.take(until)) is not None]
        self._streams = [stream for stream in self._streams if stream.head is not None]
        self.handed_on += sum(map(len, taken))
        return taken

    async def batches(self, stop: Callable[[], bool] | None = None) -> AsyncIterator[list[Messages]]:
        """Everything, as it becomes due; heeds `stop`, and what is done to the pace, within 0.05 s."""
        while not self.ended and not (stop is not None and stop()):
            due = self.due()
            if due:
                yield due
            else:
                left = self.pace.seconds_until(self.next_at or 0)
                await asyncio.sleep(POLL_SECONDS if left is None else min(left, POLL_SECONDS))


class _Stream:
    """One file's messages with their clock, taken from the front."""

    def __init__(self, batches: Iterator[Messages]) -> None:
        self._batches = batches
        self._batch: Messages | None = None
        self._clock: list[int] = []
        self._at = 0
        self._load()

    @property
    def head(self) -> int | None:
        """Recorded time of the next message; None at the end."""
        return None if self._batch is None else self._clock[self._at]

    def take(self, until: int) -> Messages | None:
        """The messages up to and with this time, of one batch at most."""
        batch, start = self._batch, self._at
        if batch is None or self._clock[start] > until:
            return None
        end = bisect_right(self._clock, until, lo=start)
        self._at = end
        taken = msgspec.structs.replace(
            batch,
            offsets=batch.offsets[start:end],
            payloads=batch.payloads[start:end],
            ingest=self._clock[start:end],
        )
        if end == len(self._clock):
            self._load()
        return taken

    def _load(self) -> None:
        self._batch = next((batch for batch in self._batches if len(batch)), None)
        self._clock = list(self._batch.ingest or ()) if self._batch else []
        self._at = 0


def _files(paths: Iterable[str | Path], report: Callable[[SourceError], None] | None) -> Iterator[str]:
    for path in paths:
        try:
            yield from walk(path, report) if str(path) != "-" else ("-",)
        except SourceError as error:
            if report is None:
                raise
            report(error)


def _clocked(file: str, decoder: Decoder, report: Callable[[SourceError], None] | None) -> Iterator[Messages]:
    """A file's messages, with the replay clock after each of them as its ingest time."""
    clock = ReplayClock(around=modified(file))
    last = 0
    for messages in open_files([file], batch_bytes=BATCH_BYTES, report=report):
        times = _clock_after_each(decoder.decode(messages, clock).frames, len(messages), last)
        last = times[-1] if times else last
        yield msgspec.structs.replace(messages, ingest=times)


def _clock_after_each(frames: Iterable[DecodedFrame], count: int, before: int) -> list[int]:
    """The clock after each message; a message without events does not move it. The clock never goes back."""
    times = [0] * count
    for frame in frames:
        for message, at in zip(frame.messages, frame.ingest, strict=True):
            times[message] = max(times[message], at)
    for index, at in enumerate(times):
        before = times[index] = max(before, at)
    return times


class Sent(msgspec.Struct):
    """What a replay to Kafka did."""

    messages: int = 0
    size: int = 0


def run_replay(
    paths: Iterable[str | Path],
    settings: KafkaSettings,
    topic: str,
    *,
    speed: float = 0.0,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[Sent, int], None] | None = None,
    report: Callable[[SourceError], None] | None = None,
) -> Sent:
    """Replay files to a topic: `replay_to_kafka` for those without an event loop. Blocks.

    speed: recorded seconds a second, 0 = as fast as possible. Raises SourceError, BrokerError, SettingsError.
    """
    replay = Replay(paths, pace=Pace(speed), report=report)
    return asyncio.run(replay_to_kafka(replay, connection(settings), topic, stop=stop, progress=progress))


async def replay_to_kafka(
    replay: Replay,
    to: KafkaConnection,
    topic: str,
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[Sent, int], None] | None = None,
) -> Sent:
    """Produce a replay to a topic, each file to one partition in its order, with its clock in the header.

    stop: is asked before each batch; progress: is told what was sent so far and the recorded time. Raises
    BrokerError. A worker believes these clocks only if the topic is listed under kafka.replay_topics.
    """
    partitions = (await ask_broker(to, [topic])).topics[topic]
    producer = AIOKafkaProducer(
        **to.arguments(),
        client_id="xdrtui-replay",
        enable_idempotence=True,
        compression_type="zstd",
        linger_ms=5,
        max_batch_size=256_000,
        max_request_size=LARGEST_MESSAGE,
    )
    sent = Sent()
    async with explained(to):
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
    sending = _Sending(producer, topic)
    try:
        async for batch in replay.batches(stop):
            for messages in batch:
                await sending.send(messages, _partition_of(messages, partitions))
                sent.messages += len(messages)
                sent.size += sum(map(len, messages.payloads))
            if progress is not None:
                progress(sent, replay.pace.now())
        await sending.settle(0)
    except KafkaError as error:
        raise BrokerError(f"the replay to {visible(topic)} stopped: {visible(str(error))}") from error
    finally:
        await producer.stop()
    return sent


def _partition_of(messages: Messages, partitions: int) -> int:
    return zlib.crc32(messages.source.uid.encode()) % partitions


class _Sending:
    """Messages on their way: at most so many, each checked for its acknowledgement."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._waiting: deque[tuple[asyncio.Future[object], Messages, int]] = deque()

    async def send(self, messages: Messages, partition: int) -> None:
        clocks = messages.ingest or ()
        for row, (payload, clock) in enumerate(zip(messages.payloads, clocks, strict=True)):
            try:
                future = await self._producer.send(
                    self._topic, payload, partition=partition, headers=[stamp(clock)]
                )
            except MessageSizeTooLargeError:
                raise _too_large(messages, row) from None
            self._waiting.append((future, messages, row))
        await self.settle(UNACKNOWLEDGED)

    async def settle(self, most: int) -> None:
        """Wait until at most so many are under way."""
        while len(self._waiting) > most:
            future, messages, row = self._waiting.popleft()
            try:
                await future
            except MessageSizeTooLargeError:
                raise _too_large(messages, row) from None


def _too_large(messages: Messages, row: int) -> BrokerError:
    return BrokerError(
        f"record {messages.offsets[row]} of {visible(messages.source.name)} has"
        f" {len(messages.payloads[row]):,} bytes, more than the topic takes:"
        " raise the topic's max.message.bytes, or leave the file out."
    )
