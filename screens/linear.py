"""Triage line by line, for screen readers and plain terminals: nothing moves, nothing is drawn over.

In: a desk, a filter, lines that a person types. Out: lines of text without an escape byte: 'alert 3 of 41,
high', six labelled lines, then the keys. The list stands still until new alerts are asked for. What a key
changes is changed in the version that was read out, as on the screens.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from screens.alert_page import state_words, sure_words, when_words, where_words
from screens.alert_view import AlertView, view_of
from screens.commands import DISPOSITIONS
from screens.sanitise import sanitise
from screens.times import Zone, number
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.query import AlertQuery

KEYS = (
    ("n", "next"),
    ("p", "previous"),
    ("a", "acknowledge"),
    ("i", "investigate"),
    ("c", "close"),
    ("o", "own"),
    ("m", "memo"),
    ("w", "why, in full"),
    ("e", "event"),
    ("r", "repeat"),
    ("g", "go to a number"),
    ("l", "look for new alerts"),
    ("u", "undo"),
    ("q", "quit"),
)
"""Each a letter and enter; those that the screens have mean the same there."""

_REASONS = 3
_LONGEST = 2_000


class Linear:
    """The conversation. say: takes a line; typed: asks, and gives the line that the person types, None at the
    end."""

    def __init__(
        self,
        desk: Desk,
        query: Callable[[], AlertQuery],
        say: Callable[[str], object],
        typed: Callable[[str], str | None],
        zone: Zone,
        me: str,
    ) -> None:
        self._desk, self._query, self._zone, self._me = desk, query, zone, me
        self._out, self._typed = say, typed
        self._ids: list[str] = []
        self._place = 0
        self._view: AlertView | None = None

    def run(self) -> None:
        """Read out and answer until the person quits."""
        self._take_in()
        self._say(f"{counted(len(self._ids), 'alert')}, the gravest first.")
        self._read_out()
        while True:
            keys = ", ".join(f"{key} {what}" for key, what in KEYS)
            answer = self._typed(f"keys: {keys}. Key and enter: ")
            if answer is None or answer.strip() == "q":
                self._say("done.")
                return
            self._do(answer.strip())

    def _do(self, key: str) -> None:
        from xdrtui.errors import XdrtuiError

        act = {
            "n": lambda: self._go(self._place + 1),
            "": lambda: self._go(self._place + 1),
            "p": lambda: self._go(self._place - 1),
            "a": lambda: self._act("acknowledged", self._desk.acknowledge),
            "i": lambda: self._act("investigating", self._desk.investigate),
            "c": self._close,
            "o": self._own,
            "m": self._memo,
            "w": self._why,
            "e": self._event,
            "r": self._read_out,
            "g": self._ask_number,
            "l": self._new,
            "u": self._undo,
        }.get(key)
        try:
            if act is None:
                self._say(f"{key!r} is no key.")
            else:
                act()
        except XdrtuiError as error:
            self._say(f"not done: {error}")

    def _say(self, text: str) -> None:
        self._out(sanitise(text, _LONGEST))

    # Reading out

    def _take_in(self) -> None:
        self._ids = [row.id for row in self._desk.alerts(self._query(), -1)]
        self._place = min(self._place, max(0, len(self._ids) - 1))

    def _read_out(self) -> None:
        if not self._ids:
            self._say("no alert fits.")
            return
        self._view = view = view_of(self._desk, self._ids[self._place])
        row = view.row
        self._say(f"alert {number(self._place + 1)} of {number(len(self._ids))}, {row.level}")
        self._say(f"what: {row.summary or row.title}")
        self._say(f"where: {where_words(row)}")
        self._say(f"who: {row.user or 'no user is named in the event'}")
        self._say(f"when: {when_words(view, self._zone)}")
        self._say(f"sure: {sure_words(view)}. {state_words(row)}")
        reasons = list(self._reasons(view))
        more = f"; and {len(reasons) - _REASONS} more, w reads all" if len(reasons) > _REASONS else ""
        self._say(f"why: {'; '.join(reasons[:_REASONS]) or 'no explanation is stored'}{more}")

    def _reasons(self, view: AlertView) -> Iterator[str]:
        for reason in view.reasons:
            no = "not " if reason.negated else ""
            share = f" ({reason.of})" if reason.of else ""
            yield f"{reason.field} {no}{reason.words}{share}: {reason.value[:400]}"

    def _why(self) -> None:
        if self._view is not None:
            self._say(f"rule: {self._view.row.title}")
            for place, reason in enumerate(self._reasons(self._view), 1):
                self._say(f"why {place}: {reason}")

    def _event(self) -> None:
        for line in self._view.raw if self._view is not None else ():
            self._say(line)

    # Moving

    def _go(self, place: int) -> None:
        if not 0 <= place < len(self._ids):
            self._say("this is the last alert." if place > 0 else "this is the first alert.")
            return
        self._place = place
        self._read_out()

    def _ask_number(self) -> None:
        typed = (self._typed("number of the alert: ") or "").strip()
        if not typed.isascii() or not typed.isdigit() or len(typed) > 18:
            self._say("that is no number.")
            return
        self._go(int(typed) - 1)

    def _new(self) -> None:
        before, here = set(self._ids), self._ids[self._place] if self._ids else ""
        self._take_in()
        if here in self._ids:
            self._place = self._ids.index(here)
        new = [id for id in self._ids if id not in before]
        self._say(f"{number(len(new))} new alerts; {number(len(self._ids))} in all.")

    # Judging

    def _act(self, done: str, deed: Callable[[list[str], dict[str, int]], object]) -> None:
        if self._view is None:
            self._say("there is no alert here.")
            return
        row = self._view.row
        deed([row.id], {row.id: row.version})
        self._view = view_of(self._desk, row.id)
        self._say(f"{done}. u undoes.")

    def _close(self) -> None:
        if self._view is None:
            self._say("there is no alert here.")
            return
        kinds = {key: name for key, name, _ in DISPOSITIONS}
        asked = ", ".join(f"{key} {text}" for key, _, text in DISPOSITIONS)
        kind = kinds.get((self._typed(f"close as: {asked}. Enter alone: not. ") or "").strip())
        if kind is None:
            self._say("not closed.")
            return
        self._act("closed", lambda ids, seen: self._desk.close(ids, kind, "", seen))

    def _own(self) -> None:
        owner = self._view.row.owner if self._view is not None else ""
        question = f"{sanitise(owner, 100)} has it: take it over? y and enter: "
        if owner not in ("", self._me) and (self._typed(question) or "").strip() != "y":
            self._say("not taken.")
            return
        wanted = "" if owner == self._me else self._me
        self._act("yours" if wanted else "given back", lambda ids, seen: self._desk.own(ids, wanted, seen))

    def _memo(self) -> None:
        if self._view is None:
            self._say("there is no alert here.")
            return
        text = (self._typed("memo: ") or "").strip()
        if text:
            self._desk.memo(self._view.row.id, text)
        self._say("memo kept." if text else "no memo.")

    def _undo(self) -> None:
        entry = self._desk.undo()
        self._say(f"undone: {entry.kind}." if entry is not None else "nothing of yours is left to undo.")
        if entry is not None and self._view is not None:
            self._view = view_of(self._desk, self._view.row.id)


def converse(desk: Desk, text: str, me: str, zone: Zone | None = None) -> None:
    """Talk by standard input and output. text: a filter."""
    import sys

    from xdrtui.triage.query import AlertQuery

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def typed(question: str) -> str | None:
        say(question)
        line = sys.stdin.readline()
        return line.rstrip("\r\n") if line else None

    Linear(desk, lambda: AlertQuery(text, me=me, now=time.time_ns()), say, typed, zone or Zone(), me).run()
