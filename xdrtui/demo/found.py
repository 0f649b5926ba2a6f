"""The alerts of a store with where their findings stand: what holding them against a truth needs.

Read from the store each time, so that the figures are those of the store and of nothing else.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from xdrtui.demo.hints import About
from xdrtui.demo.score import Judged
from xdrtui.store.store import Store

ALERTS = "SELECT id, rule, title, level, CASE WHEN state = 'closed' THEN disposition ELSE '' END FROM alerts"
PLACES = (
    "SELECT f.alert, f.source, f.offset FROM findings f WHERE NOT f.muted"
    " UNION SELECT c.alert, f.source, f.offset FROM correlated c JOIN findings f ON f.seq = c.finding"
)
PLACES_OF_ONE = (
    "SELECT source, offset FROM findings WHERE alert = ?1 AND NOT muted"
    " UNION SELECT f.source, f.offset FROM correlated c JOIN findings f ON f.seq = c.finding"
    " WHERE c.alert = ?1"
)

Place = tuple[str, int]
"""File and 0-based line, as in a scenario's truth."""


def by_scenario(connection: sqlite3.Connection, scenarios: Iterable[str]) -> dict[str, list[Judged]]:
    """The alerts of each scenario: those of its files. An alert that stands on files of two is in both."""
    names = _files(connection)
    places: dict[str, dict[str, set[Place]]] = {scenario: defaultdict(set) for scenario in scenarios}
    for alert, source, offset in connection.execute(PLACES):
        scenario, file = names.get(source, ("", ""))
        if scenario in places:
            places[scenario][alert].add((file, offset))
    alerts = connection.execute(f"{ALERTS} ORDER BY rank DESC, first_seen, id").fetchall()
    return {
        scenario: [
            Judged(id, rule, title, level, frozenset(there[id]), disposition)
            for id, rule, title, level, disposition in alerts
            if id in there
        ]
        for scenario, there in places.items()
    }


def one(connection: sqlite3.Connection, alert: str) -> tuple[str, Judged] | None:
    """An alert and the scenario it is of; None where there is none."""
    row = connection.execute(f"{ALERTS} WHERE id = ?", (alert,)).fetchone()
    names = _files(connection)
    found = [
        (*names[source], offset)
        for source, offset in connection.execute(PLACES_OF_ONE, (alert,))
        if source in names
    ]
    if row is None or not found:
        return None
    scenario = found[0][0]
    id, rule, title, level, disposition = row
    places = frozenset((file, line) for of, file, line in found if of == scenario)
    return scenario, Judged(id, rule, title, level, places, disposition)


def about(store: Store, alert: str) -> About:
    """What an alert shows of itself."""
    connection = store.connection
    row = connection.execute("SELECT rule, host, user FROM alerts WHERE id = ?", (alert,)).fetchone()
    if row is None:
        return About()
    fields: dict[str, None] = {}
    for (matched,) in connection.execute(
        "SELECT e.matched FROM pins p JOIN evidence e ON e.finding = p.finding WHERE p.alert = ? LIMIT 20",
        (alert,),
    ):
        fields.update(
            dict.fromkeys(name for name in msgspec.json.decode(matched, type=dict[str, str]) if name)
        )
    rule = store.rule(row[0])
    return About(row[1] or row[2], tuple(fields)[:4], rule.falsepositives if rule else ())


def events_of(connection: sqlite3.Connection) -> dict[str, int]:
    """Scenario -> how many lines of its files have been read; each is an event."""
    counts: dict[str, int] = defaultdict(int)
    names = _files(connection)
    for source, offset in connection.execute("SELECT source, next_offset FROM positions"):
        if source in names:
            counts[names[source][0]] += offset
    return dict(counts)


def _files(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Source -> scenario and name of the file."""
    rows = connection.execute("SELECT uid, name FROM sources WHERE kind = 'file'")
    return {uid: (Path(name).parent.name, Path(name).name) for uid, name in rows}
