"""`xdrtui handover`: what this shift hands to the next, as Markdown; give it, and acknowledge it."""

from __future__ import annotations

import datetime
import time

import click
import msgspec

from xdrtui.commands.alerts import open_desk
from xdrtui.commands.output import paragraphs, print_json, say, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import ActionRefused


@click.command("handover", short_help="Tell the next shift how things stand.")
@click.option(
    "--since",
    metavar="WHEN",
    default="8h",
    show_default=True,
    help="When the shift began: 06:00, 8h, a date, or last: when you handed over last.",
)
@click.option(
    "--next", "ahead", metavar="SPAN", default="8h", show_default=True, help="How long the next one is."
)
@click.option("--give", is_flag=True, help="Hand it over: the next analyst is asked to acknowledge it.")
@click.option("--accept", is_flag=True, help="Acknowledge the last handover that was given, and print it.")
@click.option("--utc", is_flag=True, help="Read and write times in UTC instead of this machine's zone.")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", show_default=True
)
@pass_session
def command(session: Session, since: str, ahead: str, give: bool, accept: bool, utc: bool, form: str) -> None:
    """Print what is open, escalated, closed, about to end or silent: from the ledger and findings alone."""
    from xdrtui.triage.handover_text import markdown
    from xdrtui.triage.moments import after, before

    if accept:
        _accept(session)
        return
    zone = datetime.UTC if utc else None
    now = time.time_ns()
    with open_desk(session, readonly=not give) as desk:
        began = desk.shift.since_mine() if since == "last" else before(since, now, zone)
        found = desk.shift.handover(began, now, after(ahead, now, zone))
        text = markdown(found, zone)
        if form == "json":
            print_json(msgspec.to_builtins(found, builtin_types=(bytes,), str_keys=True))
        else:
            paragraphs(text)
        if give:
            desk.shift.give(text)
            say("Handed over: the next analyst acknowledges it with `xdrtui handover --accept`.")
            return
        given = desk.shift.given()
    if given is not None and not given.taken_by and given.author != desk.actor.name:
        say(f"{given.author} handed over {time_text(given.clock)}: acknowledge it with --accept.")


def _accept(session: Session) -> None:
    """Acknowledge, after printing what is acknowledged."""
    with open_desk(session, readonly=False) as desk:
        given = desk.shift.given()
        if given is None:
            raise ActionRefused("nothing was handed over yet: `xdrtui handover --give` does it")
        paragraphs(given.text)
        taken = desk.shift.take()
    say(f"Acknowledged: handed over by {taken.author} {time_text(taken.clock)}.")
