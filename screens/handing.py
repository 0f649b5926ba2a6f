"""What a person puts off or hands on: snooze, escalate, the shift log.

Each asks for what it needs, a key or a line at a time, then acts by `Judging`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from screens.judging import Bench, Judging
from screens.menu import Choice
from screens.targets import Targets
from screens.times import number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from screens.shift import HandoverPane, Period
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import Entry

HOUR = 3_600 * 1_000_000_000
ENDS = (("1", "an hour", 1), ("4", "four hours", 4), ("8", "a shift, eight hours", 8), ("d", "a day", 24),
        ("w", "a week", 168))  # fmt: skip
"""Keys of the snooze menu, what each means, and hours."""


class Handing:
    """Puts alerts off and hands them on, for the workbench."""

    def __init__(self, bench: Bench, judging: Judging) -> None:
        self._bench = bench
        self._judging = judging
        self._tier = "tier2"

    # --- snooze

    def snooze(self, targets: Targets) -> None:
        """Ask for how long; what sleeps already can be woken."""
        now = self._bench.services.now()
        choices = [
            Choice(key, f"for {words}", partial(self._until, targets, now + hours * HOUR))
            for key, words, hours in ENDS
        ]
        choices.append(Choice("t", "until a time: write it", lambda: self._ask_end(targets)))
        if targets.asleep:
            choices.append(Choice("x", "no more: wake it now", partial(self._until, targets, 0)))
        self._bench.asking.menu(f"Snooze {targets.in_words()}", choices)

    def _ask_end(self, targets: Targets) -> None:
        self._bench.asking.text(
            "until (14:30, 3h, 2d, a date)",
            "",
            lambda typed: self._until(targets, self.end(typed)),
            self.no_end,
        )

    def _until(self, targets: Targets, until: int) -> None:
        zone, now = self._bench.services.zone, self._bench.services.now()
        day = "" if zone.day(until) == zone.day(now) else f"{zone.day(until)} "
        end = f"{day}{zone.clock(until, seconds=False)} {zone.name(until)}"

        def told(entry: Entry) -> str:
            what = "1 alert" if len(entry.subject) == 1 else f"{number(len(entry.subject))} alerts"
            if not until:
                return f"awake again: {what} · u undoes"
            return f"snoozed: {what} until {end} · comes back by itself · u undoes"

        self._judging.act("snooze", targets, lambda desk, ids, seen: desk.snooze(ids, until, "", seen), told)

    def end(self, typed: str) -> int:
        """The moment that a person wrote. Raises XdrtuiError."""
        from xdrtui.triage.moments import after

        services = self._bench.services
        return after(typed, services.now(), services.zone.zone)

    def no_end(self, typed: str) -> str:
        """Why this is no moment; "" = it is one."""
        from xdrtui.errors import XdrtuiError

        try:
            self.end(typed)
        except XdrtuiError as error:
            return str(error)
        return ""

    # --- handing over

    def period(self, pane: HandoverPane) -> None:
        """Ask what a handover should tell of."""
        from screens.shift import EIGHT_HOURS, Period
        from xdrtui.triage.moments import before

        zone = self._bench.services.zone.zone

        def since(words: str) -> Period:
            return Period(f"since {words}", lambda desk, now: before(words, now, zone))

        six, mine = (
            since("06:00"),
            Period("since I handed over last", lambda desk, now: desk.shift.since_mine()),
        )
        choices = [
            Choice("8", EIGHT_HOURS.words, lambda: pane.take(EIGHT_HOURS)),
            Choice("6", six.words, lambda: pane.take(six)),
            Choice("l", mine.words, lambda: pane.take(mine)),
            Choice("t", "since another time: write it", lambda: self._ask_since(pane, since)),
        ]
        self._bench.asking.menu("The handover tells of", choices)

    def _ask_since(self, pane: HandoverPane, since: Callable[[str], Period]) -> None:
        self._bench.asking.text(
            "since (14:30, 3h, 2d, a date)", "", lambda typed: pane.take(since(typed.strip())), self._no_start
        )

    def _no_start(self, typed: str) -> str:
        from xdrtui.errors import XdrtuiError
        from xdrtui.triage.moments import before

        try:
            before(typed, self._bench.services.now(), self._bench.services.zone.zone)
        except XdrtuiError as error:
            return str(error)
        return ""

    # --- escalate

    def escalate(self, targets: Targets) -> None:
        """Ask to whom and why; a packet is written with it."""

        def to_whom(name: str) -> None:
            self._tier = name.strip()
            self._bench.asking.text(
                f"why {self._tier}",
                "",
                lambda why: self._escalate(targets, name.strip(), why),
                lambda why: "" if why.strip() else "say why in a sentence: whoever takes it up will ask",
                draft=f"escalate-{targets.first}",
            )

        self._bench.asking.text(
            f"escalate {targets.in_words()} to",
            self._tier,
            to_whom,
            lambda name: "" if name.strip() else "name a person, or a tier like tier2",
            over=True,
        )

    def _escalate(self, targets: Targets, to: str, why: str) -> None:
        services = self._bench.services
        path: Path | str = ""

        def do(desk: Desk, ids: list[str], seen: object) -> Entry:
            nonlocal path
            from xdrtui.triage.packet import keep

            entry = desk.escalate(ids, to, why, dict(seen))  # type: ignore[call-overload]
            try:
                path = keep(desk, entry, services.zone.zone)
            except OSError as error:
                path = f"could not be written ({error})"
            return entry

        def told(entry: Entry) -> str:
            if services.drafts is not None:
                services.drafts.forget(f"escalate-{targets.first}")
            what = "1 alert" if len(entry.subject) == 1 else f"{number(len(entry.subject))} alerts"
            return f"escalated: {what} to {to}, waits for somebody to take it up · u undoes · packet {path}"

        self._judging.act("escalate", targets, do, told)

    # --- the shift log

    def log(self) -> None:
        """Ask for a memo on no alert."""

        def keep(text: str) -> None:
            if text.strip():
                self._judging.start(lambda desk: desk.memo("", text.strip()), lambda entry: stored())

        def stored() -> str:
            if self._bench.services.drafts is not None:
                self._bench.services.drafts.forget("log")
            return "written in the shift log · u undoes"

        self._bench.asking.text("shift log", "", keep, draft="log")
