"""Suppressions: findings of a stated scope that make no alert for a time, because somebody decided so.

They stand in the ledger; table `suppressions` is the fold. Whether one hides a finding follows from the
finding alone (its fields and the time that windows use), never from a clock, so that alerts folded anew are
the same. What is hidden is counted. Deciding is `suppressing`'s.
"""

# ruff: noqa: S608 - statements are put together from names of columns; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from xdrtui.store.alerts import Folded
from xdrtui.store.findings import Stored
from xdrtui.store.ledger import Entry

SUPPRESS, LIFT = "suppress", "suppress.lift"

Terms = tuple[tuple[str, str], ...]
"""(field, value) pairs that must all hold; `*` stands for any text, case makes no difference."""


class Suppression(msgspec.Struct, frozen=True):
    """scope: as it was written; terms: what it means; made: the ledger's clock; since, until: event times,
    nanoseconds since 1970 UTC; past: stored alerts that it would have hidden when it was made; lifted: when
    it was ended early, 0 = not; hidden: findings that it hid; last: the time of the last of them."""

    id: str
    entry: int
    author: str
    owner: str
    reason: str
    scope: str
    terms: Terms
    made: int
    since: int
    until: int
    past: int
    lifted: int
    lifted_by: str
    lifted_why: str
    hidden: int = 0
    last: int = 0

    @property
    def end(self) -> int:
        """When it ends, or ended."""
        return min(self.until, self.lifted) if self.lifted else self.until

    def standing(self, now: int) -> str:
        """ "in force", "expired" or "lifted", at this moment."""
        if self.lifted and self.lifted <= now:
            return "lifted"
        return "expired" if self.until <= now else "in force"


COLUMNS = (
    "id, entry, author, owner, reason, scope, terms, made, since, until, past, lifted, lifted_by, lifted_why"
)
_pairs = msgspec.json.Decoder(Terms)
_entities = msgspec.json.Decoder(tuple[tuple[str, str], ...])


def read(
    connection: sqlite3.Connection, where: str, values: Sequence[object] = (), *, counted: bool = False
) -> list[Suppression]:
    """Suppressions; where: in SQL, of ours. counted: with what they hid."""
    hidden = (
        "(SELECT count(*) FROM suppressed WHERE suppression = id),"
        " (SELECT coalesce(max(time), 0) FROM suppressed WHERE suppression = id)"
    )
    sql = f"SELECT {COLUMNS}, {hidden if counted else '0, 0'} FROM suppressions WHERE {where}"
    return [
        Suppression(*(*row[:6], _pairs.decode(row[6]), *row[7:])) for row in connection.execute(sql, values)
    ]


def take(connection: sqlite3.Connection, entry: Entry) -> None:
    """Fold one entry of the ledger."""
    body = entry.body
    if entry.kind == SUPPRESS:
        connection.execute(
            "INSERT OR REPLACE INTO suppressions(id, entry, author, owner, reason, scope, terms, made, since,"
            " until, past) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                entry.hash[:12],
                entry.seq,
                entry.author,
                *(str(body.get(name, "")) for name in ("owner", "reason", "scope")),
                msgspec.json.encode(body.get("terms", [])).decode(),
                entry.clock,
                *(body.get(name, 0) for name in ("since", "until", "past")),
            ),
        )
    elif entry.kind == LIFT:
        connection.execute(
            "UPDATE suppressions SET lifted = ?, lifted_by = ?, lifted_why = ? WHERE id = ? AND lifted = 0",
            (body.get("at", 0), entry.author, str(body.get("reason", "")), "".join(entry.subject[:1])),
        )


def turn(connection: sqlite3.Connection, turned: Entry, of: Entry) -> None:
    """Fold an undo or a redo (`turned`) of one that was made, or lifted. What comes into force again begins
    then: what it did not hide meanwhile stays, whoever folds it again."""
    at = turned.body.get("at", 0)
    if of.kind == SUPPRESS:
        origin: int | None = of.seq
    else:
        row = connection.execute(
            "SELECT entry FROM suppressions WHERE id = ?", ("".join(of.subject[:1]),)
        ).fetchone()
        origin = row[0] if row else None
    if (of.kind == SUPPRESS) == (turned.kind == "undo"):
        connection.execute(
            "UPDATE suppressions SET lifted = max(?, since), lifted_by = ?, lifted_why = ?"
            " WHERE entry = ? AND lifted = 0",
            (at, turned.author, "undone" if of.kind == SUPPRESS else str(of.body.get("reason", "")), origin),
        )
        return
    connection.execute(
        f"INSERT OR IGNORE INTO suppressions({COLUMNS}) SELECT ?, entry, author, owner, reason, scope, terms,"
        " ?, ?, until, past, 0, '', '' FROM suppressions WHERE entry = ? AND until > ? LIMIT 1",
        (turned.hash[:12], turned.clock, at, origin, at),
    )


class InForce:
    """The suppressions of a store, asked for each finding that comes. By rule, so that most cost nothing."""

    def __init__(self, some: Iterable[Suppression]) -> None:
        self._by_rule: dict[str, list[Suppression]] = {}
        for each in sorted(some, key=lambda one: one.entry):
            rules = [value for field, value in each.terms if field == "rule"] or [""]
            for rule in rules:
                self._by_rule.setdefault(rule, []).append(each)

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> InForce:
        return cls(read(connection, "1"))

    def finding(self, row: Stored) -> str:
        """The id of the suppression that hides this finding; "" = none."""
        for each in self._by_rule.get(row.rule, []) + self._by_rule.get("", []):
            if each.since <= row.window_time < each.end and _meets(
                each.terms, row.rule, row.host, row.user, _entities.decode(row.entities)
            ):
                return each.id
        return ""

    def correlation(self, alert: Folded) -> str:
        """The same for the alert of a correlation: by its rule, its group and where its window begins, which
        never change."""
        group: dict[str, str] = dict(_entities.decode(alert.group))
        for each in self._by_rule.get(alert.rule, ()):
            if each.since <= alert.window_start < each.end and _meets(
                each.terms,
                alert.rule,
                group.get("host.name", ""),
                group.get("user.name", ""),
                tuple(("", value) for value in group.values()),
            ):
                return each.id
        return ""


def _meets(terms: Terms, rule: str, host: str, user: str, entities: Iterable[tuple[str, str]]) -> bool:
    """Whether all terms hold."""
    plain: Mapping[str, str] = {"host": host, "user": user}
    for field, value in terms:
        if field == "rule":
            if rule != value:
                return False
        elif field in plain:
            if not _like(plain[field], value):
                return False
        elif not any(
            (kind == field or not kind or field == "involves") and _like(text, value)
            for kind, text in entities
        ):
            return False
    return True


def _like(text: str, pattern: str) -> bool:
    folded = text.casefold()
    if "*" not in pattern:
        return folded == pattern
    return fnmatchcase(folded, "".join(f"[{c}]" if c in "[?" else c for c in pattern))


def note_hidden(connection: sqlite3.Connection, hidden: Iterable[Stored], by: str) -> None:
    """Write down which findings were hidden, and by what. Of a correlation's alert it is the first."""
    connection.executemany(
        "INSERT OR IGNORE INTO suppressed(finding, suppression, time) VALUES (?,?,?)",
        [(row.seq, by, row.window_time) for row in hidden],
    )
