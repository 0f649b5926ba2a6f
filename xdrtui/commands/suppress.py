"""`xdrtui suppress`: make no alert of findings of a scope for a time, see what that hid, and end it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.alerts import open_desk
from xdrtui.commands.output import print_json, say, table, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.triage.suppressions import Suppression


@click.group("suppress", short_help="Make no alert of findings of a scope for a time.")
def command() -> None:
    """Make no alert of findings of a scope for a time.

    A suppression makes a blind spot: it has an owner, a reason and an end. What it hides is counted and can
    be listed, and it is named in the handover when it is about to end.
    """


@command.command("add")
@click.argument("scope")
@click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept and shown.")
@click.option(
    "--until", metavar="WHEN", default="30d", show_default=True, help="When it ends: 12h, 30d, a date."
)
@click.option("--owner", metavar="NAME", default="", help="Who answers for it; you, where none is named.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def add(session: Session, scope: str, reason: str, until: str, owner: str, yes: bool) -> None:
    """Hide what meets SCOPE from now on: terms that must all hold, like `rule:ID host:build-* user:ci`.

    A rule is named by its id, the beginning of it, or its title in quotes.
    """
    from xdrtui.triage.moments import after

    now = time.time_ns()
    with open_desk(session, readonly=False) as desk:
        end = after(until, now)
        past, stored = desk.suppressing.past(scope), desk.count()
        say(f"Of {stored} stored alerts it would have hidden {past}.")
        if not yes:
            click.confirm(f"Hide such findings until {time_text(end)}?", abort=True, err=True)
        made = desk.suppressing.add(scope, reason, now, end, owner)
    click.echo(visible(f"{made.id}  {made.scope}, until {time_text(made.until)}"))


@command.command("list")
@click.option("--all", "every", is_flag=True, help="Those that have ended, too.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def list_(session: Session, every: bool, form: str) -> None:
    """List suppressions, with how many findings each hid."""
    now = time.time_ns()
    with open_desk(session) as desk:
        found = [one for one in desk.suppressing.all() if every or one.standing(now) == "in force"]
    if form == "json":
        for one in found:
            print_json(msgspec.to_builtins(one))
        return
    table(
        ["ID", "STANDS", "UNTIL", "HID", "OWNER", "SCOPE", "REASON"],
        [
            (one.id, one.standing(now), time_text(one.end), str(one.hidden), one.owner, one.scope, one.reason)
            for one in found
        ],
    )
    say(f"{len(found)} suppression{'' if len(found) == 1 else 's'}" + ("." if every else " in force."))


@command.command("show")
@click.argument("id")
@click.option(
    "--limit", type=click.IntRange(1, 10**9), default=100, show_default=True, help="At most so many."
)
@pass_session
def show(session: Session, id: str, limit: int) -> None:
    """Show one suppression and the findings that it hid, the latest first."""
    with open_desk(session) as desk:
        one = desk.suppressing.get(id)
        hidden = desk.suppressing.hidden(one.id, limit)
    for line in described(one, time.time_ns()):
        click.echo(visible(line))
    table(
        ["TIME", "LEVEL", "HOST", "USER", "WHAT HAPPENED"],
        [
            (time_text(each.time), each.level, each.host or "-", each.user or "-", each.summary)
            for each in hidden
        ],
        severity=1,
    )
    say(f"{len(hidden)} of {one.hidden} hidden findings.")


@command.command("lift")
@click.argument("id")
@click.option("--reason", default="", metavar="TEXT", help="Why: it is kept.")
@pass_session
def lift(session: Session, id: str, reason: str) -> None:
    """End a suppression now. What it hid stays hidden, counted and listed."""
    with open_desk(session, readonly=False) as desk:
        one = desk.suppressing.lift(id, time.time_ns(), reason)
    click.echo(visible(f"lifted: {one.scope}, after {one.hidden} hidden findings"))


def described(one: Suppression, now: int) -> list[str]:
    """A suppression as lines."""
    lines = [
        f"{one.scope}  ({one.standing(now)})",
        f"  reason   {one.reason}",
        f"  owner    {one.owner}, made by {one.author} {time_text(one.made)}",
        f"  hides    from {time_text(one.since)} to {time_text(one.end)}",
        f"  hid      {one.hidden} findings; {one.past} stored alerts would have been hidden when it was made",
    ]
    if one.lifted:
        lines.append(f"  lifted   by {one.lifted_by}: {one.lifted_why or 'no reason was given'}")
    return [*lines, ""]
