"""Hot segments into Parquet, a file for each event type and hour; many small such files into one.

In: sealed segments. Out: zstd Parquet with the columns that detectors had decoded, the raw payload and the
position of each event. Either way files are written under temporary names, fsynced, renamed, and swapped with
what they replace in one FULL transaction; what they replace goes when nobody reads it any more (`files`).
"""

from __future__ import annotations

import os
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

import msgspec
import polars as pl

from xdrtui.points import reach
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import FOLDER, File
from xdrtui.store.archive.columns import BROKEN, META, ROWS_AT_ONCE, frame_of, same_columns
from xdrtui.store.archive.files import fsync_folder
from xdrtui.store.archive.noticing import taken_over
from xdrtui.store.archive.segment import Damaged, Part, chunk_of, chunks
from xdrtui.store.store import Store

HOUR = 3_600_000_000_000
FEW_ROWS = 5_000
"""An hour with fewer events of a type shares its file with the next."""

FEW_OF_A_TYPE = 1_000
"""Types with fewer events in a segment stay in one together, until there are more: a file costs 3 ms whatever
it holds, as much as rolling a thousand events..."""

FEW_BYTES = 1 << 10
"""...of so many bytes: of larger ones, fewer are many."""

LEFT_AT = 16
"""So many such segments are rolled together, with a file for each type..."""

LEFT_BYTES = 128 << 20
"""...or as many as hold so much, before compression."""

LEFT_ROWS = 10_000
"""Of one chunk of such a segment: what a reader unpacks at once."""

LEFT, LAST = "few-", "rest-"
"""How the files of such segments begin, and of those that are not rolled again."""

MOST_FILES = 400
"""Made at once: who writes the events chooses their types. What is more stays in a segment."""

BLOCK_ROWS = 10_000
"""So many events are made into columns at once."""

MERGE_AT = 8
"""So many files of one event type and hour are made into one..."""

MERGE_BYTES = 32 << 20
"""...as long as their events take less than this, before compression: reading a larger file takes longer than
opening it, and merging holds twice as much in memory."""

UNUSABLE = (Damaged, OSError, *BROKEN)
"""What a file raises that cannot be rolled or merged: it stays, and holds up no other, nor retention."""

Group = tuple[str, int]
"""Event type (as JSON) and start of the hour."""


def roll(
    store: Store,
    segments: Sequence[File],
    now: int,
    stop: Callable[[], bool] = lambda: False,
    *,
    few: int = FEW_OF_A_TYPE,
) -> bool:
    """Make Parquet of sealed segments, but of types with fewer events than `few` in them one segment more.

    False where it was stopped before the end: then nothing has changed. Raises Damaged, OSError (disk full),
    StoreError. To be called by who holds the lock ROLLING.
    """
    reach("archive.roll.before")
    made: list[File] = []
    parts = _parts(store, segments)
    rows = {kind: sum(part.rows.height for part in some) for kind, some in parts.items()}
    large = {
        kind
        for kind, n in rows.items()
        if n < few and sum(part.raw_size for part in parts[kind]) >= few * FEW_BYTES
    }
    many = [kind for kind, n in rows.items() if n >= few or kind in large]
    many.sort(key=lambda kind: (-rows[kind], kind))
    try:
        for kind in many[:MOST_FILES]:
            hours = _hours(parts.pop(kind))
            while hours:
                if stop():
                    _discard(store, made)
                    return False
                hour, frames = hours.popitem()
                made.append(write(store, (kind, hour), frames, now))
        if parts:
            left = [(kind, part) for kind, some in parts.items() for part in some]
            made.append(_write_left(store, left, LEFT if few else LAST, now))
    except BaseException:
        _discard(store, made)
        raise
    swap(store, made, segments, now)
    return True


def left_to_roll(store: Store, *, all_of_them: bool = False, but: Container[str] = ()) -> list[File]:
    """Segments of what was left when others were rolled, to be rolled together now: so many that it pays, as
    many as go into memory at once. but: paths of those that cannot be read."""
    found: list[File] = []
    size = 0
    for file in catalogue.files(store.connection, ("live",)):
        if file.path.startswith(LEFT) and file.path not in but and size < LEFT_BYTES:
            found.append(file)
            size += file.raw_size
    due = len(found) >= LEFT_AT or size >= LEFT_BYTES or all_of_them
    return found if due else []


