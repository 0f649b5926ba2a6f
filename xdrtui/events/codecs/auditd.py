"""Linux audit records as text: one record a line.

In: `[node=..] type=.. msg=audit(time:serial): key=value ..`. Out: its fields. Quotes are taken off, texts
that the kernel wrote as hexadecimal are decoded, the inner message of user records (`msg='op=.. acct=..'`)
and the enriched part after a group separator are fields as well. An EXECVE record also gets `command_line`.
"""

from __future__ import annotations

import re

_RECORD = re.compile(r"(?:node=(\S+) )?type=(\S+) msg=audit\((\d+\.\d+):(\d+)\): ?(.*)", re.DOTALL)
_PAIR = re.compile(r"""([A-Za-z_][\w.-]*(?:\[\d+\])?)=("[^"]*"|'[^']*'|[^\s"']\S*|)""")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ARGUMENT = re.compile(r"a(\d+)(?:\[(\d+)\])?")

_TEXTS = frozenset(
    (
        "proctitle",
        "name",
        "comm",
        "exe",
        "cwd",
        "acct",
        "cmd",
        "data",
        "key",
        "path",
        "new_name",
        "watch",
        "dir",
    )
)
_NO_TEXT = frozenset(("(null)", "(none)", "?"))


def read_auditd(line: str) -> dict[str, str] | None:
    """The fields of a record, or None where the line is none."""
    found = _RECORD.match(line)
    if found is None:
        return None
    node, kind, stamp, serial, rest = found.groups()
    fields = {"type": kind, "timestamp": stamp, "serial": serial}
    if node:
        fields["node"] = node
    pieces: dict[int, list[str]] = {}
    for name, value in _PAIR.findall(rest):
        argument = _ARGUMENT.fullmatch(name) if kind == "EXECVE" else None
        text = _plain("data" if argument else name, value)
        if argument:
            pieces.setdefault(int(argument[1]), []).append(text)
        elif name == "msg" and "=" in text:
            for inner, inside in _PAIR.findall(text):
                fields.setdefault(inner, _plain(inner, inside))
        else:
            fields.setdefault(name, text)
    if pieces:
        arguments = ["".join(pieces[number]) for number in sorted(pieces)]
        fields.update((f"a{number}", "".join(pieces[number])) for number in pieces)
        fields["command_line"] = " ".join(arguments)
    return fields


def _plain(name: str, value: str) -> str:
    """A value without its quotes; a text that the kernel wrote as hexadecimal (never quoted), as text."""
    if value[:1] in ('"', "'"):
        return value[1:-1]
    if name in _TEXTS and _HEX.fullmatch(value):
        return bytes.fromhex(value).rstrip(b"\x00").replace(b"\x00", b" ").decode("utf-8", "replace")
    return value
