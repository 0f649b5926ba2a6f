"""What a person does with alerts, each act one entry of the ledger, folded into states in its transaction.

An act applies to those alerts for which it changes something. It is refused, with the reason, where it
changes nothing or where an alert changed after it was seen. `Desk` adds reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from xdrtui.errors import ActionRefused
from xdrtui.store import ledger, select
from xdrtui.store.ledger import Json
from xdrtui.store.store import Store
from xdrtui.triage import read, states
from xdrtui.triage.rows import AlertRow, Entry, Principal
from xdrtui.triage.states import ACCEPTING, DISPOSITIONS, State

Seen = Mapping[str, int]
"""Alert id -> the version (`AlertRow.version`) that the person saw."""

Applies = Callable[[State], bool]


class Acting:
    """One person's acts on one store."""

    def __init__(self, store: Store, actor: Principal) -> None:
        self.actor = actor
        self._store = store
        self._connection = store.connection
        self._acted = False
        self.written = 0
        """Place in the ledger of the entry that was written here last; 0 = none."""

    def acknowledge(self, ids: Sequence[str], seen: Seen | None = None) -> Entry:
        """Say that new alerts have been looked at, and take up escalated ones. Raises ActionRefused."""
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
        """Note something about an alert, or with no id in the shift log. Raises ActionRefused."""
        if not text.strip():
            raise ActionRefused("a memo needs a text")
        return self._act("memo", [id] if id else [], {"text": text}, None, lambda state: True)

    def snooze(self, ids: Sequence[str], until: int, text: str = "", seen: Seen | None = None) -> Entry:
        """Let open alerts sleep until then (nanoseconds since 1970 UTC); 0 wakes them. They come back by
        themselves: who reads compares the end with the clock. Raises ActionRefused."""
        return self._act(
            "snooze",
            ids,
            {"until": until, "text": text},
            seen,
            lambda state: state.state != "closed" and state.snoozed != until,
        )

    def escalate(self, ids: Sequence[str], to: str, text: str, seen: Seen | None = None) -> Entry:
        """Hand open alerts to another person or tier, with a sentence that says why. The owner stays until
        somebody else acknowledges, investigates or takes them. Raises ActionRefused."""
        whom = to.strip()
        if not whom or whom == self.actor.name:
            raise ActionRefused("escalate to somebody else: a person's name, or a tier like tier2")
        if not text.strip():
            raise ActionRefused("say why in a sentence: whoever takes it up will ask")
        return self._act(
            "escalate",
            ids,
            {"to": whom, "text": text.strip()},
            seen,
            lambda state: state.state != "closed" and (state.escalated, state.waiting) != (whom, True),
        )

    def undo(self, at: int = 0) -> Entry | None:
        """Take back this person's last act, a bulk at once; return the act, or None where there is none.

        at: the moment, in the time of events, at which a suppression ends or is in force again; 0 = now."""
        return self._turn("undo", at)

    def redo(self, at: int = 0) -> Entry | None:
        """Do again what was undone last; return the act, or None where there is none."""
        return self._turn("redo", at)

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

    def write(self, kind: str, subject: Sequence[str], body: Mapping[str, Json]) -> Entry:
        """Append an entry that is about no alert (a suppression, a handover), and fold it."""
        with self._store.transaction():
            entry = self._append(kind, subject, body)
        self._acted = True
        return entry

    def _act(
        self, kind: str, ids: Sequence[str], body: Mapping[str, Json], seen: Seen | None, applies: Applies
    ) -> Entry:
        wanted = list(dict.fromkeys(ids))
        if not wanted and kind != "memo":
            raise ActionRefused("no alert is chosen")
        with self._store.transaction():
            there = select.by_ids(self._connection, wanted)
            now = states.states_of(self._connection, wanted)
            self._refuse(wanted, there, seen or {})
            taken = self._taken_up(now) if kind in ACCEPTING else set()
            subject = [alert for alert in wanted if applies(now[alert]) or alert in taken]
            if wanted and not subject:
                what = "this alert" if len(wanted) == 1 else f"each of these {len(wanted)} alerts"
                raise ActionRefused(f"{what} is {_already(kind, now[wanted[0]])}: nothing was changed")
            extra: dict[str, Json] = {}
            if kind == "close":
                extra["counts"] = {alert: there[alert].count for alert in subject}
            if taken:
                extra["accepts"] = [alert for alert in subject if alert in taken]
            entry = self._append(kind, subject, {**body, **extra})
        self._acted = True
        return entry

    def _taken_up(self, now: Mapping[str, State]) -> set[str]:
        """Those that wait because somebody else escalated them."""
        return {
            alert
            for alert, state in now.items()
            if state.waiting and states.escalated_by(self._connection, alert) != self.actor.name
        }

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

    def _turn(self, kind: str, at: int) -> Entry | None:
        last = states.last_done if kind == "undo" else states.last_undone
        with self._store.transaction():
            entry = last(self._connection, self.actor.name, self.actor.device)
            if entry is None:
                return None
            body: dict[str, Json] = {"entry": entry.hash, "of": entry.kind}
            if entry.kind not in states.ACTS:
                body["at"] = at or self._store.clock()
            self._append(kind, entry.subject, body)
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
        self.written = entry.seq
        return entry


def _already(kind: str, state: State) -> str:
    """What makes an act change nothing."""
    if kind in ("snooze", "escalate") and state.state == "closed":
        return "closed already"
    match kind:
        case "snooze":
            return "snoozed until then already" if state.snoozed else "awake already"
        case "escalate":
            return f"escalated to {state.escalated} already"
        case "own":
            return f"{state.owner}'s already" if state.owner else "nobody's already"
        case _:
            return f"{state.state} already"
