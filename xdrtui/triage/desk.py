"""The analyst's desk: the only thing that screens and commands ask about alerts, and act through.

Reading goes to the store as it stands; acts are `acting`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from xdrtui.errors import ActionRefused
from xdrtui.store import deadletters, export, rules, select, workers
from xdrtui.store.ledger import Json
from xdrtui.store.live import LiveReader
from xdrtui.store.store import Store
from xdrtui.store.workers import Fault
from xdrtui.triage import lines, read
from xdrtui.triage.acting import Acting
from xdrtui.triage.completion import Completion, complete
from xdrtui.triage.explanation import fields_of
from xdrtui.triage.query import AlertQuery, parse
from xdrtui.triage.rarity import Rarity, answers
from xdrtui.triage.rows import (
    AlertDetail,
    AlertRow,
    Line,
    LiveCounts,
    LiveRow,
    Principal,
    RuleRow,
    Status,
)
from xdrtui.triage.shift import Shift
from xdrtui.triage.states import DISPOSITIONS
from xdrtui.triage.status import read_status
from xdrtui.triage.suppressing import Suppressing
from xdrtui.triage.surroundings import Around, around
from xdrtui.triage.views import Views

__all__ = ["DISPOSITIONS", "AlertQuery", "Desk", "Principal"]

ALL = AlertQuery()
DISMISS = "dismiss"
"""Kind of the ledger's entries that say what of the workers' happenings was seen."""

DISCARD = "discard"
"""Kind of those that say whose payloads of dead letters were discarded, with the first of their numbers."""

MOST_NUMBERS = 100
DAY = 86_400 * 1_000_000_000


class Desk(Acting):
    """One person's access to one store. Not for use by two threads at once; open another one instead."""

    def __init__(self, store: Store, actor: Principal) -> None:
        super().__init__(store, actor)
        self.suppressing = Suppressing(self, store.connection)
        self.shift = Shift(self, store)
        self.views = Views(store, actor.name)
        self._live = LiveReader(store.directory)
        self._version = -1

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
        """The queue by lines (same rule and main entity), in the query's order. Raises QueryError."""
        return lines.lines(self._connection, parse(query), limit, offset, query.order)

    def line_numbers(self, query: AlertQuery = ALL, limit: int = -1) -> list[int]:
        """The lines' numbers in the queue's order: a frozen list to scroll through with `lines_at`."""
        return lines.numbers(self._connection, parse(query), limit, query.order)

    def lines_at(self, numbers: Sequence[int]) -> dict[int, Line]:
        """Lines by their numbers, as they are now; those that are gone are left out."""
        return lines.by_number(self._connection, numbers)

    def newcomers(self, query: AlertQuery, after: int, since: int = 0) -> tuple[list[int], int]:
        """The lines that alerts stored after this row number belong to, and those that woke from a snooze
        since then (nanoseconds); and the row number of the last alert. Raises QueryError."""
        last, condition = lines.last_row(self._connection), parse(query)
        found = lines.newcomers(self._connection, condition, after) if last > after else []
        if since and query.now > since:
            found += lines.woken(self._connection, condition, since, query.now)
        return found, last

    def next_waking(self, now: int) -> int:
        """When the next snooze ends, nanoseconds; 0 = none is under way."""
        return lines.next_waking(self._connection, now)

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
        if not cleaned.isascii():  # what is no UTF-8 cannot even be looked for
            raise ActionRefused(f"no alert's id begins with {prefix!r}; `xdrtui alerts list` shows the ids")
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

    def rarity(self, detail: AlertDetail) -> list[Rarity]:
        """How rare its process, domain, address and user are; bounded in time (see `rarity`)."""
        fields = fields_of(detail.evidence[0]) if detail.evidence else None
        return answers(self._store, detail, dict(fields or {}))

    def around(self, detail: AlertDetail) -> Around:
        """What happened on its host just before and after."""
        return around(self._store, detail)

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

    def complete(self, text: str, cursor: int) -> Completion:
        """What the word before the cursor of a filter could become."""
        return complete(self._connection, text, cursor)

    def status(self) -> Status:
        """How the workers and the store do now."""
        return read_status(self._connection, self._store.clock(), self._store.directory)

    def faults_over(self) -> list[Fault]:
        """What was not well, and what happened and was dismissed, the latest first."""
        return [fault for fault in workers.faults(self._connection, cleared=True) if fault.cleared]

    def dismiss(self, keys: Sequence[str]) -> int:
        """Say that these happenings (`Fault.key`) were seen, so that nobody is told of them any more. Raises
        ActionRefused where there is none of them: faults end with their cause alone."""
        with self._store.transaction():
            texts = {fault.key: fault.text for fault in workers.faults(self._connection)}
            gone = workers.dismiss(self._connection, keys, self._store.clock())
            if not gone:
                raise ActionRefused("nothing of this waits to be dismissed: faults end with their cause")
            self._append(DISMISS, [], {"what": [texts[key] for key in gone]})
        self._acted = True
        return len(gone)

    def discard_letters(self, numbers: Sequence[int]) -> tuple[int, int]:
        """Keep of these dead letters their reason, place and size alone. Return how many payloads went, and
        their bytes. Raises ActionRefused where there is none."""
        with self._store.transaction():
            letters, size = deadletters.discard(self._connection, numbers)
            if not letters:
                raise ActionRefused("of these dead letters no payload is kept that could be discarded")
            first: list[Json] = [*sorted(numbers)[:MOST_NUMBERS]]
            self._append(DISCARD, [], {"letters": letters, "bytes": size, "numbers": first})
        self._acted = True
        return letters, size

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
