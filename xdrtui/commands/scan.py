"""`xdrtui scan PATH...`: rules over files, what matches on stdout, how it went on stderr.

What a scan does is `pipeline.scan`'s, with `--into` `pipeline.fill`'s; here it is asked for and printed.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import Progress, interruptible, print_json, say, styled, time_iso, time_text
from xdrtui.commands.rules import pipeline_option, rule_paths, rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SourceError
from xdrtui.plain import counted, visible

if TYPE_CHECKING:
    from detectors.correlate.model import Fired
    from xdrtui.pipeline.rulebook import Rulebook
    from xdrtui.pipeline.scan import Match, Summary

_LEVELS = ("informational", "low", "medium", "high", "critical")
_WIDEST_LEVEL = len("informational")
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


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
@pipeline_option
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@click.option(
    "--level",
    type=click.Choice(_LEVELS),
    default="informational",
    show_default=True,
    help="Print only matches of this level and above; all are counted and stored.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes to use.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Also store findings and alerts in the workspace at DIR (one process).",
)
@click.option("--archive", is_flag=True, help="With --into: keep every event too, for `xdrtui hunt`.")
@pass_session
def command(
    session: Session,
    paths: tuple[str, ...],
    rules: tuple[str, ...],
    pipelines: tuple[str, ...],
    form: str,
    level: str,
    jobs: int,
    into: Path | None,
    archive: bool,
) -> None:
    """Run rules over the files at PATH (files, folders, or - for standard input).

    Reads JSON lines and arrays, Windows event logs, Zeek logs, syslog and auditd text, also compressed.
    """
    if archive and into is None:
        raise click.UsageError("--archive keeps events in a workspace: name it with --into.")
    if into is not None and jobs > 1:
        raise click.UsageError("--into stores from one process: leave --jobs out.")
    book = rulebook(session, rules, pipelines=pipelines)
    if book.broken:
        say(f"{book.left_out} rules cannot be used: `xdrtui rules check` tells why.")
    if not book.rules:
        raise SourceError("there is no rule to scan with: name a folder of rules with --rules.")
    progress = Progress("events")
    total = size_of(paths)
    show = _print_objects if form == "jsonl" else _print_lines
    least = _LEVELS.index(level)
    shown = {rule.id for rule in book.rules.values() if _LEVELS.index(rule.level) >= least}
    shown |= {rule.id for rule in book.correlations.rules if _LEVELS.index(rule.level or "medium") >= least}

    def on_matches(matches: Sequence[Match]) -> None:
        matches = [match for match in matches if match.rule in shown]
        if sys.stdout.isatty():
            progress.clear()
        show(book, matches)

    def on_fired(fired: Sequence[Fired]) -> None:
        progress.clear()
        for one in fired:
            if one.correlation in shown:
                (_print_fired_object if form == "jsonl" else _print_fired)(book, one)

    def on_progress(size: int, events: int) -> None:
        progress.update(size, total, events)

    began = time.monotonic()
    if into is None:
        from xdrtui.pipeline.scan import scan

        interruptible()
        summary = scan(
            paths,
            book,
            rules=rule_paths(session, rules),
            jobs=jobs,
            on_matches=on_matches,
            on_fired=on_fired,
            on_progress=on_progress,
        )
    else:
        from xdrtui.pipeline.archiving import bounds_of
        from xdrtui.pipeline.fill import fill

        interruptible()
        bounds = bounds_of(session.settings.archive) if archive else None
        summary = fill(into, paths, book, on_matches=on_matches, on_progress=on_progress, archive=bounds)
    progress.clear()
    _tell(summary, book, time.monotonic() - began)
    if into is not None:
        say(f"Stored in {into}: judge the alerts with `XDRTUI_WORKSPACE={into} xdrtui`.")
    if summary.stopped or summary.faults:
        raise click.exceptions.Exit(1)


def size_of(paths: Sequence[str]) -> int | None:
    """Bytes that a scan of these paths will read; None where that cannot be known beforehand."""
    from xdrtui.sources.files import walk

    total = 0
    try:
        for path in paths:
            if path == "-":
                return None
            for name in walk(path):
                if not Path(name).is_file():  # a pipe gives its bytes once: they are the scan's
                    return None
                with Path(name).open("rb") as file:
                    if file.read(4).startswith(_COMPRESSED):
                        return None
                total += Path(name).stat().st_size
    except (OSError, SourceError):
        return None
    return total


def _print_objects(book: Rulebook, matches: Sequence[Match]) -> None:
    for match in matches:
        rule = book.rules[match.rule]
        print_json(
            {
                "rule_id": match.rule,
                "title": rule.title,
                "level": rule.level,
                "source": match.source,
                "offset": match.offset,
                "time": time_iso(match.time),
            }
        )


def _print_lines(book: Rulebook, matches: Sequence[Match]) -> None:
    for match in matches:
        rule = book.rules[match.rule]
        padding = " " * (_WIDEST_LEVEL - len(rule.level))
        where = visible(f"{match.source}:{match.offset}")
        title = visible(rule.title)
        click.echo(f"{styled(rule.level)}{padding}  {time_text(match.time)}  {title}  {where}")


def _print_fired_object(book: Rulebook, fired: Fired) -> None:
    rule = next(rule for rule in book.correlations.rules if rule.id == fired.correlation)
    print_json(
        {
            "rule_id": rule.id,
            "title": rule.title,
            "level": fired.level,
            "kind": "correlation",
            "time": time_iso(fired.time),
            "last": time_iso(fired.last),
            "group": {key.field: key.spelling for key in fired.group},
            "count": fired.count,
            "value": fired.value,
            "events": [
                {"source": member.position[0], "offset": member.position[2]}
                for member in fired.members
                if not member.alert
            ],
        }
    )


def _print_fired(book: Rulebook, fired: Fired) -> None:
    from xdrtui.triage.correlated import span

    rule = next(rule for rule in book.correlations.rules if rule.id == fired.correlation)
    padding = " " * (_WIDEST_LEVEL - len(fired.level))
    about = ", ".join(key.spelling for key in fired.group if key.spelling)
    counted = f"{fired.count:,} event{'s' * (fired.count != 1)} within {span(fired.timespan)}"
    text = visible(f"{rule.title}: {counted}{f' of {about}' if about else ''}")
    click.echo(f"{styled(fired.level)}{padding}  {time_text(fired.time)}  {text}")


def _tell(summary: Summary, book: Rulebook, seconds: float) -> None:
    """The summary, on stderr."""
    counts = summary.counts
    for fault in summary.faults:
        say(f"not read, or not to its end: {fault}")
    parts = [f"{counted(counts.messages, 'message')}, {counted(counts.events, 'event')}"]
    parts += [f"{counts.unrouted:,} of no known layout"] if counts.unrouted else []
    parts += [f"{counts.salvaged:,} salvaged"] if counts.salvaged else []
    parts += [counted(counts.dead, "dead letter")] if counts.dead else []
    say(", ".join(parts) + ".")
    if counts.messages and not counts.routed:
        say("Nothing here has a known layout: `xdrtui doctor --sample PATH` tells what it is.")
    matches = counted(summary.matches, "match", "matches")
    fired = f"{matches} of {len(summary.by_rule):,} of {len(book.rules):,} rules"
    levels = Counter[str]()
    for rule, found in summary.by_rule.items():
        levels[book.rules[rule].level] += found
    if levels:
        fired += (
            " (" + ", ".join(f"{levels[each]:,} {each}" for each in reversed(_LEVELS) if levels[each]) + ")"
        )
    if summary.fired:
        fired += f", {counted(sum(summary.fired.values()), 'alert')} of {len(summary.fired):,} correlations"
    say(f"{fired} in {seconds:.1f} s ({counts.events / max(seconds, 1e-9):,.0f} events/s).")
    if summary.stopped:
        say("Interrupted: this is what was found so far.")