def what_is_wrong(store: Store, file: File) -> str:
    """Why this file cannot be read as a whole; empty where it can."""
    try:
        if file.kind == "parquet":
            _whole(store, file)
        else:
            for part in chain.from_iterable(_parts(store, [file]).values()):
                assert part.columns is not None
    except UNUSABLE as error:
        return str(error) or type(error).__name__
    return ""


def _parts(store: Store, segments: Sequence[File]) -> dict[str, list[Part]]:
    """What these segments hold, by event type."""
    parts: dict[str, list[Part]] = defaultdict(list)
    for segment in segments:
        for chunk in chunks(segment.where(store.directory), segment.size):
            for kind, part in chunk.parts():
                parts[kind].append(part)
    return parts


def _write_left(store: Store, left: Sequence[tuple[str, Part]], name: str, now: int) -> File:
    """A segment of these parts, in chunks of some ten thousand rows."""
    path = f"{name}{uuid.uuid4().hex}.arrows"
    made: list[bytes] = []
    at = rows = 0
    for end, (_, part) in enumerate(left, start=1):
        rows += part.rows.height
        if rows >= LEFT_ROWS or end == len(left):
            made.append(chunk_of(left[at:end]))
            at, rows = end, 0
    size = _write_whole(store.directory / FOLDER / path, lambda out: out.writelines(made))
    whole = pl.concat([part.rows for _, part in left])
    raw_size = int(whole["raw"].bin.size().sum() or 0)
    first, last = _time(whole["time"].min()), _time(whole["time"].max())
    return File(0, path, "hot", "live", "", "[]", whole.height, size, raw_size, first, last, 0, now)


def merge(store: Store, files: Sequence[File], now: int) -> None:
    """Make one file of several of one event type and hour. Raises Damaged, OSError, StoreError."""
    reach("archive.merge.before")
    frames = [_whole(store, file) for file in files]
    swap(store, [write(store, (files[0].event_type, files[0].hour), frames, now)], files, now)


def _whole(store: Store, file: File) -> pl.DataFrame:
    try:
        return pl.read_parquet(file.where(store.directory), memory_map=False)
    except BROKEN as error:
        raise Damaged(f"{file.path} is damaged ({str(error)[:200]}): hunts pass it over.") from None


def to_merge(store: Store, but: Container[str] = ()) -> list[list[File]]:
    """Files that had better be one. but: paths of those that cannot be read."""
    groups: dict[Group, list[File]] = defaultdict(list)
    for file in catalogue.files(store.connection, ("live",)):
        if file.kind == "parquet" and file.raw_size < MERGE_BYTES and file.path not in but:
            groups[file.event_type, file.hour].append(file)
    return [_smallest(files) for files in groups.values() if len(files) >= MERGE_AT]


def _smallest(files: list[File]) -> list[File]:
    """The smallest of them, at least two, up to what may be in memory."""
    taken: list[File] = []
    for file in sorted(files, key=lambda file: file.raw_size):
        if len(taken) >= 2 and sum(each.raw_size for each in taken) + file.raw_size > 2 * MERGE_BYTES:
            break
        taken.append(file)
    return taken


def _hours(parts: list[Part]) -> dict[int, list[pl.DataFrame]]:
    """Rows of one type by hour; those with the same columns in one frame. The parts are used up, so many rows
    at a time: their cells as Python has them take far more room than in columns."""
    frames: dict[tuple[str, ...], list[pl.DataFrame]] = defaultdict(list)
    parts.reverse()
    while parts:
        block, rows = [parts.pop()], 0
        while parts and (rows := rows + block[-1].rows.height) < BLOCK_ROWS:
            block.append(parts.pop())
        for same in same_columns(block):
            frames[tuple(sorted(same[0].columns))].append(frame_of(same))
    hours: dict[int, list[pl.DataFrame]] = defaultdict(list)
    for some in frames.values():
        for hour, whole in _by_hour(_together(some)):
            hours[hour].append(whole)
    return hours


