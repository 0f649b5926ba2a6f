"""The page of one alert, drawn: a function from an `AlertView` and a width to lines.

The first screenful answers what, where, who, when, how sure and why; below stand entities, rule, evidence,
history, and the raw event and the rule's text when unfolded. Pure: tested without a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.alert_context import (
    Context,
    also_lines,
    around_lines,
    other_rarity_lines,
    rarest_lines,
)
from screens.alert_view import AlertView
from screens.names import main_entity
from screens.paint import Line, line_width, spread
from screens.parts import LABEL, labelled, section, severity
from screens.sanitise import cut, fit, sanitise, wrap
from screens.times import Zone, duration, number
from screens.why import why_lines

if TYPE_CHECKING:
    from xdrtui.triage.rows import AlertRow

DOUBTFUL = 3
"""The bits of an event's quality that say: its time is not its own."""

NARROW = 70
"""Below so many cells lines are many anyhow: texts get one more."""

_LIMIT = 4_000
NOTHING_READ = Context()
_SAY_NOTHING = ("unknown", "none", "unlikely", "")


@dataclass(frozen=True)
class Folds:
    """What is unfolded."""

    event: bool = False
    rule: bool = False


def alert_lines(
    view: AlertView,
    zone: Zone,
    cells: int,
    folds: Folds,
    truth: Sequence[str] = (),
    context: Context = NOTHING_READ,
) -> list[Line]:
    """All lines of the page. truth: what the demo reveals of a closed alert; context: what is read after the
    page is painted."""
    row = view.row
    lines = [*_heading(row, cells), *_facts(view, context, zone, cells)]
    lines += [section("why it fired", cells), *why_lines(view.reasons, cells)]
    if truth:
        lines.append(section("truth", cells))
        lines += [[(text, "good")] for part in truth for text in wrap(sanitise(part), cells)]
    lines += other_rarity_lines(row, context.rarity, zone, cells)
    if folds.event:
        lines += _event(view, cells)
    if folds.rule:
        lines += _rule_text(view, cells)
    lines += around_lines(row, context.around, zone, cells)
    lines += also_lines(row, context.also, zone, cells)
    lines += _rule(view, cells)
    lines += _entities(row, cells)
    lines += _evidence(view, zone, cells)
    lines += _history(view, zone, cells)
    if not folds.event:
        lines += [section("raw event", cells), [("folded; ", "dim"), ("e", "key"), (" unfolds it", "dim")]]
    return lines


def _heading(row: AlertRow, cells: int) -> list[Line]:
    sign = severity(row.level)
    spell = row.last_seen - row.first_seen
    counted = f"{number(row.count)}x" + (f" in {duration(spell)}" if row.count > 1 else "")
    title, room = sanitise(row.title, 300), cells - line_width(sign) - 2
    first, *rest = (wrap(title, room - len(counted) - 1, 2) or [""]) if cells < NARROW else [title]
    below: list[Line] = [[(" " * LABEL, ""), (part, "strong")] for part in rest]
    return [spread([*sign, ("  ", ""), (first, "strong")], [(counted, "dim")], cells), *below]


def _facts(view: AlertView, context: Context, zone: Zone, cells: int) -> list[Line]:
    row = view.row
    narrow = cells < NARROW
    lines = labelled("what", row.summary or row.title, cells, "strong", most=3 if narrow else 2)
    lines += labelled("where", where_words(row), cells, most=2)
    lines += labelled("who", row.user or "no user is named in the event", cells, most=2)
    lines += labelled("when", when_words(view, zone), cells, most=1)
    lines += labelled("sure", sure_words(view), cells, most=3 if narrow else 2)
    lines += rarest_lines(row, context.rarity, zone, cells)
    for place, (id, words) in enumerate(view.techniques[:3]):
        lines += labelled("ATT&CK" if not place else "", f"{id} {words}".strip(), cells, most=1 + narrow)
    lines += labelled("state", state_words(row, zone), cells, most=2)
    return lines


def where_words(row: AlertRow) -> str:
    field, value = main_entity(row)
    if not value:
        return "no host is named in the event"
    return value if row.host else f"{value} ({field}); no host is named in the event"


def when_words(view: AlertView, zone: Zone) -> str:
    row = view.row
    text = f"{zone.day(row.first_seen)} {zone.clock(row.first_seen)}"
    if row.last_seen // 10**9 != row.first_seen // 10**9:
        same_day = zone.day(row.last_seen) == zone.day(row.first_seen)
        text += " to " + ("" if same_day else zone.day(row.last_seen) + " ") + zone.clock(row.last_seen)
    doubtful = any(each.quality & DOUBTFUL for each in view.detail.evidence)
    return f"{text} {zone.name(row.last_seen)}" + (
        " ? its events state no time, or one that cannot be" if doubtful else ""
    )


