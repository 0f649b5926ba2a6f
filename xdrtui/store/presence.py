"""How often each needed field was present, by event type and host, and when last: what tells that rules are
blind.

Buckets of time would cost a row for each field, host and hour. Two numbers in the row do: the time of the
last batch that had the field, and how many events of that type and host had come by then. From these follows
since when a field is gone, and after how many events without it that is no chance.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

Key = tuple[str, str]
"""Event type and host; the host is empty for all hosts together, and there alone fields that were asked for
and never seen have a row."""


class Sighting(NamedTuple):
    """n: events with the field; last: time (nanoseconds since 1970 UTC) of the last batch that had it;
    events: how many events of this type and host had come by the end of that batch. Under the field "" the
    events themselves are counted."""

    n: int
    last: int
    events: int


Sightings = dict[Key, dict[str, Sighting]]


def add(known: Sightings, presence: Mapping[Key, Mapping[str, int]], time: int) -> None:
    """Add a batch's counts. time: of the batch: the latest time in it that windows use."""
    for key, fields in presence.items():
        row = known.setdefault(key, {})
        before = row.get("", Sighting(0, time, 0))
        events = before.n + fields.get("", 0)
        for field, n in fields.items():
            old = row.get(field, Sighting(0, time, 0))
            if n:
                row[field] = Sighting(old.n + n, max(old.last, time), events)
            elif not key[1]:
                row.setdefault(field, old)


def write(connection: sqlite3.Connection, presence: Mapping[Key, Mapping[str, int]], time: int) -> None:
    """The same in the store. Runs inside the caller's transaction."""
    rows: list[tuple[str, str, str, int, int, int]] = []
    for (event_type, host), fields in presence.items():
        known = connection.execute(
            "SELECT n FROM presence WHERE event_type = ? AND host = ? AND field = ''", (event_type, host)
        ).fetchone()
        events = (known[0] if known else 0) + fields.get("", 0)
        rows += [(event_type, host, field, n, time, events) for field, n in fields.items() if n or not host]
    connection.executemany(
        "INSERT INTO presence(event_type, host, field, n, last, events)"
        " VALUES (?1, ?2, ?3, ?4, ?5, iif(?4, ?6, 0))"
        " ON CONFLICT(event_type, host, field) DO UPDATE SET n = n + excluded.n,"
        " last = max(last, excluded.last), events = excluded.events WHERE excluded.n > 0",
        rows,
    )


def read(connection: sqlite3.Connection) -> Sightings:
    """All that was seen."""
    found: Sightings = {}
    for event_type, host, field, *numbers in connection.execute(
        "SELECT event_type, host, field, n, last, events FROM presence"
    ):
        found.setdefault((event_type, host), {})[field] = Sighting(*numbers)
    return found
