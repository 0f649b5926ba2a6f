"""`xdrtui rules tune RULE`: a filter from examples of false and true positives, tried by the engine."""

from __future__ import annotations

import click

from xdrtui.commands.output import say
from xdrtui.commands.rules import pipeline_option, rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import RuleError
from xdrtui.plain import visible


@click.command("tune")
@click.argument("rule")
@click.option(
    "--false",
    "false",
    multiple=True,
    required=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="Events on which the rule fires wrongly; may be repeated.",
)
@click.option(
    "--true",
    "true",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="Events on which it fires rightly; may be repeated.",
)
@click.option(
    "--rules", multiple=True, type=click.Path(exists=True), metavar="PATH", help="Look among these rules."
)
@pipeline_option
@pass_session
def command(
    session: Session,
    rule: str,
    false: tuple[str, ...],
    true: tuple[str, ...],
    rules: tuple[str, ...],
    pipelines: tuple[str, ...],
) -> None:
    """Propose a Sigma filter that keeps RULE (an id or a title) from firing on the false events.

    It is tried on both: a filter that would hide a true positive is refused. The filter is printed; keep it
    in a file among your rules once you have read it.
    """
    from xdrtui.pipeline.explaining import find_rule
    from xdrtui.pipeline.tuning import tune

    book = rulebook(session, rules, every=True, pipelines=pipelines)
    found = book.rules.get(find_rule(book, rule).id)
    if found is None:
        raise RuleError("a correlation takes no filter: tune the rules that it counts.")
    tuned = tune(book, found, false, true)
    click.echo(visible(tuned.text, keep="\n"), nl=False)
    say(f"{tuned.false - tuned.after} of {tuned.false} false positives left out, {tuned.after} stay;")
    say(f"all {tuned.true} true positives stay." if true else "No true positives were given to hold it to.")
