"""`xdrtui rules profile DATA...`: which rules are noisy on your data, and which are slow.

What the figures mean is `detectors.sigma.profiling`'s; here they are asked for and printed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import Progress, print_json, say, table
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session

if TYPE_CHECKING:
    from detectors.sigma.profiling import Cost
    from xdrtui.pipeline.profiling import Profile
    from xdrtui.pipeline.rulebook import Rulebook


@click.command("profile")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True),
    metavar="PATH",
    help="Use these rules instead of the profile's; may be given several times.",
)
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True, help="Rules in each table.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def command(session: Session, data: tuple[str, ...], rules: tuple[str, ...], limit: int, form: str) -> None:
    """Tell what each rule costs on DATA and how often it matches: the noisiest and the slowest first.

    --format json prints every rule, the slowest first, with times in nanoseconds.
    """
    from xdrtui.commands.scan import size_of
    from xdrtui.pipeline.profiling import profile

    book = rulebook(session, rules)
    progress, total = Progress("events"), size_of(data)
    try:
        result = profile(data, book, lambda size, events: progress.update(size, total, events))
    finally:
        progress.clear()
    slowest = sorted(result.costs, key=lambda cost: (-cost.time, cost.rule))
    if form == "json":
        for cost in slowest:
            rule = book.rules[cost.rule]
            print_json(
                {"title": rule.title, "level": rule.level, "time": cost.time, **msgspec.to_builtins(cost)}
            )
    else:
        noisiest = sorted(result.costs, key=lambda cost: (-cost.matches, cost.rule))
        _print("Noisiest", [cost for cost in noisiest if cost.matches][:limit], book, result)
        click.echo()
        _print("Slowest", slowest[:limit], book, result)
    _tell(result, len(book.rules))


def _print(heading: str, costs: list[Cost], book: Rulebook, result: Profile) -> None:
    click.echo(click.style(heading, bold=True))
    share: Callable[[int], str] = lambda time: f"{100 * time / max(result.detecting, 1):.2f}%"  # noqa: E731
    table(
        ["LEVEL", "MATCHES", "PER 100K", "TIME", "OF ALL", "LOOKS", "RULE", "DECODED FOR IT ALONE"],
        [
            (
                book.rules[cost.rule].level,
                f"{cost.matches:,}",
                f"{100_000 * cost.matches / max(result.events, 1):,.1f}",
                f"{cost.time / 1e6:.2f} ms",
                share(cost.time),
                f"{cost.evaluations:,}",
                book.rules[cost.rule].title,
                ", ".join(cost.alone),
            )
            for cost in costs
        ],
        severity=0,
    )


def _tell(result: Profile, rules: int) -> None:
    seconds = {
        "reading": result.reading,
        "decoding": result.decoding,
        "rules": result.attributed,
        "shared by all rules": result.detecting - result.attributed,
    }
    parts = ", ".join(f"{name} {time / 1e9:.2f} s" for name, time in seconds.items())
    fired = sum(cost.matches > 0 for cost in result.costs)
    say(f"{result.events:,} events, {rules:,} rules, {fired:,} of them matched.")
    say(f"{parts} (the clocks cost some of it).")
