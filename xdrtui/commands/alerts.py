"""`xdrtui alerts list|show`: the queue and one alert, printed.

All is read through `triage.Desk`; nothing is changed, so it works beside any number of workers.
"""

from __future__ import annotations

import getpass
import platform
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import print_json, say, table, time_iso, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import StoreError
from xdrtui.plain import counted, visible

if TYPE_CHECKING:
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.rows import AlertDetail, AlertRow, Principal

_TIMES = frozenset({"time", "ingest", "first_seen", "last_seen", "clock"})


@click.group("alerts", short_help="List alerts, or show one.")
def command() -> None:
    """List alerts, or show one."""


@command.command("list")
@click.argument("query", nargs=-1)
@click.option(
    "--order", type=click.Choice(["severity", "newest", "host", "user", "rule"]), default="severity"
)
@click.option(
    "--limit", type=click.IntRange(1, 10**9), default=100, show_default=True, help="At most so many."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def list_(session: Session, query: tuple[str, ...], order: str, limit: int, form: str) -> None:
    """List alerts that meet QUERY, worst first. A query: `level>=medium state:open host:web-*`."""
    from xdrtui.triage.query import AlertQuery

    wanted = AlertQuery(" ".join(query), order, getpass.getuser(), time.time_ns())
    with open_desk(session) as desk:
        rows = desk.alerts(wanted, limit)
        total = desk.count(wanted)
    if form == "json":
        for row in rows:
            print_json(as_data(row))
        return
    table(
        ["LEVEL", "STATE", "LAST SEEN", "N", "HOST", "USER", "ID", "WHAT HAPPENED"],
        [_line(row) for row in rows],
        severity=0,
    )
    say(f"{len(rows)} of {total} alerts." if total > len(rows) else f"{counted(total, 'alert')}.")


@command.command("show")
@click.argument("id")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def show(session: Session, id: str, form: str) -> None:
    """Show one alert. ID may be cut short where that is clear."""
    with open_desk(session) as desk:
        detail = desk.alert(desk.find(id))
    if form == "json":
        print_json(as_data(detail))
        return
    for line in describe(detail):
        click.echo(visible(line))


@command.command("packet")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True
)
@pass_session
def packet(session: Session, ids: tuple[str, ...], form: str) -> None:
    """Print all that somebody who takes alerts up needs: why, indicators (defanged), timeline, related."""
    from xdrtui.triage.packet import as_json, as_markdown, packet_of

    with open_desk(session) as desk:
        found = packet_of(desk, [desk.find(id) for id in ids])
    click.echo(visible((as_json if form == "json" else as_markdown)(found), keep="\n"), nl=False)


def me() -> Principal:
    """Who acts: this machine's user."""
    from xdrtui.triage.rows import Principal

    return Principal(getpass.getuser(), platform.node() or "here")


def open_desk(session: Session, readonly: bool = True) -> Desk:
    """The desk of the profile's workspace. StoreError where nothing was stored yet."""
    from xdrtui.store.place import DATABASE
    from xdrtui.triage.desk import Desk

    workspace = session.settings.workspace
    if not (workspace / DATABASE).exists():
        raise StoreError(
            f"nothing is stored in {workspace} yet: `xdrtui run` reads Kafka into it, "
            f"`xdrtui scan PATH --into {workspace}` reads files."
        )
    return Desk.open(workspace, me(), readonly=readonly)


def describe(detail: AlertDetail) -> Iterator[str]:
    """One alert as lines: what happened, the rule, the entities, the evidence, what was done."""
    row, rule = detail.row, detail.rule
    state = f"{row.state}, {row.disposition}" if row.disposition else row.state
    yield f"{row.level.upper()}  {row.title}  ({state})"
    yield f"  {row.summary}"
    yield ""
    times = counted(row.count, "time")
    yield f"  seen      {times}, {time_text(row.first_seen)} to {time_text(row.last_seen)}"
    yield f"  host      {row.host or '-'}"
    yield f"  user      {row.user or '-'}"
    yield f"  owner     {row.owner or '-'}"
    if row.techniques:
        yield f"  ATT&CK    {', '.join(row.techniques)}"
    yield f"  id        {row.id}"
    if rule is not None:
        yield ""
        yield f"  rule      {rule.title} ({rule.id}), by {rule.author or 'unknown'}"
        yield f"            {' '.join(rule.description.split())}"
        for note in rule.falsepositives:
            yield f"  may be    {note}"
        for link in rule.references:
            yield f"  see       {link}"
    if row.entities:
        yield ""
        for kind, value in row.entities:
            yield f"  {kind:<9} {value}"
    yield ""
    for evidence in detail.evidence:
        where = f"{evidence.source}, record {evidence.position.offset}"
        yield f"  {time_text(evidence.time)}  {where}: {evidence.summary}"
        for field, value in evidence.matched.items():
            yield f"      {field or 'keyword'} = {value}"
    if detail.history:
        yield ""
        for act in detail.history:
            undone = " (undone)" if act.undone else ""
            yield (
                f"  {time_text(act.clock)}  {act.author}: {act.kind} {act.value} {act.text}".rstrip() + undone
            )


def as_data(value: AlertRow | AlertDetail) -> object:
    """An alert as JSON has it: times as ISO 8601 in UTC, bytes as text."""
    return _data(msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True), "")


def _data(value: object, name: str) -> object:
    if isinstance(value, dict):
        return {key: _data(each, str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_data(each, "") for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if name in _TIMES and isinstance(value, int):
        return time_iso(value)
    return value


def _line(row: AlertRow) -> tuple[str, ...]:
    return (
        row.level,
        row.state,
        time_text(row.last_seen),
        str(row.count),
        row.host or "-",
        row.user or "-",
        row.id[:8],
        f"{row.title}: {row.summary}" if row.summary else row.title,
    )
