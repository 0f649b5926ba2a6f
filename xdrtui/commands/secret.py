"""`xdrtui secret set`: put a password where the settings can refer to it, also on a host without a keyring.

The secret comes from the keyboard, unseen, or from standard input; never from an argument, which everyone on
the machine could read.
"""

from __future__ import annotations

import sys

import click

from xdrtui.commands.output import say
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SettingsError
from xdrtui.plain import visible

_LONGEST = 65_536


@click.group("secret", short_help="Keep a password where the settings can refer to it.")
def command() -> None:
    """Keep passwords, keys and client secrets out of the settings file."""


@command.command("set")
@click.argument("name")
@click.option("--keyring", is_flag=True, help="Into the system's keyring instead of a file.")
@pass_session
def set_(session: Session, name: str, keyring: bool) -> None:
    """Ask for a secret (or read it from standard input) and keep it under NAME.

    It is kept in a file that only you can read, beside the settings file; prints what to write into the
    settings.
    """
    from xdrtui.settings import settings_path
    from xdrtui.settings.secrets import Secret, check_name, store_in_file, store_in_keyring

    check_name(name)
    value = Secret(_ask())
    if keyring:
        store_in_keyring(name, value)
        click.echo(f"keyring:{name}")
    else:
        where = session.settings_file or settings_path()
        path = store_in_file(where.absolute().parent / "secrets", name, value)
        say(f"kept in {visible(str(path))}; in the settings write:")
        click.echo(f"file:secrets/{name}")


def _ask() -> str:
    if sys.stdin.isatty():
        value = str(click.prompt("Secret", hide_input=True, confirmation_prompt="Once more", err=True))
    else:
        value = sys.stdin.read(_LONGEST + 1).removesuffix("\n").removesuffix("\r")
    if not value:
        raise SettingsError("the secret is empty: type it, or send it to standard input.")
    if len(value) > _LONGEST or "\n" in value:
        raise SettingsError("the secret is more than one line, or too long: send it alone.")
    return value
