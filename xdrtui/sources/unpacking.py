"""A source whose messages go through a schema registry before they are decoded.

In: a source and a registry. Out: the same source: the same positions, payloads unpacked. While the registry
is down a partition with messages that need it waits: what was fetched of it is kept here, no more is fetched,
the fault is told, and the other partitions go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

import msgspec

from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.assigned import AskStored
from xdrtui.sources.kafka import NOBODY, KafkaSource
from xdrtui.sources.message_source import MessageSource
from xdrtui.sources.owner import Owner
from xdrtui.sources.partitions import Fetched, SourceHealth
from xdrtui.sources.reads import Reads
from xdrtui.sources.registry import Registry, RegistryDown, open_registry

RETRY_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
"""`caught_up` waits so long for a registry that is down; the partition's fault then says why it ended."""


class Unpacking:
    """See above; everything but `fetch`, `caught_up` and `health` is the inner source's."""

    def __init__(
        self, source: KafkaSource, registry: Registry, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.notes, self.mended = source.notes, source.mended
        self._source = source
        self._registry = registry
        self._clock = clock
        self._held: list[Fetched] = []
        self._left: set[tuple[str, int, int]] = set()  # placings that broke detection: not ours to take up
        self._held_since = 0.0
        self._retry_at = 0.0
        self._busy = False

    async def fetch(self, seconds: float) -> list[Fetched]:
        """What came in, unpacked; what could not be unpacked before comes first."""
        ready = []
        if self._held and self._clock() >= self._retry_at:
            waiting, self._held = self._held, []
            ready = await self._unpacked(waiting)
        if ready:
            return ready
        return await self._unpacked(await self._source.fetch(seconds))

    async def _unpacked(self, fetched: Sequence[Fetched]) -> list[Fetched]:
        self._busy = bool(fetched)  # what is being unpacked is neither in the source nor handed on
        try:
            return await self._unpacked_one_by_one(fetched)
        finally:
            self._busy = False
            while self._registry.notes:
                self.notes.append(self._registry.notes.pop(0))

    async def _unpacked_one_by_one(self, fetched: Sequence[Fetched]) -> list[Fetched]:
        ready = []
        for each in fetched:
            if not self._wanted(each):
                continue
            if any(_same(each, other) for other in self._held):
                self._held.append(each)  # it comes after what waits
                continue
            try:
                payloads, unread = await self._registry.read(each.messages.payloads)
            except RegistryDown as down:
                if self._wanted(each):
                    self._hold(each, str(down))
                continue
            if not self._wanted(each):
                continue
            self._source.take_up(each)
            ready.append(
                msgspec.structs.replace(
                    each,
                    messages=msgspec.structs.replace(each.messages, payloads=payloads),
                    unread={each.messages.offsets[index]: why for index, why in unread.items()},
                )
            )
            await asyncio.sleep(0)  # unpacking takes time: let the heartbeats out
        return ready

    def _wanted(self, fetched: Fetched) -> bool:
        return self._source.is_current(fetched) and fetched.placed not in self._left

    def _hold(self, fetched: Fetched, why: str) -> None:
        self._held_since = self._held_since or self._clock()
        self._held.append(fetched)
        self._retry_at = self._clock() + RETRY_SECONDS
        self._source.set_aside(fetched, f"{why}; it waits, and is tried again every {RETRY_SECONDS:.0f} s")

    async def caught_up(self) -> bool:
        if self._busy:
            return False
        if not self._held:
            self._held_since = 0.0
        elif self._clock() - self._held_since < PATIENCE_SECONDS:
            return False
        return await self._source.caught_up()

    def health(self) -> SourceHealth:
        return self._source.health()

    async def start(self) -> None:
        await self._source.start()

    async def stop(self) -> None:
        await self._source.stop()

    async def commit(self, done: Sequence[Fetched]) -> None:
        await self._source.commit(done)

    async def place_again(self) -> None:
        self._held.clear()
        await self._source.place_again()

    async def newly_idle(self) -> list[tuple[str, int]]:
        return await self._source.newly_idle()

    async def reads(self, held: Collection[str]) -> Reads | None:
        return await self._source.reads(held)

    def is_current(self, fetched: Fetched) -> bool:
        return self._source.is_current(fetched)

    def set_aside(self, fetched: Fetched, reason: str) -> None:
        self._left.add(fetched.placed)
        self._source.set_aside(fetched, reason)

    def stay(self) -> None:
        self._source.stay()

    def pause(self) -> None:
        self._source.pause()

    def resume(self) -> None:
        self._source.resume()


def _same(one: Fetched, other: Fetched) -> bool:
    """Of the same partition."""
    a, b = one.messages, other.messages
    return (a.source.name, a.partition) == (b.source.name, b.partition)


def open_source(
    settings: KafkaSettings,
    stored: AskStored,
    *,
    owner: Owner = NOBODY,
    until_end: bool = False,
    clock: Callable[[], int] = time.time_ns,
) -> MessageSource:
    """The source that these settings ask for. Raises SettingsError."""
    source = KafkaSource(settings, stored, owner=owner, until_end=until_end, clock=clock)
    registry = open_registry(settings)
    return Unpacking(source, registry) if registry else source
