"""`xdrtui rules`: the way to the commands on rules, and to the rules that they work on.

What a rule means is `detectors`', tying rules together is `pipeline.rulebook`'s; here they are printed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from xdrtui.commands.session import Session

if TYPE_CHECKING:
    from xdrtui.pipeline.rulebook import Rulebook


class _Rules(click.Group):
    """The commands on rules, imported when they run: each from a file of its name, or as TOGETHER says."""

    FILES = ("add", "check", "list", "show", "enable", "disable", "tune", "test", "coverage", "profile")
    TOGETHER: ClassVar = {"enable": "state", "disable": "state"}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.FILES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.FILES:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"xdrtui.commands.rules_{self.TOGETHER.get(cmd_name, cmd_name)}")
        found = getattr(module, cmd_name if cmd_name in self.TOGETHER else "command")
        assert isinstance(found, click.Command)
        return found


@click.group("rules", cls=_Rules, short_help="Check rules, test them, and tell what they can see.")
def command() -> None:
    """Check rules, test them, and tell what they can see."""


def rulebook(
    session: Session, given: tuple[str, ...] = (), *, every: bool = False, pipelines: tuple[str, ...] = ()
) -> Rulebook:
    """The rules given, else those of the profile less what is off in its workspace (unless `every`); what
    is wrong with them stands in `problems`."""
    from xdrtui.pipeline.rulebook import load_rulebook

    settings = session.settings
    off: dict[str, str] = {}
    if not given and not every:
        from xdrtui.triage.rules import rules_off

        off = {rule: each.words for rule, each in rules_off(settings.workspace).items()}
    return load_rulebook(
        rule_paths(session, given),
        placeholders=settings.rules.placeholders,
        off=off,
        pipelines=pipelines or settings.rules.pipelines,
    )


def pipeline_option(command: Callable[..., object]) -> Callable[..., object]:
    """The option --pipeline."""
    return click.option(
        "--pipeline",
        "pipelines",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        help="Put the rules through this processing pipeline instead of the profile's; may be repeated.",
    )(command)


def rule_paths(session: Session, given: tuple[str, ...] = ()) -> list[str]:
    """Where the rules are: those given, else those of the profile."""
    from xdrtui.pipeline.rulebook import PACK

    if given:
        return list(given)
    rules = session.settings.rules
    added = [rules.folder] if Path(rules.folder).is_dir() else []
    return [*([str(PACK)] if rules.bundled else []), *rules.paths, *added]
