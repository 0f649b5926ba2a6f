"""Dead letters read again, when a layout or a decoder knows by now what it did not.

What comes of one has the position that its message always had, so that ids of findings and alerts are those
that they would have been; the letter goes in the same transaction as its events come. What stays unreadable
stays as it is. Watermarks do not move: a window that has passed is not opened again, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec

from xdrtui.errors import ActionRefused
from xdrtui.events.message import DeadLetter, Messages
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.correlator import LATENESS
from xdrtui.pipeline.process import Process
from xdrtui.sources.holes import BATCH
from xdrtui.store.batch import BatchResult
from xdrtui.store.deadletters import DeadRow
from xdrtui.store.store import Store


class Retried(msgspec.Struct, frozen=True):
    """What came of one dead letter. events: 0 = it stays, for `reason`; findings: new ones; decided: findings
    whose correlations' windows were already decided, so that these may not count them."""

    row: DeadRow
    events: int = 0
    findings: int = 0
    decided: int = 0
    reason: str = ""


Whole: TypeAlias = Callable[[DeadRow], bytes | None]
Unpack: TypeAlias = Callable[[DeadRow, bytes], tuple[bytes, str]]


class NotNow(Exception):
    """What would unpack a message gives no answer now; `str(error)` is a clause."""


def retry(
    store: Store,
    process: Process,
    rows: Iterable[DeadRow],
    whole: Whole = lambda row: None,
    unpack: Unpack = lambda row, payload: (payload, ""),
) -> Iterator[Retried]:
    """Read each again and store what comes of it. whole: gets the payload of one that was cut, from where it
    stands, or None; unpack: what its topic's schema registry makes of a payload, and why it does not (raises
    NotNow). Raises StoreBusy, StoreError."""
    for row in rows:
        try:
            yield _one(store, process, row, whole, unpack)
        except NotNow as why:
            yield Retried(row, reason=str(why))


def _one(store: Store, process: Process, row: DeadRow, whole: Whole, unpack: Unpack) -> Retried:
    letter = row.letter
    payload: bytes | None = letter.payload
    if letter.reason.startswith(BATCH):
        return Retried(row, reason="it is a batch of Kafka that came damaged, not a message")
    why = ""
    if row.cut:
        payload = whole(row)
        same = payload is not None and _is(letter, payload)
        if payload is not None:
            payload, why = unpack(row, payload)
            same = same or _is(letter, payload)
        if not same:
            kept = f"only {len(letter.payload):,} of its {letter.size:,} bytes are kept"
            return Retried(row, reason=f"{kept}, and the message is no longer where it stood")
    else:
        payload, why = unpack(row, letter.payload)
    assert payload is not None
    result = _read(process, row, payload)
    events = result.counts.get("events", 0)
    if result.dead or not events:
        reason = result.dead[0].reason if result.dead else "it holds no event"
        return Retried(row, reason=f"{why} ({reason})" if why else reason)
    if letter.position.index and events > 1:  # the numbers after it are its neighbours'
        return Retried(row, reason=f"this part of a message is {events} events now")
    watermark = store.watermark()
    late = [one for one in result.found if one.feeds and one.window_time <= (watermark or 0) - LATENESS]
    try:
        committed = store.commit_batch(result)
    except ActionRefused:
        return Retried(row, reason="somebody else retried it")
    return Retried(row, events, committed.findings, len(late))


def _is(letter: DeadLetter, payload: bytes) -> bool:
    """As far as can be seen: of one that was discarded, its size alone is known."""
    return payload.startswith(letter.payload) if letter.payload else len(payload) == letter.size


def _read(process: Process, row: DeadRow, payload: bytes) -> BatchResult:
    """What the message gives today, as a batch that moves no position and takes the dead letter's place."""
    letter = row.letter
    at = letter.position
    came = [letter.ingest] if letter.ingest else None
    messages = Messages(row.source, at.partition, [at.offset], [payload], came)
    result = process.run(messages, None if came else ReplayClock())
    counts = {name: n for name, n in result.counts.items() if name != "messages"}
    counts["dead"] = counts.get("dead", 0) - 1
    found = [
        msgspec.structs.replace(one, position=one.position._replace(index=one.position.index + at.index))
        for one in result.found
    ]
    return msgspec.structs.replace(result, found=found, counts=counts, marks=[], revived=[at])
