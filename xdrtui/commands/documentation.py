"""The manual's page of commands, made from the commands' own help.

Out: Markdown. Only the tests and whoever renews the page run this: `python -m xdrtui.commands.documentation`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from xdrtui.commands import make_group

INTRODUCTION = """\
# Commands

`xdrtui` without a command opens the screen on the profile's workspace. Every command tells its options with
`--help`; this page is what they say.

What was asked for goes to stdout; progress, summaries and errors go to stderr. Exit codes: 0 fine, 1 a
failure (or interrupted), 2 wrong usage. Ctrl-C ends a command cleanly with what it has so far.
"""


def commands_page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(f"\n{block}" for block in _blocks(make_group(), "xdrtui", None))


def _blocks(command: click.Command, path: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=path.rpartition(" ")[2],
        parent=parent,
        max_content_width=100,
        help_option_names=["-h", "--help"],  # as the group has it; commands remember the first they are shown
    )
    context.terminal_width = 100
    yield f"## {path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                yield from _blocks(below, f"{path} {name}", context)


if __name__ == "__main__":
    sys.stdout.write(commands_page())
