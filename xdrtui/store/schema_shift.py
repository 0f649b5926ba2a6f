"""Tables of a shift: snoozes, escalations and suppressions; what a finding's host saw about the same time.

The columns beside an alert's state are a fold over the ledger, as the state is; `suppressions` is one too.
`suppressed` names the findings that a suppression hid: the correlator writes it.
"""

from __future__ import annotations

# ruff: noqa: S608 - statements are put together from names of columns; there is no value in them
from sqlite_utils import Database

STATE = ("state", "disposition", "owner", "closed_count", "version", "snoozed", "escalated", "waiting")
"""What a trigger copies from `alert_states` into the alert's row."""

_NEW = {"snoozed": "INTEGER NOT NULL DEFAULT 0", "escalated": "TEXT NOT NULL DEFAULT ''",
        "waiting": "INTEGER NOT NULL DEFAULT 0"}  # fmt: skip


def shift(db: Database) -> None:
    """snoozed: until when, nanoseconds, 0 = not; escalated: to whom; waiting: nobody took it up yet."""
    for table in ("alert_states", "alerts"):
        for column, kind in _NEW.items():
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    _copy_states(db)
    db.execute("CREATE INDEX alerts_snoozed ON alerts(snoozed) WHERE snoozed > 0")
    db.execute("CREATE INDEX alerts_waiting ON alerts(waiting) WHERE waiting = 1")
    db.execute("CREATE INDEX findings_host ON findings(host COLLATE NOCASE, window_time)")
    db.execute(
        "CREATE TABLE suppressions(id TEXT PRIMARY KEY, entry INTEGER NOT NULL, author TEXT NOT NULL,"
        " owner TEXT NOT NULL, reason TEXT NOT NULL, scope TEXT NOT NULL, terms TEXT NOT NULL,"
        " made INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, past INTEGER NOT NULL,"
        " lifted INTEGER NOT NULL DEFAULT 0, lifted_by TEXT NOT NULL DEFAULT '',"
        " lifted_why TEXT NOT NULL DEFAULT '') STRICT"
    )
    db.execute(
        "CREATE TABLE suppressed(finding INTEGER PRIMARY KEY, suppression TEXT NOT NULL,"
        " time INTEGER NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX suppressed_by ON suppressed(suppression, time)")


def _copy_states(db: Database) -> None:
    """The triggers that keep an alert's row in step with its state, with the new columns."""
    take = ", ".join(f"{name} = new.{name}" for name in STATE) + ", open = new.state <> 'closed'"
    known = ", ".join(f"{name} = s.{name}" for name in STATE) + ", open = s.state <> 'closed'"
    for name in ("state_insert", "state_update", "state_delete", "state_known"):
        db.execute(f"DROP TRIGGER {name}")
    for verb in ("INSERT", "UPDATE"):
        db.execute(
            f"CREATE TRIGGER state_{verb.lower()} AFTER {verb} ON alert_states"
            f" BEGIN UPDATE alerts SET {take} WHERE id = new.alert; END"
        )
    db.execute(
        "CREATE TRIGGER state_delete AFTER DELETE ON alert_states BEGIN UPDATE alerts SET state = 'new',"
        " disposition = '', owner = '', closed_count = 0, version = 0, open = 1, snoozed = 0,"
        " escalated = '', waiting = 0 WHERE id = old.alert; END"
    )
    db.execute(
        "CREATE TRIGGER state_known AFTER INSERT ON alerts"
        " WHEN EXISTS (SELECT 1 FROM alert_states WHERE alert = new.id)"
        f" BEGIN UPDATE alerts SET {known} FROM alert_states AS s"
        " WHERE s.alert = new.id AND alerts.seq = new.seq; END"
    )
