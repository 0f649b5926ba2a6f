"""A handover as Markdown, for a mail, a ticket or the screen. Pure.

What may need somebody stands first. Text from events stands in code spans, text of people is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo

from xdrtui.triage.handover import Escalated, Handover, Told
from xdrtui.triage.markdown import code, plain, plural, when
from xdrtui.triage.rows import AlertRow

_SILENT = 15


def markdown(handover: Handover, zone: tzinfo | None = None) -> str:
    """The whole text. zone: the one its times are in; None = this machine's."""
    lines = [
        f"# Handover {when(handover.since, zone)} to {when(handover.until, zone)}",
        "",
        f"By {plain(handover.author)}; the next shift ends {when(handover.next_until, zone)}.",
        "",
    ]
    total = sum(handover.by_level.values())
    levels = ", ".join(f"{count:,} {level}" for level, count in handover.by_level.items() if count)
    lines += _section(
        f"Open: {plural(total, 'alert')}" + (f" ({levels})" if levels else ""),
        [_told(each, zone) for each in handover.told]
        + ([f"and {plural(handover.more, 'line')} more, less grave"] if handover.more else []),
        "nothing is open",
    )
    lines += _section("Escalated", [_escalated(each, zone) for each in handover.escalated], "nothing is")
    lines += _section(
        "Ends in the next shift",
        [
            f"snooze of {code(row.title)} on {_place(row)}: back {when(row.snoozed, zone)}"
            + (f", {plain(row.owner)}'s" if row.owner else "")
            + f"; `alert/{row.id[:8]}`"
            for row in handover.waking
        ],
        "no snooze ends",
    )
    lines += _section("Containments", [plain(each) for each in handover.containments], "none stands")
    lines += _section(
        "Suppressions that end within a week",
        [
            f"{code(one.scope)} ends {when(one.end, zone)}; {plain(one.owner)}'s: {plain(one.reason)};"
            f" hid {plural(one.hidden, 'finding')}"
            for one in handover.ending
        ],
        "none does",
    )
    lines += _section("Gone silent", list(_silent(handover, zone)), "nothing has")
    counted = [f"{name.replace('_', ' ')}: {count:,}" for name, count in handover.closed.items()]
    lines += _section(f"Closed: {plural(sum(handover.closed.values()), 'alert')}", counted, "nothing was")
    dead = [f"{plain(reason, 200)}: {count:,}" for reason, count in handover.dead.items()]
    lines += _section(f"Dead letters: {sum(handover.dead.values()):,}", dead, "no message was unreadable")
    lines += _section(
        "Shift log",
        [f"{when(memo.clock, zone)} {plain(memo.author)}: {plain(memo.text)}" for memo in handover.log],
        "nothing was written",
    )
    lines += [f"{plural(handover.new, 'alert')} began in this shift.", ""]
    return "\n".join(lines)


def _section(title: str, items: Iterable[str], none: str) -> list[str]:
    shown = [f"- {item}" for item in items]
    return [f"## {title}", "", *(shown or [f"- {none}"]), ""]


def _place(row: AlertRow) -> str:
    named = (value for kind, value in (*row.group, *row.entities) if value and kind != "user")
    return code(row.host or next(named, "") or row.user or row.id[:8], 100)


def _told(told: Told, zone: tzinfo | None) -> str:
    line, row = told.line, told.line.row
    owners = [plain(owner) for owner in line.owners if owner]
    of = f"{line.open} of {line.total}" if line.total > 1 else "1"
    parts = [
        f"**{row.level}** {code(row.title, 120)} on {_place(row)}: {of} open",
        f"last {when(line.last_seen, zone)}",
        f"{', '.join(owners)}'s" if owners else "nobody's",
        line.state + (", escalated, waits" if line.waiting else ""),
        f"`alert/{line.newest[:8]}`",
    ]
    if told.memo is not None:
        parts.append(f"memo {plain(told.memo.author)}: {plain(told.memo.text, 400)}")
    return "; ".join(parts)


def _escalated(each: Escalated, zone: tzinfo | None) -> str:
    row = each.row
    stands = "waits" if row.waiting else f"taken up by {plain(row.owner)}" if row.owner else "taken up"
    return (
        f"**{row.level}** {code(row.title, 120)} on {_place(row)} to {plain(row.escalated)}, {stands};"
        f" {plain(each.by)} {when(each.clock, zone)}: {plain(each.text, 400)}; `alert/{row.id[:8]}`"
    )


def _silent(handover: Handover, zone: tzinfo | None) -> Iterator[str]:
    """Log sources one by one, hosts too while they are few; where nothing comes at all, that alone."""
    heard: Callable[[int], str] = lambda last: f"last heard {when(last, zone)}"  # noqa: E731
    sources = [one for one in handover.silent if one.kind == "log source"]
    hosts = [one for one in handover.silent if one.kind == "host"]
    for some, what in ((sources, "log source"), (hosts, "host")):
        for one in some[:_SILENT]:
            yield f"{what} {code(one.name, 200)}, {heard(one.last)}"
        if len(some) > _SILENT:
            yield f"and {plural(len(some) - _SILENT, what)} more"
