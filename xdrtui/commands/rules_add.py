"""`xdrtui rules add SOURCE`: a set of rules from a folder, a zip or an address, checked and kept."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import Progress, say
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.pipeline.ruleshelf import Title

_FEW = 20


@click.command("add")
@click.argument("source")
@click.option("--name", default="", metavar="NAME", help="Folder to keep it in; default: the source's name.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--all", "every", is_flag=True, help=f"Name every rule, not just {_FEW} of each kind.")
@pass_session
def command(session: Session, source: str, name: str, dry_run: bool, every: bool) -> None:
    """Add the Sigma rules of SOURCE: a folder, a zip file, or the http(s) address of one.

    Rules and licences are copied into the profile's folder of rules, in the place of what was added under
    that name before; all else is left out, and nothing is run.
    """
    from xdrtui.pipeline.ruleshelf import compare, name_of, put
    from xdrtui.pipeline.rulesource import read_source

    shelf = Path(session.settings.rules.folder)
    folder = name_of(source, name)
    progress = Progress("bytes")
    files = read_source(source, lambda size: progress.update(size, None, size, source))
    progress.clear()
    change = compare(files, shelf, folder)
    for mark, titles in (("new", change.new), ("changed", change.changed), ("gone", change.gone)):
        _print(mark, titles, every)
    for problem in change.problems[: None if every else _FEW]:
        click.echo(visible(f"unusable  {problem}"))
    for file in change.licences:
        lines = files[file].decode("utf-8", "replace").strip().splitlines()
        click.echo(visible(f"licence   {file}: {lines[0][:100] if lines else 'empty'}"))
    if not change.licences:
        say("No licence came with these rules: ask who made them before you pass them on.")
    counts = f"{len(change.new)} new, {len(change.changed)} changed, {len(change.gone)} gone"
    say(f"{counts}, {change.same} the same; {len(change.problems)} cannot be used.")
    if dry_run:
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    say(f"Kept in {put(files, shelf, folder, source, now)}; workers that are running take them up.")


def _print(mark: str, titles: Sequence[Title], every: bool) -> None:
    for rule in titles if every else titles[:_FEW]:
        author = f", by {rule.author}" if rule.author else ""
        click.echo(visible(f"{mark:<9} {rule.level:<13} {rule.title} ({rule.id}){author}"))
    if len(titles) > _FEW and not every:
        click.echo(f"{mark:<9} and {len(titles) - _FEW} more (--all names them)")
