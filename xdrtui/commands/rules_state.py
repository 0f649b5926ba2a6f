"""`xdrtui rules enable|disable`: switch rules off in a workspace, for a reason that is kept."""

from __future__ import annotations

import click

from xdrtui.commands.output import say
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible
from xdrtui.store.batch import RuleRow


@click.command("disable")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", required=True, metavar="TEXT", help="Why: it is kept and shown.")
@pass_session
def disable(session: Session, ids: tuple[str, ...], reason: str) -> None:
    """Leave rules out in this workspace: no scan and no worker uses them there until they are enabled.

    ID may be cut short where that is clear, or be the rule's title.
    """
    from xdrtui.commands.alerts import me
    from xdrtui.triage.rules import RuleDesk

    chosen = [named(session, each) for each in ids]
    with RuleDesk.open(session.settings.workspace, me()) as desk:
        desk.disable([rule.id for rule in chosen], reason)
    for rule in chosen:
        click.echo(visible(f"off: {rule.title} ({rule.id})"))
    say("Workers that are running leave it out within seconds.")


@click.command("enable")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", default="", metavar="TEXT", help="Why: it is kept.")
@pass_session
def enable(session: Session, ids: tuple[str, ...], reason: str) -> None:
    """Use rules again that were switched off in this workspace."""
    from xdrtui.commands.alerts import me
    from xdrtui.triage.rules import RuleDesk

    chosen = [named(session, each) for each in ids]
    with RuleDesk.open(session.settings.workspace, me()) as desk:
        desk.enable([rule.id for rule in chosen], reason)
    for rule in chosen:
        click.echo(visible(f"on: {rule.title} ({rule.id})"))


def named(session: Session, name: str, given: tuple[str, ...] = ()) -> RuleRow:
    """The one rule, or correlation, with this id, the beginning of it, or this title. Raises RuleError."""
    from xdrtui.pipeline.explaining import find_rule

    book = rulebook(session, given, every=True)
    found = find_rule(book, name).id
    return next(row for row in book.rows() if row.id == found)
