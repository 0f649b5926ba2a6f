"""Other keys for commands, and the laws that all keys obey, the registry's own as well as a person's.

In: command id -> keys. Out: the commands with these keys, or a `KeyProblem` that names the command. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from screens.commands import COMMANDS, Command

NAMED = frozenset(
    {
        "down", "up", "left", "right", "enter", "escape", "tab", "space", "backspace", "pagedown", "pageup",
        "home", "end",
    }
)  # fmt: skip
"""Keys that have names, beside every character that can be typed."""

FRAGMENTS = frozenset("ABCDEFGH[O~")
"""What is left of arrow keys that a slow link breaks: they must never change anything."""

NEEDED = ("back", "help", "palette")
"""Commands that always have a key: without them one is lost."""

_SHIFTED: Mapping[str, str] = dict(zip("1234567890-=[]\\;',./`", '!@#$%^&*()_+{}|:"<>?~', strict=True))


class KeyProblem(Exception):
    """Keys that cannot be. id: of the command."""

    def __init__(self, id: str, text: str) -> None:
        super().__init__(text)
        self.id = id


def rebound(keys: Mapping[str, Sequence[str]]) -> tuple[Command, ...]:
    """The commands, those named in `keys` with these keys instead of their own. Raises KeyProblem."""
    known = {command.id for command in COMMANDS}
    for id in keys:
        if id not in known:
            near = difflib.get_close_matches(id, known, n=1, cutoff=0.5)
            raise KeyProblem(
                id, f"no command is called {id}" + (f": the nearest is {near[0]}" if near else "")
            )
    changed = tuple(
        replace(command, keys=tuple(keys[command.id])) if command.id in keys else command
        for command in COMMANDS
    )
    if problem := first_problem(changed, keys):
        raise problem
    return changed


def first_problem(commands: Iterable[Command], changed: Iterable[str] = ()) -> KeyProblem | None:
    """The first law that is broken, or None. changed: ids of the commands to blame where two conflict."""
    blamed = set(changed)
    owners: dict[str, Command] = {}
    ordered = sorted(commands, key=lambda command: command.id in blamed)
    for command in ordered:
        if command.id in NEEDED and not command.keys:
            return KeyProblem(command.id, f"{command.id} needs a key")
        for key in command.keys:
            if why := _unfit(key, command.changes):
                return KeyProblem(command.id, f"{key!r} cannot be a key of {command.id}: {why}")
            if key in owners:
                return KeyProblem(command.id, f"{key!r} is the key of {owners[key].id} and of {command.id}")
            owners[key] = command
    for command in reversed(ordered):
        for key in command.keys:
            if why := _clash(key, command, owners):
                return KeyProblem(command.id, f"{key!r} cannot be a key of {command.id}: {why}")
    return None


def shift_pairs(key: str) -> set[str]:
    """The keys that differ from this one by Shift alone."""
    pairs = {key.swapcase()} if key.isalpha() and len(key) == 1 else set()
    pairs |= {high for low, high in _SHIFTED.items() if low == key}
    return pairs | {low for low, high in _SHIFTED.items() if high == key}


def _unfit(key: str, changes: bool) -> str:
    parts = key.split(" ")
    if not key or len(parts) > 2 or "" in parts:
        return "write one key, or two with a blank between them"
    for part in parts:
        if part.startswith(("ctrl+", "alt+", "shift+", "meta+")) or (part[:1] == "f" and part[1:].isdigit()):
            return "terminals and links lose Alt, Ctrl and function keys"
        if not (len(part) == 1 and part.isprintable() and part.isascii()) and part not in NAMED:
            return f"a key is one character, or one of {', '.join(sorted(NAMED))}"
    if changes and set(parts) & FRAGMENTS:
        return "it is what a slow link leaves of an arrow key, and the command changes something"
    if changes and key in NAMED - {"space", "backspace"}:
        return "the command changes something, and the key moves"
    return ""


def _clash(key: str, command: Command, owners: Mapping[str, Command]) -> str:
    first = key.split(" ")[0]
    if first != key and first in owners:
        return f"{first!r} alone is the key of {owners[first].id}"
    for other in shift_pairs(key) & owners.keys():
        if owners[other].changes != command.changes:
            harm = command if command.changes else owners[other]
            return (
                f"only Shift tells it from {other!r} of {owners[other].id}, and {harm.id} changes something"
            )
    return ""
