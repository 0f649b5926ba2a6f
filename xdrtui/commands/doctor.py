"""`xdrtui doctor`: what this terminal, machine, configuration and broker can and cannot do.

Each line: how it stands, what was seen, what to do about it. Nothing is changed. Exit code 1 where something
is broken.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from xdrtui.commands.checks.broker import check_broker
from xdrtui.commands.checks.check import Check, State
from xdrtui.commands.checks.configuration import check_rules, read_settings
from xdrtui.commands.checks.machine import check_machine
from xdrtui.commands.checks.terminal import check_terminal
from xdrtui.commands.output import print_json
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

SYMBOLS = {
    State.FINE: ("✓", "ok"),
    State.LIMITED: ("!", "!"),
    State.BROKEN: ("✗", "X"),
    State.UNKNOWN: ("?", "?"),
}
"""For UTF-8, and for the rest."""
COLOURS = {State.FINE: "green", State.LIMITED: "yellow", State.BROKEN: "red", State.UNKNOWN: None}


@click.command("doctor", short_help="Tell what this terminal, machine, configuration and broker can do.")
@click.option("--sample", metavar="PATH|TOPIC", help="Also read a thousand messages and tell what they are.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(session: Session, sample: str | None, form: str) -> None:
    """Look at terminal, machine, configuration, rules and broker, and say what to do about each."""
    broken = 0
    area = ""
    for check in _round(session, sample):
        broken += check.state is State.BROKEN
        if form == "json":
            print_json(
                {
                    "area": check.area,
                    "name": check.name,
                    "state": check.state.value,
                    "seen": check.seen,
                    "todo": check.todo,
                }
            )
            continue
        if check.area != area:
            click.echo(("\n" if area else "") + click.style(check.area, bold=True))
            area = check.area
        _print(check)
    if broken:
        raise click.exceptions.Exit(1)


def _round(session: Session, sample: str | None) -> Iterator[Check]:
    try:
        found = os.get_terminal_size(sys.stdout.fileno())
        size: tuple[int, int] | None = (found.columns, found.lines)
    except (OSError, ValueError):
        size = None
    yield from check_terminal(os.environ, size, sys.stdout.encoding or "")
    settings, checks = read_settings(session)
    if settings is not None:
        yield from check_machine(settings.workspace)
    yield from checks
    if settings is None:
        return
    book = rulebook(session)
    yield check_rules(book)
    yield from check_broker(settings.kafka)
    if sample is not None:
        from xdrtui.commands.checks.sample import check_sample

        yield from check_sample(settings, book, sample)


def _print(check: Check) -> None:
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    symbol = SYMBOLS[check.state][0 if utf8 else 1]
    line = f"  {click.style(symbol, fg=COLOURS[check.state])} {visible(check.name)}: {visible(check.seen)}"
    click.echo(line)
    if check.todo:
        click.echo(f"      -> {visible(check.todo)}")
