"""A packet: all that somebody who takes an alert up needs, as Markdown and as JSON.

In: the desk and ids of alerts. Out: why each fired, its entities and indicators (defanged), a timeline of its
events and of what people did, related alerts. Indicators are defanged in both forms.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from xdrtui.store.ledger import Entry
from xdrtui.triage.defang import defang
from xdrtui.triage.explanation import reasons
from xdrtui.triage.markdown import code, plain, plural, when

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk

FOLDER = "escalations"
MOST = 20
"""Alerts that one packet tells of; the others are named."""

_RELATED = 20


class Test(msgspec.Struct, frozen=True):
    """One test that helped the rule to fire. matched: the span of the value that it met, or empty."""

    field: str
    test: str
    value: str
    matched: tuple[int, int] | tuple[()] = ()
    negated: bool = False
    of: str = ""


class Happened(msgspec.Struct, frozen=True):
    """A line of the timeline. kind: "event", or the act; time: nanoseconds since 1970 UTC."""

    time: int
    kind: str
    who: str
    text: str


class Told(msgspec.Struct, frozen=True):
    """One alert of a packet."""

    id: str
    title: str
    level: str
    state: str
    owner: str
    host: str
    user: str
    summary: str
    count: int
    first_seen: int
    last_seen: int
    techniques: tuple[str, ...]
    rule: str
    rule_description: str
    closed_as: dict[str, int]
    why: list[Test]
    indicators: list[tuple[str, str]]
    timeline: list[Happened]
    related: list[dict[str, str]]


class Packet(msgspec.Struct, frozen=True):
    """made_by, to, text: who hands on what to whom and why, or empty. more: alerts not told."""

    made_by: str
    to: str
    text: str
    alerts: list[Told]
    more: int = 0


def packet_of(desk: Desk, ids: Sequence[str], to: str = "", text: str = "") -> Packet:
    """The packet of these alerts. Raises ActionRefused where one is not there."""
    told = [_told(desk, id) for id in ids[:MOST]]
    return Packet(desk.actor.name, to, text, told, max(0, len(ids) - MOST))


def _told(desk: Desk, id: str) -> Told:
    detail = desk.alert(id)
    row, rule = detail.row, detail.rule
    happened = [Happened(one.time, "event", one.source, one.summary) for one in detail.evidence]
    happened += [
        Happened(
            one.clock,
            one.kind + (" (undone)" if one.undone else ""),
            one.author,
            f"{one.value} {one.text}".strip(),
        )
        for one in detail.history
    ]
    return Told(
        **{name: getattr(row, name) for name in ("id", "title", "level", "state", "owner", "host", "user")},
        **{
            name: getattr(row, name) for name in ("summary", "count", "first_seen", "last_seen", "techniques")
        },
        rule=row.rule,
        rule_description=" ".join(rule.description.split()) if rule is not None else "",
        closed_as=desk.closed_as(row.rule),
        why=[
            Test(
                each.field,
                each.words,
                each.value,
                (each.start, each.end) if each.start >= 0 else (),
                each.negated,
                each.of,
            )
            for each in reasons(detail, desk.rule)
        ],
        indicators=[(kind, defang(value, kind)) for kind, value in row.entities],
        timeline=sorted(happened, key=lambda one: one.time),
        related=[
            {"id": each.id, "level": each.level, "title": each.title, "host": each.host, "state": each.state}
            for each in desk.related(id, limit=_RELATED)
        ],
    )


def as_json(packet: Packet) -> str:
    """One JSON object, in ASCII, laid out; times in nanoseconds since 1970 UTC."""
    return json.dumps(msgspec.to_builtins(packet), indent=1) + "\n"


def as_markdown(packet: Packet, zone: tzinfo | None = None) -> str:
    """The same for people. zone: of its times; None = this machine's."""
    lines: list[str] = []
    if packet.to:
        lines += [
            f"**{plain(packet.made_by)}** escalates to **{plain(packet.to)}**: {plain(packet.text)}",
            "",
        ]
    for told in packet.alerts:
        lines += _alert(told, zone)
    if packet.more:
        lines += [f"And {plural(packet.more, 'alert')} more.", ""]
    return "\n".join(lines)


def _alert(told: Told, zone: tzinfo | None) -> Iterator[str]:
    yield from (f"## {plain(told.level.upper())} {plain(told.title)}", "")
    yield f"- what: {code(told.summary or told.title)}"
    yield f"- where: {code(told.host)}, who: {code(told.user)}"
    spell = f"{when(told.first_seen, zone)} to {when(told.last_seen, zone)}"
    yield f"- when: {spell}, {plural(told.count, 'finding')}"
    yield f"- state: {plain(told.state)}, {plain(told.owner) if told.owner else 'nobody'}'s"
    if told.techniques:
        yield f"- ATT&CK: {plain(', '.join(told.techniques))}"
    closed = sum(told.closed_as.values())
    false = sum(count for name, count in told.closed_as.items() if name.startswith("false"))
    yield f"- rule: {code(told.rule)}, closed as false {false} of {closed} times"
    if told.rule_description:
        yield f"- it says: {plain(told.rule_description, 600)}"
    yield from (f"- address: `alert/{told.id}`", "", "### Why it fired", "")
    for test in told.why[:40]:
        held = "not " if test.negated else ""
        of = f" ({test.of})" if test.of else ""
        yield f"- {code(test.field, 200)} {held}{plain(test.test, 400)}{of}: {code(test.value, 600)}"
        if test.matched:
            yield f"  - matched {code(test.value[test.matched[0] : test.matched[1]], 200)}"
    yield from ("", "### Indicators (defanged)", "")
    for kind, value in told.indicators:
        yield f"- {plain(kind, 40)} {code(value, 600)}"
    yield from ("", "### Timeline", "")
    for one in told.timeline[:100]:
        yield f"- {when(one.time, zone)} {plain(one.kind, 60)} {plain(one.who, 80)}: {code(one.text, 600)}"
    if told.related:
        yield from ("", "### Alerts of the same entities within 24 h", "")
        for each in told.related:
            what = f"{each['level']} {code(each['title'], 120)} on {code(each['host'], 100)}"
            yield f"- {what}, {each['state']}, `alert/{each['id'][:8]}`"
    yield ""


def keep(desk: Desk, entry: Entry, zone: tzinfo | None = None) -> Path:
    """Write the packet of an escalation to private files in the workspace; return the Markdown's path.
    Raises OSError."""
    packet = packet_of(desk, entry.subject, str(entry.body.get("to", "")), str(entry.body.get("text", "")))
    folder = desk.directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{entry.hash[:12]}.md"
    _write(path, as_markdown(packet, zone))
    _write(path.with_suffix(".json"), as_json(packet))
    return path


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
