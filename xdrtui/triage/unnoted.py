"""A look at one file of the archive that is not noted yet, for rarity: what `seen` would say of it.

Imported only where there is such a file: Polars takes 0.1 s to load.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.columns import BROKEN
from xdrtui.store.archive.noticing import frames, host_of, spans, values_of
from xdrtui.store.archive.seen import HOSTS, Question, Sighting
from xdrtui.store.archive.segment import Damaged
from xdrtui.store.store import Store


def look(
    store: Store,
    file: File,
    start: int,
    found: Mapping[Question, Sighting],
    hosts: set[str],
    times: tuple[int, int, int],
) -> list[tuple[int, int]]:
    """Add what a file holds to what was found, and to the hosts; return first and last event of its hours.
    start: up to where it is noted; times: since, began, last, as for `Seen.sighting`. A file that is gone or
    cannot be read adds nothing."""
    since, began, last = times
    hours: list[tuple[int, int]] = []
    try:
        for data in frames(store, file, start):
            data = data.filter((pl.col("@time") >= since) & (pl.col("@time") <= last))
            if not data.height or not any(name in data.columns for name in HOSTS):
                continue
            hours += [(first, end) for _, first, end in spans(data)]
            hosts.update(_names(data))
            for question, sighting in found.items():
                _count(data, question, sighting, began)
    except (Damaged, OSError, *BROKEN):
        return hours
    return hours


def _names(data: pl.DataFrame) -> list[str]:
    names = data.select(host_of(data).alias("host")).unique()["host"].drop_nulls().to_list()
    return [name for name in names if name]


def _count(data: pl.DataFrame, question: Question, sighting: Sighting, began: int) -> None:
    values = values_of(data, question.kind)
    if not values:
        return
    alike = [
        each.str.to_lowercase() == value.lower() for each, value in zip(values, question.values, strict=False)
    ]
    held = data.filter(*alike)
    sighting.hosts.update(_names(held))
    if question.kind == "user on host":
        held = held.filter(host_of(held) == question.values[1].lower())
    if held.height:
        first = held["@time"].min()
        assert isinstance(first, int)
        sighting.first = min(sighting.first or first, first)
        sighting.before += int((held["@time"] < began).sum())
