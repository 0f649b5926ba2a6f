"""What a person does with alerts: acknowledge, investigate, close, own, memo, undo, redo.

In: the lines, or the alert, that were painted when the key came. Out: one act of the desk, in its own thread,
and a line that says what happened. The desk is given the versions that were painted, and refuses where an
alert has changed meanwhile. Above `MANY` alerts at once one more key is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from screens.commands import DISPOSITIONS
from screens.menu import Choice
from screens.services import Services
from screens.targets import Targets
from screens.times import number

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import Entry

MANY = 50

PAST = {
    "acknowledge": "acknowledged",
    "investigate": "investigating",
    "close": "closed",
    "own": "owner changed",
    "memo": "memo kept",
}


class Bench(Protocol):
    """What judging needs of the workbench."""

    services: Services

    def say(self, text: str, style: str = "") -> None: ...
    def ask_menu(self, title: str, choices: Sequence[Choice]) -> None: ...
    def ask_text(
        self,
        label: str,
        text: str,
        done: Callable[[str], object],
        refused: Callable[[str], str] = ...,
        draft: str = "",
    ) -> None: ...
    def judged(self) -> None:
        """Something was done: marks go, panes read again."""

    def start(self, work: Callable[[], object]) -> None:
        """Run a coroutine function."""


class Judging:
    """Acts on alerts for the workbench."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def acknowledge(self, targets: Targets) -> None:
        self._act("acknowledge", targets, lambda desk, ids, seen: desk.acknowledge(ids, seen))

    def investigate(self, targets: Targets) -> None:
        self._act("investigate", targets, lambda desk, ids, seen: desk.investigate(ids, seen))

    def close(self, targets: Targets) -> None:
        """Ask for the disposition, then close."""

        def closing(disposition: str) -> Callable[[], object]:
            return lambda: self._act(
                "close", targets, lambda desk, ids, seen: desk.close(ids, disposition, "", seen)
            )

        choices = [Choice(key, text, closing(disposition)) for key, disposition, text in DISPOSITIONS]
        self._bench.ask_menu(f"Close {targets.in_words()} as", choices)

    def own(self, targets: Targets) -> None:
        """Take them; give back what is mine already; taking another's asks once."""
        me = self._bench.services.person
        owner = "" if targets.owners == {me} else me

        def take() -> None:
            self._act("own", targets, lambda desk, ids, seen: desk.own(ids, owner, seen))

        others = sorted(targets.owners - {"", me})
        if owner and others:
            self._bench.ask_menu(
                f"{', '.join(others)} has {targets.in_words()}: take over?", [Choice("y", "yes", take)]
            )
        else:
            take()

    def memo(self, id: str) -> None:
        """Ask for a text and keep it with the alert."""

        draft = f"memo-{id}"

        def keep(text: str) -> None:
            if text.strip():
                self._start(lambda desk: desk.memo(id, text.strip()), lambda entry: stored())

        def stored() -> str:
            if self._bench.services.drafts is not None:
                self._bench.services.drafts.forget(draft)
            return "memo kept"

        self._bench.ask_text("memo", "", keep, draft=draft)

    def undo(self) -> None:
        self._start(lambda desk: desk.undo(), lambda entry: _turned("undone", entry))

    def redo(self) -> None:
        self._start(lambda desk: desk.redo(), lambda entry: _turned("done again", entry))

    def _act(
        self,
        kind: str,
        targets: Targets,
        deed: Callable[[Desk, list[str], Mapping[str, int]], Entry],
    ) -> None:
        if not targets.count:
            self._bench.say("the alert is not on the screen yet: once more", "bad")
            return
        asked_for = 0

        def do(desk: Desk) -> Entry:
            nonlocal asked_for
            seen = targets.seen(desk)
            asked_for = len(seen)
            return deed(desk, list(seen), seen)

        def act() -> None:
            self._start(do, lambda entry: _done(kind, entry, asked_for))

        if targets.count > MANY:
            self._bench.ask_menu(
                f"{kind} {targets.in_words()} at once?", [Choice("y", f"yes, {kind} all", act)]
            )
        else:
            act()

    def _start(self, deed: Callable[[Desk], Entry | None], sentence: Callable[[Entry | None], str]) -> None:
        async def work() -> None:
            from xdrtui.errors import XdrtuiError

            try:
                entry = await self._bench.services.desks.act(deed)
            except XdrtuiError as error:
                self._bench.say(str(error), "bad")
            else:
                self._bench.say(sentence(entry), "good")
            self._bench.judged()

        self._bench.start(work)


def _done(kind: str, entry: Entry | None, asked_for: int) -> str:
    count = len(entry.subject) if entry is not None else 0
    left = f", {number(asked_for - count)} were so already" if asked_for > count else ""
    what = "1 alert" if count == 1 else f"{number(count)} alerts"
    return f"{PAST[kind]}: {what}{left} · u undoes"


def _turned(what: str, entry: Entry | None) -> str:
    if entry is None:
        return (
            "nothing of yours is left to undo"
            if what == "undone"
            else "nothing was undone since your last act"
        )
    count = len(entry.subject)
    return f"{what}: {entry.kind} on {'1 alert' if count == 1 else f'{number(count)} alerts'}"
