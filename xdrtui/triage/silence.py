"""What has gone quiet: log sources and hosts that were heard of, and then no more. Reads only.

A source that fell silent makes no alert, and that is how one is blinded. Told by event times: who asks says
what "now" is, so that recorded data can be asked about too.
"""

from __future__ import annotations

import sqlite3

import msgspec

HOUR = 3_600 * 1_000_000_000
DAY = 24 * HOUR
SOURCE_QUIET = HOUR
HOST_QUIET = 4 * HOUR


class Silence(msgspec.Struct, frozen=True):
    """kind: "log source" or "host"; name; last: when it was heard of last, nanoseconds since 1970 UTC;
    events: how many events it had sent."""

    kind: str
    name: str
    last: int
    events: int


def silences(connection: sqlite3.Connection, since: int, now: int) -> list[Silence]:
    """Log sources without an event for an hour and hosts for four, that were heard of in the day before
    `since` or later; the latest first."""
    found: list[Silence] = []
    for kind, column, quiet, which in (
        ("log source", "event_type", SOURCE_QUIET, "host = ''"),
        ("host", "host", HOST_QUIET, "host <> ''"),
    ):
        rows = connection.execute(
            f"SELECT {column}, max(last) AS heard, sum(n) FROM presence WHERE field = '' AND {which}"  # noqa: S608
            f" GROUP BY {column} HAVING heard >= ? AND heard < ? ORDER BY heard DESC, {column}",
            (since - DAY, now - quiet),
        )
        found += [Silence(kind, *row) for row in rows]
    return found


def heard_last(connection: sqlite3.Connection) -> int:
    """When anything was heard of last; 0 = never."""
    return int(connection.execute("SELECT coalesce(max(last), 0) FROM presence").fetchone()[0])
