"""How rare what an alert is about is: on how many hosts, since when, how often before.

Asked of the event archive, the latest files first and for a bounded time, where there is one; else of the
stored alerts, which know only what rules matched. Each answer says which of the two it rests on, and how much
of it was looked at. Reads only; times are the events', nanoseconds since 1970 UTC.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from xdrtui.store.store import Store

if TYPE_CHECKING:
    import polars as pl

    from detectors.contract import Text
    from xdrtui.store.archive.catalogue import File
    from xdrtui.store.archive.read import Reader
    from xdrtui.triage.rows import AlertDetail

DAY = 86_400 * 1_000_000_000
BEFORE = 30 * DAY
BUDGET = 0.25
"""Seconds that all questions together may take of the archive."""

_HOSTS = ("host.name", "id.orig_h", "src_ip", "source.ip")
_FIELDS = {
    "process": (("Image",),),
    "process from parent": (("Image", "ParentImage"),),
    "user on host": (("user.name", "host.name"),),
    "domain": (
        ("QueryName",),
        ("query",),
        ("tls.sni",),
        ("server_name",),
        ("http.hostname",),
        ("dns.rrname",),
    ),
    "address": (("DestinationIp",), ("id.resp_h",), ("dest_ip",), ("destination.ip",)),
}
"""What is asked for, and the columns that may hold it."""


class Question(msgspec.Struct, frozen=True):
    """kind: one of `_FIELDS`; values: for the columns of that kind, in their order."""

    kind: str
    values: tuple[str, ...]


class Rarity(msgspec.Struct, frozen=True):
    """An answer. hosts, of: hosts that had it (of a user on a host: that had the user), of all that were
    looked at; first: when it was seen first; before: how often in the 30 days before the alert; basis:
    "archive" or "alerts"; known: how long the time is that was looked at, nanoseconds; whole: False where
    only a part of what is kept was looked at."""

    question: Question
    hosts: int
    of: int
    first: int
    before: int
    basis: str
    known: int
    whole: bool = True


def questions(detail: AlertDetail, fields: dict[str, Text]) -> list[Question]:
    """What to ask about an alert. fields: of its first event, by the rules' names; may be empty."""
    asked: list[Question] = []
    image, parent = _text(fields.get("Image")), _text(fields.get("ParentImage"))
    image = image or next((value for kind, value in detail.row.entities if kind == "process"), "")
    if image:
        asked.append(
            Question("process from parent", (image, parent)) if parent else Question("process", (image,))
        )
    domains = [value for kind, value in detail.row.entities if kind == "domain"]
    addresses = [value for kind, value in detail.row.entities if kind == "address"]
    outside = [value for value in addresses if _public(value)]
    asked += [Question("domain", (value,)) for value in domains[:1]]
    asked += [Question("address", (value,)) for value in (outside or addresses)[:1]]
    if detail.row.user and detail.row.host:
        asked.append(Question("user on host", (detail.row.user, detail.row.host)))
    return asked


def _text(cell: Text) -> str:
    return cell if isinstance(cell, str) else ""


def _public(value: str) -> bool:
    try:
        return ip_address(value).is_global
    except ValueError:
        return False


def answers(
    store: Store, detail: AlertDetail, fields: dict[str, Text], clock: Callable[[], float] = time.monotonic
) -> list[Rarity]:
    """The answers about an alert: from the archive where there is one that knows, else from the alerts.
    clock: seconds; ends the looking after `BUDGET`."""
    asked = questions(detail, fields)
    began, last = detail.row.first_seen, detail.row.last_seen
    found = _from_archive(store, asked, began, last, clock) if asked else {}
    return [found.get(one) or _from_alerts(store.connection, one, began) for one in asked]


# --- the archive


class _Tally:
    """What was found of one question."""

    def __init__(self) -> None:
        self.with_it: set[str] = set()
        self.hosts: set[str] = set()
        self.first = 0
        self.before = 0


