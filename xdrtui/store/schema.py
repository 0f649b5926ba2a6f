"""The tables, as numbered migrations that only go forward.

`upgrade` brings a database to `VERSION` in one transaction, after a backup where there was something to lose.
The number stands in SQLite's `user_version`; `meta` says from which version on an older program may still
read. Imported only when a migration is due: sqlite-utils takes 95 ms to load.
"""

from __future__ import annotations

# ruff: noqa: S608 - statements are put together from names of columns; there is no value in them
import sqlite3
import uuid

from sqlite_utils import Database
from sqlite_utils.db import DescIndex
from sqlite_utils.migrations import Migrations

from xdrtui.store.schema_shift import shift

migrations = Migrations("xdrtui")

TEXT_OF_ALERTS = ("title", "summary", "entity_text", "host", "user")


def create(db: Database, name: str, columns: dict[str, type], pk: str | tuple[str, ...]) -> None:
    """A strict table in which no column may be null, except those whose name ends in `?`."""
    plain = {column.rstrip("?"): kind for column, kind in columns.items()}
    required = {column for column in columns if not column.endswith("?")}
    db.table(name).create(plain, pk=pk, not_null=required, strict=True)


@migrations()
def m0001_first(db: Database) -> None:
    """What one release needs: findings to alerts, what people do, and who is at work."""
    create(db, "meta", {"key": str, "value": str}, "key")
    create(db, "sources", {"uid": str, "name": str, "kind": str, "layout": str, "first_seen": int}, "uid")
    findings_and_evidence(db)
    alerts(db)
    people(db)
    workers(db)
    for key, value in (("store", str(uuid.uuid4())), ("mode", "local"), ("readable_from", "1")):
        db.table("meta").insert({"key": key, "value": value})


@migrations()
def m0002_when_fields_were_seen_last(db: Database) -> None:
    """So that coverage can tell since when a rule is blind; unknown (0) for what was counted before."""
    for column in ("last", "events"):
        db.execute(f"ALTER TABLE presence ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")


@migrations()
def m0003_shift(db: Database) -> None:
    """Snoozes, escalations and suppressions."""
    shift(db)


@migrations()
def m0004_archive(db: Database) -> None:
    """The files of the event archive; see `archive.catalogue`."""
    texts = ("path", "kind", "state", "event_type", "columns")
    numbers = ("rows", "size", "raw_size", "first", "last", "hour", "updated")
    create(db, "archive", {"id": int, **dict.fromkeys(texts, str), **dict.fromkeys(numbers, int)}, "id")
    db.table("archive").create_index(["path"], unique=True)
    db.table("archive").create_index(["state", "first"])


@migrations()
def m0005_fleet(db: Database) -> None:
    """What a workbench folds of a fleet's topic: see `store.fleet`."""
    where = {"source": str, "partition": int}
    create(
        db,
        "fleet_pieces",
        {**where, "start": int, "end": int, "tally": bytes},
        ("source", "partition", "start"),
    )
    create(db, "fleet_ended", where, ("source", "partition"))


@migrations()
def m0006_presence_packed(db: Database) -> None:
    """One row for each event type and host instead of one for each field: commits write a tenth of the rows.
    `fields`: field -> (n, last, events), as JSON; the columns beside it count the events themselves."""
    db.execute("ALTER TABLE presence ADD COLUMN fields TEXT NOT NULL DEFAULT '{}'")
    db.execute(
        "INSERT OR IGNORE INTO presence(event_type, host, field, n, last, events)"
        " SELECT DISTINCT event_type, host, '', 0, 0, 0 FROM presence"
    )
    db.execute(
        "UPDATE presence SET fields = coalesce((SELECT json_group_object(p.field, json_array(p.n, p.last,"
        " p.events)) FROM presence p WHERE p.event_type = presence.event_type AND p.host = presence.host"
        " AND p.field <> ''), '{}') WHERE field = ''"
    )
    db.execute("DELETE FROM presence WHERE field <> ''")


@migrations()
def m0007_steps(db: Database) -> None:
    """What correlations knew when: see `steps`."""
    create(db, "steps", {"seq": int, "watermark": int}, "seq")


