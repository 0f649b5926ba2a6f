"""A look at topics as they go by: no group, no findings, nothing stored, however far behind a worker is.

In: topics and a filter. Out: the latest rows in a bounded ring, and counts that are true of all that came
in. It begins at the end; where more comes in than may be shown, a sample is decoded, and where even reading
falls behind, it jumps to the end again and says how much it skipped. A broker that is lost is said within
seconds, and reading goes on where it was once it is back. Nothing here touches a worker's place.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from detectors.contract import Needs
from xdrtui.errors import XdrtuiError
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import Layouts, load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.hunt.glance import Glance
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection, explained
from xdrtui.sources.screen import Screen
from xdrtui.sources.stamps import ingest_times, replay_times
from xdrtui.sources.topics import named, value_for
from xdrtui.store.live import RAW_LIMIT, LiveRow

CAP = 5_000
ROWS_A_SECOND = 200
FAR = 20_000
"""Messages of a partition behind its end, from which on the tail jumps."""

LOOKS_A_SECOND = 2_000
"""Messages that are decoded at most to hold a query against them."""

FETCH_BYTES = 1_000_000
FETCH_MESSAGES = 2_000
POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0
SILENCE_SECONDS = 1.0
"""Without a message for so long, the broker is asked whether it is there at all."""

ANSWER_SECONDS = 2.0


class TailCounts(msgspec.Struct):
    """received: messages that came in; matched: of those, the ones that may fit the query, without those that
    were looked at and do not; shown: rows made; sampled_out: matched and not looked at, or fitting and not
    shown, too many at once; skipped: jumped over, never received."""

    received: int = 0
    matched: int = 0
    shown: int = 0
    sampled_out: int = 0
    skipped: int = 0


class Tail:
    """Reads in a thread of its own from `start` to `close`; `after` and `counts` are for any other thread.

    query: as `hunt` takes it, only what fits it is shown; last: begin so many messages before the end;
    fault: why nothing comes in just now, empty while all is well. Raises QueryError.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str] = (),
        *,
        query: str = "",
        last: int = 0,
        cap: int = CAP,
        rows_a_second: int = ROWS_A_SECOND,
        far: int = FAR,
        layouts: Layouts | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.fault = ""
        self.failure: XdrtuiError | None = None
        self._settings = settings
        self._topics = list(topics or settings.topics)
        self._clock = clock
        self._glance = Glance(query, clock())
        self._last = last
        self._places: dict[TopicPartition, int] = {}
        self._rate = rows_a_second
        self._far = far
        self._layouts = layouts
        self._ring: deque[LiveRow] = deque(maxlen=cap)
        self._counts = TailCounts()
        self._number = 0
        self._to_show = _Allowance(rows_a_second, last)
        self._to_look_at = _Allowance(LOOKS_A_SECOND, last)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._began = threading.Event()
        self._decoder: Decoder
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)

    def start(self) -> None:
        """Connect. Raises BrokerError, SettingsError."""
        self._thread.start()
        self._began.wait()
        if self.failure is not None:
            self._thread.join()
            raise self.failure

    def close(self) -> None:
        """Let go of the broker, also while it is being connected to; takes a moment."""
        self._closing.set()
        self._stop()
        self._thread.join(10.0)

    def look_for(self, query: str) -> None:
        """From now on show only what fits this. Raises QueryError."""
        self._glance = Glance(query, self._clock())

    def __enter__(self) -> Tail:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def after(self, last: int, limit: int) -> list[LiveRow]:
        """Rows whose number is above `last`, oldest first; where there are more than `limit`, the latest."""
        with self._lock:
            return [row for row in self._ring if row.id > last][-limit:]

    def counts(self) -> TailCounts:
        with self._lock:
            return msgspec.structs.replace(self._counts)

    def first(self) -> int:
        """Number of the oldest row that is still there; 0 = none yet."""
        with self._lock:
            return self._ring[0].id if self._ring else 0

    # --- in the thread

    def _run(self) -> None:
        try:
            self._decoder = Decoder(self._layouts or load_layouts(), lambda event_type: Needs())
            while not self._closing.is_set():
                try:
                    asyncio.run(self._until_closed())
                except XdrtuiError as error:
                    self.fault = str(error)
                    if not self._began.is_set():
                        self.failure = error
                        break
                except (KafkaError, OSError) as error:
                    self.fault = visible(f"{type(error).__name__}: {error}")[:500]
                self._closing.wait(RETRY_SECONDS)
        finally:
            self._began.set()

    async def _until_closed(self) -> None:
        """Read, until `close` says otherwise, which may be while it connects."""
        loop, reading = asyncio.get_running_loop(), asyncio.ensure_future(self._read())

        def stop() -> None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(reading.cancel)

        self._stop = stop
        if self._closing.is_set():
            reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading

    async def _read(self) -> None:
        to = connection(self._settings)
        report = await ask_broker(to, self._topics)
        consumer = AIOKafkaConsumer(
            **to.arguments(),
            client_id="xdrtui-tail",
            auto_offset_reset="latest",
            isolation_level="read_committed",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
            check_crcs=False,  # the screen does
        )
        screen = Screen(consumer._client)
        try:
            async with explained(to):
                await consumer.start()
            every = [TopicPartition(topic, n) for topic, count in report.topics.items() for n in range(count)]
            consumer.assign(every)
            async with explained(to):
                await self._begin(consumer, every)
            self.fault = ""
            self._began.set()
            heard = time.monotonic()
            while not self._closing.is_set():
                got = await consumer.getmany(timeout_ms=int(POLL_SECONDS * 1000), max_records=FETCH_MESSAGES)
                for each, records in got.items():
                    self._take(report.cluster, each, records)
                    self._places[each] = records[-1].offset + 1
                await screen.go_past(consumer)
                if got:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE_SECONDS:
                    async with explained(to):
                        await self._ask(consumer, every)
                    heard = time.monotonic()
                await self._jump(consumer, every)
        finally:
            await consumer.stop()

    async def _ask(self, consumer: Any, every: Sequence[TopicPartition]) -> None:
        """Is the broker there? Said at once where it is not; its cause is looked for afterwards."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await consumer.end_offsets(every)
        except (KafkaError, OSError):
            self.fault = f"the broker at {visible(self._settings.brokers[0])} does not answer, tried again"
            raise

    async def _begin(self, consumer: Any, every: Sequence[TopicPartition]) -> None:
        firsts = await consumer.beginning_offsets(every)
        ends = await consumer.end_offsets(every)
        each_last = -(-self._last // max(1, len(every)))
        for each in every:
            at = max(firsts[each], ends[each] - each_last)
            if firsts[each] <= self._places.get(each, -1) <= ends[each]:
                at = self._places[each]  # the broker is back, and it goes on where it was
            consumer.seek(each, at)
            self._places[each] = at
        self._last = 0

    async def _jump(self, consumer: Any, every: Sequence[TopicPartition]) -> None:
        for each in every:
            end = consumer.highwater(each)
            if end is None:
                continue
            at = await consumer.position(each)
            if end - at > self._far:
                consumer.seek(each, end)
                self._places[each] = end
                with self._lock:
                    self._counts.skipped += end - at

    def _take(self, cluster: str, each: TopicPartition, records: Sequence[Any]) -> None:
        glance = self._glance
        suspects = [records[place] for place in glance.suspects([record.value or b"" for record in records])]
        room = self._to_show.room() if glance.expression is None else self._to_look_at.room()
        chosen = _spread(suspects, room)
        rows = [row for row in self._rows(cluster, each, chosen) if glance.fits(row)] if chosen else []
        shown = _spread(rows, self._to_show.room())
        self._to_show.take(len(shown))
        self._to_look_at.take(len(chosen))
        unfit = 0 if glance.expression is None else max(0, len(chosen) - len(rows))
        with self._lock:
            counts = self._counts
            counts.received += len(records)
            counts.matched += len(suspects) - unfit
            counts.shown += len(shown)
            counts.sampled_out += len(suspects) - len(chosen) + len(rows) - len(shown)
            for row in shown:
                self._number += 1
                self._ring.append(msgspec.structs.replace(row, id=self._number))

    def _rows(self, cluster: str, each: TopicPartition, records: Sequence[Any]) -> list[LiveRow]:
        replay = named(self._settings.replay_topics, each.topic)
        source = Source(
            f"kafka:{cluster}:{each.topic}:tail",
            each.topic,
            "replay" if replay else "kafka",
            value_for(self._settings.layouts, each.topic) or "",
        )
        messages = Messages(
            source,
            each.partition,
            [record.offset for record in records],
            [record.value or b"" for record in records],
            replay_times(records) if replay else ingest_times(records, self._clock()),
        )
        decoded = self._decoder.decode(messages)
        rows = [
            (frame.messages[row], frame.times[row], frame.frame.event_type.name, frame.core(row),
             frame.summary(row), frame.frame.raws[row])
            for frame in decoded.frames
            for row in range(frame.rows)
        ]  # fmt: skip
        rows.sort(key=lambda row: row[0])
        found = [
            LiveRow(0, at, event_type, core.host, core.user, summary, raw[:RAW_LIMIT])
            for _, at, event_type, core, summary, raw in rows
        ]
        for letter in decoded.dead:
            text = f"cannot be read: {letter.reason}"
            found.append(LiveRow(0, letter.ingest, "dead letter", "", "", text, letter.payload[:RAW_LIMIT]))
        return found


class _Allowance:
    """So many a second; those of one second may be taken at once, and at first as many as are asked for."""

    def __init__(self, a_second: int, first: int) -> None:
        self._a_second = a_second
        self._left = float(max(a_second, first))
        self._filled = time.monotonic()

    def room(self) -> int:
        now = time.monotonic()
        grown = self._left + (now - self._filled) * self._a_second
        most = max(float(self._a_second), self._left)
        self._left, self._filled = min(most, grown), now
        return max(0, int(self._left))

    def take(self, count: int) -> None:
        self._left -= count


T = TypeVar("T")


def _spread(records: list[T], room: int) -> list[T]:
    """At most so many, evenly over all of them, the last one among them."""
    if len(records) <= room:
        return records
    if room <= 0:
        return []
    step = len(records) / room
    return [records[int((number + 1) * step) - 1] for number in range(room)]
