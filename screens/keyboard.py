"""From keys as Textual reports them to commands: names of keys, and sequences such as `g g`."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events

from screens.commands import Command


def key_name(event: events.Key) -> str:
    """A key as the registry writes it: the character typed, or its name ("enter", "up", "space")."""
    if event.character == " ":
        return "space"
    if event.character is not None and event.is_printable:
        return event.character
    return event.key


def event_of(key: str) -> events.Key:
    """A key of the registry as Textual reports it: the way back from `key_name`."""
    if key == "space":
        return events.Key("space", " ")
    return events.Key(key, key if len(key) == 1 else None)


class Keyboard:
    """Remembers the beginning of a sequence."""

    def __init__(self) -> None:
        self.pending = ""

    def command(self, key: str, keys: Mapping[str, Command]) -> Command | None:
        """The command that this key completes; None where it is no key, or begins a sequence (then `pending`
        says so). A key that does not go on a sequence is taken by itself."""
        if self.pending:
            sequence, self.pending = f"{self.pending} {key}", ""
            if sequence in keys:
                return keys[sequence]
        if key in keys:
            return keys[key]
        if any(known.startswith(key + " ") for known in keys):
            self.pending = key
        return None
