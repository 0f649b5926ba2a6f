"""What was fetched and waits for the thread that detects: bounded by the bytes of its messages.

In: what a source fetched. Out: as much at a time as is asked for, in order. While there is no room whoever
fetches waits, so memory stays flat however far ahead a topic is and however large its messages are; one
message always passes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence

from xdrtui.sources.partitions import Fetched
from xdrtui.sources.pieces import size_of

WAITING_BYTES = 16_000_000
"""Of messages; a worker on one core takes some 0.3 s for them."""

WAITING_PIECES = 512
TAKEN_MESSAGES = 10_000
"""That are taken at a time: empty or tiny ones weigh nothing, and 256,000 of them kept a store locked for
20 s."""


class Waiting:
    """A queue of one event loop. pieces, messages: that left the source and are not settled yet, whether
    they wait here, before here, or are worked on."""

    def __init__(self, most: int = WAITING_BYTES) -> None:
        self.pieces = 0
        self.messages = 0
        self._most = most
        self._queue: deque[tuple[Fetched, int]] = deque()
        self._bytes = 0
        self._came = asyncio.Event()
        self._left = asyncio.Event()

    def count(self, fetched: Sequence[Fetched]) -> None:
        """These have left the source: they are in hand until they are settled."""
        self.pieces += len(fetched)
        self.messages += sum(len(each.messages) for each in fetched)

    def settled(self, batch: Sequence[Fetched]) -> None:
        """These are committed, or void."""
        self.pieces -= len(batch)
        self.messages -= sum(len(each.messages) for each in batch)

    async def put(self, fetched: Fetched, seconds: float) -> bool:
        """Take it; False where there was no room for so long."""
        size = size_of(fetched)
        if not self._room(size):
            self._left.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not self._room(size):
                        await self._left.wait()
                        self._left.clear()
            if not self._room(size):
                return False
        self._queue.append((fetched, size))
        self._bytes += size
        self._came.set()
        return True

    def _room(self, size: int) -> bool:
        fits = self._bytes + size <= self._most and len(self._queue) < WAITING_PIECES
        return fits or not self._queue

    async def take(self, seconds: float, room: float) -> list[Fetched]:
        """As many as hold so many bytes, at least one piece; none where nothing came for so long."""
        if not self._queue:
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._came.wait()
        batch: list[Fetched] = []
        messages = 0
        while self._queue and (not batch or (self._queue[0][1] <= room and messages < TAKEN_MESSAGES)):
            fetched, size = self._queue.popleft()
            self._bytes -= size
            room -= size
            messages += len(fetched.messages)
            batch.append(fetched)
        self._left.set()
        return batch
