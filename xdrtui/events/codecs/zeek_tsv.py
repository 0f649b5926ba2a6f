"""Zeek's tab-separated logs: the header says the columns, so a row is only readable with it.

In: the header's lines, then rows. Out: each row as the JSON object that Zeek itself would write, with `_path`
from the header; unset values are left out.
"""

from __future__ import annotations

import json
import re

_NUMBER = re.compile(rb"-?\d{1,30}(\.\d{1,30})?")
_NUMERIC = (b"count", b"int", b"port", b"double", b"interval", b"time")


class ZeekTable:
    """What the header says so far; a new header in the same file begins a new table."""

    def __init__(self) -> None:
        self.path = ""
        self.names: list[bytes] = []
        self.types: list[bytes] = []
        self.separator = b"\t"
        self.set_separator = b","
        self.empty = b"(empty)"
        self.unset = b"-"

    def header(self, line: bytes) -> None:
        """Take in a line that begins with `#`."""
        if line.startswith(b"#separator"):
            text = line[10:].strip().decode("latin-1")
            self.separator = (
                re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text).encode("latin-1")
                or b"\t"
            )
            return
        name, _, rest = line.partition(self.separator)
        if name == b"#fields":
            self.names = rest.split(self.separator)
        elif name == b"#types":
            self.types = rest.split(self.separator)
        elif name == b"#path":
            self.path = rest.decode("utf-8", "replace")
        elif name == b"#set_separator":
            self.set_separator = rest or b","
        elif name == b"#empty_field":
            self.empty = rest
        elif name == b"#unset_field":
            self.unset = rest

    def row(self, line: bytes) -> bytes:
        """A row as JSON; a row that does not fit the header stays as it is (and becomes a dead letter)."""
        values = line.split(self.separator)
        if len(values) != len(self.names):
            return line
        types = self.types if len(self.types) == len(values) else [b"string"] * len(values)
        parts = [b'"_path":' + json.dumps(self.path).encode()] if self.path else []
        for name, kind, value in zip(self.names, types, values, strict=True):
            if value != self.unset:
                parts.append(_text(name) + b":" + self._value(kind, value))
        return b"{" + b",".join(parts) + b"}"

    def _value(self, kind: bytes, value: bytes) -> bytes:
        if kind.startswith((b"set[", b"vector[", b"list[")):
            if value == self.empty:
                return b"[]"
            inner = kind.partition(b"[")[2].rstrip(b"]").rpartition(b"[")[2]  # containers hold no containers
            return b"[" + b",".join(self._value(inner, one) for one in value.split(self.set_separator)) + b"]"
        if kind in _NUMERIC and _NUMBER.fullmatch(value):
            return value
        if kind == b"bool" and value in (b"T", b"F"):
            return b"true" if value == b"T" else b"false"
        return b'""' if value == self.empty else _text(value)


def _text(value: bytes) -> bytes:
    """A value as JSON text; Zeek writes odd bytes as \\xHH, and so they stay."""
    return json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False).encode("utf-8", "replace")