def sure_words(view: AlertView) -> str:
    row, rule = view.row, view.detail.rule
    said = [f"the rule says {row.level}"]
    closed = sum(view.closed_as.values())
    if closed:
        false = sum(count for name, count in view.closed_as.items() if name.startswith("false"))
        said.append(f"closed as false {number(false)} of {number(closed)} times")
    if row.duplicates:
        said.append(f"{number(row.duplicates)} exact repeats")
    known = [
        text for text in (rule.falsepositives if rule else ()) if text.strip().lower() not in _SAY_NOTHING
    ]
    if known:
        said.append("known false positives: " + "; ".join(known))
    return " · ".join(said)


def state_words(row: AlertRow, zone: Zone | None = None) -> str:
    """State, disposition and owner in words. zone: of the time until which it sleeps."""
    words = row.state
    if row.disposition:
        words += f" ({row.disposition.replace('_', ' ')})"
    words += f" · owner {row.owner}" if row.owner else " · nobody's"
    if row.escalated:
        words += f" · escalated to {row.escalated}" + (", waits" if row.waiting else ", taken up")
    if row.snoozed and zone is not None:
        words += f" · snoozed until {zone.full(row.snoozed)}"
    if row.seen_after_close:
        words += f" · seen {number(row.seen_after_close)}x after it was closed"
    return words


def _rule(view: AlertView, cells: int) -> list[Line]:
    rule = view.detail.rule
    if rule is None:
        return [
            section("rule", cells),
            [("its text is not stored: ", "dim"), (sanitise(view.row.rule, 200), "")],
        ]
    lines = [
        section("rule", cells, "" if not rule.author else f"by {cut(sanitise(rule.author, 200), cells // 2)}")
    ]
    lines += labelled("name", rule.title, cells, most=2)
    if rule.description:
        lines += labelled("says", " ".join(rule.description.split()), cells, most=6)
    for place, reference in enumerate(rule.references[:5]):
        lines += labelled("read" if not place else "", reference, cells, "dim", most=1)
    lines.append([(fit("text", LABEL), "label"), ("d", "key"), (" unfolds or folds its definition", "dim")])
    hide = ": suppress makes no alert of these for a time"
    lines.append([(fit("hide", LABEL), "label"), (hide[0], "key"), (hide[1:], "dim")])
    return lines


def _rule_text(view: AlertView, cells: int) -> list[Line]:
    rule = view.detail.rule
    text = rule.text if rule is not None else ""
    lines = [section("definition of the rule", cells)]
    for raw in text.splitlines()[:400] or ["(not stored)"]:
        lines += [[(part, "")] for part in wrap(sanitise(raw.expandtabs(2), _LIMIT), cells, 8)]
    return lines


def _event(view: AlertView, cells: int) -> list[Line]:
    lines = [section("raw event", cells, "the first of the evidence")]
    for raw in view.raw or ["(not stored)"]:
        lines += [[(part, "")] for part in wrap(sanitise(raw, 20_000), cells, 60)]
    return lines


def _entities(row: AlertRow, cells: int) -> list[Line]:
    kinds: dict[str, list[str]] = {}
    for kind, value in _pairs(row.entities):
        kinds.setdefault(kind, []).append(value)
    lines = [section("entities", cells)]
    for kind, values in kinds.items():
        shown = [cut(sanitise(value, 500), cells - LABEL) for value in values[:6]]
        text = ", ".join(shown) + (f", and {len(values) - 6} more" if len(values) > 6 else "")
        lines += labelled(sanitise(kind, 20), text, cells, most=4)
    return lines if kinds else []


def _pairs(entities: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    return [(pair[0], pair[1]) for pair in entities]


def _evidence(view: AlertView, zone: Zone, cells: int) -> list[Line]:
    evidence = view.detail.evidence
    kept = f"{number(len(evidence))} of {number(view.row.count)} events are kept"
    lines = [section("evidence", cells, kept)]
    before = evidence[0].time if evidence else 0
    for each in evidence[:20]:
        sentence = sanitise(each.summary, 1_000) or "(no summary)"
        lines += turned(zone, before, each.time)
        before = each.time
        doubt = "?" if each.quality & DOUBTFUL else " "
        lines.append([(zone.clock(each.time) + doubt + " ", "dim"), (cut(sentence, cells - 10), "")])
    if len(evidence) > 20:
        lines.append([(f"and {len(evidence) - 20} more", "dim")])
    return lines


def turned(zone: Zone, before: int, time: int) -> list[Line]:
    """The line between two times of a list where the date or the offset changes."""
    turn = zone.turn(before, time)
    return [[(f"{turn} ", "label"), ("─" * 12, "rule")]] if turn else []


def _history(view: AlertView, zone: Zone, cells: int) -> list[Line]:
    history = view.detail.history
    if not history:
        return []
    lines = [section("history", cells)]
    before = history[-12:][0].clock
    for act in history[-12:]:
        lines += turned(zone, before, act.clock)
        before = act.clock
        said = f"{act.author}: {act.kind} {act.value.replace('_', ' ')}".rstrip()
        said += f" (with {act.alerts - 1} more)" if act.alerts > 1 else ""
        said += f" · {act.text}" if act.text else ""
        said += " · undone" if act.undone else ""
        style = "dim" if act.undone else ""
        lines.append([(zone.clock(act.clock) + "  ", "dim"), (cut(sanitise(said, 1_000), cells - 10), style)])
    return lines
