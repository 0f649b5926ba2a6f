"""Suppressions on the screen: making one, and the list of those in force, which lifts them.

A suppression makes a blind spot, so each part of it stands on the screen before it is made: the rule by its
title, the other terms, reason, end, owner, and how many of the stored alerts it would have hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from screens.handing import Handing
from screens.judging import Bench, Judging
from screens.menu import Choice
from screens.sanitise import cut, sanitise
from screens.times import number
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import AlertRow
    from xdrtui.triage.suppressions import Suppression, Terms

_LIFT_KEYS = "123456789"
_LINES_EACH = 2


class Suppressing:
    """Makes suppressions and lifts them, for the workbench."""

    def __init__(self, bench: Bench, judging: Judging, handing: Handing) -> None:
        self._bench = bench
        self._judging = judging
        self._handing = handing

    # Making one

    def suppress(self, row: AlertRow) -> None:
        """Ask for scope, reason and end, tell what it would have hidden, and ask once more."""

        async def work() -> None:
            scope = await self._bench.services.desks.read(partial(scope_of, row=row))
            self._bench.asking.text(
                "make no alert of", scope + " ", self._ask_why, _bad_scope, assist=self._assist
            )

        self._bench.asking.prepare(work)

    async def _assist(self, text: str, cursor: int) -> tuple[int, Sequence[str]]:
        """What could be typed next in a scope: as in a filter."""
        from xdrtui.errors import XdrtuiError

        try:
            found = await self._bench.services.desks.read(lambda desk: desk.complete(text, cursor))
        except XdrtuiError:
            return cursor, ()
        return found.start, found.options

    def _ask_why(self, scope: str) -> None:
        def ask_end(reason: str) -> None:
            self._bench.asking.text(
                "until (30d, a date)",
                "30d",
                lambda end: self._count(scope, reason, self._handing.end(end)),
                self._handing.no_end,
                over=True,
            )

        self._bench.asking.text(
            "why", "", ask_end, lambda why: "" if why.strip() else "say why: whoever misses them will ask"
        )

    def _count(self, scope: str, reason: str, until: int) -> None:
        services = self._bench.services

        def read(desk: Desk) -> tuple[Terms, int, int, Mapping[str, str]]:
            terms = desk.suppressing.terms(scope)
            return terms, desk.suppressing.past(scope), desk.count(), titles(desk, terms)

        async def work() -> None:
            from xdrtui.errors import XdrtuiError

            try:
                terms, past, stored, named = await services.desks.read(read)
            except XdrtuiError as error:
                self._bench.say(str(error), "bad")
                return
            notes = [
                *((field, named.get(value, value)) for field, value in terms),
                ("until", services.zone.full(until)),
                ("why", reason.strip()),
                ("owner", services.person),
                ("hides", f"it would have hidden {number(past)} of {counted(stored, 'stored alert')}"),
            ]
            make = Choice("y", "yes: what it hides is counted, `:` suppressions lists and lifts it",
                          partial(self._make, scope, reason, until))  # fmt: skip
            self._bench.asking.menu("Make no alert of such findings?", [make], notes)

        self._bench.asking.prepare(work)

    def _make(self, scope: str, reason: str, until: int) -> None:
        now = self._bench.services.now()
        self._judging.start(
            lambda desk: desk.suppressing.add(scope, reason, now, until),
            lambda made: (
                f"suppressed until {self._bench.services.zone.full(made.until)} · u undoes"
                " · `:` suppressions shows what it hides"
            ),
        )

    # Lifting

    def suppressions(self) -> None:
        """Those in force, each with what it hid; one key lifts one."""
        bench, now, zone = self._bench, self._bench.services.now(), self._bench.services.zone

        def read(desk: Desk) -> list[tuple[Suppression, str]]:
            found = [one for one in desk.suppressing.all() if one.standing(now) == "in force"]
            return [(one, in_words(one.terms, titles(desk, one.terms))) for one in found]

        async def work() -> None:
            from xdrtui.errors import XdrtuiError

            try:
                standing = await bench.services.desks.read(read)
            except XdrtuiError as error:
                bench.say(str(error), "bad")
                return
            if not standing:
                bench.say("no suppression is in force")
                return
            room = max(2, (bench.lines - 10) // _LINES_EACH)  # the queue stays in sight
            choices = [
                Choice(
                    key,
                    f"lift: {scope} · until {zone.full(one.until)} · hid {counted(one.hidden, 'finding')}"
                    f" · {one.owner}: {cut(sanitise(one.reason, 200), 60)}",
                    partial(self._lift, one, scope),
                )
                for key, (one, scope) in zip(_LIFT_KEYS[:room], standing, strict=False)
            ]
            left = len(standing) - len(choices)
            more = f", {left} more: `xdrtui suppress list`" if left else ""
            bench.asking.menu(f"{counted(len(standing), 'suppression')} in force{more}", choices)

        bench.asking.prepare(work)

    def _lift(self, one: Suppression, scope: str) -> None:
        now = self._bench.services.now()
        self._judging.start(
            lambda desk: desk.suppressing.lift(one.id, now),
            lambda lifted: (
                f"lifted: {cut(scope, 80)} · it hid {counted(lifted.hidden, 'finding')} · u undoes"
            ),
        )


def scope_of(desk: Desk, row: AlertRow) -> str:
    """The scope to begin with: the rule, by its title where that names it alone, on this host."""
    from xdrtui.errors import XdrtuiError

    rule = f"rule:{row.rule}"
    if row.title and '"' not in row.title:
        try:
            by_title = desk.suppressing.terms(f'rule:"{row.title}"')
        except XdrtuiError:
            by_title = ()
        if by_title == (("rule", row.rule),):
            rule = f'rule:"{row.title}"'
    return rule + (f' host:"{row.host}"' if row.host and '"' not in row.host else "")


def titles(desk: Desk, terms: Terms) -> Mapping[str, str]:
    """Rule id -> its title."""
    known = {value: desk.rule(value) for field, value in terms if field == "rule"}
    return {id: rule.title for id, rule in known.items() if rule is not None and rule.title}


def in_words(terms: Terms, named: Mapping[str, str]) -> str:
    """A scope for people: "LSASS dump via comsvcs, host dc01"."""
    return ", ".join(
        sanitise(named.get(value, value) if field == "rule" else f"{field} {value}", 200)
        for field, value in terms
    )


def _bad_scope(scope: str) -> str:
    from xdrtui.triage.grammar import QueryError
    from xdrtui.triage.suppressing import check_scope

    try:
        check_scope(scope)
    except QueryError as error:
        return f"scope: {error}"
    return ""
