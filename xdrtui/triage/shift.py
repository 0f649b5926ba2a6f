"""A shift: its log, what it hands over, and what happened since somebody looked last.

Handing over and taking it are entries of the ledger; the text that was handed over stands in them, so that
what was acknowledged can be read later. Gathering is `handover`'s and `looking`'s.
"""

from __future__ import annotations

import hashlib
import sqlite3

import msgspec

from xdrtui.errors import ActionRefused
from xdrtui.store import ledger, workers
from xdrtui.store.store import Store
from xdrtui.triage import handover, looking
from xdrtui.triage.acting import Acting
from xdrtui.triage.handover import Handover, Memo
from xdrtui.triage.looking import Mark, Since

GIVE, TAKE = "handover", "handover.accept"
HOUR = 3_600 * 1_000_000_000
FIRST_LOOK = 8 * HOUR


class Given(msgspec.Struct, frozen=True):
    """A handover that was given. clock: by the ledger; taken_by: "" while nobody acknowledged it."""

    hash: str
    author: str
    clock: int
    text: str
    taken_by: str = ""
    taken_at: int = 0


class Shift:
    """One person's shift on one store."""

    def __init__(self, acting: Acting, store: Store) -> None:
        self._acting = acting
        self._store = store
        self._connection: sqlite3.Connection = store.connection

    # --- the log

    def log(self, since: int = 0, until: int = 2**62) -> list[Memo]:
        """Memos on nothing in this time of the ledger, oldest first."""
        return handover.shift_log(self._connection, since, until)

    # --- handing over

    def handover(
        self, since: int, until: int, next_until: int, acts: tuple[int, int] | None = None
    ) -> Handover:
        """What there is to hand over; see `handover.gather`."""
        return handover.gather(self._connection, self._acting.actor.name, since, until, next_until, acts)

    def give(self, text: str) -> Given:
        """Hand this text over: the next analyst is asked to acknowledge it."""
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        self._acting.write(GIVE, [], {"text": text, "digest": digest})
        given = self.given()
        assert given is not None
        return given

    def given(self) -> Given | None:
        """The last handover that was given; None where there was none."""
        row = self._connection.execute(
            f"SELECT {ledger.COLUMNS} FROM ledger WHERE kind = ? ORDER BY seq DESC LIMIT 1",  # noqa: S608
            (GIVE,),
        ).fetchone()
        if row is None:
            return None
        entry = ledger.entry_of(row)
        taken = self._connection.execute(
            "SELECT author, clock FROM ledger WHERE seq > ? AND kind = ? AND subject = ? LIMIT 1",
            (entry.seq, TAKE, f'["{entry.hash}"]'),
        ).fetchone()
        return Given(
            entry.hash, entry.author, entry.clock, str(entry.body.get("text", "")), *(taken or ("", 0))
        )

    def since_mine(self) -> int:
        """When this person handed over last, by the ledger. Raises ActionRefused where that never was."""
        row = self._connection.execute(
            "SELECT max(clock) FROM ledger WHERE kind = ? AND author = ?", (GIVE, self._acting.actor.name)
        ).fetchone()
        if row[0] is None:
            raise ActionRefused("you have not handed over yet: choose another period")
        return int(row[0])

    def take(self) -> Given:
        """Acknowledge the last handover. Raises ActionRefused where there is none of somebody else's."""
        given = self.given()
        if given is None:
            raise ActionRefused("nothing was handed over yet: `xdrtui handover --give` does it")
        if given.author == self._acting.actor.name:
            raise ActionRefused("this handover is your own: the next analyst acknowledges it")
        if given.taken_by:
            raise ActionRefused(f"{given.taken_by} has acknowledged this handover already")
        self._acting.write(TAKE, [given.hash], {})
        after = self.given()
        assert after is not None
        return after

    # --- since I last looked

    def looked(self, now: int) -> Mark:
        """Where this person looked last; eight hours ago where never. now: by the events' clock."""
        note = workers.note(self._connection, self._key)
        if note:
            return msgspec.json.decode(note, type=Mark)
        return self._at(now - FIRST_LOOK, now)

    def look(self, mark: Mark) -> None:
        """Note that this person has looked as far as this."""
        with self._store.transaction():
            workers.set_note(self._connection, self._key, msgspec.json.encode(mark).decode())

    def since(self, mark: Mark, now: int) -> Since:
        """What happened from this mark to now (by the events' clock)."""
        return looking.between(
            self._connection, mark, looking.here(self._connection, now), self._acting.actor.name
        )

    @property
    def _key(self) -> str:
        return f"looked/{self._acting.actor.name}"

    def _at(self, moment: int, now: int) -> Mark:
        """The mark of a moment at which nobody looked: by the times of events and entries."""
        (alert,) = self._connection.execute(
            "SELECT coalesce(min(seq) - 1, (SELECT coalesce(max(seq), 0) FROM alerts)) FROM alerts"
            " WHERE first_seen >= ?",
            (moment,),
        ).fetchone()
        (finding,) = self._connection.execute(
            "SELECT coalesce(min(head) - 1, (SELECT coalesce(max(seq), 0) FROM findings)) FROM alerts"
            " WHERE seq > ?",
            (alert,),
        ).fetchone()
        (entry,) = self._connection.execute(
            "SELECT coalesce(max(seq), 0) FROM ledger WHERE clock < ?", (moment,)
        ).fetchone()
        return Mark(moment, alert, finding, entry)
