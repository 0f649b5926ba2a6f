"""The manual's page of keys, from the registry of commands: `python -m screens.keys_page` prints it."""

from __future__ import annotations

import sys

from screens.commands import ANYWHERE, COMMANDS, DISPOSITIONS, GROUPS, PANES, key_sign


def keys_page() -> str:
    """The manual's page of keys, as Markdown."""
    parts = [
        "# Keys",
        "",
        "Every key of the screens. `?` shows those that apply where you are, `:` finds a command by name.",
        "This page is generated from the registry of commands (`screens/commands.py`).",
        "",
    ]
    for group, title in GROUPS.items():
        parts += [f"## {title}", "", "| key | command | what it does | where |", "|---|---|---|---|"]
        for command in COMMANDS:
            if command.group == group:
                keys = " ".join(f"`{key_sign(key)}`" for key in command.keys) or "palette"
                where = (
                    "everywhere"
                    if command.panes == ANYWHERE
                    else ", ".join(p for p in PANES if p in command.panes)
                )
                parts.append(f"| {keys} | {command.title} | {command.help} | {where} |")
        parts.append("")
    parts += [
        "## Closing an alert",
        "",
        "`c` opens a menu; one more key closes.",
        "",
        "| key | disposition |",
        "|---|---|",
    ]
    parts += [f"| `{key}` | {text} |" for key, _, text in DISPOSITIONS]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(keys_page())
