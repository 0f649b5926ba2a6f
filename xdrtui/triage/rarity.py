"""How rare what an alert is about is: on how many hosts, since when, how often before.

Asked of what is noted of the event archive (`store.archive.seen`, milliseconds however large it is) and of
the files that are not noted yet, the latest first and for a bounded time; where there is no archive, of the
stored alerts, which know only what rules matched. Each answer says which of the two it rests on, and how much
of it was looked at. Reads only; times are the events', nanoseconds since 1970 UTC.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from xdrtui.store.archive import catalogue
from xdrtui.store.archive.seen import DAY, Question, Seen, Sighting, length
from xdrtui.store.store import Store

if TYPE_CHECKING:
    from detectors.contract import Text
    from xdrtui.triage.rows import AlertDetail

BEFORE = 30 * DAY
BUDGET = 0.25
"""Seconds for which files are looked at that are not noted yet, all questions together."""


class Rarity(msgspec.Struct, frozen=True):
    """An answer. hosts, of: hosts that had it (of a user on a host: that had the user), of all that were
    looked at; first: when it was seen first; before: how often in the 30 days before the alert; basis:
    "archive" or "alerts"; known: how long the time is of which something is known, nanoseconds; whole: False
    where only a part of what is kept was looked at; about: `before` is an estimate."""

    question: Question
    hosts: int
    of: int
    first: int
    before: int
    basis: str
    known: int
    whole: bool = True
    about: bool = False


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


def _from_archive(
    store: Store, asked: list[Question], began: int, last: int, clock: Callable[[], float]
) -> dict[Question, Rarity]:
    """By what is noted of the archive's events, and by a look at the files that are not noted yet."""
    row = store.connection.execute("SELECT 1 FROM archive WHERE state <> 'old' LIMIT 1").fetchone()
    if row is None:
        return {}
    since, until = began - BEFORE, clock() + BUDGET
    found = {one: Sighting() for one in asked}
    hosts: set[str] = set()
    hours: list[tuple[int, int]] = []
    noted: dict[str, int] = {}
    seen = Seen.to_ask(store.directory)
    if seen is not None:
        with seen:
            noted, hosts, hours = seen.files(), seen.hosts(since, last), seen.hours(since, last)
            found = {one: seen.sighting(one.kind, one.values, since, began, last) for one in asked}
    left = [
        file
        for file in catalogue.files(store.connection, since=since, until=last + 1)
        if noted.get(file.path, 0) < file.size
    ]
    whole = True
    if left:
        from xdrtui.triage.unnoted import look

        for file in sorted(left, key=lambda file: -file.last):
            if clock() > until:
                whole = False
                break
            hours += look(store, file, noted.get(file.path, 0), found, hosts, (since, began, last))
    return {
        one: Rarity(
            *(
                one,
                len(sighting.hosts),
                len(hosts),
                sighting.first,
                sighting.before,
                "archive",
                length(hours),
            ),
            whole=whole and not sighting.cut,
            about=sighting.about,
        )
        for one, sighting in found.items()
        if sighting.hosts  # else the archive's columns do not know it, for the alert itself has it
    }


# --- the alerts


def _from_alerts(connection: sqlite3.Connection, one: Question, began: int) -> Rarity:
    """By the alerts of the 30 days before alone: those that name it, by host."""
    since = began - BEFORE
    (of, oldest) = connection.execute(
        "SELECT count(DISTINCT host_key), coalesce(min(first_seen), 0) FROM (SELECT host_key, first_seen"
        " FROM alerts WHERE host_key <> '' AND last_seen >= ? AND first_seen >= ?"
        " ORDER BY last_seen DESC LIMIT 20000)",
        (since, since),
    ).fetchone()
    if one.kind == "user on host":
        table, where = "alerts", "user_key = ? AND host_key = ? AND first_seen >= ?"
        values = [value.casefold() for value in one.values]
    else:
        table = "alert_entities e JOIN alerts ON alerts.id = e.alert"
        where = "e.key = ? AND e.kind = ? AND e.first_seen >= ?"
        values = [one.values[0].casefold(), one.kind.split()[0]]
    hosts, first, before = connection.execute(
        f"SELECT count(DISTINCT host_key), coalesce(min(f), 0), coalesce(sum(f < ?), 0) FROM"
        f" (SELECT host_key, alerts.first_seen AS f FROM {table} WHERE {where} LIMIT 20000)",
        (began, *values, since),
    ).fetchone()
    return Rarity(one, hosts, of, first, before, "alerts", max(0, began - oldest) if oldest else 0)
