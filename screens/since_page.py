"""The page of what happened since somebody looked last, drawn: a function from a `Since` to items. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from screens.names import main_entity, short_host, short_user
from screens.paint import Line, clipped, line_width, spread
from screens.parts import section, severity
from screens.sanitise import sanitise
from screens.times import Zone, duration, number
from screens.widgets.listing import Item
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.triage.looking import Change, Since
    from xdrtui.triage.rows import AlertRow

_WORDS = {
    "acknowledge": "acknowledged",
    "investigate": "investigates",
    "close": "closed",
    "own": "owner",
    "memo": "memo",
    "snooze": "snoozed",
    "escalate": "escalated to",
    "redo": "did again",
    "suppress": "suppressed",
    "suppress.lift": "lifted a suppression",
    "handover": "handed over",
    "handover.accept": "took the handover",
    "dismiss": "dismissed what happened",
    "rule.disable": "switched rules off",
    "rule.enable": "switched rules on",
}


def since_items(since: Since, zone: Zone, cells: int) -> list[Item]:
    """All of the page; what names an alert opens it."""
    spell = duration(max(0, since.now.clock - since.mark.clock))
    moments = f"{zone.full(since.mark.clock)} to {zone.clock(since.now.clock, seconds=False)}, {spell}"
    items = [_said(spread([("since you last looked", "strong")], [(moments, "dim")], cells))]
    levels = ", ".join(f"{number(count)} {level}" for level, count in since.new_by_level.items())
    items += _part("new", counted(since.new_total, "alert") + (f": {levels}" if levels else ""), cells,
                   [_alert(row, zone, cells) for row in since.new], since.new_total)  # fmt: skip
    items += _part("grew", f"{number(since.grown_total)} alerts have more findings", cells,
                   [_alert(row, zone, cells, f"+{number(count)}") for row, count in since.grown],
                   since.grown_total)  # fmt: skip
    items += _part("changed by others", f"{number(len(since.changed))} acts", cells,
                   [_change(each, zone, cells) for each in since.changed])  # fmt: skip
    items += _part("taken back", f"{number(len(since.taken_back))} acts", cells,
                   [_change(each, zone, cells) for each in since.taken_back])  # fmt: skip
    items += _part("ends within eight hours", "", cells, list(_ending(since, zone, cells)))
    items += _part("gone quiet", "", cells, [
        _said(clipped([(f"{one.kind} ", "dim"), (sanitise(one.name, 300), ""),
                       (f"  last heard {zone.full(one.last)}", "dim")], cells))
        for one in since.silent
    ])  # fmt: skip
    return items


def _said(line: Line, address: str = "") -> Item:
    return Item([line], address)


def _part(title: str, note: str, cells: int, items: Sequence[Item], total: int = 0) -> Iterator[Item]:
    yield _said(section(title, cells, note if items else ""))
    if not items:
        yield _said([("nothing", "dim")])
    yield from items
    if total > len(items):
        yield _said([(f"and {number(total - len(items))} more", "dim")])


def _alert(row: AlertRow, zone: Zone, cells: int, more: str = "") -> Item:
    host = short_host(main_entity(row)[1]) or "-"
    sign = severity(row.level)
    left: Line = [
        *sign,
        (" " * (8 - line_width(sign)), ""),
        (sanitise(row.title, 300), "strong"),
        (f"  {host}", ""),
    ]
    if row.user:
        left.append((f"  {short_user(row.user)}", "dim"))
    word = "closed, seen again" if row.seen_after_close else row.state if row.state != "new" else ""
    right = "  ".join(
        part for part in (more, word, zone.clock(row.last_seen, seconds=False), row.id[:8]) if part
    )
    return _said(spread(left, [(right, "dim")], cells), f"alert/{row.id}")


def _change(each: Change, zone: Zone, cells: int) -> Item:
    words = f"took back: {each.value}" if each.kind == "undo" else _WORDS.get(each.kind, each.kind)
    value = "" if each.kind in ("undo", "snooze") else each.value.replace("_", " ")
    line: Line = [(f"{zone.clock(each.clock, seconds=False)} ", "dim"), (sanitise(each.author, 60), "label"),
                  (f" {words} {value}".rstrip(), "")]  # fmt: skip
    if each.row is not None:
        host = short_host(main_entity(each.row)[1]) or "-"
        others = f" and {number(each.alerts - 1)} more" if each.alerts > 1 else ""
        line += [(": ", ""), (sanitise(each.row.title, 200), ""), (f" on {host}{others}", "dim")]
    if each.text and not each.kind.startswith("handover"):
        line += [("  ", ""), (sanitise(each.text, 300), "dim")]
    return _said(clipped(line, cells), f"alert/{each.row.id}" if each.row is not None else "")


def _ending(since: Since, zone: Zone, cells: int) -> Iterator[Item]:
    for row in since.waking:
        ended = "snooze ended" if row.snoozed <= since.now.clock else "snooze ends"
        style = "notice" if ended.endswith("ed") else ""
        line = spread([(f"{ended} {zone.clock(row.snoozed, seconds=False)}  ", style),
                       (sanitise(row.title, 200), "strong"), (f"  {short_host(main_entity(row)[1])}", "")],
                      [(row.id[:8], "dim")], cells)  # fmt: skip
        yield _said(line, f"alert/{row.id}")
    for one in since.ending:
        ended = "ended" if one.until <= since.now.clock else "ends"
        hid = f"  hid {number(one.hidden)}"
        line = clipped([(f"suppression {ended} {zone.full(one.until)}  ", ""),
                        (sanitise(one.scope, 200), "strong"),
                        (f"  {sanitise(one.owner, 40)}'s{hid}", "dim")], cells)  # fmt: skip
        yield _said(line)
