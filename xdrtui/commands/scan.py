"""`xdrtui scan PATH...`: rules over files, what matches on stdout, how it went on stderr.

What a scan does is `pipeline.scan`'s; here it is asked for and printed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import Progress, print_json, say, stoppable, styled, time_iso, time_text
from xdrtui.commands.rules import rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SourceError
from xdrtui.plain import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from xdrtui.pipeline.scan import Match, Summary

_WIDEST_LEVEL = len("informational")


@click.command("scan", short_help="Run rules over files and print what matches.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--rules",
    "rules",
    multiple=True,
    type=click.Path(exists=True),
    metavar="PATH",
    help="Use these rules instead of the profile's; may be given several times.",
)
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes to use.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also store findings and alerts in this workspace.",
)
@pass_session
def command(
    session: Session, paths: tuple[str, ...], rules: tuple[str, ...], form: str, jobs: int, into: Path | None
) -> None:
    """Run rules over the files at PATH (files, folders, or - for standard input).

    Reads JSON lines and arrays, Windows event logs, Zeek logs, syslog and auditd text, also compressed.
    """
    from xdrtui.pipeline.scan import scan

    book = rulebook(session, rules)
    if book.broken:
        say(f"{len(book.broken)} rules cannot be used: `xdrtui rules check` tells why.")
    if not book.rules:
        raise SourceError("there is no rule to scan with: name a folder of rules with --rules.")
    progress = Progress("events")
    show = _printer(form)

    def on_match(match: Match) -> None:
        if sys.stdout.isatty():
            progress.clear()
        show(match)

    with stoppable() as stop:
        summary = scan(
            paths,
            book,
            jobs=jobs,
            on_match=on_match,
            on_progress=lambda at: progress.update(at.done, at.total, at.events, at.source),
            stop=stop,
            into=into,
        )
    progress.clear()
    _tell(summary)
    if stop.asked:
        say("Interrupted: this is what was found so far.")
    if stop.asked or summary.unreadable:
        raise click.exceptions.Exit(1)


def _printer(form: str) -> Callable[[Match], None]:
    if form == "jsonl":
        return _print_object
    return _print_line


def _print_object(match: Match) -> None:
    print_json(
        {
            "rule_id": match.rule_id,
            "title": match.title,
            "level": match.level,
            "source": match.source,
            "offset": match.offset,
            "time": time_iso(match.time),
        }
    )


def _print_line(match: Match) -> None:
    padding = " " * (_WIDEST_LEVEL - len(match.level))
    where = visible(f"{match.source}:{match.offset}")
    text = visible(f"{match.title}: {match.summary}" if match.summary else match.title)
    click.echo(f"{styled(match.level)}{padding}  {time_text(match.time)}  {where}  {text}")


def _tell(summary: Summary) -> None:
    """The summary, on stderr."""
    counts = summary.counts
    for problem in summary.unreadable:
        say(problem)
    parts = [f"{counts.messages:,} messages, {counts.events:,} events"]
    parts += [f"{counts.unrouted:,} of no known layout"] if counts.unrouted else []
    parts += [f"{counts.salvaged:,} salvaged"] if counts.salvaged else []
    parts += [f"{counts.dead:,} dead letters"] if counts.dead else []
    say(", ".join(parts) + ".")
    rate = counts.events / summary.seconds if summary.seconds else 0.0
    say(
        f"{summary.matches:,} matches of {summary.rules:,} rules"
        f" in {summary.seconds:.1f} s ({rate:,.0f} events/s)."
    )
