"""`xdrtui rules test DIR...`: do the rules find the events that were written down for them?

Which cases there are and what passes is `pipeline.regression`'s; here they are asked for and printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.output import Progress, print_json, say
from xdrtui.commands.rules import rule_paths
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.pipeline.regression import Verdict


@click.command("test")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True), metavar="DIR...")
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(exists=True),
    metavar="PATH",
    help="Where the rules are that the cases name; may be given several times.",
)
@click.option("--all", "all_of_them", is_flag=True, help="Also print the cases that pass.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(
    session: Session, folders: tuple[str, ...], rules: tuple[str, ...], all_of_them: bool, form: str
) -> None:
    """Hold rules to the events that lie beside them.

    Reads SigmaHQ's regression layout (info.yml beside EVTX, JSON or text) and x.events.json beside x.yml.
    Exit code 1 where a case fails.
    """
    from xdrtui.pipeline import regression
    from xdrtui.pipeline.rulebook import load_rulebook

    cases = regression.read_cases(folders)
    regression.require_cases(cases)
    beside = regression.rule_files_beside(cases)
    named = regression.wanted_ids(cases)
    # rules beside their events go first: of two rules with one id the first stands
    paths = [*beside, *(rule_paths(session, rules) if named or rules else ())]
    book = load_rulebook(
        paths, placeholders=session.settings.rules.placeholders, keep=None if beside else named
    )
    progress = Progress("cases")
    done: list[Verdict] = []

    def on_done(verdict: Verdict) -> None:
        done.append(verdict)
        progress.update(len(done), len(cases), len(done), verdict.title)

    verdicts = regression.run_cases(cases, book, on_done)
    progress.clear()
    for verdict in regression.shown(verdicts, all_of_them or form == "json"):
        if form == "json":
            print_json(msgspec.to_builtins(verdict))
        else:
            for line in _lines(verdict):
                click.echo(line)
    say(regression.tally(verdicts))
    if not all(verdict.passed for verdict in verdicts):
        raise click.exceptions.Exit(1)


def _lines(verdict: Verdict) -> list[str]:
    word = click.style("pass", fg="green") if verdict.passed else click.style("FAIL", fg="red", bold=True)
    lines = [f"{word}  {visible(verdict.title or verdict.rule or '?')}  {visible(verdict.place)}"]
    if verdict.reason:
        lines.append(f"      {visible(verdict.reason)}")
    return lines
