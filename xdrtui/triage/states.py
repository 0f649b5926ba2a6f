"""What people's acts make of an alert: a fold over the ledger, and undo as entries of it.

In: ledger entries in order. Out: tables `alert_states`, `ledger_subjects` and `ledger_undone`, which can be
dropped and folded again at any time (`refold`) with the same result. Writing runs inside the caller's
transaction.
"""

# ruff: noqa: S608 - statements are put together from names of columns and question marks
from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from xdrtui.store import ledger
from xdrtui.store.identity import canonical
from xdrtui.store.ledger import Entry
from xdrtui.triage import suppressions

TRUE_POSITIVE = "true_positive"
DISPOSITIONS = (
    TRUE_POSITIVE,
    "benign_authorised",
    "benign_test",
    "false_positive_rule",
    "false_positive_data",
    "duplicate",
    "undetermined",
)

ACTS = ("acknowledge", "investigate", "close", "own", "memo", "snooze", "escalate")
"""Kinds of entries about alerts that can be undone."""

UNDOABLE = (*ACTS, suppressions.SUPPRESS, suppressions.LIFT)
"""All kinds of entries that can be undone."""

ACCEPTING = ("acknowledge", "investigate", "own")
"""Acts by which somebody takes up what was escalated."""


class State(msgspec.Struct, frozen=True):
    """What people made of an alert. closed_count: its count when it was closed; version: the last entry.

    snoozed: until when, nanoseconds since 1970 UTC, 0 = not; who reads compares it with the clock, the fold
    never does. escalated: to whom, "" = nobody; waiting: whoever that is has not taken it up yet.
    """

    state: str = "new"
    disposition: str = ""
    owner: str = ""
    closed_count: int = 0
    version: int = 0
    snoozed: int = 0
    escalated: str = ""
    waiting: bool = False


COLUMNS = ", ".join(State.__struct_fields__)


class Act(msgspec.Struct, frozen=True):
    """What an entry says of one alert. value: the disposition, the owner, to whom it is escalated or who took
    that up. count: the alert's count when closed; until when it is snoozed; 1 where an escalation is taken
    up by this act."""

    entry: int
    kind: str
    value: str = ""
    count: int = 0


_VALUES = {"close": "disposition", "own": "owner", "escalate": "to"}


def acts_of(entry: Entry) -> dict[str, Act]:
    """What an entry says of each alert that it is about."""
    body = entry.body
    value = str(body.get(_VALUES.get(entry.kind, ""), ""))
    counts, until, accepts = body.get("counts"), body.get("until"), body.get("accepts")
    known = counts if isinstance(counts, dict) else {}
    taken = set(accepts) if isinstance(accepts, list) else set()
    acts = {}
    for alert in entry.subject:
        if entry.kind == "snooze":
            count = until
        else:
            count = int(alert in taken) if entry.kind in ACCEPTING else known.get(alert, 0)
        says = entry.author if alert in taken and entry.kind != "own" else value
        acts[alert] = Act(entry.seq, entry.kind, says, count if isinstance(count, int) else 0)
    return acts


def act(state: State, what: Act) -> State:
    """The state after an act. What an act says is absolute, so that acts of several people can be merged."""
    match what.kind:
        case "acknowledge" | "investigate":
            word = "acknowledged" if what.kind == "acknowledge" else "investigating"
            if not what.count:
                return State(word, "", state.owner, 0, what.entry, 0, state.escalated, state.waiting)
            if what.kind == "acknowledge" and state.state != "new":
                word = state.state  # what was taken up is said, what was done before stays
            return State(word, "", what.value, 0, what.entry, 0, state.escalated, False)
        case "close":
            return State("closed", what.value, state.owner, what.count, what.entry, 0, state.escalated, False)
        case "own":
            return replace(
                state, owner=what.value, version=what.entry, waiting=state.waiting and not what.count
            )
        case "snooze":
            return replace(state, snoozed=what.count, version=what.entry)
        case "escalate":
            return replace(state, escalated=what.value, waiting=True, snoozed=0, version=what.entry)
        case _:
            return replace(state, version=what.entry)


def states_of(connection: sqlite3.Connection, alerts: Sequence[str]) -> dict[str, State]:
    """The states of these alerts; those nobody touched are new."""
    states = dict.fromkeys(alerts, State())
    for alert in alerts:
        row = connection.execute(f"SELECT {COLUMNS} FROM alert_states WHERE alert = ?", (alert,)).fetchone()
        if row is not None:
            states[alert] = State(*(*row[:-1], bool(row[-1])))
    return states


def write_states(connection: sqlite3.Connection, states: Mapping[str, State]) -> None:
    fields = State.__struct_fields__
    marks, news = ",".join("?" * len(fields)), ", ".join(f"{name} = excluded.{name}" for name in fields)
    connection.executemany(
        f"INSERT INTO alert_states(alert, {COLUMNS}) VALUES (?,{marks})"
        f" ON CONFLICT(alert) DO UPDATE SET {news}",
        [(alert, *msgspec.structs.astuple(state)) for alert, state in states.items()],
    )


