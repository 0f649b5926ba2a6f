"""What the archive's events held, by day and host: processes, users, domains, addresses. Rarity asks it.

A database of its own, so that filling it holds up no batch. It is made of the archive's files alone
(`noticing`), by who keeps the archive's house, and may be deleted at any time: then it is made anew. In: a
kind of value and a time. Out: on which hosts it was, when first and how often, in a few milliseconds however
large the archive is. Times in nanoseconds since 1970 UTC.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from detectors.contract import EventType
from xdrtui.store import place
from xdrtui.store.archive.catalogue import File

DATABASE = "seen.sqlite"
HOUR = 3_600 * 1_000_000_000
DAY = 24 * HOUR
VERSION = 1
BUSY_SECONDS = 2.0

MOST = 200_000
"""Values of a kind on a day that are kept; who writes events may make up more. The kind is then not known of
that day."""

MOST_BYTES = 1 << 30
"""That all of it may take; days far from today go first. Who writes events chooses their days, too."""

LONGEST = 255
"""Characters of a host's name that are kept: no host has a longer one."""

HOSTS = ("host.name", "id.orig_h", "src_ip", "source.ip")
"""Columns that may hold the host of an event, the first that does."""

KINDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "process": (("Image",),),
    "process from parent": (("Image",), ("ParentImage",)),
    "user on host": (("user.name",),),
    "domain": (("QueryName", "query", "tls.sni", "server_name", "http.hostname", "dns.rrname"),),
    "address": (("DestinationIp", "id.resp_h", "dest_ip", "destination.ip"),),
}
"""Kind -> for each of its values the columns that may hold it, the first that does. A user's hosts are those
that it was on: the kind `user on host` has the user alone as its value."""

_COLUMNS = {
    "process_creation": ("host.name", "user.name", "Image", "ParentImage"),
    "network_connection": ("host.name", "DestinationIp"),
    "dns_query": ("host.name", "QueryName"),
    "windows.security.4624": ("host.name", "user.name"),
    "linux.auth": ("host.name", "user.name"),
    "linux.auth.sshd": ("host.name", "user.name"),
    "zeek.conn": ("id.orig_h", "id.resp_h"),
    "zeek.dns": ("id.orig_h", "query"),
    "zeek.ssl": ("id.orig_h", "server_name"),
    "suricata.flow": ("src_ip", "dest_ip"),
    "suricata.dns": ("src_ip", "dns.rrname"),
    "suricata.tls": ("src_ip", "tls.sni"),
    "suricata.http": ("src_ip", "http.hostname"),
}
"""Sigma's category, or name of an event type -> columns that its events are archived with, whatever rules ask
for: without them an archive would know no host of most events."""


NUMBERS = {kind: number for number, kind in enumerate(KINDS, 1)}
ANY = 0
"""The number of the kind that every event has: that there was one."""

TABLES = """
CREATE TABLE seen(day INTEGER, kind INTEGER, key INTEGER, host INTEGER, n INTEGER, first INTEGER,
    last INTEGER, PRIMARY KEY(day, kind, key, host)) WITHOUT ROWID;
CREATE TABLE hosts(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE hours(hour INTEGER PRIMARY KEY, first INTEGER, last INTEGER);
CREATE TABLE files(path TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE given_up(day INTEGER, kind INTEGER, PRIMARY KEY(day, kind)) WITHOUT ROWID;
"""


class Noticed(msgspec.Struct, frozen=True):
    """What one value of a kind was in some events of a day. key: see `key_of`."""

    day: int
    kind: int
    key: int
    host: str
    n: int
    first: int
    last: int


class Question(msgspec.Struct, frozen=True):
    """What is asked about. kind: one of `KINDS`; values: of that kind, in their order; of a user on a host
    both."""

    kind: str
    values: tuple[str, ...]


class Sighting(msgspec.Struct):
    """What is known of a value. hosts: names, lower case; first: 0 = never; before: how often before the
    moment asked about; about: that is an estimate, for the day of that moment is known as a whole; cut: of
    some day the kind is not known."""

    hosts: set[str] = msgspec.field(default_factory=set)
    first: int = 0
    before: int = 0
    about: bool = False
    cut: bool = False


def wanted(event_type: EventType) -> frozenset[str]:
    """The columns that events of this type should be archived with."""
    names = (event_type.name, *(source.category for source in event_type.log_sources))
    return frozenset(column for name in names for column in _COLUMNS.get(name, ()))


