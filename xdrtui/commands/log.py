"""`xdrtui log`: write in the shift log, or read it."""

from __future__ import annotations

import time

import click
import msgspec

from xdrtui.commands.alerts import open_desk
from xdrtui.commands.output import LONGEST, print_json, say, table, time_text
from xdrtui.commands.session import Session, pass_session


@click.command("log", short_help="Write in the shift log, or read it.")
@click.argument("text", nargs=-1)
@click.option(
    "--since", metavar="WHEN", default="24h", show_default=True, help="Read from then on: 06:00, 24h."
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def command(session: Session, text: tuple[str, ...], since: str, form: str) -> None:
    """Write TEXT in the shift log; without it, read the log. What is written stands in the handover."""
    from xdrtui.triage.moments import before

    words = " ".join(text).strip()
    with open_desk(session, readonly=not words) as desk:
        if words:
            desk.memo("", words)
            say("Written.")
            return
        memos = desk.shift.log(before(since, time.time_ns()))
    if form == "json":
        for memo in memos:
            print_json(msgspec.to_builtins(memo))
        return
    rows = [(time_text(memo.clock), memo.author, memo.text) for memo in memos]
    table(["TIME", "WHO", "WHAT"], rows, least={1: 8, 2: 30}, lines=LONGEST)