def findings_and_evidence(db: Database) -> None:
    position = {"source": str, "partition": int, "offset": int, "idx": int}
    create(
        db,
        "findings",
        {
            "seq": int,
            "rule": str,
            **position,
            "alert": str,
            "time": int,
            "window_time": int,
            "quality": int,
            "ingest": int,
            "event_type": str,
            "level": str,
            "host": str,
            "user": str,
            "grp": str,
            "window": int,
            "entities": str,
            "captures": str,
            "summary": str,
            "event_hash": bytes,
            "rule_hash": str,
            "feeds": int,
            "muted": int,
        },
        "seq",
    )
    findings = db.table("findings")
    findings.create_index(["rule", *position], unique=True)
    findings.create_index(["alert", "event_hash"])
    findings.create_index(["rule", "window_time"])
    db.execute("CREATE INDEX findings_feeding ON findings(window_time) WHERE feeds")
    create(
        db,
        "evidence",
        {"finding": int, "raw": bytes, "size": int, "raw_hash": str, "matched": str, "rule_hash": str},
        "finding",
    )
    db.execute(
        "CREATE TABLE pins(alert TEXT NOT NULL, finding INTEGER NOT NULL, PRIMARY KEY(alert, finding))"
        " WITHOUT ROWID"
    )
    db.table("pins").create_index(["finding"])
    db.execute(
        "CREATE TABLE correlated(alert TEXT NOT NULL, finding INTEGER NOT NULL, PRIMARY KEY(alert, finding))"
        " WITHOUT ROWID"
    )
    create(
        db,
        "dead_letters",
        {**position, "reason": str, "payload": bytes, "size": int, "ingest": int},
        ("source", "partition", "offset", "idx"),
    )
    create(
        db,
        "positions",
        {
            "source": str,
            "partition": int,
            "next_offset": int,
            "anchor": bytes,
            "watermark": int,
            "generation": int,
            "idle": int,
            "updated": int,
        },
        ("source", "partition"),
    )
    create(db, "counts", {"name": str, "n": int}, "name")
    db.execute(
        "CREATE TABLE presence(event_type TEXT NOT NULL, host TEXT NOT NULL, field TEXT NOT NULL,"
        " n INTEGER NOT NULL, PRIMARY KEY(event_type, host, field)) WITHOUT ROWID"
    )
    rule = ["id", "hash", "title", "level", "kind", "author", "description", "text", "path"]
    lists = ["references", "falsepositives", "tags", "techniques"]
    columns: dict[str, type] = dict.fromkeys((*rule, *lists), str)
    create(db, "rules", columns | {"current": int, "stored": int}, ("id", "hash"))


def alerts(db: Database) -> None:
    """Alerts are a function of the findings; the columns from `state` on are copied from `alert_states`."""
    create(
        db,
        "alerts",
        {
            "seq": int,
            "id": str,
            "rule": str,
            "rule_hash": str,
            "kind": str,
            "grp": str,
            "window_start": int,
            "window": int,
            "level": str,
            "rank": int,
            "title": str,
            "summary": str,
            "host": str,
            "user": str,
            "host_key": str,
            "user_key": str,
            "line": str,
            "entities": str,
            "entity_text": str,
            "techniques": str,
            "count": int,
            "duplicates": int,
            "first_seen": int,
            "last_seen": int,
            "head": int,
            "score?": float,
            "state": str,
            "open": int,
            "disposition": str,
            "owner": str,
            "closed_count": int,
            "version": int,
        },
        "seq",
    )
    table = db.table("alerts")
    table.create_index(["id"], unique=True)
    for indexed in (
        ["open", "rank", "last_seen"],
        ["rank", "last_seen"],
        ["last_seen"],
        ["open", "last_seen"],
    ):
        table.create_index(indexed)
    gravest_first = [DescIndex("rank"), DescIndex("last_seen")]
    for column in ("host_key", "user_key", "rule", "title"):
        table.create_index([column, *gravest_first])
    table.create_index(["rule", "line"])
    db.execute("CREATE INDEX alerts_owned ON alerts(owner, rank, last_seen) WHERE owner <> ''")
    db.execute(
        "CREATE TABLE alert_entities(alert TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
        " key TEXT NOT NULL, first_seen INTEGER NOT NULL, PRIMARY KEY(alert, kind, value)) WITHOUT ROWID"
    )
    db.table("alert_entities").create_index(["key", "kind", "first_seen", "alert"])
    table.enable_fts(TEXT_OF_ALERTS, tokenize="unicode61 remove_diacritics 2")
    columns = ", ".join(TEXT_OF_ALERTS)
    old = ", ".join(f"old.{name}" for name in TEXT_OF_ALERTS)
    new = ", ".join(f"new.{name}" for name in TEXT_OF_ALERTS)
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in TEXT_OF_ALERTS)
    forget = f"INSERT INTO alerts_fts(alerts_fts, rowid, {columns}) VALUES ('delete', old.seq, {old});"
    learn = f"INSERT INTO alerts_fts(rowid, {columns}) VALUES (new.seq, {new});"
    # sqlite-utils' own triggers would index the text again at every count that grows
    db.execute(f"CREATE TRIGGER alerts_text_in AFTER INSERT ON alerts BEGIN {learn} END")
    db.execute(f"CREATE TRIGGER alerts_text_out AFTER DELETE ON alerts BEGIN {forget} END")
    db.execute(
        f"CREATE TRIGGER alerts_text_new AFTER UPDATE OF {columns} ON alerts WHEN {changed}"
        f" BEGIN {forget} {learn} END"
    )


