"""The analyst's desk: the only thing that screens and commands ask about alerts, and act through.

Reading goes to the store as it stands; each act is one entry of the ledger, folded into states in the same
transaction. An act applies to those alerts for which it changes something, and is refused, with the reason,
where it changes nothing or where an alert changed after it was seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from xdrtui.errors import ActionRefused
from xdrtui.store import export, ledger, rules, select, workers
from xdrtui.store.ledger import Json
from xdrtui.store.live import LiveReader
from xdrtui.store.store import Store
from xdrtui.triage import lines, read, states
from xdrtui.triage.query import AlertQuery, parse
from xdrtui.triage.rows import (
    AlertDetail,
    AlertRow,
    Entry,
    Line,
    LiveCounts,
    LiveRow,
    Principal,
    RuleRow,
    Status,
)
from xdrtui.triage.states import DISPOSITIONS, State
from xdrtui.triage.status import read_status

__all__ = ["DISPOSITIONS", "AlertQuery", "Desk", "Principal"]

ALL = AlertQuery()
DAY = 86_400 * 1_000_000_000

Seen = Mapping[str, int]
"""Alert id -> the version (`AlertRow.version`) that the person saw."""


class Desk:
    """One person's access to one store. Not for use by two threads at once; open another one instead."""

    def __init__(self, store: Store, actor: Principal) -> None:
        self.actor = actor
        self._store = store
        self._connection = store.connection
        self._live = LiveReader(store.directory)
        self._version = -1
        self._acted = False

    @classmethod
    def open(
        cls,
        directory: Path | str,
        actor: Principal,
        readonly: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> Desk:
        """Open the store in this directory. clock: wall clock, nanoseconds, for the ledger and ages.

        Raises StoreError, StoreTooNew.
        """
        return cls(Store.open(directory, readonly=readonly, durable=True, clock=clock), actor)

    def close_desk(self) -> None:
        """Close the connections. (`close` closes alerts.)"""
        self._live.close()
        self._store.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_desk()

    @property
    def directory(self) -> Path:
        return self._store.directory

    # --- reading

    def changed(self) -> bool:
        """Whether anything was written since the last time this was asked; true at first. Costs 2 us."""
        version = self._store.data_version()
        changed, self._version, self._acted = version != self._version or self._acted, version, False
        return changed

    def alerts(self, query: AlertQuery = ALL, limit: int = 100, offset: int = 0) -> list[AlertRow]:
        """Alerts that meet the query, in its order. Raises QueryError."""
        return select.rows(self._connection, self.keys(query, limit, offset))

    def keys(self, query: AlertQuery = ALL, limit: int = -1, offset: int = 0) -> list[int]:
        """Row numbers of the alerts that meet the query, in its order: a frozen list to scroll through with
        `rows`. 8 bytes each when kept in an array; -1 = all of them."""
        return select.seqs(self._connection, parse(query), query.order, limit, offset)

    def rows(self, keys: Sequence[int]) -> list[AlertRow]:
        """The alerts with these row numbers, as they are now, in this order."""
        return select.rows(self._connection, keys)

    def by_ids(self, ids: Sequence[str]) -> dict[str, AlertRow]:
        """Alerts by id, as they are now."""
        return select.by_ids(self._connection, ids)

    def count(self, query: AlertQuery = ALL) -> int:
        """How many alerts meet the query. Raises QueryError."""
        return select.count(self._connection, parse(query))

    def by_severity(self, query: AlertQuery = ALL) -> dict[str, int]:
        """How many of each level, the gravest first. Raises QueryError."""
        return select.by_severity(self._connection, parse(query))

    def lines(self, query: AlertQuery = ALL, limit: int = 100, offset: int = 0) -> list[Line]:
        """The queue by lines (same rule and main entity), in the order of severity. Raises QueryError."""
        return lines.lines(self._connection, parse(query), limit, offset)

    def line_numbers(self, query: AlertQuery = ALL, limit: int = -1) -> list[int]:
        """The lines' numbers in the queue's order: a frozen list to scroll through with `lines_at`."""
        return lines.numbers(self._connection, parse(query), limit)

    def lines_at(self, numbers: Sequence[int]) -> dict[int, Line]:
        """Lines by their numbers, as they are now; those that are gone are left out."""
        return lines.by_number(self._connection, numbers)

    def newcomers(self, query: AlertQuery, after: int) -> tuple[list[int], int]:
        """The lines that alerts stored after this row number belong to, and the row number of the last alert.
        Raises QueryError."""
        last = lines.last_row(self._connection)
        return (lines.newcomers(self._connection, parse(query), after) if last > after else []), last

    def last_row(self) -> int:
        """The row number of the alert that was stored last."""
        return lines.last_row(self._connection)

    def seen(self, painted: Sequence[Line]) -> dict[str, int]:
        """What acting on lines means: their open alerts as they were when the lines were read (what came
        later is left out), for `acknowledge` and the others, which refuse what changed meanwhile."""
        return {id: version for line in painted for id, version in lines.seen(self._connection, line).items()}

    def beside(self, query: AlertQuery, id: str, step: int) -> str:
        """The next older (1) or newer (-1) alert of the same line that meets the query; "" = none."""
        return lines.beside(self._connection, parse(query), id, step)

    def place_in_line(self, id: str) -> tuple[int, int]:
        """Which alert of its line this is, the newest being the first, and how many there are."""
        return lines.place(self._connection, id)

    def find(self, prefix: str) -> str:
        """The id of the alert that begins with this. Raises ActionRefused where there is none, or several."""
        cleaned = prefix.strip().lower()
        upper = cleaned + "\U0010ffff"
        found = self._connection.execute(
            "SELECT id FROM alerts WHERE id >= ? AND id < ? LIMIT 2", (cleaned, upper)
        ).fetchall()
        if len(found) != 1 or not cleaned:
            what = "several alerts' ids begin" if found else "no alert's id begins"
            raise ActionRefused(f"{what} with {prefix!r}; `xdrtui alerts list` shows the ids")
        return str(found[0][0])

    def alert(self, id: str) -> AlertDetail:
        """One alert with its rule, evidence and history. Raises ActionRefused where there is none."""
        found = read.detail(self._connection, id)
        if found is None:
            raise ActionRefused(f"there is no alert {id!r}")
        return found

    def related(self, id: str, within: int = DAY, limit: int = 50) -> list[AlertRow]:
        """Other alerts of the same entities, at most `within` nanoseconds away."""
        return read.related(self._connection, id, within, limit)

    def closed_as(self, rule: str) -> dict[str, int]:
        """How analysts closed alerts of this rule: disposition -> how many."""
        return read.closed_as(self._connection, rule)

    def rules(self) -> list[RuleRow]:
        """The rules in force."""
        return rules.current(self._connection)

    def rule(self, rule: str) -> RuleRow | None:
        return self._store.rule(rule)

    def status(self) -> Status:
        """How the workers and the store do now."""
        return read_status(self._connection, self._store.clock())

    def live(self, after: int = 0, limit: int = 500) -> list[LiveRow]:
        """Recent events after this id, oldest first; where there are more than `limit`, the latest."""
        return self._live.after(after, limit)

    def live_counts(self) -> LiveCounts:
        """True counters of the events that went by, and of those that were not shown."""
        return self._live.counts()

    def export(self) -> Iterator[str]:
        """Every alert as a line of canonical JSON, for comparing two stores byte for byte."""
        return export.export_alerts(self._connection)

    def control(self, key: str, value: str | None = None) -> str:
        """A control of the replay (speed, pause, step ...): read it, or set it and return it."""
        if value is not None:
            with self._store.transaction():
                workers.set_control(self._connection, key, value)
            return value
        return workers.control(self._connection, key)

    # --- acting

    def acknowledge(self, ids: Sequence[str], seen: Seen | None = None) -> Entry:
        """Say that new alerts have been looked at. Raises ActionRefused."""
        return self._act("acknowledge", ids, {}, seen, lambda state: state.state == "new")

    def investigate(self, ids: Sequence[str], seen: Seen | None = None) -> Entry:
        """Say that alerts are being worked on; opens closed ones again. Raises ActionRefused."""
        return self._act("investigate", ids, {}, seen, lambda state: state.state != "investigating")

    def close(self, ids: Sequence[str], disposition: str, text: str = "", seen: Seen | None = None) -> Entry:
        """Close alerts with one of `DISPOSITIONS`; findings that come later count as seen after close."""
        if disposition not in DISPOSITIONS:
            raise ActionRefused(f"a disposition is one of {', '.join(DISPOSITIONS)}, not {disposition!r}")
        return self._act(
            "close",
            ids,
            {"disposition": disposition, "text": text},
            seen,
            lambda state: (state.state, state.disposition) != ("closed", disposition),
        )

    def own(self, ids: Sequence[str], owner: str, seen: Seen | None = None) -> Entry:
        """Give alerts an owner; empty = nobody's. Raises ActionRefused."""
        return self._act("own", ids, {"owner": owner}, seen, lambda state: state.owner != owner)

    def memo(self, id: str, text: str) -> Entry:
        """Note something about an alert, or with no id about the shift. Raises ActionRefused."""
        if not text.strip():
            raise ActionRefused("a memo needs a text")
        return self._act("memo", [id] if id else [], {"text": text}, None, lambda state: True)

    def undo(self) -> Entry | None:
        """Take back this person's last act, a bulk at once; return the act, or None where there is none."""
        return self._turn("undo")

    def redo(self) -> Entry | None:
        """Do again what was undone last; return the act, or None where there is none."""
        return self._turn("redo")

    def refold(self) -> None:
        """Fold all states anew from the ledger."""
        with self._store.transaction():
            states.refold(self._connection)
        self._acted = True

    def states_digest(self) -> str:
        """A hash of all that people's acts come to."""
        return states.digest(self._connection)

    def ledger_faults(self) -> list[str]:
        """What is wrong with the ledger's chains, a sentence each."""
        return ledger.broken(self._connection)

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The ledger after this entry, oldest first."""
        return ledger.all_entries(self._connection, after)

    def _act(
        self,
        kind: str,
        ids: Sequence[str],
        body: Mapping[str, Json],
        seen: Seen | None,
        applies: Callable[[State], bool],
    ) -> Entry:
        wanted = list(dict.fromkeys(ids))
        if not wanted and kind != "memo":
            raise ActionRefused("no alert is chosen")
        with self._store.transaction():
            there = select.by_ids(self._connection, wanted)
            now = states.states_of(self._connection, wanted)
            self._refuse(wanted, there, seen or {})
            subject = [alert for alert in wanted if applies(now[alert])]
            if wanted and not subject:
                what = "this alert" if len(wanted) == 1 else f"each of these {len(wanted)} alerts"
                raise ActionRefused(f"{what} is {now[wanted[0]].state} already: nothing was changed")
            extra: dict[str, Json] = {}
            if kind == "close":
                extra["counts"] = {alert: there[alert].count for alert in subject}
            entry = self._append(kind, subject, {**body, **extra})
        self._acted = True
        return entry

    def _refuse(self, wanted: Sequence[str], there: Mapping[str, AlertRow], seen: Seen) -> None:
        missing = [alert for alert in wanted if alert not in there]
        if missing:
            raise ActionRefused(f"there is no alert {missing[0]!r}")
        stale = [alert for alert in wanted if alert in seen and seen[alert] != there[alert].version]
        if stale:
            row = there[stale[0]]
            by = next((past.author for past in reversed(read.history(self._connection, row.id))), "someone")
            more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
            raise ActionRefused(
                f"'{row.title}' on {row.host or row.user or row.id[:8]}{more} was changed meanwhile by {by}"
                f" (now {row.state}): look again"
            )

    def _turn(self, kind: str) -> Entry | None:
        last = states.last_done if kind == "undo" else states.last_undone
        with self._store.transaction():
            entry = last(self._connection, self.actor.name, self.actor.device)
            if entry is None:
                return None
            self._append(kind, entry.subject, {"entry": entry.hash, "of": entry.kind})
        self._acted = True
        return entry

    def _append(self, kind: str, subject: Sequence[str], body: Mapping[str, Json]) -> Entry:
        entry = ledger.append(
            self._connection,
            self.actor.name,
            self.actor.device,
            self._store.clock(),
            kind,
            subject,
            body,
        )
        states.take(self._connection, entry)
        return entry
