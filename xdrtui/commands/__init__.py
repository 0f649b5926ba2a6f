"""The command line: a file per command, each imported only when it runs.

In: arguments. Out: what was asked for on stdout; progress, summaries and errors on stderr. Exit codes: 0
fine, 1 a failure, 2 wrong usage. The screen is not known here: `screens.main` hands one in (see
`session.Screen`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from pathlib import Path

import click

from xdrtui import __version__
from xdrtui.commands.session import Screen, Session
from xdrtui.errors import XdrtuiError
from xdrtui.plain import visible

COMMANDS = {
    "scan": "Run rules over files and print what matches.",
    "kafka": "Check the connection to Kafka, step by step.",
    "secret": "Keep a password where the settings can refer to it.",
    "run": "Run a worker without a screen: read Kafka, detect, store alerts.",
    "status": "How the workers do, what is not well, and what happened.",
    "pause": "Let the workers fetch nothing for a while.",
    "resume": "Let paused workers go on.",
    "fold": "Take what a fleet's workers found into this workspace.",
    "tail": "Watch a topic go by, without a worker and without storing anything.",
    "replay": "Send recorded events to Kafka or to the screen, in their own time.",
    "alerts": "List alerts, or show one.",
    "handover": "Tell the next shift how things stand.",
    "log": "Write in the shift log, or read it.",
    "suppress": "Make no alert of findings of a scope for a time.",
    "deadletters": "Messages that could not be read: list, show, retry, discard.",
    "open": "Open the screen at a pane or an alert.",
    "triage": "Judge alerts line by line, for screen readers.",
    "hunt": "Search the event archive: by fields, by a Sigma rule, or in SQL.",
    "explain": "Tell why a rule fired on an event, or did not.",
    "rules": "Check rules, test them, and tell what they can see.",
    "demo": "Watch bundled attacks of a known truth being found.",
    "doctor": "Tell what this terminal, machine, configuration and broker can do.",
    "help": "Read the manual.",
}
"""Name and one line of each command; said here so that --help imports none of them."""


class Group(click.Group):
    """A group whose commands are imported when they run, and the one place where errors become sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.commands:
            return self.commands[cmd_name]
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"xdrtui.commands.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            raise click.UsageError(
                f"there is no command {visible(args[0])}{_nearest(args[0], self, ctx)}.", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [*COMMANDS.items()]
        rows += [(name, each.get_short_help_str(80)) for name, each in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except XdrtuiError as error:
            raise click.ClickException(visible(str(error))) from error
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError, EOFError):
            raise
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(visible(f"{where}{error.strerror or error}.")) from error
        except Exception as error:  # the boundary: even a bug's traceback may quote hostile data
            from xdrtui.settings.secrets import strike_out
            from xdrtui.store.trouble import told

            if (sentence := told(error)) is not None:
                raise click.ClickException(visible(str(sentence))) from error

            click.echo(visible(strike_out(traceback.format_exc()), keep="\n"), err=True)
            raise click.ClickException("this is a bug in xdrtui; the lines above tell where.") from None


def make_group(screen: Screen | None = None) -> Group:
    """The command line. screen: opens the terminal app, where there is one."""

    @click.group(
        cls=Group,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="A terminal workbench for security analysts. Without a command it opens the screen.",
        epilog="`xdrtui demo` needs nothing but this; `xdrtui help` is the manual.",
    )
    @click.option("--profile", metavar="NAME", help="Use this profile of the settings.")
    @click.option(
        "--settings",
        "settings_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Read this settings file.",
    )
    @click.version_option(__version__, prog_name="xdrtui")
    @click.pass_context
    def group(ctx: click.Context, profile: str | None, settings_file: Path | None) -> None:
        ctx.obj = Session(profile, settings_file, screen)
        if ctx.invoked_subcommand is None:
            if screen is None:
                click.echo(ctx.get_help())
            else:
                ctx.exit(screen.open(ctx.obj))

    assert isinstance(group, Group)
    return group


def main(screen: Screen | None = None) -> None:
    """Run the command line on this process' arguments and end the process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        make_group(screen)(prog_name="xdrtui")
    except OSError as error:  # e.g. --help into a full disk
        with contextlib.suppress(OSError):
            sys.stderr.write(f"Error: {error.strerror or error}.\n")
        os._exit(1)


def _nearest(name: str, group: Group, ctx: click.Context) -> str:
    import difflib

    close = difflib.get_close_matches(name, group.list_commands(ctx), n=1, cutoff=0.5)
    return f": the nearest is {close[0]}" if close else ": see xdrtui --help"
