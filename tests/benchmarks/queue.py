"""How fast the queue answers at a million alerts: `python -m tests.benchmarks.queue [ALERTS] [DIRECTORY]`.

Builds a store of that many alerts (kept in the directory and used again), then times what the queue asks.
Beside each figure stands a peer measured in the same run: reading every row of the table and judging it in
Python's `in`, which is what a queue without indexes would do.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from screens.queue_reading import FIRST
from xdrtui.store.alerts import LEVELS, WRITE
from xdrtui.store.identity import alert_id
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk, Principal

SECOND = 1_000_000_000
GOAL = 200
"""Milliseconds to the first lines of any filter."""

PHRASES = (
    "host:wks-0042",
    "powershell.exe",
    "on",
    "w*",
    '"on wks"',
    '"rule number"',
    '"number rule"',
    '"wks on"',
    '"rule number 7"',
    '"encoded hidden memory"',
    '"encoded hidden memory" state:closed',
    'level:low "rule number"',
    '"hidden memory" or "archive password"',
    "state:open powershell.exe curl sshd",
    'host:wks-0042 "memory on"',
    '"exe exe exe"',
)
"""Words and phrases that are in all alerts, in some, in few, in none though their words are in all."""

START = 1_700_000_000 * SECOND
WORDS = [
    *(
        "powershell.exe",
        "rundll32.exe",
        "certutil.exe",
        "winword.exe",
        "lsass.exe",
        "sshd",
        "php-fpm",
        "curl",
    ),
    *("encoded", "hidden", "memory", "archive", "password", "schedule", "service", "registry", "tunnel"),
]
RULES = [(f"{n:08d}-0000-4000-8000-000000000000", f"Rule number {n}") for n in range(400)]


def alert_rows(count: int) -> Iterator[tuple[str | int, ...]]:
    """Rows in the order of `WRITE`: 5,000 hosts, 800 users, 400 rules; every thousandth names a rare tool."""
    draw = random.Random(7)
    for n in range(count):
        host, user = f"wks-{draw.randrange(5000):04d}", f"user{draw.randrange(800):03d}"
        rule, title = RULES[draw.randrange(400)]
        level = draw.choices(range(5), (20, 40, 30, 9, 1))[0]
        words = " ".join(draw.choices(WORDS, k=3)) + (" mimikatz" if n % 1000 == 0 else "")
        seen = START + n * SECOND
        text = f"{host}\n{user}\n10.{n % 250}.{n % 200}.{n % 99}"
        yield (
            *(alert_id(rule, (("host.name", host),), n), rule, "", "rule"),
            *(f'[["host.name","{host}"]]', seen, 3600 * SECOND, LEVELS[level], level, title),
            *(f"{words} on {host}", host, user, host, user, host, f'[["host","{host}"]]', text),
            *('["T1003"]', draw.randrange(1, 40), 0, seen, seen + 60 * SECOND, 0),
        )


def build(directory: Path, count: int) -> None:
    started = time.perf_counter()
    with Store.open(directory) as store:
        rows = alert_rows(count)
        for start in range(0, count, 50_000):
            with store.transaction():
                batch = [row for _, row in zip(range(50_000), rows, strict=False)]
                store.connection.executemany(WRITE, batch)
                store.connection.executemany(
                    "INSERT INTO alert_entities(alert, kind, value, key, first_seen) VALUES (?,?,?,?,?)",
                    [
                        (row[0], kind, value, value, row[5])
                        for row in batch
                        for kind, value in zip(
                            ("host", "user", "address"), str(row[17]).split("\n"), strict=True
                        )
                    ],
                )
            print(f"\rbuilding {start + 50_000:,} of {count:,}", end="", file=sys.stderr, flush=True)
        with store.transaction():
            store.connection.execute(
                "INSERT INTO alert_states(alert, state, disposition, owner, closed_count, version)"
                " SELECT id, 'closed', 'duplicate', '', count, 0 FROM alerts"
                " WHERE seq % 10 < 7"
            )
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print(f"\rbuilt {count:,} alerts in {time.perf_counter() - started:.0f} s", file=sys.stderr)


def timed(ask: Callable[[], object], repeat: int = 5) -> tuple[float, float]:
    """Milliseconds of the first and of the median call."""
    spent = []
    for _ in range(repeat):
        started = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - started) * 1000)
    return spent[0], sorted(spent)[repeat // 2]


def directory_of(count: int) -> Path:
    """Where the store of so many alerts is kept between runs."""
    return Path(tempfile.gettempdir()) / f"queue-{count}"


def first_lines(desk: Desk) -> bool:
    """Time the first screens of the queue for each phrase; whether all are there in time."""
    slowest = 0.0
    for text in PHRASES:
        took = timed(lambda text=text: desk.line_numbers(AlertQuery(text), FIRST))[1]  # type: ignore[misc]
        slowest = max(slowest, took)
        print(f"first {FIRST} lines of {text:<40} {took:8.1f} ms")
    print(f"the slowest of {len(PHRASES)} filters: {slowest:.0f} ms (goal {GOAL})")
    return slowest < GOAL


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    directory = Path(sys.argv[2]) if len(sys.argv) > 2 else directory_of(count)
    if not (directory / "xdrtui.sqlite").exists():
        build(directory, count)
    opened = time.perf_counter()
    desk = Desk.open(directory, Principal("bench", "bench"))
    desk.alerts(AlertQuery("state:open"))
    opened = (time.perf_counter() - opened) * 1000
    store = Store.open(directory, readonly=True)

    def peer() -> int:
        rows = store.connection.execute("SELECT host, summary FROM alerts ORDER BY seq DESC")
        return sum("mimikatz" in summary for _, summary in rows)

    _, plain = timed(peer, 1)
    print(f"{desk.count():,} alerts; the peer (read every row) takes {plain:.0f} ms")
    print(f"{'open the store and show 100':<46} {opened:8.1f} ms {'':>10} {plain / opened:7.1f} x the peer")

    def show(name: str, ask: Callable[[], object]) -> None:
        first, median = timed(ask)
        print(f"{name:<46} {first:8.1f} ms {median:8.1f} ms {plain / max(median, 0.01):7.1f} x the peer")

    for text in (
        "state:open",
        "host:wks-0042",
        "host:wks-004*",
        "user:user042 level>=high",
        "level:critical",
        "rule:399",
        "mimikatz",
        "powershell.exe",
        "lsass.exe mimikatz",
        "powershell.exe state:open level:critical",
        "level:informational tunnel",
        '"encoded hidden memory"',
        "not powershell.exe",
        'not "on wks"',
        "mimikatz or certutil.exe",
        "nothinglikethis",
        "10.9.9.9",
    ):
        for order in ("severity", "newest", "host") if text in ("state:open", "mimikatz") else ("severity",):
            query = AlertQuery(text, order=order)
            show(f"{text} [{order}]", lambda query=query: desk.alerts(query))  # type: ignore[misc]
    show("count state:open", lambda: desk.count(AlertQuery("state:open")))
    show("count powershell.exe", lambda: desk.count(AlertQuery("powershell.exe")))
    show("by severity, state:open", lambda: desk.by_severity(AlertQuery("state:open")))
    show("page at 200,000 of state:open", lambda: desk.alerts(AlertQuery("state:open"), 100, 200_000))
    show("keys of state:open (all)", lambda: desk.keys(AlertQuery("state:open")))
    show("lines of state:open", lambda: desk.lines(AlertQuery("state:open")))
    some = [row.id for row in desk.alerts(AlertQuery("state:open"), 100)]
    show("one alert by id", lambda: desk.by_ids(some[:1]))
    fine = first_lines(desk)
    print(f"the store takes {(directory / 'xdrtui.sqlite').stat().st_size / 1e6:,.0f} MB")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
