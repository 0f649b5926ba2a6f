"""What happened on a host just before and just after an alert's first event.

Asked of the event archive where there is one, else of the findings on that host and of the ring of recent
events, which is a sample. Says which it was. Reads only.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from xdrtui.store.live import LiveReader
from xdrtui.store.store import Store

if TYPE_CHECKING:
    from xdrtui.events.decode import Decoder
    from xdrtui.triage.rows import AlertDetail, Evidence

MINUTE = 60 * 1_000_000_000
WITHIN = 5 * MINUTE
EACH_SIDE = 4
_CANDIDATES = 60
"""Events on each side that are looked at for those of the host."""


class Near(msgspec.Struct, frozen=True):
    """An event near the alert's. here: the alert's own; rule: title of a rule that matched it, or ""."""

    time: int
    event_type: str
    summary: str
    here: bool = False
    rule: str = ""


class Around(msgspec.Struct, frozen=True):
    """Events of one host in the order of time. basis: "archive", or what stands in for it."""

    host: str
    basis: str
    events: list[Near]


def around(store: Store, detail: AlertDetail) -> Around:
    """What happened around the first event of an alert, on its host."""
    if not detail.evidence or not detail.row.host:
        return Around(detail.row.host, "", [])
    first, host = detail.evidence[0], detail.row.host
    matched = _findings(store, host, first)
    archived = _archived(store, host, first)
    if archived is not None:
        titles = {(near.time, near.summary): near.rule for near in matched}
        events = [
            msgspec.structs.replace(near, rule=titles.get((near.time, near.summary), "")) for near in archived
        ]
        return Around(host, "archive", _nearest(events, first))
    return Around(
        host, "findings and the live sample", _nearest([*matched, *_live(store, host, first)], first)
    )


def _nearest(events: list[Near], first: Evidence) -> list[Near]:
    """The alert's own event and the nearest on each side, each once."""
    own = Near(first.time, first.event_type, first.summary, here=True)
    unique = {(near.time, near.summary): near for near in sorted(events, key=lambda near: near.rule)}
    unique.pop((own.time, own.summary), None)
    ordered = sorted(unique.values(), key=lambda near: near.time)
    before = [near for near in ordered if near.time <= own.time][-EACH_SIDE:]
    return [*before, own, *[near for near in ordered if near.time > own.time][:EACH_SIDE]]


def _findings(store: Store, host: str, first: Evidence) -> list[Near]:
    rows = store.connection.execute(
        "SELECT f.window_time, f.event_type, f.summary, coalesce(r.title, f.rule) FROM findings f"
        " LEFT JOIN rules r ON r.id = f.rule AND r.current"
        " WHERE f.host = ? COLLATE NOCASE AND f.window_time BETWEEN ? AND ?"
        " ORDER BY abs(f.window_time - ?) LIMIT ?",
        (host, first.time - WITHIN, first.time + WITHIN, first.time, 2 * _CANDIDATES),
    )
    return [Near(time, event_type, summary, False, rule) for time, event_type, summary, rule in rows]


def _live(store: Store, host: str, first: Evidence) -> list[Near]:
    reader = LiveReader(store.directory)
    try:
        rows = reader.near(first.time - WITHIN, first.time + WITHIN, 4 * _CANDIDATES)
    finally:
        reader.close()
    folded = host.casefold()
    return [Near(row.time, row.event_type, row.summary) for row in rows if row.host.casefold() == folded]


def _archived(store: Store, host: str, first: Evidence) -> list[Near] | None:
    """From the archive; None where it holds nothing of that time."""
    since, until = first.time - WITHIN, first.time + WITHIN
    known = store.connection.execute(
        "SELECT 1 FROM archive WHERE state <> 'old' AND last >= ? AND first <= ? LIMIT 1", (since, until)
    ).fetchone()
    if known is None:
        return None
    import polars as pl

    from xdrtui.store.archive.read import Reader

    named = json.dumps(host)[1:-1].encode()
    rows: list[tuple[int, bytes, str]] = []
    with Reader(store, since=since, until=until) as reader:
        for file in reader.files:
            if file.kind == "hot":
                frames = [part.data for part in reader.parts(file, ())]
            else:
                plan = pl.scan_parquet(file.where(store.directory), glob=False)
                within = (pl.col("@time") >= since) & (pl.col("@time") < until)
                frames = [plan.select("@time", "@raw", "@source").filter(within).collect()]
            for data in frames:
                held = data.filter(pl.col("@raw").bin.contains(named))
                apart = (pl.col("@time") - first.time).abs().alias("@apart")
                near = held.with_columns(apart).sort("@apart").head(_CANDIDATES)
                rows += near.select("@time", "@raw", "@source").iter_rows()
    rows.sort(key=lambda row: abs(row[0] - first.time))
    folded = host.casefold()
    told = (_told(*row) for row in rows[: 2 * _CANDIDATES])
    return [near for name, near in told if near is not None and name.casefold() == folded]


def _told(time: int, raw: bytes, source: str) -> tuple[str, Near | None]:
    """Host and sentence of a raw event."""
    from xdrtui.events.message import Messages, Source

    messages = Messages(Source(source, source, "file"), 0, [0], [raw], [time])
    for frame in _decoder().decode(messages).frames:
        for row in range(frame.rows):
            return frame.core(row).host, Near(time, frame.frame.event_type.name, frame.summary(row))
    return "", None


@lru_cache(maxsize=1)
def _decoder() -> Decoder:
    from detectors.contract import Needs
    from xdrtui.events.decode import Decoder
    from xdrtui.events.layouts.layout import load_layouts

    return Decoder(load_layouts(), lambda event_type: Needs())
