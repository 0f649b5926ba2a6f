"""Deciding what makes no alert: a person makes a suppression, looks at what it hid, and lifts it.

A suppression makes a blind spot, so it has a scope of field terms, an owner, a reason and an end, and says
how many of the stored alerts it would have hidden. Undo ends it, or brings a lifted one back, from then on:
what was hidden meanwhile stays hidden, counted and listed.
"""

from __future__ import annotations

import sqlite3

import msgspec

from xdrtui.errors import ActionRefused
from xdrtui.store import select
from xdrtui.store.filter import All, Compare, Condition, Equals, Involves
from xdrtui.store.ledger import Json
from xdrtui.triage.acting import Acting
from xdrtui.triage.grammar import ENTITY_KINDS, NAMES, QueryError, tokens_of
from xdrtui.triage.suppressions import LIFT, SUPPRESS, Suppression, Terms, read

DAY = 86_400 * 1_000_000_000
DEFAULT_DAYS = 30
MOST_DAYS = 366
TERMS = ("rule", "host", "user", *ENTITY_KINDS, "involves")


class Hidden(msgspec.Struct, frozen=True):
    """A finding that a suppression hid."""

    time: int
    rule: str
    level: str
    host: str
    user: str
    summary: str


class Suppressing:
    """One person's decisions on what is not shown."""

    def __init__(self, acting: Acting, connection: sqlite3.Connection) -> None:
        self._acting = acting
        self._connection = connection

    def add(self, scope: str, reason: str, since: int, until: int = 0, owner: str = "") -> Suppression:
        """Hide findings of this scope whose time is `since` or later, up to `until` (30 days by default).

        owner: who answers for the blind spot, by default whoever makes it. Raises ActionRefused, QueryError.
        """
        terms = self.terms(scope)
        end = until or since + DEFAULT_DAYS * DAY
        if not reason.strip():
            raise ActionRefused("say why: whoever misses these alerts will ask")
        if end <= since:
            raise ActionRefused("it would have ended already: its end lies before its beginning")
        if end - since > MOST_DAYS * DAY:
            raise ActionRefused(f"at most {MOST_DAYS} days: what nobody looks at again hides for ever")
        body: dict[str, Json] = {
            "scope": scope.strip(),
            "terms": [list(term) for term in terms],
            "owner": owner.strip() or self._acting.actor.name,
            "reason": reason.strip(),
            "since": since,
            "until": end,
            "past": self.past(scope),
        }
        entry = self._acting.write(SUPPRESS, [], body)
        return self.get(entry.hash[:12])

    def lift(self, id: str, at: int, reason: str = "") -> Suppression:
        """End a suppression at this moment. What it hid stays hidden and counted. Raises ActionRefused."""
        found = self.get(id)
        if found.lifted or found.until <= at:
            raise ActionRefused(f"this suppression is {found.standing(max(at, found.lifted))} already")
        self._acting.write(LIFT, [found.id], {"at": at, "reason": reason.strip()})
        return self.get(found.id)

    def all(self) -> list[Suppression]:
        """Every suppression, the one that ends last first, with what it hid."""
        return read(self._connection, "1 ORDER BY until DESC, entry DESC", counted=True)

    def get(self, id: str) -> Suppression:
        """The suppression whose id begins so. Raises ActionRefused where there is none, or several."""
        found = read(
            self._connection, "substr(id, 1, ?) = ?", (len(id.strip()), id.strip().lower()), counted=True
        )
        if len(found) != 1 or not id.strip():
            what = "several suppressions' ids begin" if found else "no suppression's id begins"
            raise ActionRefused(f"{what} with {id!r}; `xdrtui suppress list` shows them")
        return found[0]

    def hidden(self, id: str, limit: int = 100) -> list[Hidden]:
        """The findings that this suppression hid, the latest first."""
        return [
            Hidden(*row)
            for row in self._connection.execute(
                "SELECT f.window_time, f.rule, f.level, f.host, f.user, f.summary FROM suppressed s"
                " JOIN findings f ON f.seq = s.finding WHERE s.suppression = ?"
                " ORDER BY s.time DESC, s.finding DESC LIMIT ?",
                (self.get(id).id, limit),
            )
        ]

    def past(self, scope: str) -> int:
        """How many of the stored alerts it would have hidden. Raises QueryError."""
        return select.count(self._connection, _condition(self.terms(scope)))

    def terms(self, scope: str) -> Terms:
        """What a scope means. A rule is named by its id, the beginning of it, or its title. Raises QueryError
        where it cannot be understood, names no such rule, or would hide everything."""
        found = [
            (field, self._rule(value, at) if field == "rule" else value.casefold())
            for field, value, at in check_scope(scope)
        ]
        return tuple(dict.fromkeys(found))

    def _rule(self, name: str, at: int) -> str:
        rows = self._connection.execute(
            "SELECT id FROM rules WHERE current AND (id = ?1 OR lower(title) = lower(?1)"
            " OR substr(id, 1, length(?1)) = lower(?1))"
            " UNION SELECT rule FROM alerts WHERE rule = ?1",
            (name,),
        ).fetchall()
        if len(rows) != 1:
            what = "several rules are" if rows else "no rule is"
            raise QueryError(f"{what} called {name}: give its id or its whole title", at)
        return str(rows[0][0])


def check_scope(scope: str) -> list[tuple[str, str, int]]:
    """The terms of a scope: field, value, and where the value stands. Raises QueryError."""
    found: list[tuple[str, str, int]] = []
    for token in tokens_of(scope):
        field = NAMES.get(token.field, token.field)
        if token.kind != "term" or token.operator not in (":", "=") or field not in TERMS:
            raise QueryError(
                f"a scope is made of terms like rule:ID host:web-*, of {', '.join(TERMS)}", token.position
            )
        if not token.value.strip("* "):
            raise QueryError(f"{field}:{token.value} would hide everything", token.at)
        found.append((field, token.value, token.at))
    if not found:
        raise QueryError("a scope needs a term: it would hide everything", 0)
    return found


def _condition(terms: Terms) -> Condition:
    """The alerts that terms mean."""
    columns = {"rule": "rule", "host": "host_key", "user": "user_key"}
    parts: list[Condition] = [Compare("rank", ">=", 0)]
    for field, value in terms:
        if field in columns:
            parts.append(Equals(columns[field], value))
        else:
            parts.append(Involves("" if field == "involves" else field, value))
    return All(tuple(parts))
