"""The ledger: all that people and policies do, one table that only grows.

Each entry holds the hash of the entry its device made before it, so that a device's entries form a chain.
What entries mean (states, undo) is `triage.states`'; here they are appended, read and checked. Writing runs
inside the caller's transaction.
"""

# ruff: noqa: S608 - statements are put together from names of columns and question marks
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from xdrtui.store.clean import mended
from xdrtui.store.identity import canonical, entry_hash

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

START = ""
"""What stands for the hash before a device's first entry."""


class Entry(msgspec.Struct, frozen=True):
    """One entry. seq: its place in this store; sequence: its place among its device's entries; clock: wall
    clock nanoseconds; subject: the alerts it is about; body: what the kind needs (disposition, text, ...)."""

    seq: int
    hash: str
    author: str
    device: str
    sequence: int
    clock: int
    previous: str
    kind: str
    subject: tuple[str, ...]
    body: dict[str, Json]


COLUMNS = "seq, hash, author, device, sequence, clock, previous, kind, subject, body"


def append(
    connection: sqlite3.Connection,
    author: str,
    device: str,
    clock: int,
    kind: str,
    subject: Sequence[str],
    body: Mapping[str, Json],
) -> Entry:
    """Write an entry at the end of its device's chain and return it. An unpaired surrogate in a text (a byte
    that is no UTF-8, typed or pasted) becomes U+FFFD: SQLite could never read it again."""
    body = {name: mended(value) for name, value in body.items()}
    row = connection.execute(
        "SELECT sequence, hash FROM ledger WHERE device = ? ORDER BY sequence DESC LIMIT 1", (device,)
    ).fetchone()
    sequence, previous = (row[0] + 1, row[1]) if row else (1, START)
    subject_text, body_text = canonical(list(subject)), canonical(dict(body))
    digest = entry_hash(author, device, sequence, clock, previous, kind, subject_text, body_text)
    cursor = connection.execute(
        "INSERT INTO ledger(hash, author, device, sequence, clock, previous, kind, subject, body)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        (digest, author, device, sequence, clock, previous, kind, subject_text, body_text),
    )
    seq = int(cursor.lastrowid or 0)
    return Entry(seq, digest, author, device, sequence, clock, previous, kind, tuple(subject), dict(body))


_subject = msgspec.json.Decoder(tuple[str, ...])
_body = msgspec.json.Decoder(dict[str, Any])


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of `COLUMNS` as an entry."""
    *plain, subject, body = row
    return Entry(*(*plain, _subject.decode(subject), _body.decode(body)))


def read(connection: sqlite3.Connection, seqs: Iterable[int]) -> list[Entry]:
    """Entries by their place in the store, in order."""
    found = []
    for seq in seqs:
        row = connection.execute(f"SELECT {COLUMNS} FROM ledger WHERE seq = ?", (seq,)).fetchone()
        if row is not None:
            found.append(entry_of(row))
    return found


def all_entries(connection: sqlite3.Connection, after: int = 0) -> Iterator[Entry]:
    """All entries in order."""
    for row in connection.execute(f"SELECT {COLUMNS} FROM ledger WHERE seq > ? ORDER BY seq", (after,)):
        yield entry_of(row)


def broken(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the chains, a sentence each; empty where every entry follows from the one before.

    A chain without a key or an anchor outside shows accidents and clumsy edits, not a careful forger.
    """
    faults: list[str] = []
    heads: dict[str, tuple[int, str]] = {}
    for row in connection.execute(f"SELECT {COLUMNS} FROM ledger ORDER BY device, sequence"):
        _, digest, author, device, sequence, clock, previous, kind, subject, body = row
        last, head = heads.get(device, (0, START))
        if sequence != last + 1 or previous != head:
            faults.append(f"Entry {sequence} of {device} does not follow its entry {last}.")
        if entry_hash(author, device, sequence, clock, previous, kind, subject, body) != digest:
            faults.append(f"Entry {sequence} of {device} is not what was written.")
        heads[device] = (sequence, digest)
    return faults
