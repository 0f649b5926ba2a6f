"""Dead letters on their way to a topic of their own: at least once, each under a key that never changes.

In: the outbox rows that were written with the batch. Out: records with the payload as value, the key as key
and in the header `xdrtui-key`, and position and reason in headers, so that who reads the topic can tell a
letter that came twice. What fails stays in the outbox and is tried again; it is said aloud and stops nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from xdrtui.errors import SettingsError, StoreBusy, XdrtuiError
from xdrtui.plain import visible
from xdrtui.points import reach
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import connection
from xdrtui.sources.topics import named
from xdrtui.store.deadletters import Outgoing

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
RETRY_SECONDS = 10.0
REQUEST_MS = 10_000
LAST_SECONDS = 15.0
"""How long a worker that ends waits for what is still to be sent: longer than the lease of a killed one."""

KEY = "xdrtui-key"


class Outbox(Protocol):
    """Where what is to be sent stands; called in the detecting thread. due: None while another process
    sends."""

    def due(self) -> Sequence[Outgoing] | None: ...
    def sent(self, ids: Sequence[int]) -> None: ...
    def failed(self, ids: Sequence[int], fault: str) -> None: ...


def topic_for_dead_letters(settings: KafkaSettings) -> str:
    """The topic, empty for none. Raises SettingsError where it would be read again as a source."""
    topic = settings.dead_letter_topic
    if named(settings.topics, topic):
        raise SettingsError(
            f"kafka.dead_letter_topic {visible(topic)} is also one of kafka.topics: its letters would come"
            " back for ever; name another topic."
        )
    return topic


async def forward(
    settings: KafkaSettings,
    outbox: Outbox,
    call: Callable[..., Awaitable[Any]],
    stopping: asyncio.Event,
    patient: Callable[[], bool],
) -> None:
    """Send what is due until told to stop, and then once more what is there. call: runs a function in the
    detecting thread; patient: whether to wait at the end for another process, killed perhaps, that has the
    lease. Nothing of Kafka's is raised: it is noted with the letters and tried again."""
    sender = Sender(settings)
    try:
        while not stopping.is_set():
            wait = RETRY_SECONDS if await _round(sender, outbox, call) == "failed" else POLL_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait)
        with contextlib.suppress(TimeoutError, StoreBusy):
            async with asyncio.timeout(LAST_SECONDS):
                while await _round(sender, outbox, call) == "theirs" and patient():
                    await asyncio.sleep(POLL_SECONDS)
    finally:
        await sender.close()


async def _round(
    sender: Sender, outbox: Outbox, call: Callable[..., Awaitable[Any]]
) -> Literal["sent", "failed", "theirs"]:
    """Send all that is due; "theirs" where another process does."""
    while due := await call(outbox.due):
        ids = [each.id for each in due]
        try:
            reach("outbox.send.before")
            await sender.send(due)
            reach("outbox.send.after")
        except (KafkaError, XdrtuiError, OSError, TimeoutError) as error:
            fault = (
                f"dead letters cannot be sent to {visible(due[0].to)}: {visible(str(error) or repr(error))}"
            )
            log.warning("dead letters were not sent", extra={"error": repr(error)})
            await call(outbox.failed, ids, fault)
            await sender.close()
            return "failed"
        await call(outbox.sent, ids)
        reach("outbox.marked")
    return "theirs" if due is None else "sent"


class Sender:
    """A producer that is made when there is something to send."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._producer: Any = None

    async def send(self, letters: Sequence[Outgoing]) -> None:
        """Send them and wait until every broker has them."""
        if self._producer is None:
            producer = AIOKafkaProducer(
                **connection(self.settings).arguments(),
                client_id="xdrtui-dead-letters",
                enable_idempotence=True,
                max_request_size=1_000_000,
                request_timeout_ms=REQUEST_MS,
            )
            await producer.start()
            self._producer = producer
        sent = [
            await self._producer.send(
                each.to, value=each.row.letter.payload, key=each.key.encode(), headers=headers_of(each)
            )
            for each in letters
        ]
        await asyncio.gather(*sent)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, OSError):
                await producer.stop()


def headers_of(letter: Outgoing) -> list[tuple[str, bytes]]:
    """What is told beside the payload: key, where the message stood, why it could not be read, its whole size
    (the payload is cut at 64 KB), when it came in (nanoseconds since 1970 UTC)."""
    row = letter.row
    position = row.letter.position
    texts = {
        KEY: letter.key,
        "source": row.source.name,
        "uid": position.source,
        "partition": str(position.partition),
        "offset": str(position.offset),
        "index": str(position.index),
        "reason": row.letter.reason,
        "size": str(row.letter.size),
        "ingest": str(row.letter.ingest),
    }
    return [(name, text.encode("utf-8", "replace")) for name, text in texts.items()]
