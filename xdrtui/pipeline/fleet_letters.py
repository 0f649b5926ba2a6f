"""Dead letters of a fleet's worker on their way to a topic of their own: at least once, like its findings.

In: letters, as they are found. Out: the records that a local worker's outbox sends (`outgoing.py`). A fleet's
worker has no store, so instead of an outbox the offsets wait: none is committed before the brokers have the
letters that stand below it. A topic that is missing or refuses must not stop detection for ever: after a
minute the offsets go on, what waits is kept within bounds and tried again, and a fault says so. All letters
are in the findings topic whatever happens here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from aiokafka.errors import KafkaError

from xdrtui.errors import XdrtuiError
from xdrtui.events.message import DeadLetter, Source
from xdrtui.pipeline.outgoing import RETRY_SECONDS, Sender
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings
from xdrtui.store.deadletters import LIMIT, DeadRow, Outgoing, key_of

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
MOST = 2_000
MOST_BYTES = 32_000_000
AT_ONCE = 200
LAST_SECONDS = 15.0
"""How long a worker that ends waits for what is still to be sent."""


def letters_of(topic: str, source: Source, dead: Iterable[DeadLetter]) -> list[Outgoing]:
    """These dead letters as they go out; their payloads are cut as in a store."""
    found = []
    for each in dead:
        cut = DeadLetter(each.position, each.reason, each.payload[:LIMIT], each.size, each.ingest)
        found.append(Outgoing(0, key_of(each.position), topic, DeadRow(0, cut, source)))
    return found


class Letters:
    """What is to be sent. `put` and `settled` are called by the detecting thread; the sending is a task of
    the loop. fault: why it cannot, empty while all is well."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: KafkaSettings) -> None:
        self.fault = ""
        self._loop = loop
        self._sender = Sender(settings)
        self._waiting: deque[Outgoing] = deque()
        self._bytes = 0
        self._lost = 0
        self._failing_since = 0.0
        self._changed = threading.Condition()
        self._more = asyncio.Event()
        self._closing = False
        self._task = asyncio.run_coroutine_threadsafe(self._run(), loop)

    def put(self, letters: Sequence[Outgoing]) -> None:
        """Send these. Waits while there are too many; where they cannot be sent, the oldest are let go."""
        if not letters:
            return
        with self._changed:
            self._changed.wait_for(lambda: bool(self.fault) or not self._full(), PATIENCE_SECONDS)
            self._waiting.extend(letters)
            self._bytes += sum(map(_weight, letters))
            while self._full() and len(self._waiting) > len(letters):
                self._bytes -= _weight(self._waiting.popleft())
                self._lost += 1
        self._loop.call_soon_threadsafe(self._more.set)

    def settled(self, seconds: float = 2.0) -> bool:
        """Whether offsets may be committed: all is sent, or cannot be for so long that it is waited for no
        more. Waits so long for it."""
        with self._changed:
            if not self.fault:
                self._changed.wait_for(lambda: bool(self.fault) or not self._waiting, seconds)
            given_up = self._failing_since and time.monotonic() - self._failing_since > PATIENCE_SECONDS
            return not self._waiting or bool(given_up) or self._lost > 0

    def close(self) -> None:
        """Send what waits, for a while, and let go."""
        self._closing = True
        self._loop.call_soon_threadsafe(self._more.set)
        with self._changed:
            self._changed.wait_for(lambda: bool(self.fault) or not self._waiting, LAST_SECONDS)
        self._task.cancel()
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._sender.close(), self._loop).result(LAST_SECONDS)

    def _full(self) -> bool:
        return len(self._waiting) > MOST or self._bytes > MOST_BYTES

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                if not await self._send_some() and not self._closing:
                    await asyncio.sleep(RETRY_SECONDS)

    async def _send_some(self) -> bool:
        with self._changed:
            part = list(islice(self._waiting, AT_ONCE))
        try:
            await self._sender.send(part)
        except (KafkaError, XdrtuiError, OSError, TimeoutError) as error:
            log.warning("dead letters were not sent", extra={"error": repr(error)})
            await self._sender.close()
            with self._changed:
                self._failing_since = self._failing_since or time.monotonic()
                self.fault = self._sentence(part[0].to, error)
                self._changed.notify_all()
            return False
        sent = set(map(id, part))
        with self._changed:
            while self._waiting and id(self._waiting[0]) in sent:
                self._bytes -= _weight(self._waiting.popleft())
            self.fault, self._failing_since, self._lost = "", 0.0, 0
            self._changed.notify_all()
        return True

    def _sentence(self, topic: str, error: Exception) -> str:
        gone = f" {self._lost:,} were let go:" if self._lost else ""
        return (
            f"dead letters cannot be sent to {visible(topic)} ({visible(str(error) or repr(error))[:300]});"
            f" {len(self._waiting):,} wait.{gone} the findings topic has all of them."
        )


def _weight(letter: Outgoing) -> int:
    return 500 + len(letter.row.letter.payload)
