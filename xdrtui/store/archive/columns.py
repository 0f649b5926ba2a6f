"""How rows of the archive stand in frames and files: columns of our own, and those of the events' fields.

In: parts of hot chunks. Out: the frame that a Parquet file holds, and what those who read such files need to
know of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain

import polars as pl

from detectors.contract import series_of
from xdrtui.store.archive.segment import Part

META = ("@time", "@ingest", "@quality", "@source", "@partition", "@offset", "@index", "@raw")
"""Columns of every file, beside those of the events' fields."""

ROWS_AT_ONCE = 65_536
"""Of a file: what a reader holds in memory."""

BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars makes of a damaged file; the latter is no Exception."""


def same_columns(parts: Iterable[Part]) -> list[list[Part]]:
    """Parts with the same columns together: rules that change ask for others."""
    by_names: dict[frozenset[str], list[Part]] = defaultdict(list)
    for part in parts:
        by_names[frozenset(part.columns)].append(part)
    return list(by_names.values())


def frame_of(parts: Sequence[Part]) -> pl.DataFrame:
    """One frame, as files hold it, of parts with the same columns."""
    rows = pl.concat([part.rows for part in parts])
    sources = [part.source for part in parts for _ in range(part.rows.height)]
    partitions = [part.partition for part in parts for _ in range(part.rows.height)]
    series = [
        rows["time"].alias("@time"),
        rows["ingest"].alias("@ingest"),
        rows["quality"].alias("@quality"),
        pl.Series("@source", sources, pl.String),
        pl.Series("@partition", partitions, pl.Int64),
        rows["offset"].alias("@offset"),
        rows["index"].alias("@index"),
        rows["raw"].alias("@raw"),
    ]
    for name in parts[0].columns:
        if name.startswith("@") or name.endswith("?"):
            continue  # our own names; hunts find such a field in the raw event
        series += series_of(name, list(chain.from_iterable(part.columns[name] for part in parts)))
    return pl.DataFrame(series)
