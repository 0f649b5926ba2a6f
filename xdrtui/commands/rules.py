"""`xdrtui rules check|list`: what is wrong with rules, and which there are.

What a rule means is `detectors.sigma`'s and `detectors.correlate`'s; here it is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import detectors
from xdrtui.commands.output import LEVELS, print_json, say, table
from xdrtui.commands.session import Session, pass_session
from xdrtui.plain import visible

if TYPE_CHECKING:
    from detectors.correlate.model import CorrelationRule
    from detectors.sigma.problem import Problem
    from detectors.sigma.rules import RuleSet

BUNDLED = Path(detectors.__path__[0]) / "pack"
"""The rules that come with xdrtui."""


def rule_paths(session: Session, given: tuple[str, ...]) -> list[str]:
    """The rules to use: those given, else those of the profile."""
    if given:
        return list(given)
    rules = session.settings.rules
    return [*([str(BUNDLED)] if rules.bundled else []), *rules.paths]


@click.group("rules", short_help="Check rules, or list them.")
def command() -> None:
    """Check rules, or list them."""


@command.command("check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def check(session: Session, paths: tuple[str, ...], form: str) -> None:
    """Say what is wrong with the rules under PATH (else the profile's), with file, line and column.

    Exit code 1 where a rule cannot be used.
    """
    from detectors.sigma.rules import load_rules

    rules = load_rules(rule_paths(session, paths), placeholders=session.settings.rules.placeholders)
    correlations, wrong = _correlations(rules)
    problems = [*rules.problems, *wrong]
    for problem in problems:
        if form == "json":
            print_json(
                {
                    "file": problem.file,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                    "remedy": problem.remedy,
                    "fatal": problem.fatal,
                }
            )
        else:
            click.echo(visible(str(problem)))
    fatal = sum(problem.fatal for problem in problems)
    say(f"{len(rules.rules)} rules and {len(correlations)} correlations can be used; {fatal} cannot.")
    if fatal:
        raise click.exceptions.Exit(1)


@command.command("list")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level.")
@click.option("--tag", metavar="TAG", help="Only rules with this tag, e.g. attack.t1059.001.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def list_(session: Session, paths: tuple[str, ...], level: str | None, tag: str | None, form: str) -> None:
    """List the rules under PATH (else the profile's), worst first."""
    from detectors.sigma.rules import load_rules

    rules = load_rules(rule_paths(session, paths), placeholders=session.settings.rules.placeholders)
    correlations, _ = _correlations(rules)
    rows = [
        (
            rule.level,
            rule.title,
            str(rule.log_source),
            ",".join(rule.techniques),
            rule.id,
            rule.tags,
            rule.file,
        )
        for rule in rules.rules
    ]
    rows += [
        (each.level, each.title, "correlation", "", each.id, each.tags, each.file) for each in correlations
    ]
    rows = [
        row
        for row in rows
        if (not level or row[0] == level) and (not tag or tag.lower() in map(str.lower, row[5]))
    ]
    rows.sort(key=lambda row: (LEVELS.index(row[0]), row[1].lower()))
    if form == "json":
        for row in rows:
            names = ("level", "title", "log_source", "techniques", "id", "tags", "file")
            print_json(
                dict(zip(names, (*row[:3], [t for t in row[3].split(",") if t], *row[4:]), strict=True))
            )
        return
    table(["LEVEL", "TITLE", "LOG SOURCE", "ATT&CK", "ID"], [row[:5] for row in rows], severity=0)
    say(f"{len(rows)} rules.")


def _correlations(rules: RuleSet) -> tuple[Sequence[CorrelationRule], list[Problem]]:
    """The correlations among the documents, tied to their rules, and what is wrong with the others."""
    from detectors.correlate.links import BaseRule, resolve
    from detectors.correlate.parse import parse_correlation
    from detectors.correlate.problem import CorrelationProblem, Where

    found: list[CorrelationRule] = []
    problems: list[Problem] = []
    places: dict[tuple[str, str], Where] = {}
    for document in rules.others:
        if document.kind != "correlation":
            continue
        where = Where.document(document.file, rules.texts.get(document.file, b""), document.index)
        try:
            correlation = parse_correlation(document.body, where)
        except CorrelationProblem as wrong:
            problems.extend(wrong.problems)
        else:
            found.append(correlation)
            places[correlation.file, correlation.id] = where
    bases = [BaseRule(rule.id, rule.name, rule.file, rule.level) for rule in rules.rules]
    resolved = resolve(found, bases, places)
    return resolved.rules, [*problems, *resolved.problems]
