"""`xdrtui demo`: bundled attacks of a known truth, on the screen where there is one, else as a report."""

from __future__ import annotations

import sys

import click

from xdrtui.commands.session import DemoOptions, Session, pass_session

SCENARIOS = ("invoice", "miner", "cloud")


@click.command("demo", short_help="Watch bundled attacks of a known truth being found.")
@click.option(
    "--scenario",
    "scenarios",
    type=click.Choice(SCENARIOS),
    multiple=True,
    help="Only this one; may be given several times.",
)
@click.option("--reset", is_flag=True, help="Start over: forget what was judged in the demo so far.")
@click.option("--print", "report", is_flag=True, help="Print what is found instead of opening the screen.")
@pass_session
def command(session: Session, scenarios: tuple[str, ...], reset: bool, report: bool) -> None:
    """Replay bundled attacks and judge what is found. Needs no Kafka, no network, no settings.

    Without a terminal it prints a report: alerts, attack steps found and missed, false alarms.
    """
    options = DemoOptions(scenarios, reset)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if session.screen is not None and terminal and not report:
        raise click.exceptions.Exit(session.screen.open_demo(session, options))
    from xdrtui.demo import print_report

    raise click.exceptions.Exit(print_report(options.scenarios, options.reset))