def people(db: Database) -> None:
    db.execute(
        "CREATE TABLE ledger(seq INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE,"
        " author TEXT NOT NULL, device TEXT NOT NULL, sequence INTEGER NOT NULL, clock INTEGER NOT NULL,"
        " previous TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,"
        " signature BLOB, UNIQUE(device, sequence)) STRICT"
    )
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger"
            " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    db.table("ledger").create_index(["author", "device", "seq"])
    # folds over the ledger, rebuilt from it at will
    db.execute(
        "CREATE TABLE ledger_subjects(alert TEXT NOT NULL, entry INTEGER NOT NULL, kind TEXT NOT NULL,"
        " value TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(alert, entry)) WITHOUT ROWID"
    )
    create(db, "ledger_undone", {"entry": int, "status": str}, "entry")
    create(
        db,
        "alert_states",
        {
            "alert": str,
            "state": str,
            "disposition": str,
            "owner": str,
            "closed_count": int,
            "version": int,
        },
        "alert",
    )
    copied = ("state", "disposition", "owner", "closed_count", "version")
    take = ", ".join(f"{name} = new.{name}" for name in copied) + ", open = new.state <> 'closed'"
    for verb in ("INSERT", "UPDATE"):
        db.execute(
            f"CREATE TRIGGER state_{verb.lower()} AFTER {verb} ON alert_states"
            f" BEGIN UPDATE alerts SET {take} WHERE id = new.alert; END"
        )
    db.execute(
        "CREATE TRIGGER state_delete AFTER DELETE ON alert_states BEGIN UPDATE alerts SET state = 'new',"
        " disposition = '', owner = '', closed_count = 0, version = 0, open = 1 WHERE id = old.alert; END"
    )
    states = ", ".join(f"{name} = s.{name}" for name in copied) + ", open = s.state <> 'closed'"
    db.execute(
        "CREATE TRIGGER state_known AFTER INSERT ON alerts"
        " WHEN EXISTS (SELECT 1 FROM alert_states WHERE alert = new.id)"
        f" BEGIN UPDATE alerts SET {states} FROM alert_states AS s"
        " WHERE s.alert = new.id AND alerts.seq = new.seq; END"
    )


def workers(db: Database) -> None:
    create(
        db,
        "heartbeats",
        {"worker": str, "kind": str, "pid": int, "machine": str, "started": int, "at": int, "figures": str},
        "worker",
    )
    create(db, "leases", {"name": str, "holder": str, "until": int}, "name")
    create(db, "cursors", {"name": str, "seq": int}, "name")
    create(db, "control", {"key": str, "value": str}, "key")
    create(
        db,
        "health",
        {"key": str, "kind": str, "text": str, "first_at": int, "last_at": int, "n": int, "cleared": int},
        "key",
    )
    create(
        db,
        "outbox",
        {
            "id": int,
            "key": str,
            "kind": str,
            "alert": str,
            "body": str,
            "created": int,
            "sent": int,
            "attempts": int,
            "fault": str,
        },
        "id",
    )
    db.table("outbox").create_index(["key"], unique=True)


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Run what is pending inside the transaction that is open, and note the version reached."""
    migrations.apply(Database(connection))
    connection.execute(f"PRAGMA user_version = {int(version)}")