def take(connection: sqlite3.Connection, entry: Entry) -> None:
    """Fold one entry that has just been appended."""
    acts = acts_of(entry)
    connection.executemany(
        "INSERT OR IGNORE INTO ledger_subjects(alert, entry, kind, value, count) VALUES (?,?,?,?,?)",
        [(alert, *msgspec.structs.astuple(what)) for alert, what in acts.items()],
    )
    if entry.kind in ("undo", "redo"):
        of = mark_undone(connection, entry)
        if of is not None and of.kind not in ACTS:
            suppressions.turn(connection, entry, of)
        else:
            write_states(connection, {alert: replay(connection, alert) for alert in entry.subject})
        return
    if entry.kind in UNDOABLE:
        discard_redo(connection, entry.author, entry.device)
    if entry.kind not in ACTS:
        suppressions.take(connection, entry)
        return
    states = states_of(connection, entry.subject)
    write_states(connection, {alert: act(state, acts[alert]) for alert, state in states.items()})


def mark_undone(connection: sqlite3.Connection, entry: Entry) -> Entry | None:
    """Note what an undo took back, or a redo did again; return it, None where the store does not know it."""
    row = connection.execute("SELECT seq FROM ledger WHERE hash = ?", (str(entry.body["entry"]),)).fetchone()
    if row is None:
        return None
    if entry.kind == "undo":
        connection.execute("INSERT OR REPLACE INTO ledger_undone(entry, status) VALUES (?, 'undone')", row)
    else:
        connection.execute("DELETE FROM ledger_undone WHERE entry = ?", row)
    return next(iter(ledger.read(connection, row)), None)


def discard_redo(connection: sqlite3.Connection, author: str, device: str) -> None:
    """A new act ends what could be redone."""
    connection.execute(
        "UPDATE ledger_undone SET status = 'discarded' WHERE status = 'undone' AND entry IN"
        " (SELECT seq FROM ledger WHERE author = ? AND device = ?)",
        (author, device),
    )


def replay(connection: sqlite3.Connection, alert: str) -> State:
    """The state of one alert from its entries, leaving out those undone."""
    state = State()
    for undone, *what in connection.execute(
        "SELECT u.entry IS NOT NULL, s.entry, s.kind, s.value, s.count FROM ledger_subjects s"
        " LEFT JOIN ledger_undone u ON u.entry = s.entry WHERE s.alert = ? ORDER BY s.entry",
        (alert,),
    ):
        one = Act(*what)
        state = replace(state, version=one.entry) if undone else act(state, one)
    return state


def last_done(connection: sqlite3.Connection, author: str, device: str) -> Entry | None:
    """The act that undo takes back next."""
    marks = ",".join("?" * len(UNDOABLE))
    row = connection.execute(
        f"SELECT {ledger.COLUMNS} FROM ledger WHERE author = ? AND device = ? AND kind IN ({marks})"
        " AND NOT EXISTS (SELECT 1 FROM ledger_undone WHERE entry = ledger.seq) ORDER BY seq DESC LIMIT 1",
        (author, device, *UNDOABLE),
    ).fetchone()
    return None if row is None else ledger.entry_of(row)


def last_undone(connection: sqlite3.Connection, author: str, device: str) -> Entry | None:
    """The act that redo does again next."""
    row = connection.execute(
        f"SELECT {ledger.COLUMNS} FROM ledger WHERE seq IN (SELECT entry FROM ledger_undone"
        " WHERE status = 'undone') AND author = ? AND device = ? ORDER BY seq LIMIT 1",
        (author, device),
    ).fetchone()
    return None if row is None else ledger.entry_of(row)


def escalated_by(connection: sqlite3.Connection, alert: str) -> str:
    """Who escalated this alert last, leaving out what was undone; "" = nobody."""
    row = connection.execute(
        "SELECT l.author FROM ledger_subjects s JOIN ledger l ON l.seq = s.entry"
        " WHERE s.alert = ? AND s.kind = 'escalate'"
        " AND NOT EXISTS (SELECT 1 FROM ledger_undone WHERE entry = s.entry) ORDER BY s.entry DESC LIMIT 1",
        (alert,),
    ).fetchone()
    return "" if row is None else str(row[0])


def refold(connection: sqlite3.Connection) -> None:
    """Drop all that is folded from the ledger and fold it again."""
    for table in ("alert_states", "ledger_subjects", "ledger_undone", "suppressions"):
        connection.execute(f"DELETE FROM {table}")
    for entry in list(ledger.all_entries(connection)):
        take(connection, entry)


def digest(connection: sqlite3.Connection) -> str:
    """A hash of all that people's acts come to, to compare two folds; alerts left as new do not count."""
    rows = connection.execute(
        "SELECT alert, state, disposition, owner, closed_count, snoozed, escalated, waiting FROM alert_states"
        " WHERE (state, disposition, owner, snoozed, escalated) <> ('new', '', '', 0, '') ORDER BY alert"
    )
    return hashlib.sha256(canonical([list(row) for row in rows]).encode()).hexdigest()
