"""What a commit costs where many hosts speak: presence packed, a row a host, against a row for each field.

Prints milliseconds a commit of a batch whose events come from 100, 500 and 2,000 hosts, ten fields each, and
the ratio to the same numbers written as one row for each field in the same run.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

FIELDS = [f"field{number}" for number in range(10)]
ROUNDS = 15
Presence = dict[tuple[str, str], dict[str, int]]


def counted(hosts: int) -> Presence:
    names = ["", *(f"host-{number}" for number in range(hosts))]
    return {("windows.sysmon.1", name): {"": 4, **dict.fromkeys(FIELDS, 3)} for name in names}


def median(work: Callable[[int], None]) -> float:
    taken = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


def rows_of_fields(connection: sqlite3.Connection, presence: Presence) -> None:
    with connection:
        connection.executemany(
            "INSERT INTO plain VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
            [
                (kind, host, name, n)
                for (kind, host), fields in presence.items()
                for name, n in fields.items()
            ],
        )


def main() -> None:
    for hosts in (100, 500, 2_000):
        presence = counted(hosts)
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:

            def packed(number: int, store: Store = store, presence: Presence = presence) -> None:
                store.commit_batch(BatchResult(marks=[Mark("s", 0, number + 1, b"", 0)], presence=presence))

            ours = median(packed)
            plain = sqlite3.connect(Path(folder) / "plain.sqlite")
            plain.execute("PRAGMA journal_mode = WAL")
            plain.execute("PRAGMA synchronous = NORMAL")
            plain.execute(
                "CREATE TABLE plain(kind TEXT, host TEXT, field TEXT, n INTEGER,"
                " PRIMARY KEY(kind, host, field)) WITHOUT ROWID"
            )

            def unpacked(_: int, plain: sqlite3.Connection = plain, presence: Presence = presence) -> None:
                rows_of_fields(plain, presence)

            theirs = median(unpacked)
            plain.close()
        print(
            f"{hosts:>5} hosts: {ours:6.1f} ms a commit; a row for each field {theirs / ours:.1f} times that"
        )


if __name__ == "__main__":
    main()
