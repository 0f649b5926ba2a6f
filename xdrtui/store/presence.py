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

import msgspec

from xdrtui.store import workers

MOST = 100_000
"""Rows that are kept. All are looked at every ten minutes: 45,000 took 0.3 s."""

NEARLY = 5_000
"""So few places left are told of."""

FORGET = 30 * 86_400 * 1_000_000_000
FULL = "presence:full"

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


Packed = dict[str, tuple[int, int, int]]
_unpack = msgspec.json.Decoder(Packed)


def write(connection: sqlite3.Connection, presence: Mapping[Key, Mapping[str, int]], time: int) -> None:
    """The same in the store. Runs inside the caller's transaction.

    Cost: a row read and a row written for each event type and host of the batch; with a row for each of ten
    fields it was 2.6 to 2.8 times that (benchmark: presence.py).
    """
    rows = []
    room: int | None = None
    for (event_type, host), fields in presence.items():
        known = connection.execute(
            "SELECT n, last, fields FROM presence WHERE event_type = ? AND host = ? AND field = ''",
            (event_type, host),
        ).fetchone()
        if known is None:
            room = (_room(connection, time) if room is None else room) - 1
            if room < 0:
                continue
        before, last, packed = known or (0, time, "{}")
        seen: Packed = _unpack.decode(packed)
        events = before + fields.get("", 0)
        for field, n in fields.items():
            if field and n:
                old = seen.get(field)
                seen[field] = (old[0] + n, max(old[1], time), events) if old else (n, time, events)
            elif field and not host:
                seen.setdefault(field, (0, time, 0))
        last = max(last, time) if fields.get("") else last
        rows.append((event_type, host, events, last, events, msgspec.json.encode(seen).decode()))
    connection.executemany(
        "INSERT OR REPLACE INTO presence(event_type, host, field, n, last, events, fields)"
        " VALUES (?, ?, '', ?, ?, ?, ?)",
        rows,
    )


def _room(connection: sqlite3.Connection, time: int) -> int:
    """How many rows may be added. Who writes the events chooses the names of hosts and types: where there are
    too many, those go that were not heard of for long, and else newcomers are not counted, which is said."""
    room = MOST - _count(connection)
    if room < NEARLY:
        connection.execute("DELETE FROM presence WHERE last < ?", (time - FORGET,))
        room = MOST - _count(connection)
    if room < NEARLY:
        text = (
            f"Events name more than {MOST:,} hosts and types of events: new ones are not watched for falling"
            " silent, nor rules for going blind on them. Does somebody make names up?"
        )
        workers.report_fault(connection, FULL, "presence", text, time)
    else:
        workers.clear_fault(connection, FULL, time)
    return room


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM presence").fetchone()[0])


def read(connection: sqlite3.Connection) -> Sightings:
    """All that was seen."""
    found: Sightings = {}
    for event_type, host, n, last, events, packed in connection.execute(
        "SELECT event_type, host, n, last, events, fields FROM presence WHERE field = ''"
    ):
        known = found[event_type, host] = {"": Sighting(n, last, events)}
        known.update((field, Sighting(*numbers)) for field, numbers in _unpack.decode(packed).items())
    return found
