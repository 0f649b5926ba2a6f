"""`xdrtui kafka check`: everything that connecting and reading needs, one line a step.

What is tried is `sources.check`'s; here it is printed.
"""

from __future__ import annotations

import sys

import click

from xdrtui.commands.output import print_json
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible


@click.group("kafka", short_help="Check the connection to Kafka, step by step.")
def command() -> None:
    """Look at the Kafka cluster of the profile."""


@command.command("check")
@click.option(
    "--topic", "topics", multiple=True, metavar="NAME", help="Try this topic instead of the profile's."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def check_(session: Session, topics: tuple[str, ...], form: str) -> None:
    """Try name, port, TLS, login, topics, rights and group one by one, and say what to do about what fails.

    Nothing is written to the cluster and no group is joined. The exit code is 1 where something fails.
    """
    from xdrtui.sources.check import check

    settings = session.settings.kafka
    if topics:
        settings = settings.model_copy(update={"topics": list(topics)})
    failed = 0
    for step in check(settings):
        failed += not step.ok
        if form == "json":
            print_json(
                {
                    "name": step.name,
                    "ok": step.ok,
                    "what": step.what,
                    "advice": step.advice,
                    "kind": step.kind,
                }
            )
            continue
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        mark = ("✓" if utf8 else "ok") if step.ok else ("✗" if utf8 else "X")
        colour = ("yellow" if step.advice else "green") if step.ok else "red"
        click.echo(f"{click.style(mark, fg=colour)} {visible(step.name)}: {visible(step.what)}")
        if step.advice:
            click.echo(f"    -> {visible(step.advice)}")
    if failed:
        raise click.exceptions.Exit(1)
