"""`xdrtui hunt`: what went by, asked of the event archive: in the filter language, by a rule, or in SQL.

What is found comes on stdout as it is found; progress and the summary on stderr. The search is
`xdrtui.hunt`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands.bounded import MEGABYTE, apart, bounded, end_now, usual_bound
from xdrtui.commands.output import Progress, interruptible, print_json, say, time_iso, time_text
from xdrtui.commands.rules import pipeline_option, rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SourceError
from xdrtui.plain import counted, visible

if TYPE_CHECKING:
    from detectors.sigma.match import SigmaDetector
    from xdrtui.hunt.search import Hit, Search
    from xdrtui.store.archive.read import Reader
    from xdrtui.store.store import Store


LONGEST_PATH = 4_096
TOO_MUCH = (
    "Joining and sorting hold all of it: ask for fewer columns and events (WHERE, --since, --until), or allow"
    " more with --memory."
)


@click.command("hunt", short_help="Search the event archive: by fields, by a Sigma rule, or in SQL.")
@click.argument("query", metavar="QUERY|RULE")
@click.option("--since", default="", metavar="TIME", help="Events from this time on: -2h, 2024-03-03T14:00Z.")
@click.option("--until", default="", metavar="TIME", help="Events before this time.")
@click.option("--sql", is_flag=True, help="QUERY is a SELECT over the table `events`.")
@click.option("--format", "form", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@click.option("--limit", type=click.IntRange(1), default=None, help="End after so many.")
@click.option(
    "--memory",
    type=click.IntRange(1),
    default=None,
    metavar="MB",
    help="With --sql: end where it takes more memory; else half of what is free, 4096 at most.",
)
@click.option("--from-raw", is_flag=True, hidden=True, help="Decode all events again, for comparison.")
@pipeline_option
@pass_session
def command(
    session: Session,
    query: str,
    since: str,
    until: str,
    sql: bool,
    form: str,
    limit: int | None,
    memory: int | None,
    from_raw: bool,
    pipelines: tuple[str, ...],
) -> None:
    """Search the events that workers have archived.

    QUERY is fields and texts, as in the queue's filter: 'CommandLine:*-enc* not user:SYSTEM'. Where it names
    a file or folder of Sigma rules, these are held against the archive.
    """
    from xdrtui.store.archive.read import Reader
    from xdrtui.store.store import Store

    with Store.open(session.settings.workspace, readonly=True) as store:
        reader = Reader(store, _time(since, "--since"), _time(until, "--until"))
        with reader:
            if not reader.files:
                say("The archive holds nothing of that time: `xdrtui help archive` tells what fills it.")
            if sql:
                with bounded(memory * MEGABYTE if memory else usual_bound(), TOO_MUCH):
                    _ask(reader, query, form, limit)
            else:
                _hunt(session, store, reader, query, form, limit, from_raw, pipelines)
        for fault in reader.faults[:20]:
            say(f"not read: {fault}")
        if reader.faults:
            raise click.exceptions.Exit(1)


def _time(text: str, option: str) -> int | None:
    if not text:
        return None
    from xdrtui.triage.grammar import QueryError, Token
    from xdrtui.triage.query import time_of

    try:
        return time_of(Token("text", 0, value=text), time.time_ns())
    except QueryError as error:
        raise click.UsageError(f"{option}: {error}.") from None


# --- by fields and rules


def _hunt(
    session: Session,
    store: Store,
    reader: Reader,
    query: str,
    form: str,
    limit: int | None,
    from_raw: bool,
    pipelines: tuple[str, ...],
) -> None:
    from xdrtui.events.layouts.layout import load_layouts
    from xdrtui.hunt.search import Progress as Figures
    from xdrtui.hunt.search import Search

    detector, titles = _quarry(session, reader, query, pipelines)
    progress = Progress("events")

    def on_progress(figures: Figures) -> None:
        progress.update(figures.rows, figures.total, figures.rows, f"{figures.hits:,} found")

    search = Search(
        reader, detector, load_layouts(), store.sources(), from_raw=from_raw, on_progress=on_progress
    )
    interruptible()
    began = time.monotonic()
    stopped = _print_hits(search, titles, form, limit, progress)
    progress.clear()
    _tell(search, time.monotonic() - began, stopped)
    if stopped == "interrupted":
        raise click.exceptions.Exit(1)


def _quarry(
    session: Session, reader: Reader, query: str, pipelines: tuple[str, ...]
) -> tuple[SigmaDetector, Mapping[str, str]]:
    """What to look for, and the titles of rules (none for a query)."""
    from detectors.sigma.match import SigmaDetector
    from detectors.sigma.rules import RuleSet
    from xdrtui.hunt.query import parse_query

    if _names_rules(query):
        if not Path(query).exists():
            raise SourceError(f"there is no rule at {visible(query)}: name a file or folder of Sigma rules.")
        book = rulebook(session, (query,), pipelines=pipelines)
        for problem in book.broken:
            say(f"{problem}")
        if not book.rules:
            raise SourceError(f"there is no usable rule in {visible(query)}.")
        if book.correlations.rules:
            say("Correlations are not decided in a hunt; the rules that they count are searched for.")
        return book.detector, {rule.id: rule.title for rule in book.rules.values()}
    return SigmaDetector(RuleSet([parse_query(query, reader.fields)])), {}


def _names_rules(query: str) -> bool:
    """Whether it is a path and no query: `TargetFilename:*.yml` ends like one."""
    if not query or len(query.encode("utf-8", "surrogateescape")) > LONGEST_PATH:
        return False  # the empty path is the folder one stands in
    path = Path(query)
    try:
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a part of it is too long, or what is no character
        return False
    like_one = path.suffix in (".yml", ".yaml")
    return folder or (like_one and (there or not set(query) & set(':*"<>=() ')))


def _print_hits(
    search: Search, titles: Mapping[str, str], form: str, limit: int | None, progress: Progress
) -> str:
    """Print hits as they come; return why it ended early, or nothing."""
    try:
        for number, hit in enumerate(search.hits(), 1):
            progress.clear()
            if form == "jsonl":
                print_json(_object(hit, titles))
            else:
                title = f"  [{titles[hit.rule]}]" if hit.rule in titles else ""
                where = f"{hit.event_type}  {hit.host or '-'}"
                click.echo(
                    visible(f"{time_text(hit.time)}  {where}  {hit.summary or _text(hit.raw)[:300]}{title}")
                )
            if limit is not None and number >= limit:
                return "limit"
    except KeyboardInterrupt:
        return "interrupted"
    return ""


def _object(hit: Hit, titles: Mapping[str, str]) -> dict[str, object]:
    rule = {"rule_id": hit.rule, "title": titles[hit.rule]} if hit.rule in titles else {}
    return {
        **rule,
        "time": time_iso(hit.time),
        "event_type": hit.event_type,
        "host": hit.host,
        "user": hit.user,
        "summary": hit.summary,
        "source": hit.position.source,
        "partition": hit.position.partition,
        "offset": hit.position.offset,
        "index": hit.position.index,
        "raw": _text(hit.raw),
    }


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _tell(search: Search, seconds: float, stopped: str) -> None:
    figures = search.progress
    again = f", {figures.decoded:,} of them decoded again" if figures.decoded else ""
    say(f"{figures.hits:,} found in {figures.rows:,} of {figures.total:,} events{again}, in {seconds:.1f} s.")
    if stopped:
        say("Ended at the limit." if stopped == "limit" else "Interrupted: this is what was found so far.")


# --- in SQL


def _ask(reader: Reader, statement: str, form: str, limit: int | None) -> None:
    from xdrtui.hunt.tables import Tables

    interruptible()
    began = time.monotonic()
    rows = 0
    try:
        for batch in apart(Tables(reader).ask(statement)):
            shown = batch if limit is None else batch.head(limit - rows)
            if form == "table" and not rows:
                click.echo("\t".join(map(visible, shown.columns)))
            for row in shown.iter_rows(named=True):
                if form == "jsonl":
                    print_json({name: _plain(value) for name, value in row.items()})
                else:
                    click.echo("\t".join(visible(str(_plain(value))) for value in row.values()))
            rows += shown.height
            if limit is not None and rows >= limit:
                break
    except KeyboardInterrupt:
        say("Interrupted: this is what was found so far.")
        end_now()
    say(f"{counted(rows, 'row')} in {time.monotonic() - began:.1f} s.")


def _plain(value: object) -> object:
    """A cell as JSON has it; absent is null."""
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
