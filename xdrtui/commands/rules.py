"""`xdrtui rules list`: which rules there are; and the way to the other commands on rules.

What a rule means is `detectors`', tying rules together is `pipeline.rulebook`'s; here they are printed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import LEVELS, print_json, say, table
from xdrtui.commands.session import Session, pass_session

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook
    from xdrtui.store.batch import RuleRow


class _Rules(click.Group):
    """The commands on rules; those with a file of their own are imported when they run."""

    FILES = ("check", "test", "coverage", "profile")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.FILES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.FILES:
            return super().get_command(ctx, cmd_name)
        found = importlib.import_module(f"xdrtui.commands.rules_{cmd_name}").command
        assert isinstance(found, click.Command)
        return found


@click.group("rules", cls=_Rules, short_help="Check rules, test them, and tell what they can see.")
def command() -> None:
    """Check rules, test them, and tell what they can see."""


@command.command("list")
@click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level.")
@click.option("--tag", metavar="TAG", help="Only rules with this tag, e.g. attack.t1059.001.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@pass_session
def list_(session: Session, paths: tuple[str, ...], level: str | None, tag: str | None, form: str) -> None:
    """List the rules under PATH (else the profile's), worst first."""
    book = rulebook(session, paths)
    rows = [
        row for row in book.rows() if (not level or row.level == level) and (not tag or _tagged(row, tag))
    ]
    rows.sort(key=lambda row: (LEVELS.index(row.level), row.title.lower(), row.id))
    if form == "json":
        for row in rows:
            print_json(
                {
                    "id": row.id,
                    "title": row.title,
                    "level": row.level,
                    "kind": row.kind,
                    "log_source": _log_source(book, row),
                    "techniques": row.techniques,
                    "tags": row.tags,
                    "author": row.author,
                    "file": row.path,
                }
            )
        return
    table(
        ["LEVEL", "TITLE", "LOG SOURCE", "ATT&CK", "ID"],
        [(row.level, row.title, _log_source(book, row), ",".join(row.techniques), row.id) for row in rows],
        severity=0,
    )
    say(f"{len(rows)} rules.")


def rulebook(session: Session, given: tuple[str, ...] = ()) -> Rulebook:
    """The rules given, else those of the profile; what is wrong with them stands in `problems`."""
    from xdrtui.pipeline.rulebook import load_rulebook

    return load_rulebook(rule_paths(session, given), placeholders=session.settings.rules.placeholders)


def rule_paths(session: Session, given: tuple[str, ...] = ()) -> list[str]:
    """Where the rules are: those given, else those of the profile."""
    from xdrtui.pipeline.rulebook import PACK

    if given:
        return list(given)
    rules = session.settings.rules
    return [*([str(PACK)] if rules.bundled else []), *rules.paths]


def _tagged(row: RuleRow, tag: str) -> bool:
    return tag.lower() in (each.lower() for each in row.tags)


def _log_source(book: Rulebook, row: RuleRow) -> str:
    return str(book.rules[row.id].log_source) if row.id in book.rules else "correlation"