def _by_hour(whole: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Start of the hour and the rows of it; hours of few rows stand together, under the first of them: a file
    costs some milliseconds, and recorded events may be strewn over years."""
    first_time, last_time = whole["@time"].min(), whole["@time"].max()
    if _time(first_time) // HOUR == _time(last_time) // HOUR:  # as it is where events come live
        yield _time(first_time) // HOUR * HOUR, whole
        return
    hours = whole["@time"] // HOUR
    counts = hours.value_counts().sort("@time")
    first, rows = 0, 0
    border = None
    for hour, n in counts.iter_rows():
        first = hour if not rows else first
        rows += n
        if rows >= FEW_ROWS:
            kept = hours <= hour if border is None else (hours <= hour) & (hours > border)
            yield first * HOUR, whole.filter(kept)
            border, rows = hour, 0
    if rows:
        yield first * HOUR, whole if border is None else whole.filter(hours > border)


def write(store: Store, group: Group, frames: Sequence[pl.DataFrame], now: int) -> File:
    """Write one Parquet file: temporary name, fsync, rename."""
    data = _together(frames)
    kind, hour = group
    path = f"{_slug(kind)}-{hour // HOUR}-{uuid.uuid4().hex[:12]}.parquet"
    size = _write_whole(
        store.directory / FOLDER / path,
        lambda out: data.write_parquet(
            out, compression="zstd", compression_level=1, statistics=False, row_group_size=ROWS_AT_ONCE
        ),
    )
    names = [name for name in data.columns if name not in META]
    return File(
        0,
        path,
        "parquet",
        "live",
        kind,
        msgspec.json.encode(names).decode(),
        data.height,
        size,
        int(data["@raw"].bin.size().sum() or 0),
        _time(data["@time"].min()),
        _time(data["@time"].max()),
        hour,
        now,
    )


def _write_whole(path: Path, fill: Callable[[IO[bytes]], None]) -> int:
    """Write a file under a temporary name, fsync, rename; return its size."""
    temporary = path.with_name(f"{path.name}.new")
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as out:
            fill(out)
            out.flush()
            reach("archive.roll.fsync")
            os.fsync(out.fileno())
            size = out.tell()
        reach("archive.roll.written")
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return size


def _time(value: object) -> int:
    assert isinstance(value, int)
    return value


def _together(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Frames one under the other. A column that not all have is left out: where it is missing its rows are
    not known to lack it. One that is a list in some becomes one in all."""
    if len(frames) == 1:
        return frames[0]
    common = set(frames[0].columns).intersection(*(frame.columns for frame in frames))
    marks = {name for frame in frames for name in frame.columns if name.endswith("?")}
    lists = {name for frame in frames for name in common if isinstance(frame.schema[name], pl.List)}
    shaped = []
    for frame in frames:
        more = [
            pl.concat_list(pl.col(name)).alias(name)
            if not isinstance(frame.schema[name], pl.List)
            else pl.col(name)
            for name in sorted(lists)
        ]
        fixed = [
            pl.when(pl.col(name).is_null()).then(None).otherwise(each).alias(name)
            for name, each in zip(sorted(lists), more, strict=True)
        ]
        missing = [
            pl.col(mark[:-1]).is_not_null().alias(mark)
            for mark in sorted(marks)
            if mark not in frame.columns and mark[:-1] in common
        ]
        frame = frame.with_columns(missing).with_columns(fixed)
        shaped.append(frame)
    order = [name for name in frames[0].columns if name in common and not name.endswith("?")]
    order += [mark for mark in sorted(marks) if mark[:-1] in common]
    return pl.concat([frame.select(order) for frame in shaped])


def swap(store: Store, made: Sequence[File], replaced: Sequence[File], now: int) -> None:
    """Let the made files stand for the replaced ones, in one FULL transaction."""
    fsync_folder(store.directory / FOLDER)
    reach("archive.roll.renamed")
    taken_over(store, made, replaced)
    connection = store.connection
    try:
        with store.transaction(durable=True):
            for file in made:
                catalogue.add(connection, file)
            catalogue.set_state(connection, [file.path for file in replaced], "old", now)
            reach("archive.roll.commit")
    except BaseException:
        _discard(store, made)
        raise
    reach("archive.roll.swapped")


def _discard(store: Store, made: Sequence[File]) -> None:
    for file in made:
        file.where(store.directory).unlink(missing_ok=True)


def _slug(kind: str) -> str:
    """The beginning of a file's name, for people: the event type's name."""
    name = str(msgspec.json.decode(kind).get("name", ""))
    return re.sub(r"[^a-z0-9.]+", "-", name.lower())[:60].strip("-.") or "events"


__all__ = ["UNUSABLE", "left_to_roll", "merge", "roll", "to_merge", "what_is_wrong"]
