"""All alerts as text in one spelling, to compare two stores byte for byte.

Left out is what says nothing of the alerts themselves: row numbers, positions, when something was stored.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator

from xdrtui.store.identity import canonical

ALERTS = (
    "id, rule, kind, grp, window_start, window, level, title, summary, host, user, entities, techniques,"
    " count, duplicates, first_seen, last_seen, state, disposition, owner"
)


def export_alerts(connection: sqlite3.Connection) -> Iterator[str]:
    """One line of canonical JSON an alert, ordered by id; `evidence` lists time, hash and matched fields of
    each pinned event."""
    names = ALERTS.split(", ")
    for row in connection.execute(f"SELECT {ALERTS} FROM alerts ORDER BY id"):  # noqa: S608 - names of columns
        evidence = sorted(
            [time, hashlib.sha256(raw).hexdigest(), size, rule, matched]
            for time, raw, size, rule, matched in connection.execute(
                "SELECT f.window_time, e.raw, e.size, f.rule, e.matched FROM pins p"
                " JOIN evidence e ON e.finding = p.finding JOIN findings f ON f.seq = p.finding"
                " WHERE p.alert = ?",
                (row[0],),
            )
        )
        yield canonical({**dict(zip(names, row, strict=True)), "evidence": evidence})
