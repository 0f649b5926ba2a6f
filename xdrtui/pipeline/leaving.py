"""Wait no longer for partitions that nobody reads any more.

A topic that was deleted, or taken out of the settings, has partitions that hold windows of correlations open
for events that never come. Each minute a worker looks which those are. What is found so twice in a row is
left: a topic may be made again within a minute, and workers that begin together come to know of one another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from xdrtui.errors import Fenced, StoreBusy
from xdrtui.sources.message_source import MessageSource
from xdrtui.sources.reads import Reads
from xdrtui.store.reading import Unread

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


class Leaver(Protocol):
    """What knows which partitions hold windows open; a worker's sink, see `sink.py`."""

    def held(self) -> Sequence[str]:
        """The topics whose partitions hold windows open."""

    def unread(self, reads: Reads) -> Sequence[Unread]:
        """Partitions that hold windows open and that nobody reads."""

    def leave(self, gone: Sequence[Unread]) -> None:
        """These hold no window open any more."""


class Leaving:
    """call: runs a function in the thread that the sink belongs to."""

    def __init__(self, source: MessageSource, sink: Leaver, call: Callable[..., Awaitable[Any]]) -> None:
        self._source = source
        self._sink = sink
        self._call = call
        self._before: set[tuple[str, int]] = set()

    async def watch(self, stopping: asyncio.Event, ended: Callable[[], bool]) -> None:
        """Look each minute until it stops; once more where all was read to its end."""
        while not stopping.is_set():
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), LOOK_SECONDS)
        if ended():
            await self.look()

    async def look(self) -> None:
        """See which partitions nobody reads, and leave those of which it was so before."""
        try:
            await self._look()
        except StoreBusy:
            return
        except Fenced as fenced:  # a fleet's sink could not make safe what it held: it is read again
            log.warning("fenced off", extra={"reason": str(fenced)})
            await self._source.place_again()

    async def _look(self) -> None:
        reads = await self._source.reads(await self._call(self._sink.held))
        if reads is None:
            return
        found = await self._call(self._sink.unread, reads)
        if gone := [each for each in found if (each.source, each.partition) in self._before]:
            await self._call(self._sink.leave, gone)
        self._before = {(each.source, each.partition) for each in found}
