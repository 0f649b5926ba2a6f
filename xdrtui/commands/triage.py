"""`xdrtui triage [QUERY]`: judge alerts line by line, for screen readers and bare terminals."""

from __future__ import annotations

import click

from xdrtui.commands.session import Session, pass_session


@click.command("triage", short_help="Judge alerts line by line, for screen readers.")
@click.argument("query", nargs=-1)
@pass_session
def command(session: Session, query: tuple[str, ...]) -> None:
    """Judge alerts that meet QUERY (default: state:open) line by line, the gravest first: no escape sequence,
    nothing drawn over. Each alert is six labelled lines, then the keys; a key is a letter and enter. New
    alerts come when asked for."""
    if session.screen is None:
        raise click.ClickException("this needs the screens: run xdrtui itself.")
    session.screen.triage(session, " ".join(query) or "state:open")
