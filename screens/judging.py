"""What a person does with alerts: acknowledge, investigate, close, own, memo, undo, redo. What is handed on,
or not shown for a time, is `handing`'s.

In: the lines, or the alert, that were painted when the key came. Out: one act of the desk, in its own thread,
and a line that says what happened. The desk is given the versions that were painted, and refuses where an
alert has changed meanwhile. Above `MANY` alerts at once one more key is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from screens.commands import DISPOSITIONS
from screens.menu import Choice
from screens.sanitise import cut
from screens.services import Services
from screens.targets import Targets
from screens.times import number
from xdrtui.plain import counted

if TYPE_CHECKING:
    from screens.asking import Asking
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import Entry

T = TypeVar("T")
Deed: TypeAlias = "Callable[[Desk, list[str], Mapping[str, int]], Entry]"

MANY = 50

PAST = {
    "acknowledge": "acknowledged",
    "investigate": "investigating",
    "close": "closed",
    "own": "owner changed",
    "memo": "memo kept",
    "snooze": "snoozed",
    "escalate": "escalated",
}


_ACTS = {"suppress": "suppression", "suppress.lift": "lifting a suppression"}
"""Acts that are about no alert, as people call them."""


class Bench(Protocol):
    """What judging needs of the workbench."""

    services: Services
    asking: Asking

    @property
    def lines(self) -> int:
        """Lines of the screen."""

    def say(self, text: str, style: str = "") -> None: ...
    def judged(self) -> None:
        """Something was done: marks go, panes read again."""

    def look_again(self) -> None:
        """What is shown and marked is read again; marks stay."""

    def start(self, work: Callable[[], object]) -> None:
        """Run a coroutine function."""


class Judging:
    """Acts on alerts for the workbench."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.under_way = 0
        """Acts that are not stored, or not refused, yet."""
        self.done: set[int] = set()
        """Places in the ledger of what was done here."""

    def acknowledge(self, targets: Targets) -> None:
        self.act("acknowledge", targets, lambda desk, ids, seen: desk.acknowledge(ids, seen))

    def investigate(self, targets: Targets) -> None:
        self.act("investigate", targets, lambda desk, ids, seen: desk.investigate(ids, seen))

    def close(self, targets: Targets, text: str = "") -> None:
        """Ask for the disposition, then close. A text can be written first."""

        def closing(disposition: str) -> Callable[[], object]:
            return lambda: self.act(
                "close", targets, lambda desk, ids, seen: desk.close(ids, disposition, text, seen)
            )

        choices = [Choice(key, meaning, closing(disposition)) for key, disposition, meaning in DISPOSITIONS]
        if not text:
            choices.append(Choice("m", "… with a text: write it first", lambda: self._write_first(targets)))
        with_text = f" with: {cut(text, 30)}" if text else ""
        self._bench.asking.menu(f"Close {targets.in_words()} as{with_text}", choices)

    def _write_first(self, targets: Targets) -> None:
        self._bench.asking.text("why", "", lambda text: self.close(targets, text.strip()))

    def own(self, targets: Targets) -> None:
        """Take them; give back what is mine already; taking another's asks once."""
        me = self._bench.services.person
        owner = "" if targets.owners == {me} else me

        def take() -> None:
            self._give(targets, owner)

        others = sorted(targets.owners - {"", me})
        if owner and others:
            self._bench.asking.menu(
                f"{', '.join(others)} has {targets.in_words()}: take over?", [Choice("y", "yes", take)]
            )
        else:
            take()

    def assign(self, targets: Targets) -> None:
        """Ask for a name, and give them to that person; an empty name: nobody's."""

        self._bench.asking.text(
            f"give {targets.in_words()} to", "", lambda name: self._give(targets, name.strip())
        )

    def _give(self, targets: Targets, owner: str) -> None:
        """owner: "" = nobody's."""
        whose = "yours" if owner == self._bench.services.person else f"{owner}'s" if owner else "nobody's"

        def told(entry: Entry) -> str:
            return f"{counted(len(entry.subject), 'alert')} {_is(entry)} {whose} now · u undoes"

        self.act("own", targets, lambda desk, ids, seen: desk.own(ids, owner, seen), told)

    def memo(self, id: str, label: str = "memo") -> None:
        """Ask for a text and keep it with the alert. label: says with which."""

        draft = f"memo-{id}"

        def keep(text: str) -> None:
            if text.strip():
                self.start(lambda desk: desk.memo(id, text.strip()), lambda entry: stored())

        def stored() -> str:
            if self._bench.services.drafts is not None:
                self._bench.services.drafts.forget(draft)
            return "memo kept · u undoes"

        self._bench.asking.text(label, "", keep, draft=draft)

    def undo(self) -> None:
        now = self._bench.services.now()

        def undo(desk: Desk) -> tuple[Entry | None, int]:
            entry = desk.undo(now)
            made = entry is not None and entry.kind == "suppress"
            return entry, desk.suppressing.get(entry.hash[:12]).hidden if made and entry else 0

        self.start(undo, lambda undone: _turned("undone", *undone))

    def redo(self) -> None:
        now = self._bench.services.now()
        self.start(lambda desk: desk.redo(now), lambda entry: _turned("done again", entry))

    def act(
        self, kind: str, targets: Targets, deed: Deed, told: Callable[[Entry], str] | None = None
    ) -> None:
        """Do this to the targets; above `MANY` alerts after one key more. told: another sentence for it."""
        if not targets.count:
            self._bench.say("the alert is not on the screen yet: once more", "bad")
            return
        asked_for = 0

        def do(desk: Desk) -> Entry:
            nonlocal asked_for
            seen = targets.seen(desk)
            asked_for = len(seen)
            return deed(desk, list(seen), seen)

        def sentence(entry: Entry) -> str:
            return told(entry) if told is not None else _done(kind, entry, asked_for, targets)

        def act() -> None:
            self.start(do, sentence, spent=True)

        if targets.count > MANY:
            self._bench.asking.menu(
                f"{kind.capitalize()} {targets.in_words()}?", [Choice("y", f"yes, {kind} all", act)]
            )
        else:
            act()

    def start(self, deed: Callable[[Desk], T], sentence: Callable[[T], str], *, spent: bool = False) -> None:
        """Do this in the acting thread and say what came of it. spent: marks are, unless it is refused."""

        async def work() -> None:
            from xdrtui.errors import XdrtuiError

            try:
                done, place = await self._bench.services.desks.act(lambda desk: (deed(desk), desk.written))
            except XdrtuiError as error:
                self._bench.say(str(error), "bad")
                self._bench.look_again()
            else:
                self.done.add(place)
                self._bench.say(sentence(done), "good")
                if spent:
                    self._bench.judged()
                else:
                    self._bench.look_again()
            finally:
                self.under_way -= 1

        self.under_way += 1
        self._bench.start(work)


def _done(kind: str, entry: Entry, asked_for: int, targets: Targets) -> str:
    count = len(entry.subject)
    left = f", {number(asked_for - count)} were so already" if asked_for > count else ""
    what = "1 alert" if count == 1 else f"{number(count)} alerts"
    away = f" ({number(targets.away)} marked lines out of sight)" if targets.away else ""
    return f"{PAST[kind]}: {what}{away}{left} · u undoes"


def _is(entry: Entry) -> str:
    return "is" if len(entry.subject) == 1 else "are"


def _turned(what: str, entry: Entry | None, hidden: int = 0) -> str:
    """hidden: findings that a suppression hid before it was undone."""
    if entry is None:
        return (
            "nothing of yours is left to undo"
            if what == "undone"
            else "nothing was undone since your last act"
        )
    kind = _ACTS.get(entry.kind, entry.kind)
    if hidden:
        return f"{what}: {kind} · {counted(hidden, 'finding')} that it hid stay hidden, and listed"
    on_alerts = bool(entry.subject) and entry.kind not in _ACTS
    return f"{what}: {kind}" + (f" on {counted(len(entry.subject), 'alert')}" if on_alerts else "")
