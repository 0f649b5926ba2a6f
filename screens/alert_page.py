"""The page of one alert, drawn: a function from an `AlertView` and a width to lines.

The first screenful answers what, where, who, when, how sure and why; below stand entities, rule, evidence,
history, and the raw event and the rule's text when unfolded. Pure: tested without a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from screens.alert_view import AlertView
from screens.look import SEVERITY_WORDS, STATE_WORDS
from screens.names import main_entity, short_host
from screens.paint import Line, spread
from screens.sanitise import cut, fit, sanitise, width, wrap
from screens.times import Zone, duration, number
from screens.why import why_lines

if TYPE_CHECKING:
    from xdrtui.triage.rows import AlertRow

LABEL = 8
DOUBTFUL = 3
"""The bits of an event's quality that say: its time is not its own."""

_LIMIT = 4_000
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
    also: Sequence[AlertRow] | None = None,
) -> list[Line]:
    """All lines of the page. truth: what the demo reveals of a closed alert; also: alerts of the same
    entities, None while they are being read."""
    row = view.row
    lines = [*_heading(row, cells), *_facts(view, zone, cells)]
    lines += [section("why it fired", cells), *why_lines(view.reasons, cells)]
    if truth:
        lines.append(section("truth", cells))
        lines += [[(text, "good")] for part in truth for text in wrap(sanitise(part), cells)]
    if folds.event:
        lines += _event(view, cells)
    if folds.rule:
        lines += _rule_text(view, cells)
    lines += also_lines(view.row, also, zone, cells)
    lines += _rule(view, cells)
    lines += _entities(row, cells)
    lines += _evidence(view, zone, cells)
    lines += _history(view, zone, cells)
    if not folds.event:
        lines += [section("raw event", cells), [("folded; ", "dim"), ("e", "key"), (" unfolds it", "dim")]]
    return lines


def section(title: str, cells: int, note: str = "") -> Line:
    """A rule with a title in it."""
    text = f"── {title} " + (f"{note} " if note else "")
    return [("── ", "rule"), (title, "label"), (f" {note}" if note else "", "dim"),
            (" " + "─" * max(0, cells - width(text)), "rule")]  # fmt: skip


def severity(level: str) -> Line:
    """A severity: symbol, word, colour."""
    symbol, word = SEVERITY_WORDS.get(level, ("?", sanitise(level, 8)))
    style = level if level in SEVERITY_WORDS else ""
    return [(f"{symbol} {word}", style)]


def labelled(label: str, text: str, cells: int, style: str = "", most: int | None = 3) -> list[Line]:
    """A label, and text beside it, wrapped under itself."""
    room = cells - LABEL
    parts = wrap(sanitise(text, _LIMIT), room, most)
    return [
        [(fit(label if not place else "", LABEL), "label"), (part, style)] for place, part in enumerate(parts)
    ]


def _heading(row: AlertRow, cells: int) -> list[Line]:
    sign = severity(row.level)
    spell = row.last_seen - row.first_seen
    counted = f"{number(row.count)}x" + (f" in {duration(spell)}" if row.count > 1 else "")
    return [spread([*sign, ("  ", ""), (sanitise(row.title, 300), "strong")], [(counted, "dim")], cells)]


def _facts(view: AlertView, zone: Zone, cells: int) -> list[Line]:
    row = view.row
    lines = labelled("what", row.summary or row.title, cells, "strong", most=2)
    lines += labelled("where", where_words(row), cells, most=1)
    lines += labelled("who", row.user or "no user is named in the event", cells, most=1)
    lines += labelled("when", when_words(view, zone), cells, most=1)
    lines += labelled("sure", sure_words(view), cells, most=2)
    for place, (id, words) in enumerate(view.techniques[:3]):
        lines += labelled("ATT&CK" if not place else "", f"{id} {words}".strip(), cells, most=1)
    lines += labelled("state", state_words(row), cells, most=1)
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


def state_words(row: AlertRow) -> str:
    """State, disposition and owner in words."""
    words = row.state
    if row.disposition:
        words += f" ({row.disposition.replace('_', ' ')})"
    words += f" · owner {row.owner}" if row.owner else " · nobody's"
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
    return lines


MOST_RELATED = 50
"""Related alerts that are read."""

ALSO = 8
"""Related alerts that are shown; the rest is counted."""


def also_lines(row: AlertRow, also: Sequence[AlertRow] | None, zone: Zone, cells: int) -> list[Line]:
    """Alerts of the same entities within 24 hours, in the order of time; those before and after this one."""
    if also is None:
        return [section("also", cells), [("reading …", "dim")]]
    if not also:
        return [section("also", cells), [("no other alert of its entities within 24 h", "dim")]]
    hosts = len({main_entity(each)[1] for each in also})
    counted = number(len(also)) + ("" if len(also) < MOST_RELATED else " or more")
    said = f"{counted} alerts of its entities on {number(hosts)} {'host' if hosts == 1 else 'hosts'}"
    lines = [section("also", cells, f"{said} within 24 h")]
    near = sorted(also, key=lambda each: abs(each.first_seen - row.first_seen))[:ALSO]
    for each in sorted(near, key=lambda each: each.first_seen):
        shown = f"{short_host(main_entity(each)[1]) or '-'}  {each.title}"
        when = zone.clock(each.first_seen)
        if zone.day(each.first_seen) != zone.day(row.first_seen):
            when = f"{zone.day(each.first_seen)[5:]} {when}"
        left = [(f"{when}  ", "dim"), *severity(each.level), ("  ", ""), (sanitise(shown, 400), "")]
        lines.append(spread(left, [(STATE_WORDS.get(each.state, each.state), "dim")], cells))
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
