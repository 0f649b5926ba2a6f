"""`xdrtui run`: a worker without a screen, until it is ended or, with --until-end, until it has caught up.

The work is `pipeline.worker`'s; here it is given its settings and rules, and told of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from xdrtui.commands.output import Progress, say
from xdrtui.commands.rules import pipeline_option, rule_paths, rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SettingsError
from xdrtui.plain import counted, visible

if TYPE_CHECKING:
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.reload import RuleWatch
    from xdrtui.pipeline.worker import Summary


@click.command("run", short_help="Run a worker without a screen: read Kafka, detect, store alerts.")
@click.option("--until-end", is_flag=True, help="Stop when all that is in the topics now has been read.")
@click.option(
    "--start",
    metavar="WHERE",
    help="Begin here in partitions that have no stored position: earliest, latest, a time with its zone"
    " (2026-11-20T08:00Z) or so long ago (6h, 7d); instead of kafka.start.",
)
@pipeline_option
@pass_session
def command(session: Session, until_end: bool, start: str | None, pipelines: tuple[str, ...]) -> None:
    """Read the profile's topics, detect, and store alerts in its workspace.

    With kafka.mode: fleet it is one of many workers: what it finds goes to the findings topic, which
    `xdrtui fold` takes into a workspace. Ctrl-C (or SIGTERM) ends it after the batch in hand; it goes on from
    there next time.
    """
    settings = session.settings
    if not settings.kafka.brokers or not settings.kafka.topics:
        from xdrtui.settings import settings_path

        where = visible(str(session.settings_file or settings_path()))
        lacking = "brokers" if not settings.kafka.brokers else "topics"
        raise SettingsError(
            f"the profile {settings.name} names no {lacking}, so there is nothing to read: set "
            f"kafka.{lacking} in {where}; `xdrtui help kafka` tells how."
        )
    kafka = settings.kafka
    if start is not None:
        from xdrtui.settings.start import check_start

        try:
            kafka = kafka.model_copy(update={"start": check_start(start)})
        except ValueError as error:
            raise click.BadParameter(f"{error}.", param_hint="--start") from None
    from xdrtui.pipeline.memory import keep_pages

    keep_pages()
    from xdrtui.pipeline.worker import run_worker

    with working(session, pipelines, "worker", until_end) as work:
        topics, book = ", ".join(settings.kafka.topics), work.process.rulebook
        rules = f"{len(book.rules)} rules and {len(book.correlations.rules)} correlations"
        fleet = settings.kafka.mode == "fleet"
        into = f"the topic {settings.kafka.findings_topic}" if fleet else settings.workspace
        say(f"Reading {topics} with {rules} into {into}; log: {work.log}")
        summary = run_worker(
            settings.workspace,
            kafka,
            work.process,
            until_end=until_end,
            progress=work.progress,
            rules=work.rules,
            archive=settings.archive,
        )
    tell(summary, f"{counted(summary.messages, 'message')}, {counted(summary.events, 'event')}")


class Work(NamedTuple):
    """What a worker of either kind is given."""

    process: Process
    rules: RuleWatch
    progress: Callable[[Summary, int], None]
    log: Path


@contextlib.contextmanager
def working(session: Session, pipelines: tuple[str, ...], kind: str, until_end: bool) -> Iterator[Work]:
    """Rules that are watched, a log named after the kind, a line of progress."""
    from xdrtui.logs import start_logs, stop_logs
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.reload import RuleWatch

    settings = session.settings
    before = _mark(session, pipelines)
    book = rulebook(session, pipelines=pipelines)
    if book.broken:
        say(f"{book.left_out} rules cannot be used: `xdrtui rules check` tells why.")
    log = start_logs(settings.workspace, kind, settings.logs)
    progress = Progress("events")

    def on_progress(summary: Summary, waiting: int) -> None:
        total = summary.messages + waiting
        note = f"{waiting:,} waiting, {counted(summary.alerts, 'alert')}"
        progress.update(summary.messages, total if until_end else None, summary.events, note)

    try:
        with RuleWatch(
            book,
            lambda: rulebook(session, pipelines=pipelines),
            lambda: _mark(session, pipelines),
            before=before,
        ) as rules:
            yield Work(Process(book), rules, on_progress, log)
    finally:
        progress.clear()
        stop_logs()


def _mark(session: Session, pipelines: tuple[str, ...]) -> str:
    """What tells that the rules changed: their files, their pipelines, what is off in the workspace."""
    from xdrtui.pipeline.reload import mark_of
    from xdrtui.triage.rules import rules_off

    off = sorted(rules_off(session.settings.workspace))
    files = [*rule_paths(session), *(pipelines or session.settings.rules.pipelines)]
    return mark_of(files, repr(off))


def tell(summary: Summary, read: str) -> None:
    """What a run did; ends the command with 1 where a partition could not be read. read: how much it read."""
    for note in summary.notes:
        say(note)
    for partition, fault in summary.faults.items():
        say(f"{partition} could not be read: {fault}")
    ended = "caught up" if summary.ended == "end" else "ended on request"
    say(
        f"{ended}: {read}, {counted(summary.findings, 'finding')}, {counted(summary.alerts, 'new alert')},"
        f" {counted(summary.dead, 'dead letter')} in {summary.seconds:.1f} s."
    )
    if summary.faults:
        raise click.exceptions.Exit(1)
