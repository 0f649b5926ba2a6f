"""What was fetched of one partition, through detection: the same for a local worker and a fleet's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import msgspec

from xdrtui.events.message import DeadLetter
from xdrtui.pipeline.gaps import gap, is_gap
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.sink import Broken
from xdrtui.sources.partitions import Fetched
from xdrtui.store.batch import BatchResult, Mark

log = logging.getLogger(__name__)


def detect(process: Process, fetched: Fetched, clock: Callable[[], int] = time.time_ns) -> BatchResult:
    """All that it brings, with the mark that moves its position on. clock: dates the noticing of a gap, which
    has no time of its own. Raises Broken."""
    messages = fetched.messages
    mark = Mark(messages.source.uid, messages.partition, fetched.next_offset, fetched.anchor, 0)
    result = BatchResult(marks=[mark], sources=[messages.source])
    if len(messages):
        try:
            result = process.run(messages)
        except Exception as error:  # one partition's trouble must not stop the others
            log.exception("detection failed", extra={"source": messages.source.uid})
            raise Broken(fetched, f"{type(error).__name__}: {error}"[:500]) from error
        if fetched.unread:
            result.dead = [_with_reason(letter, fetched.unread) for letter in result.dead]
    elif fetched.dead:  # a range that cannot be read is one message, and one letter
        result.dead = list(fetched.dead)
        result.counts = {"messages": len(fetched.dead), "dead": len(fetched.dead)}
    elif is_gap(fetched):
        result.found = [gap(fetched, clock)]
    result.marks = [
        msgspec.structs.replace(
            mark,
            next_offset=fetched.next_offset,
            anchor=fetched.anchor,
            start=fetched.start,
            generation=fetched.generation,
        )
        for mark in result.marks
    ]
    return result


def _with_reason(letter: DeadLetter, unread: Mapping[int, str]) -> DeadLetter:
    """What the schema registry says of it comes before what the decoder makes of its bytes."""
    why = unread.get(letter.position.offset)
    return letter if why is None else msgspec.structs.replace(letter, reason=f"{why} ({letter.reason})")
