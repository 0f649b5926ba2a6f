"""`xdrtui rules check`: what is wrong with rules and what is only unwise, with its place; and righting it.

What is wrong is `detectors.sigma`'s to say, files are `pipeline.rulecheck`'s; here they are printed.
"""

from __future__ import annotations

from collections import Counter

import click

from xdrtui.commands.output import print_json, say
from xdrtui.commands.rules import pipeline_option, rulebook
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import RuleError
from xdrtui.plain import visible

_PROBLEM = ("file", "line", "column", "message", "remedy", "fatal")


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--fix", "fix", is_flag=True, help="Right in the files under PATH what is safe to right.")
@click.option("--skip", multiple=True, metavar="KIND", help="Leave out remarks of this kind.")
@click.option("--errors", is_flag=True, help="Say only what makes rules unusable.")
@click.option("--tidy", is_flag=True, help="Also say what is harmless but superfluous.")
@pipeline_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(
    session: Session,
    paths: tuple[str, ...],
    fix: bool,
    skip: tuple[str, ...],
    errors: bool,
    tidy: bool,
    pipelines: tuple[str, ...],
    form: str,
) -> None:
    """Say what is wrong with the rules under PATH (else the profile's), with file, line and column.

    Where a rule cannot be used the exit code is 1; the rest are remarks, each with its kind in brackets.
    --fix rewrites files in place, changes nothing that a rule matches, and leaves comments and layout alone.
    """
    from xdrtui.pipeline.rulecheck import KINDS, all_problems, fix_files, remarks_on

    unknown = [kind for kind in skip if kind not in KINDS]
    if unknown:
        raise click.UsageError(f"there is no kind {visible(unknown[0])}: they are {', '.join(KINDS)}.")
    if fix and not paths:
        raise RuleError("say which files to rewrite: xdrtui rules check --fix PATH.")
    book = rulebook(session, paths, pipelines=pipelines)
    if fix:
        done = fix_files(book.texts, skip, tidy=tidy)
        for file, settled in done.items():
            for remark in settled:
                click.echo(visible(f"{file}:{remark.line}: righted: {remark.message}; {remark.remedy}"))
        say(f"{sum(map(len, done.values()))} things righted in {len(done)} files.")
        book = rulebook(session, paths, pipelines=pipelines)
    remarks = [] if errors else remarks_on(book.texts, skip, tidy=tidy)
    problems = book.broken if errors else all_problems(book.problems, remarks)
    for problem in problems:
        kind = str(getattr(problem, "kind", ""))
        if form == "json":
            print_json({name: getattr(problem, name) for name in _PROBLEM} | {"kind": kind})
        else:
            click.echo(visible(str(problem)) + (f" [{kind}]" if kind else ""))
    counts = Counter(remark.kind for remark in remarks)
    if counts:
        say("Remarks: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common()) + ".")
    usable = f"{len(book.rules)} rules and {len(book.correlations.rules)} correlations can be used"
    say(f"{usable}; {book.left_out} cannot.")
    if book.broken:
        raise click.exceptions.Exit(1)
