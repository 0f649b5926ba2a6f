"""Who of a fleet is at work, what is not well there, and a loud word where versions of the rules differ.

Who is at work follows from the topic's own times: a worker that has been silent for ten minutes of them is
gone. So every workbench says the same, whenever it reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from xdrtui.pipeline.fleet_records import Beat, Notice
from xdrtui.store import workers
from xdrtui.store.workers import Heartbeat

NOTE = "fleet.versions"
FAULT = "fleet:rules"
SILENT = 600_000_000_000
NEAR = 60_000_000_000
SHOWN = 4

MOST_WORKERS = 256
"""So many are known at once: whoever writes to the topic may make names up, and each costs at every beat."""

LONGEST = 1_000
"""Characters of a fault."""


class Version(msgspec.Struct, frozen=True):
    """at: when the worker was last heard of, nanoseconds of the broker's clock."""

    rules: str
    correlations: str
    at: int


class Versions:
    """Of one store. Remembered in it, so that a restart forgets nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        text = workers.note(connection, NOTE) or "{}"
        self._known = msgspec.json.decode(text, type=dict[str, Version])

    def take(self, beat: Beat, at: int) -> None:
        """A worker was heard of."""
        if beat.gone:
            self._known.pop(beat.worker, None)
        else:
            self._known[beat.worker] = Version(beat.rules, beat.correlations, at)
        self._known = {name: each for name, each in self._known.items() if each.at > at - SILENT}
        while len(self._known) > MOST_WORKERS:
            del self._known[min(self._known, key=lambda name: (self._known[name].at, name))]

    def write(self, connection: sqlite3.Connection, at: int) -> None:
        """Remember, and report or take back the fault. Runs inside the caller's transaction."""
        workers.set_note(connection, NOTE, msgspec.json.encode(self._known).decode())
        text = self.difference()
        if text:
            workers.report_fault(connection, FAULT, "rules", text, at)
        else:
            workers.clear_fault(connection, FAULT, at)

    def difference(self) -> str:
        """Who works with which rules, where not all work with the same; else empty."""
        groups: dict[tuple[str, str], list[str]] = {}
        for name, each in sorted(self._known.items()):
            groups.setdefault((each.rules, each.correlations), []).append(name)
        if len(groups) < 2:
            return ""
        ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        told = [f"{_names(names)} with {version[0][:8]}-{version[1][:4]}" for version, names in ordered]
        return (
            f"Workers of the fleet run {len(groups)} versions of the rules: {'; '.join(told[:SHOWN])}."
            " What one finds another may miss: bring them to one version."
        )

    def other_correlations(self, mine: str) -> str:
        """Why this workbench may decide otherwise than its workers' rules say; empty where it does not."""
        others = {each.correlations for each in self._known.values()} - {mine}
        if not others or len({each.correlations for each in self._known.values()}) > 1:
            return ""
        return (
            "This workbench counts with other correlations than its workers were given: use the same rules"
            " (rules.paths) in both."
        )


def write_beat(connection: sqlite3.Connection, beat: Beat, at: int, now: int) -> None:
    """A worker's figures and faults, for the status bar. at: the broker's time of the beat; now: this
    machine's, which decides nothing here but what counts as fresh, since clocks of machines differ."""
    seen = now if abs(now - at) < NEAR else at
    if beat.gone:
        workers.remove_heartbeat(connection, beat.worker)
    else:
        figures = dict(beat.figures)
        row = Heartbeat(beat.worker, "worker", beat.pid, beat.machine, beat.started, seen, figures)
        workers.write_heartbeat(connection, row)
    prefix = f"fleet:{beat.worker}:"
    faults = {f"{prefix}{key}"[:600]: f"{beat.worker}: {text}"[:LONGEST] for key, text in beat.faults.items()}
    for key in workers.faults_under(connection, prefix):
        if key not in faults:
            workers.clear_fault(connection, key, at)
    for key, text in faults.items():
        workers.report_fault(connection, key, "partition", text, at)
    workers.remove_silent(connection, "worker", at - SILENT, MOST_WORKERS)


def write_notices(connection: sqlite3.Connection, notices: Sequence[tuple[Notice, int]]) -> None:
    """What happened to topics, as workers told it at these times."""
    for notice, now in notices:
        text = f"{notice.worker}: {notice.text}"[:LONGEST]
        workers.report_fault(connection, f"topic:{notice.text}"[:300], "topic", text, now)


def tell_own(connection: sqlite3.Connection, told: Mapping[str, str], now: int) -> None:
    """What is not well with a fold itself (key -> text); what it tells no more has ended."""
    for key in workers.faults_under(connection, "fold:"):
        if key not in told:
            workers.clear_fault(connection, key, now)
    for key, text in told.items():
        workers.report_fault(connection, key, "fleet", text, now)


def _names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
