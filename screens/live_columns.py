"""Columns of the live tail by log source: what one wants to see at once of a connection, a query, a process.

In: a filter, and raw events. Out: columns, and the values of their cells. A tail of everything
has the columns that all events share.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from screens.widgets.columns import Column

SHARED = (
    Column("time", "TIME", 8, 8),
    Column("type", "EVENT", 10, 24, rank=2, claim=16, end=True),
    Column("host", "HOST", 8, 18, rank=1, claim=8),
    Column("user", "USER", 7, 14, rank=3, claim=7),
    Column("what", "WHAT HAPPENED", 20),
)

_TIME, _HOST, _USER, _WHAT = SHARED[0], SHARED[2], SHARED[3], SHARED[4]

Fields = Sequence[tuple[str, str, int]]
"""Name of a field, or several with a bar between them, of which the first there is is taken; title; cells."""

_TYPE = re.compile(r"(?<![\w@.:])(?<!not )(?<!NOT )type[:=]\"?([\w.-]+)", re.IGNORECASE)

_FIELDS: Mapping[str, Fields] = {
    "zeek.conn": (("id.orig_h", "SOURCE", 15), ("id.resp_h", "DESTINATION", 15), ("id.resp_p", "PORT", 5),
                  ("proto", "PROTO", 5), ("orig_bytes", "BYTES OUT", 9), ("conn_state", "STATE", 5)),
    "zeek.dns": (("id.orig_h", "SOURCE", 15), ("qtype_name", "TYPE", 5), ("query", "QUERY", 30)),
    "zeek.http": (("id.orig_h", "SOURCE", 15), ("method", "METHOD", 6), ("host", "SITE", 20),
                  ("uri", "URI", 20)),
    "suricata": (("src_ip", "SOURCE", 15), ("dest_ip", "DESTINATION", 15), ("dest_port", "PORT", 5),
                 ("signature|rrname|hostname", "WHAT", 20)),
    "windows": (("EventID|event_id", "ID", 5), ("Image|NewProcessName|image", "PROCESS", 24),
                ("CommandLine|ScriptBlockText|TargetObject|DestinationIp", "DETAIL", 24)),
    "linux.auditd": (("type", "TYPE", 10), ("exe", "PROCESS", 20), ("key", "KEY", 8)),
    "aws": (("eventSource", "SERVICE", 18), ("eventName", "CALL", 20), ("sourceIPAddress", "SOURCE", 15)),
}  # fmt: skip


def columns_for(text: str) -> tuple[Column, ...]:
    """The columns for a filter: those of the log source that it asks for by `type:`, else the shared ones."""
    found = _TYPE.search(text)
    asked = found[1].casefold() if found is not None else ""
    source = next((name for name in _FIELDS if asked and f"{asked}.".startswith(f"{name}.")), "")
    if not source:
        return SHARED
    own = tuple(
        Column(f"={names}", title, min(cells, 8), cells + 10, rank=place + 2)
        for place, (names, title, cells) in enumerate(_FIELDS[source])
    )
    return (_TIME, _HOST, _USER, *own, Column("what", "WHAT HAPPENED", 10, rank=1))


def values(raw: bytes, columns: Sequence[Column]) -> dict[str, str]:
    """The cells of the columns that are fields of the event."""
    wanted = [column.name for column in columns if column.name.startswith("=")]
    if not wanted:
        return {}
    from xdrtui.hunt.glance import leaves

    fields = leaves(raw)
    return {name: _cell(fields, name[1:].casefold().split("|")) for name in wanted}


def _cell(fields: Mapping[str, Sequence[str]], names: Sequence[str]) -> str:
    return next((", ".join(fields[name])[:400] for name in names if name in fields), "-")
