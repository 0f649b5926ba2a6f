"""`xdrtui open ADDRESS`: the screens, at a pane or at one alert."""

from __future__ import annotations

import click

from xdrtui.commands.session import Session, pass_session


@click.command("open", short_help="Open the screen at a pane or an alert.")
@click.argument("address")
@pass_session
def command(session: Session, address: str) -> None:
    """Open the screen at ADDRESS: `queue`, `live`, `alert/ID` (the id as far as it is clear), `manual/PAGE`,
    or another pane by its name. `y` and `l` copy the address of an alert."""
    if session.screen is None:
        raise click.ClickException("this needs the screens: run xdrtui itself.")
    raise click.exceptions.Exit(session.screen.open(session, address))
