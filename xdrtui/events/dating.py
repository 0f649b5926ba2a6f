"""Every event of a batch is given its times: what windows use, when it came in, and how good that is.

In: frames, with what their rows state; ingest times, or the replay clock that stands for them. Out: the
frames' `times`, `ingest` and `quality` are set. The clock goes over all rows in message order, so that
neither batch size nor the order of frames changes a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from xdrtui.events.times import (
    LIVE_AHEAD,
    LIVE_BACK,
    OUTSIDE,
    SALVAGED,
    UNDATED,
    ReplayClock,
    Stated,
    parse_time,
)


class Rows(Protocol):
    """What is to be dated: see `frame.DecodedFrame`."""

    messages: Sequence[int]
    indexes: Sequence[int]
    stated: Sequence[Stated]
    repaired: set[int]
    times: Sequence[int]
    ingest: Sequence[int]
    quality: Sequence[int]


_HOLE: Any = object()


def date_in_order(frames: Sequence[Rows], ingest: Sequence[int] | None, clock: ReplayClock | None) -> None:
    """Date all rows of a batch. Costs about 0.3 us an event."""
    if ingest is not None:
        for frame in frames:
            came = list(map(ingest.__getitem__, frame.messages))
            stated: list[Any] = list(frame.stated)
            if str in set(map(type, stated)):  # stamps without a year
                stated = [_full(text, at) for text, at in zip(stated, came, strict=True)]
            _settle(frame, stated, came, _held_against(stated, came))
        return
    slots, size = _slots(frames)
    merged: list[Any] = [_HOLE] * size
    for frame, slot in zip(frames, slots, strict=True):
        for place, text in zip(slot, frame.stated, strict=True):
            merged[place] = text
    if size == sum(map(len, slots)):
        clocks, quality = _fold(merged, clock or ReplayClock())
    else:
        there = [place for place, text in enumerate(merged) if text is not _HOLE]
        dense = [merged[place] for place in there]
        dense_clocks, dense_quality = _fold(dense, clock or ReplayClock())
        clocks, quality = [0] * size, bytearray(size)
        for place, text, at, flag in zip(there, dense, dense_clocks, dense_quality, strict=True):
            merged[place], clocks[place], quality[place] = text, at, flag
    good = not any(quality)
    for frame, slot in zip(frames, slots, strict=True):
        flags = bytearray(len(slot)) if good else bytearray(map(quality.__getitem__, slot))
        _settle(frame, list(map(merged.__getitem__, slot)), list(map(clocks.__getitem__, slot)), flags)


def _slots(frames: Sequence[Rows]) -> tuple[list[Sequence[int]], int]:
    """For each frame, where in message order its rows stand, and how many places there are (some empty)."""
    if not any(any(frame.indexes) for frame in frames):
        return [frame.messages for frame in frames], 1 + max((f.messages[-1] for f in frames), default=-1)
    order = sorted(
        (message, index, number, row)
        for number, frame in enumerate(frames)
        for row, (message, index) in enumerate(zip(frame.messages, frame.indexes, strict=True))
    )
    slots = [[0] * len(frame.messages) for frame in frames]
    for place, (_, _, number, row) in enumerate(order):
        slots[number][row] = place
    return [*slots], len(order)


def _fold(stated: list[Any], clock: ReplayClock) -> tuple[list[int], bytearray]:
    """Fold the clock; a stamp without a year gets it from the clock at its place (and is set in `stated`)."""
    if str not in set(map(type, stated)):
        return clock.fold(stated)
    clocks: list[int] = []
    quality = bytearray()
    for place, text in enumerate(stated):
        stated[place] = _full(text, clock.around)
        at, flag = clock.fold(stated[place : place + 1])
        clocks += at
        quality += flag
    return clocks, quality


def _full(stated: Stated, now: int | None) -> int | None:
    return parse_time(stated, now) if isinstance(stated, str) else stated


def _held_against(stated: Sequence[int | None], came: Sequence[int]) -> bytearray:
    dated = [time for time in stated if time is not None]
    if dated and len(dated) == len(came):  # nearly always all lie on the same side: two passes in C
        first, last = min(came), max(came)
        if last - LIVE_BACK <= min(dated) and max(dated) <= first + LIVE_AHEAD:
            return bytearray(len(came))
        if max(dated) < first - LIVE_BACK:
            return bytearray((OUTSIDE,)) * len(came)
    return bytearray(
        UNDATED if time is None else 0 if at - LIVE_BACK <= time <= at + LIVE_AHEAD else OUTSIDE
        for time, at in zip(stated, came, strict=True)
    )


def _settle(frame: Rows, stated: list[Any], came: list[int], quality: bytearray) -> None:
    frame.ingest = came
    frame.times = stated
    if all(quality):
        frame.times = came
    elif any(quality):
        frame.times = [at if flag else time for time, at, flag in zip(stated, came, quality, strict=True)]
    for row in frame.repaired:
        quality[row] |= SALVAGED
    frame.quality = quality
