"""What the palette finds: commands in the order in which they are likely here, pages of the manual, alerts on
the screen at once; alerts, rules, hosts, users and values of the whole store as they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from screens.commands import ALERT, MANUAL, PANES, QUEUE, Command, Facts, in_force, key_sign
from screens.help import ManualPane, read_topic, topics
from screens.names import short_host
from screens.palette import Entry
from screens.queue_source import key_of
from screens.sanitise import cut, sanitise

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import AlertRow

ENTITIES = ("host", "user", "address", "domain", "process", "file", "hash")
"""Fields whose values are looked for."""

_LONG = {"ack": "acknowledge", "inv.": "investigate", "prev": "previous", "other": "other pane"}
"""Titles that the line of keys has no room for."""

_ALERTS = 12
_EACH = 4
_RECENT = 8


def entries_of(bench: Workbench) -> list[Entry]:
    """What is there at once: commands, pages of the manual, alerts of the queue that have been read."""
    facts = bench.facts()
    entries = [_command(bench, command, facts) for command in likely(facts, bench.asking.recent)]
    for topic in topics():
        title = read_topic(topic).splitlines()[0].lstrip("# ")
        entries.append(Entry("manual", topic, f"manual: {title}", "", partial(read_page, bench, topic)))
    for line in bench.queue.source.known():
        text = _of_alert(line.row)
        entries.append(Entry("alert", line.row.title, text, "", partial(_open_line, bench, line.number)))
    return entries


def likely(facts: Facts, recent: Sequence[str] = ()) -> list[Command]:
    """All commands: those that apply here and now first, among them those chosen lately, then those that
    only the palette knows, then the nearer their pane the earlier; moving about last. recent: ids, the latest
    first."""
    places = {id: place for place, id in enumerate(recent[:_RECENT])}

    def key(command: Command) -> tuple[bool, int, bool, bool, int]:
        here = facts.pane in command.panes
        applies = here and not command.why_not(facts)
        near = len(command.panes) if here else len(PANES)
        return (
            not applies,
            places.get(command.id, _RECENT),
            command.group == "move",
            bool(command.keys) or near == len(PANES),
            near,
        )

    shown = (one for one in in_force() if one.id != "palette" and (facts.demo or one.group != "demo"))
    return sorted(shown, key=key)


def _command(bench: Workbench, command: Command, facts: Facts) -> Entry:
    if facts.pane in command.panes:
        why = command.why_not(facts)
    else:
        panes = " or ".join(PANES[pane] for pane in PANES if pane in command.panes)
        why = f"not here: it is a command of {panes}"

    def do() -> None:
        bench.asking.note(command.id)
        if facts.pane in command.panes:
            bench.perform(command)
        else:
            bench.say(f"{command.title}: {why}")

    keys = " ".join(key_sign(key) for key in command.keys[:1])
    return Entry("command", _LONG.get(command.title, command.title), command.help, keys, do, why, command.id)


async def search(bench: Workbench, typed: str) -> Sequence[Entry]:
    """What the store knows by this name, beside what the queue shows."""
    from xdrtui.errors import XdrtuiError

    query = bench.queue.alert_query("")
    known = {line.row.id for line in bench.queue.source.known()}
    try:
        alerts, rules, values = await bench.services.desks.look_around(
            partial(_find, typed=typed.strip(), me=query.me, now=query.now)
        )
    except XdrtuiError as error:
        return [Entry("alert", "nothing was found", str(error), "", lambda: None, str(error))]
    found = [
        Entry("entity", value, f"{field}: all its alerts", "", partial(_filter, bench, text))
        for field, value, text in values
    ]
    found += [
        Entry("rule", sanitise(title, 200), "rule: all its alerts", "", partial(_filter, bench, text))
        for title, text in rules
    ]
    return found + [
        Entry("alert", row.title, _of_alert(row), "", partial(_open_alert, bench, row.id))
        for row in alerts
        if row.id not in known
    ]


def _find(
    desk: Desk, typed: str, me: str, now: int
) -> tuple[list[AlertRow], list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Alerts, rules as (title, filter), values as (field, value, filter)."""
    from xdrtui.triage.defang import refang
    from xdrtui.triage.query import AlertQuery

    plain = refang(typed).replace('"', "")
    words = " ".join(f'"{word}"' for word in plain.split())
    alerts = desk.alerts(AlertQuery(words, me=me, now=now), _ALERTS) if words else []
    values: dict[tuple[str, str], str] = {}
    for field in ENTITIES:
        text = f'{field}:"{plain}' if " " in plain else f"{field}:{plain}"
        for option in desk.complete(text, len(text)).options[:_EACH]:
            values[field, option.partition(":")[2].strip('"')] = option
        if value := next((v for f, v in _said(alerts, field) if plain.casefold() in v.casefold()), ""):
            values.setdefault((field, value), f'{field}:"{value}"')
    rules = [
        (option.partition(":")[2].strip('"'), option)
        for option in desk.complete(f'rule:"{plain}', len(plain) + 6).options[:_EACH]
    ]
    return (
        alerts,
        rules,
        [(field, value, text) for (field, value), text in values.items() if '"' not in value],
    )


def _said(alerts: Sequence[AlertRow], field: str) -> list[tuple[str, str]]:
    """The values of this field that these alerts name."""
    pairs = [pair for row in alerts for pair in (("host", row.host), ("user", row.user), *row.entities)]
    return [pair for pair in dict.fromkeys(pairs) if pair[0] == field and pair[1] and pair[1].isprintable()]


def _of_alert(row: AlertRow) -> str:
    where = short_host(row.host) or "-"
    return f"alert: {row.level} on {where}, {row.user or '-'}: {cut(sanitise(row.summary, 200), 100)}"


def read_page(bench: Workbench, topic: str) -> None:
    """Open a page of the manual."""
    bench.open_pane(MANUAL)
    if isinstance(bench.pane, ManualPane):
        bench.pane.show(topic)


def _filter(bench: Workbench, text: str) -> None:
    bench.open_pane(QUEUE)
    bench.queue.filtered(text)


def _open_line(bench: Workbench, number: int) -> None:
    bench.queue.table.move_to_key(key_of(number))
    bench.open_pane(ALERT)
    bench.show_line()


def _open_alert(bench: Workbench, id: str) -> None:
    bench.open_pane(ALERT)
    bench.alert.show(id, pinned=True)
