"""A look at topics as they go by: no group, no findings, nothing stored, however far behind a worker is.

In: topics and a filter. Out: the latest rows in a bounded ring, and counts that are true of all that came
in. It begins at the end, or a little before it; where more comes in than may be shown, a sample is decoded,
and where even reading falls behind, it jumps to the end again and says how much it skipped. A broker that is
lost is said within seconds, and reading goes on where it was once it is back. Nothing here touches a worker's
place. Reading is `sources.onlooker`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from detectors.contract import Needs
from xdrtui.errors import XdrtuiError
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import Layouts, load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.hunt.glance import Glance
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.onlooker import Onlooker
from xdrtui.sources.registry import Registry, RegistryDown, open_registry
from xdrtui.sources.stamps import ingest_times, replay_times
from xdrtui.sources.topics import named, value_for
from xdrtui.store.live import RAW_LIMIT, LiveRow

CAP = 5_000
ROWS_A_SECOND = 200
FAR = 20_000
"""Messages of a partition behind its end, from which on the tail jumps."""

LOOKS_A_SECOND = 2_000
"""Messages that are decoded at most to hold a query against them."""

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0
HOLD_SECONDS = 2.0
"""So long what was there before is waited for, to be shown in order."""

Places: TypeAlias = Mapping[TopicPartition, int]
"""Where a look goes on, partition by partition."""

_Found: TypeAlias = tuple[int, LiveRow]
"""When it came in, milliseconds since 1970 UTC, and what is shown of it."""


class TailCounts(msgspec.Struct):
    """received: messages that came in; matched: of those, the ones that may fit the query, without those that
    were looked at and do not; shown: rows made; sampled_out: matched and not looked at, or fitting and not
    shown, too many at once; skipped: jumped over, never received; earlier: of those received, what was there
    before one began to look."""

    received: int = 0
    matched: int = 0
    shown: int = 0
    sampled_out: int = 0
    skipped: int = 0
    earlier: int = 0


class Tail:
    """Reads in a thread of its own from `start` to `close`; `after` and `counts` are for any other thread.

    query: as `hunt` takes it, only what fits it is shown; last: begin so many messages before the end, but
    where `places` (those of an earlier look) says where to go on. Raises QueryError.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str] = (),
        *,
        query: str = "",
        last: int = 0,
        places: Places | None = None,
        cap: int = CAP,
        rows_a_second: int = ROWS_A_SECOND,
        far: int = FAR,
        layouts: Layouts | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._fault = ""
        self.failure: XdrtuiError | None = None
        self._settings = settings
        self._clock = clock
        self._glance = Glance(query, clock())
        self._registry: Registry | None = None
        self._onlooker = Onlooker(
            settings, topics or settings.topics, "xdrtui-tail", last=last, far=far, places=places or {}
        )
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

    @property
    def fault(self) -> str:
        """Why nothing comes in just now, or what is wrong with it; empty while all is well."""
        return self._fault or self._onlooker.fault

    def places(self) -> Places:
        """Where the next look goes on, once this one is closed."""
        return dict(self._onlooker.places)

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
                    self._fault = str(error)
                    if not self._began.is_set():
                        self.failure = error
                        break
                except (KafkaError, OSError) as error:
                    self._fault = visible(f"{type(error).__name__}: {error}")[:500]
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
        self._registry = self._registry or open_registry(self._settings)
        async with self._onlooker as onlooker:
            self._fault = ""
            self._began.set()
            held: list[_Found] | None = []
            hold_until = time.monotonic() + HOLD_SECONDS
            while not self._closing.is_set():
                got = await onlooker.fetch(POLL_SECONDS)
                found = [row for each, records in got.items() for row in await self._take(each, records)]
                if held is not None:  # what was there before is shown in order of its times
                    held += found
                    if time.monotonic() < hold_until and await onlooker.behind():
                        continue
                    found, held = sorted(held, key=lambda each: each[0]), None
                self._show(found, onlooker.skipped)

    def _show(self, found: Sequence[_Found], skipped: int) -> None:
        with self._lock:
            self._counts.skipped = skipped
            for _, row in found:
                self._number += 1
                self._ring.append(msgspec.structs.replace(row, id=self._number))

    async def _take(self, each: TopicPartition, records: Sequence[Any]) -> Sequence[_Found]:
        """What is to be shown of these; all are counted."""
        glance, registry = self._glance, self._registry
        payloads = [record.value or b"" for record in records]
        suspects: Sequence[int] = range(len(records)) if registry else glance.suspects(payloads)
        room = self._to_show.room() if glance.expression is None else self._to_look_at.room()
        chosen = _spread(suspects, room)
        rows = await self._rows(each, [records[place] for place in chosen]) if chosen else []
        rows = [row for row in rows if glance.fits(row[1])]
        shown = _spread(rows, self._to_show.room())
        self._to_show.take(len(shown))
        self._to_look_at.take(len(chosen))
        unfit = 0 if glance.expression is None else max(0, len(chosen) - len(rows))
        earlier = sum(self._onlooker.was_there(each, record.offset) for record in records)
        with self._lock:
            counts = self._counts
            counts.received += len(records)
            counts.earlier += earlier
            counts.matched += len(suspects) - unfit
            counts.shown += len(shown)
            counts.sampled_out += len(suspects) - len(chosen) + len(rows) - len(shown)
        return shown

    async def _rows(self, each: TopicPartition, records: Sequence[Any]) -> list[_Found]:
        replay = named(self._settings.replay_topics, each.topic)
        source = Source(
            f"kafka:{self._onlooker.cluster}:{each.topic}:tail",
            each.topic,
            "replay" if replay else "kafka",
            value_for(self._settings.layouts, each.topic),
        )
        messages = Messages(
            source,
            each.partition,
            [record.offset for record in records],
            await self._payloads([record.value or b"" for record in records]),
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
            (records[place].timestamp, LiveRow(0, at, kind, core.host, core.user, summary, raw[:RAW_LIMIT]))
            for place, at, kind, core, summary, raw in rows
        ]
        for letter in decoded.dead:
            text = f"cannot be read: {letter.reason}"
            row = LiveRow(0, letter.ingest, "dead letter", "", "", text, letter.payload[:RAW_LIMIT])
            found.append((letter.ingest // 1_000_000, row))
        return found

    async def _payloads(self, payloads: list[bytes]) -> list[bytes]:
        """As a worker would read them; where the registry gives no answer, as they came, and that is said."""
        if self._registry is None:
            return payloads
        try:
            payloads = await self._registry.unpack(payloads)
        except RegistryDown as down:
            self._fault = f"{down}: messages are shown as they came"
        else:
            self._fault = ""
        return payloads


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


def _spread(records: Sequence[T], room: int) -> Sequence[T]:
    """At most so many, evenly over all of them, the last one among them."""
    if len(records) <= room:
        return records
    if room <= 0:
        return []
    step = len(records) / room
    return [records[int((number + 1) * step) - 1] for number in range(room)]
