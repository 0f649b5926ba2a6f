"""What stands around an alert: how rare it is, what happened on its host about then, alerts of its entities.

Read after the page is painted; `None` = being read. Drawn here: functions to lines. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.look import STATE_WORDS
from screens.names import main_entity, short_host, short_user
from screens.paint import Line, Span, clipped, line_width, spread
from screens.parts import LABEL, labelled, section, severity
from screens.sanitise import cut, fit, sanitise, width, wrap
from screens.times import Zone, duration, number

if TYPE_CHECKING:
    from xdrtui.triage.rarity import Rarity
    from xdrtui.triage.rows import AlertRow
    from xdrtui.triage.surroundings import Around

MOST_RELATED = 50
"""Related alerts that are read."""

ALSO = 8
"""Related alerts that are shown; the rest is counted."""


@dataclass(frozen=True)
class Context:
    """What is read after the page."""

    rarity: Sequence[Rarity] | None = None
    around: Around | None = None
    also: Sequence[AlertRow] | None = None


def rarest_lines(row: AlertRow, rarity: Sequence[Rarity] | None, zone: Zone, cells: int) -> list[Line]:
    """The line of what is rarest about the alert; one in its place while it is being read."""
    if rarity is None:
        return labelled("rarity", "being looked up …", cells, "dim", most=1)
    return _rarity_lines(row, _by_rarity(rarity)[:1], "rarity", zone, cells)


def other_rarity_lines(row: AlertRow, rarity: Sequence[Rarity] | None, zone: Zone, cells: int) -> list[Line]:
    """A line for each other thing that was asked about."""
    others = _by_rarity(rarity or ())[1:]
    if not others:
        return []
    bases = {basis_words(one) for one in others}
    said = bases.pop() if len(bases) == 1 else ""  # the same for all: said once
    return [section("how rare the rest is", cells, f"in {said}" if said else ""),
            *_rarity_lines(row, others, "", zone, cells, based=not said)]  # fmt: skip


def _by_rarity(rarity: Sequence[Rarity]) -> list[Rarity]:
    return sorted(rarity, key=lambda one: (one.hosts / max(1, one.of), one.before))


def _rarity_lines(
    row: AlertRow, rarity: Sequence[Rarity], title: str, zone: Zone, cells: int, *, based: bool = True
) -> list[Line]:
    """Where there is no room the name gives way, the figures do not. based: say what they come from."""
    lines: list[Line] = []
    for one in rarity:
        what, figures = rarity_words(row, one, zone)
        figures += f"; {basis_words(one)}" if based else ""
        kind = one.question.kind.split()[0]
        name, room = sanitise(what, 300), cells - LABEL - width(figures) - 2
        label: Span = (fit(title or kind, LABEL), "label")
        if title and width(kind) <= room < min(12, width(name)):
            name = kind  # which one it is stands above
        if room < min(12, width(name)):  # two lines on a narrow page
            lines.append(clipped([label, (name, "")], cells))
            parts = [figures] if width(figures) <= cells - LABEL else figures.split("; ")
            wrapped = [line for part in parts for line in wrap(part, cells - LABEL, 2)]
            lines += [[(" " * LABEL, ""), (part, "dim")] for part in wrapped[:3]]
            continue
        lines.append(clipped([label, (cut(name, room), ""), (": " + figures, "dim")], cells))
    return lines


def rarity_words(row: AlertRow, one: Rarity, zone: Zone) -> tuple[str, str]:
    """What was asked about, and the figures: "1 of 412 hosts, first now, 0 before" """
    values = [value.rsplit("\\", 1)[-1] for value in one.question.values]
    what = values[0]
    if one.question.kind == "process from parent":
        what = f"{values[0]} from {values[1]}"
    elif one.question.kind == "user on host":
        what = short_user(one.question.values[0])
    here = " here" if one.question.kind == "user on host" else ""
    first = "now" if one.first >= row.first_seen else _moment(one.first, row, zone)
    hosts = f"{number(one.hosts)} of {number(one.of)} hosts" if one.of else "no host is known"
    before = ("~" if one.about else "") + number(one.before)
    return what, f"{hosts}, first{here} {first}, {before} before"


def basis_words(one: Rarity) -> str:
    """What the figures come from: "4 h of archive" """
    return duration(one.known) + (" of" if one.whole else " (latest) of") + f" {one.basis}"


def _moment(time: int, row: AlertRow, zone: Zone) -> str:
    if zone.day(time) == zone.day(row.first_seen):
        return zone.clock(time, seconds=False)
    return zone.day(time)[5:]


def around_lines(row: AlertRow, around: Around | None, zone: Zone, cells: int) -> list[Line]:
    """The events just before and after on the host."""
    if around is None:
        return [section("around it", cells), [("reading …", "dim")]]
    if not around.events:
        return []
    host = cut(sanitise(short_host(around.host), 300), max(12, cells // 4))
    notes = [f"{host}, 5 min either way; from {around.basis}", f"{host}, 5 min either way", host]
    lines = [section("around it", cells, _fitting(notes, cells - 14))]
    for each in around.events:
        left: Line = [("► " if each.here else "  ", "key"), (f"{zone.clock(each.time)}  ", "dim"),
                      (sanitise(each.summary, 400), "strong" if each.here else "")]  # fmt: skip
        rule = "" if each.here else "same rule" if each.rule == row.title else each.rule
        right = cut(sanitise(rule, 200), max(16, cells // (3 if cells >= 70 else 4)))
        lines.append(spread(left, [(right, "mark")], cells) if right else clipped(left, cells))
    if len(around.events) == 1:
        lines.append([("nothing else is known of this host about then", "dim")])
    return lines


def _fitting(texts: Sequence[str], cells: int) -> str:
    """The first of them for which there is room; where there is none, the last."""
    return next((text for text in texts if width(text) <= cells), texts[-1])


def also_lines(row: AlertRow, also: Sequence[AlertRow] | None, zone: Zone, cells: int) -> list[Line]:
    """Alerts of the same entities within 24 hours, in the order of time; those before and after this one."""
    if also is None:
        return [section("also", cells), [("reading …", "dim")]]
    if not also:
        return [section("also", cells), [("no other alert of its entities within 24 h", "dim")]]
    hosts = len({main_entity(each)[1] for each in also})
    counted = number(len(also)) + ("" if len(also) < MOST_RELATED else " or more")
    alerts, places = "alert" if len(also) == 1 else "alerts", "host" if hosts == 1 else "hosts"
    said = f"{counted} {alerts} of its entities on {number(hosts)} {places}"
    lines = [section("also", cells, _fitting([f"{said} within 24 h", f"{said}, 24 h", said], cells - 9))]
    near = sorted(also, key=lambda each: abs(each.first_seen - row.first_seen))[:ALSO]
    near.sort(key=lambda each: each.first_seen)
    times = [_when(each, row, zone) for each in near]
    names = [
        cut(sanitise(short_host(main_entity(each)[1]) or "-", 300), max(12, cells // 4)) for each in near
    ]
    sign_cells, name_cells = line_width(severity("high")), max(map(width, names))
    for each, when, name in zip(near, times, names, strict=True):
        level = severity(each.level)
        left = [(when.rjust(max(map(len, times))) + "  ", "dim"), *level,
                (" " * (sign_cells - line_width(level) + 2), ""),
                (fit(name, name_cells) + "  ", ""), (sanitise(each.title, 400), "")]  # fmt: skip
        lines.append(spread(left, [(STATE_WORDS.get(each.state, each.state), "dim")], cells))
    return lines


def _when(each: AlertRow, row: AlertRow, zone: Zone) -> str:
    when = zone.clock(each.first_seen)
    same_day = zone.day(each.first_seen) == zone.day(row.first_seen)
    return when if same_day else f"{zone.day(each.first_seen)[5:]} {when}"