def _from_archive(
    store: Store, asked: list[Question], began: int, last: int, clock: Callable[[], float]
) -> dict[Question, Rarity]:
    row = store.connection.execute("SELECT 1 FROM archive WHERE state <> 'old' LIMIT 1").fetchone()
    if row is None:
        return {}
    from xdrtui.store.archive.read import Reader

    until = clock() + BUDGET
    tallies = {one: _Tally() for one in asked}
    since, whole = last + 1, True
    with Reader(store, since=began - BEFORE, until=last + 1) as reader:
        for file in sorted(reader.files, key=lambda file: -file.last):
            if clock() > until:
                whole = False
                break
            for one, tally in tallies.items():
                _look(reader, file, store, one, tally, began, last)
            since = min(since, max(file.first, began - BEFORE))
    return {
        one: Rarity(
            one,
            len(tally.with_it),
            len(tally.hosts),
            tally.first,
            tally.before,
            "archive",
            last - since,
            whole,
        )
        for one, tally in tallies.items()
        if tally.with_it  # else the archive's columns do not know it, for the alert itself has it
    }


def _look(
    reader: Reader, file: File, store: Store, one: Question, tally: _Tally, began: int, last: int
) -> None:
    """Look for one thing in one file."""
    import polars as pl

    known = reader.known(file)
    for names in _FIELDS[one.kind]:
        if file.kind == "hot":
            frames = [part.data for part in reader.parts(file, set(names) | set(_HOSTS))]
        elif not known.issuperset(names):
            continue
        else:
            columns = ["@time", *dict.fromkeys((*names, *(host for host in _HOSTS if host in known)))]
            plan = pl.scan_parquet(file.where(store.directory), glob=False).select(columns)
            frames = [plan.filter((pl.col("@time") >= began - BEFORE) & (pl.col("@time") <= last)).collect()]
        for data in frames:
            _count(data, names, one, tally, began)


def _count(data: pl.DataFrame, names: Iterable[str], one: Question, tally: _Tally, began: int) -> None:
    import polars as pl

    held = [name for name in (*names, *_HOSTS) if name in data.columns and data.schema[name] == pl.String]
    hosts = [name for name in _HOSTS if name in held]
    if not set(names) <= set(held) or not hosts:
        return
    host = pl.coalesce(hosts).str.to_lowercase().alias("@host")
    is_it = [
        pl.col(name).str.to_lowercase() == value.lower()
        for name, value in zip(names, one.values, strict=False)
    ]
    tally.hosts.update(data.select(host).unique().to_series().drop_nulls().to_list())
    spread = data.filter(is_it[0]) if one.kind == "user on host" else data.filter(*is_it)
    tally.with_it.update(spread.select(host).unique().to_series().drop_nulls().to_list())
    times = data.filter(*is_it)["@time"]
    if len(times):
        first = int(times.min() or 0)  # type: ignore[arg-type]
        tally.first = min(tally.first or first, first)
        tally.before += int((times < began).sum())


# --- the alerts


def _from_alerts(connection: sqlite3.Connection, one: Question, began: int) -> Rarity:
    """By alerts alone: those that name it, by host."""
    (of, oldest) = connection.execute(
        "SELECT count(DISTINCT host_key), coalesce(min(first_seen), 0) FROM"
        " (SELECT host_key, first_seen FROM alerts WHERE host_key <> '' ORDER BY last_seen DESC LIMIT 20000)"
    ).fetchone()
    if one.kind == "user on host":
        table, where = "alerts", "user_key = ? AND host_key = ?"
        values = [value.casefold() for value in one.values]
    else:
        table = "alert_entities e JOIN alerts ON alerts.id = e.alert"
        where = "e.key = ? AND e.kind = ?"
        values = [one.values[0].casefold(), one.kind.split()[0]]
    hosts, first, before = connection.execute(
        f"SELECT count(DISTINCT host_key), coalesce(min(f), 0), coalesce(sum(f < ?), 0) FROM"
        f" (SELECT host_key, alerts.first_seen AS f FROM {table} WHERE {where} LIMIT 20000)",
        (began, *values),
    ).fetchone()
    return Rarity(one, hosts, of, first, before, "alerts", max(0, began - oldest) if oldest else 0)
