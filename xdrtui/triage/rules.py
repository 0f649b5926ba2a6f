"""What people decide about rules in a workspace: which are off there, by whom, when and why; how often each
alerted.

In: acts, which become entries of the ledger, and the ledger. Out: the rules that are off. Leaving them out is
`pipeline.rulebook`'s.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from xdrtui.errors import ActionRefused
from xdrtui.store import ledger
from xdrtui.store.place import DATABASE
from xdrtui.store.store import Store
from xdrtui.triage.rows import Principal

_DISABLE, _ENABLE = "rule.disable", "rule.enable"


class Off(msgspec.Struct, frozen=True):
    """A rule that is off. clock: when that was decided, nanoseconds since 1970 UTC."""

    rule: str
    reason: str
    author: str
    clock: int

    @property
    def words(self) -> str:
        return f"off by {self.author}: {self.reason}"


class RuleDesk:
    """One person's access to what is decided about rules in one workspace."""

    def __init__(self, store: Store, actor: Principal) -> None:
        self.actor = actor
        self._store = store

    @classmethod
    def open(
        cls,
        workspace: Path,
        actor: Principal,
        readonly: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> RuleDesk:
        """Open the workspace's store; made where it is not there, unless readonly. Raises StoreError."""
        return cls(Store.open(workspace, readonly=readonly, durable=True, clock=clock), actor)

    def __enter__(self) -> RuleDesk:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.close()

    def off(self) -> dict[str, Off]:
        """The rules that are off, by id."""
        return _off(self._store.connection)

    def alerts(self) -> dict[str, int]:
        """How many alerts each rule made, by id."""
        return dict(self._store.connection.execute("SELECT rule, COUNT(*) FROM alerts GROUP BY rule"))

    def disable(self, rules: Sequence[str], reason: str) -> None:
        """Switch rules off, for a reason. Raises ActionRefused where there is none, or all are off."""
        if not reason.strip():
            raise ActionRefused("say why, with --reason: whoever misses this rule's alerts will ask")
        off = self.off()
        self._decide(_DISABLE, [rule for rule in rules if rule not in off], reason, "off")

    def enable(self, rules: Sequence[str], reason: str = "") -> None:
        """Switch rules on again. Raises ActionRefused where none of them is off."""
        off = self.off()
        self._decide(_ENABLE, [rule for rule in rules if rule in off], reason, "on")

    def _decide(self, kind: str, rules: Sequence[str], reason: str, already: str) -> None:
        if not rules:
            raise ActionRefused(f"it is {already} already")
        with self._store.transaction():
            ledger.append(
                self._store.connection,
                self.actor.name,
                self.actor.device,
                self._store.clock(),
                kind,
                rules,
                {"text": reason.strip()},
            )


def _off(connection: sqlite3.Connection) -> dict[str, Off]:
    found: dict[str, Off] = {}
    for row in connection.execute(
        f"SELECT {ledger.COLUMNS} FROM ledger WHERE kind IN (?, ?) ORDER BY seq",  # noqa: S608
        (_DISABLE, _ENABLE),
    ):
        entry = ledger.entry_of(row)
        for rule in entry.subject:
            if entry.kind == _DISABLE:
                found[rule] = Off(rule, str(entry.body.get("text", "")), entry.author, entry.clock)
            else:
                found.pop(rule, None)
    return found


def rules_off(workspace: Path) -> dict[str, Off]:
    """The rules that are off in a workspace; none where nothing is stored there yet. Raises StoreError."""
    if not (workspace / DATABASE).exists():
        return {}
    with Store.open(workspace, readonly=True) as store:
        return _off(store.connection)
