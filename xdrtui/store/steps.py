"""How far the watermark stood at which finding: the steps in which correlations decide.

A step is written in the transaction that moves the watermark, beside the number of the last finding there is.
So what correlations know when follows from what was committed, not from when somebody folded it: who folds
late, or again after a restart, does it in the same steps. At most one step stands at a finding.
Everything here runs inside a transaction that the caller has opened.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class Step(NamedTuple):
    """After the findings up to number `seq` the watermark (nanoseconds) was this. Both only grow."""

    seq: int
    watermark: int


def latest(connection: sqlite3.Connection) -> Step | None:
    row = connection.execute("SELECT seq, watermark FROM steps ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else Step(*row)


def note(connection: sqlite3.Connection, step: Step) -> None:
    """Write a step, unless the watermark was there already."""
    last = latest(connection)
    if last is None or step.watermark > last.watermark:
        connection.execute("INSERT OR REPLACE INTO steps(seq, watermark) VALUES (?, ?)", step)


def beyond(connection: sqlite3.Connection, watermark: int) -> list[Step]:
    """The steps that go beyond this watermark, in their order."""
    found: list[Step] = []
    for row in connection.execute("SELECT seq, watermark FROM steps ORDER BY seq DESC"):
        if row[1] <= watermark:
            break
        found.append(Step(*row))
    return found[::-1]


def last_within(connection: sqlite3.Connection, watermark: int) -> Step | None:
    """The last step that does not go beyond this watermark."""
    row = connection.execute(
        "SELECT seq, watermark FROM steps WHERE watermark <= ? ORDER BY seq DESC LIMIT 1", (watermark,)
    ).fetchone()
    return None if row is None else Step(*row)


def at(connection: sqlite3.Connection, seq: int) -> Step | None:
    """The last step at this finding or before it."""
    row = connection.execute(
        "SELECT seq, watermark FROM steps WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (seq,)
    ).fetchone()
    return None if row is None else Step(*row)


def forget(connection: sqlite3.Connection, seq: int) -> None:
    """Drop the steps before this finding, which nobody needs any more."""
    connection.execute("DELETE FROM steps WHERE seq < ?", (seq,))


def put_off(connection: sqlite3.Connection, passed: list[Step], step: Step) -> None:
    """These steps were passed without deciding: one at this later finding stands for them."""
    connection.executemany("DELETE FROM steps WHERE seq = ?", [(each.seq,) for each in passed])
    connection.execute("INSERT OR REPLACE INTO steps(seq, watermark) VALUES (?, ?)", step)
