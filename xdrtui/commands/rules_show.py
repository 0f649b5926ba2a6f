"""`xdrtui rules show ID`: one rule: what it is for, its state here, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import print_json, time_text
from xdrtui.commands.rules import rulebook
from xdrtui.commands.rules_list import decided, log_source
from xdrtui.commands.rules_state import named
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook
    from xdrtui.store.batch import RuleRow
    from xdrtui.triage.rules import Off


@click.command("show")
@click.argument("id")
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True), metavar="PATH", help="Look among these rules."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(session: Session, id: str, rules: tuple[str, ...], form: str) -> None:
    """Show one rule. ID may be cut short where that is clear, or be the rule's title or file name."""
    book = rulebook(session, rules, every=True)
    row = named(session, id, rules)
    off, alerts = decided(session)
    if form == "json":
        state = {"log_source": log_source(book, row.id), "alerts": alerts.get(row.id, 0)}
        print_json(msgspec.to_builtins(row) | state | {"off": msgspec.to_builtins(off.get(row.id))})
        return
    for line in _lines(book, row, off.get(row.id), alerts.get(row.id, 0)):
        click.echo(visible(line))


def _lines(book: Rulebook, row: RuleRow, off: Off | None, alerts: int) -> Iterator[str]:
    from detectors.taxonomy.attack import technique

    rule = book.rules.get(row.id)
    yield f"{row.level.upper()}  {row.title}"
    yield f"  id         {row.id}"
    yield f"  looks at   {log_source(book, row.id)}"
    if rule is not None:
        dates = rule.date + (f", changed {rule.modified}" if rule.modified else "")
        yield f"  status     {rule.status}" + (f", {dates}" if dates else "")
        for kind, other in rule.related:
            yield f"  related    {kind} {other}"
    yield f"  author     {row.author or 'unknown'}" + (f", {rule.license}" if rule and rule.license else "")
    yield f"  file       {row.path}"
    if off is not None:
        yield f"  off        since {time_text(off.clock)}, {off.words}"
    yield f"  alerts     {alerts:,} here"
    for id in row.techniques:
        known = technique(id)
        yield f"  ATT&CK     {id} {known.full_name if known else ''}".rstrip()
    if row.description:
        yield f"  finds      {' '.join(row.description.split())}"
    for note in row.falsepositives:
        yield f"  may be     {note}"
    for link in row.references:
        yield f"  see        {link}"
    for problem in book.problems:
        if problem.file == row.path:
            yield f"  problem    {problem}"
    yield ""
    yield from row.text.rstrip().splitlines()
