"""Fills `seen` from the archive's files: what is new in them since the last time.

Runs in the thread that keeps the archive's house, after segments were rolled: Parquet files give the few
columns that are needed at about 0.2 us an event. Segments that stand open for long are noticed as they are.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import polars as pl

from detectors.contract import Text, series_of
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.columns import BROKEN, ROWS_AT_ONCE
from xdrtui.store.archive.seen import ANY, DAY, HOSTS, HOUR, KINDS, NUMBERS, Noticed, Seen, key_of
from xdrtui.store.archive.segment import Damaged, chunks
from xdrtui.store.store import Store

log = logging.getLogger(__name__)

COLUMNS = frozenset(HOSTS).union(*(names for groups in KINDS.values() for names in groups))
"""The columns that are read."""

OPEN_FOR = 30 * 1_000_000_000
"""Wall-clock nanoseconds after which a segment is noticed while it is still written: where little comes, it
stands open for a quarter of an hour."""


def notice(store: Store, now: int, stop: Callable[[], bool] = lambda: False) -> None:
    """Take in what is new. now: wall clock. What cannot be read or kept is left to rarity itself."""
    try:
        with Seen.to_fill(store.directory) as seen:
            known = seen.files()
            for file in catalogue.files(store.connection):
                if stop():
                    return
                if not due(file, known.get(file.path, 0), now):
                    continue
                try:
                    seen.note(file, *noticed_in(store, file, known.get(file.path, 0)))
                except (Damaged, FileNotFoundError, *BROKEN) as error:
                    log.warning("a file of the archive cannot be noticed", extra={"reason": str(error)})
            seen.forget(catalogue.files(store.connection, ("open", "sealed", "live", "old")))
    except (sqlite3.Error, OSError) as error:
        log.warning("what the archive's events hold cannot be noted down", extra={"reason": str(error)})


def taken_over(store: Store, made: Sequence[File], replaced: Sequence[File]) -> None:
    """Files are about to be replaced. Where something of them was noticed, the rest is too, and then the made
    ones count as noticed; where nothing was, these are noticed later."""
    try:
        with Seen.to_fill(store.directory) as seen:
            known = seen.files()
            if not any(file.path in known for file in replaced):
                return
            for file in replaced:
                if known.get(file.path, 0) < file.size:
                    seen.note(file, *noticed_in(store, file, known.get(file.path, 0)))
            seen.take_over(made)
    except (sqlite3.Error, OSError, Damaged, *BROKEN) as error:
        log.warning("what the archive's events hold cannot be noted down", extra={"reason": str(error)})


def due(file: File, upto: int, now: int) -> bool:
    """Whether there is something new in a file that is worth looking at now."""
    if file.size <= upto:
        return False
    if file.state == "open":
        return now - file.updated > OPEN_FOR  # of an open segment: when it was begun
    return file.state != "sealed"  # those are rolled next


def frames(store: Store, file: File, start: int = 0) -> Iterator[pl.DataFrame]:
    """The rows of a file in pieces: `@time` and those of `COLUMNS` that it has. start: byte of a hot segment.
    Raises what reading a file raises."""
    path = file.where(store.directory)
    if file.kind == "hot":
        gathered: dict[frozenset[str], list[tuple[pl.Series, Mapping[str, Sequence[Text]]]]] = defaultdict(
            list
        )
        for chunk in chunks(path, file.size, start):
            for _, part in chunk.parts():
                cells = {name: part.columns[name] for name in COLUMNS & part.columns.keys()}
                gathered[frozenset(cells)].append((part.rows["time"], cells))
        for names, parts in gathered.items():
            series = [pl.concat([times for times, _ in parts]).alias("@time")]
            for name in names:
                series += series_of(name, [cell for _, cells in parts for cell in cells[name]])[-1:]
            yield pl.DataFrame(series)
        return
    names = msgspec.json.decode(file.columns, type=list[str])
    plan = pl.scan_parquet(path, glob=False).select(["@time", *(name for name in names if name in COLUMNS)])
    for at in range(0, file.rows, ROWS_AT_ONCE):
        yield plan.slice(at, ROWS_AT_ONCE).collect()


def noticed_in(store: Store, file: File, start: int) -> tuple[list[Noticed], dict[int, tuple[int, int]]]:
    """What a file holds from byte `start` on, see `noticed`. Most files name no host and are not read."""
    hour = file.first // HOUR * HOUR
    if file.kind == "parquet" and file.last < hour + HOUR:
        names = msgspec.json.decode(file.columns, type=list[str])
        if not any(name in HOSTS for name in names):
            return [], {hour: (file.first, file.last)}
    return noticed(frames(store, file, start))


def noticed(pieces: Iterator[pl.DataFrame]) -> tuple[list[Noticed], dict[int, tuple[int, int]]]:
    """What the rows hold, and the first and last event of each hour."""
    found: list[Noticed] = []
    hours: dict[int, tuple[int, int]] = {}
    for data in pieces:
        for hour, first, last in spans(data):
            before = hours.get(hour, (first, last))
            hours[hour] = min(first, before[0]), max(last, before[1])
        for kind, values, asked in asked_of(data):
            grouped = (
                data.lazy()
                .select(pl.col("@time"), day=pl.col("@time") // DAY, host=host_of(data), **values)
                .drop_nulls()
                .group_by("day", "host", *values)
                .agg(pl.len(), first=pl.col("@time").min(), last=pl.col("@time").max())
                .collect()
            )
            for day, host, *cells, n, first, last in grouped.iter_rows():
                if host and all(cells):
                    key = key_of(cells) if asked else 0
                    found.append(Noticed(day, kind, key, host, n, first, last))
    return found, hours


def spans(data: pl.DataFrame) -> Iterator[tuple[int, int, int]]:
    """Start of each hour of these rows, with its first and last event."""
    time = pl.col("@time")
    hours = data.lazy().group_by(hour=time // HOUR * HOUR).agg(first=time.min(), last=time.max()).collect()
    return hours.iter_rows()


def asked_of(data: pl.DataFrame) -> Iterator[tuple[int, dict[str, pl.Expr], bool]]:
    """The kinds that these rows have: number, its values as expressions, and whether it has any."""
    if not _first_of(data, HOSTS):
        return
    yield ANY, {}, False
    for kind, number in NUMBERS.items():
        values = values_of(data, kind)
        if values:
            yield number, dict(zip(("one", "two"), values, strict=False)), True


def host_of(data: pl.DataFrame) -> pl.Expr:
    """The host of each row, lower case."""
    return pl.coalesce(_first_of(data, HOSTS)).str.to_lowercase()


def values_of(data: pl.DataFrame, kind: str) -> list[pl.Expr]:
    """The values of a kind in each row; empty where these rows have no such columns."""
    columns = [_first_of(data, names) for names in KINDS[kind]]
    return [pl.coalesce(names) for names in columns] if all(columns) else []


def _first_of(data: pl.DataFrame, names: Sequence[str]) -> list[str]:
    return [name for name in names if data.schema.get(name) == pl.String]