def key_of(values: Sequence[str]) -> int:
    """A value, or a pair of them, as a number; case does not count."""
    text = "\0".join(values).lower().encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


class Seen:
    """The database. Use as a context manager; not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    @classmethod
    def to_fill(cls, directory: Path) -> Seen:
        """For who keeps the archive's house: made where it is not there, made anew where it cannot be read.
        Raises sqlite3.Error, OSError."""
        path = directory / DATABASE
        for again in (False, True):
            place.touch_private(path)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version != VERSION:
                    for (name,) in connection.execute(
                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                    ).fetchall():
                        connection.execute(f'DROP TABLE "{name}"')
                    connection.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT")
                return cls(connection)
            except sqlite3.DatabaseError as error:
                connection.close()
                if again or isinstance(error, sqlite3.OperationalError):
                    raise
                for end in ("", "-wal", "-shm"):
                    path.with_name(path.name + end).unlink(missing_ok=True)
        raise AssertionError("unreachable")

    @classmethod
    def to_ask(cls, directory: Path) -> Seen | None:
        """For reading; None where there is none, or one of another version."""
        path = directory / DATABASE
        if not path.exists():
            return None
        still = "&immutable=1" if place.is_still(path) else ""
        connection = None
        with contextlib.suppress(sqlite3.Error):
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro{still}", uri=True, timeout=0.05)
            if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
                return cls(connection)
        if connection is not None:
            connection.close()
        return None

    # --- filling

    def files(self) -> dict[str, int]:
        """Path -> bytes of it that are noticed; of a Parquet file all or nothing."""
        return dict(self._connection.execute("SELECT path, upto FROM files"))

    def note(self, file: File, noticed: Iterable[Noticed], hours: Mapping[int, tuple[int, int]]) -> None:
        """Take in what a file held, up to its committed size. hours: start of the hour -> first and last
        event. All of it or nothing; a second time adds to it again: see `files`."""
        with self._transaction() as connection:
            hosts: dict[str, int] = {}
            rows = []
            gone = set(connection.execute("SELECT day, kind FROM given_up"))
            for one in noticed:
                if (one.day, one.kind) not in gone:
                    host = one.host[:LONGEST]
                    if host not in hosts:
                        hosts[host] = self._host(host)
                    rows.append((one.day, one.kind, one.key, hosts[host], one.n, one.first, one.last))
            connection.executemany(
                "INSERT INTO seen(day, kind, key, host, n, first, last) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET n = n + excluded.n, first = min(first, excluded.first),"
                " last = max(last, excluded.last)",
                sorted(rows),
            )
            connection.executemany(
                "INSERT INTO hours(hour, first, last) VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET first = min(first, excluded.first), last = max(last, excluded.last)",
                [(hour, *span) for hour, span in hours.items()],
            )
            connection.execute(
                "INSERT OR REPLACE INTO files(path, upto) VALUES (?, ?)", (file.path, file.size)
            )
            for day, kind in {row[:2] for row in rows}:
                self._bound(day, kind)

    def _host(self, name: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO hosts(name) VALUES (?)", (name,))
        (number,) = self._connection.execute("SELECT id FROM hosts WHERE name = ?", (name,)).fetchone()
        return int(number)

    def _bound(self, day: int, kind: int) -> None:
        """Give a kind up on a day on which it has too many values."""
        (rows,) = self._connection.execute(
            "SELECT count(*) FROM seen WHERE day = ? AND kind = ?", (day, kind)
        ).fetchone()
        if rows > MOST:
            self._connection.execute("DELETE FROM seen WHERE day = ? AND kind = ?", (day, kind))
            self._connection.execute("INSERT INTO given_up(day, kind) VALUES (?, ?)", (day, kind))

    def take_over(self, made: Sequence[File]) -> None:
        """These files are about to stand for others that were noticed. If they never do, no harm is done."""
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO files(path, upto) VALUES (?, ?)",
                [(file.path, file.size) for file in made],
            )

    def forget(self, kept: Sequence[File]) -> None:
        """Forget what only files held that are gone: the days before all that are kept; and what there is no
        room for."""
        oldest = min((file.first for file in kept), default=1 << 62) // DAY
        gone = set(self.files()) - {file.path for file in kept}
        (day,) = self._connection.execute("SELECT min(day) FROM seen").fetchone()
        if gone or (day is not None and day < oldest):
            with self._transaction() as connection:
                connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
                connection.execute("DELETE FROM given_up WHERE day < ?", (oldest,))
                connection.execute("DELETE FROM hours WHERE hour < ?", (oldest * DAY,))
                if connection.execute("DELETE FROM seen WHERE day < ?", (oldest,)).rowcount:
                    self._forget_hosts()
        if self._size() > MOST_BYTES:
            self._shrink(max((file.updated for file in kept), default=0) // DAY)

    def _size(self) -> int:
        """Bytes in use; the file itself keeps the room of what was deleted for what will come."""
        asked = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked)
        return int((pages - free) * size)

    def _shrink(self, today: int) -> None:
        """Forget a quarter: the days farthest from today. Nothing is known of their time then."""
        with self._transaction() as connection:
            days = connection.execute(
                "SELECT day, count(*) FROM seen GROUP BY day ORDER BY abs(day - ?) DESC", (today,)
            ).fetchall()
            left = sum(n for _, n in days) // 4
            for day, n in days:
                connection.execute("DELETE FROM seen WHERE day = ?", (day,))
                connection.execute("DELETE FROM given_up WHERE day = ?", (day,))
                connection.execute(
                    "DELETE FROM hours WHERE hour >= ? AND hour < ?", (day * DAY, (day + 1) * DAY)
                )
                left -= n
                if left <= 0:
                    break
            self._forget_hosts()

    def _forget_hosts(self) -> None:
        self._connection.execute("DELETE FROM hosts WHERE id NOT IN (SELECT host FROM seen)")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # --- asking

    def sighting(self, kind: str, values: Sequence[str], since: int, began: int, last: int) -> Sighting:
        """A value of a kind from the day of `since` up to `last`. began: before which it is counted; of the
        kind `user on host` the values are user and host, and only on that host it is timed and counted."""
        here = values[1].lower() if kind == "user on host" else ""
        asked = values[:1] if here else values
        number = NUMBERS[kind]
        found = Sighting(cut=self._given_up(number, since, last))
        rows = self._connection.execute(
            "SELECT h.name, min(s.first), sum(CASE WHEN s.last < ?1 THEN s.n WHEN s.first >= ?1 THEN 0"
            " ELSE max(1, s.n * (?1 - s.first) / (s.last - s.first)) END),"
            " max(s.first < ?1 AND s.last >= ?1 AND s.n > 2)"
            " FROM json_each(?2) d CROSS JOIN seen s ON s.day = d.value AND s.kind = ?3 AND s.key = ?4"
            " JOIN hosts h ON h.id = s.host WHERE s.first <= ?5 GROUP BY s.host",
            (began, _days(since, last), number, key_of(asked), last),
        )
        for name, first, before, about in rows:
            found.hosts.add(name)
            if not here or name == here:
                found.first = min(found.first or first, first)
                found.before += int(before)
                found.about |= bool(about)
        return found

    def _given_up(self, kind: int, since: int, last: int) -> bool:
        row = self._connection.execute(
            "SELECT 1 FROM given_up WHERE kind = ? AND day BETWEEN ? AND ?", (kind, since // DAY, last // DAY)
        ).fetchone()
        return row is not None

    def hosts(self, since: int, last: int) -> set[str]:
        """All hosts of that time, lower case."""
        rows = self._connection.execute(
            "SELECT DISTINCT h.name FROM json_each(?1) d CROSS JOIN seen s ON s.day = d.value AND s.kind = ?2"
            " JOIN hosts h ON h.id = s.host WHERE s.first <= ?3",
            (_days(since, last), ANY, last),
        )
        return {name for (name,) in rows}

    def hours(self, since: int, last: int) -> list[tuple[int, int]]:
        """First and last event of each hour in which there was any, within that time."""
        rows = self._connection.execute(
            "SELECT max(first, ?1), min(last, ?2) FROM hours WHERE last >= ?1 AND first <= ?2"
            " AND hour BETWEEN ?1 - ?3 AND ?2 ORDER BY hour",
            (since, last, HOUR),
        )
        return rows.fetchall()


def _days(since: int, last: int) -> str:
    return json.dumps(list(range(since // DAY, last // DAY + 1)))


def length(spans: Iterable[tuple[int, int]]) -> int:
    """How long the time is of which something is known: spells in which events came, with the pauses between
    them of up to an hour. One event far from the others makes no time known."""
    total, end = 0, None
    for first, last in sorted(spans):
        if end is None or first - end > HOUR:
            total, end = total + last - first, last
        elif last > end:
            total, end = total + last - end, last
    return total
