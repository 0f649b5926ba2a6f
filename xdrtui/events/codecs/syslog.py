"""Syslog lines: RFC 5424, RFC 3164, and the form with an ISO time that current systems write to files.

In: one line. Out: timestamp, hostname, program (by its name, without the folder it lies in), pid, message,
and facility and severity where a priority stands.
"""

from __future__ import annotations

import re

_NEW = re.compile(
    r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+) ?(.*)", re.DOTALL
)
_STAMP = (
    r"([A-Z][a-z]{2} (?:[ \d]\d|\d)(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,20})"
)
_OLD = re.compile(
    r"(?:<(\d{1,3})>)?" + _STAMP + r" (\S{1,255}) ([^\s:\[\]]{1,128})(?:\[(\d{1,10})\])?: ?(.*)", re.DOTALL
)


def read_syslog(line: str) -> dict[str, str] | None:
    """The fields of a line, or None where it is no syslog."""
    found = _OLD.match(line)
    if found is not None:
        priority, stamp, host, program, pid, message = found.groups()
    else:
        found = _NEW.match(line)
        if found is None:
            return None
        priority, stamp, host, program, pid, message = found.groups()
        pid = None if pid == "-" else pid
    program = program.rpartition("/")[2] or program
    fields = {"timestamp": stamp, "hostname": host, "program": program, "message": message.lstrip("\ufeff")}
    if pid:
        fields["pid"] = pid
    if priority and int(priority) < 192:
        fields["facility"], fields["severity"] = str(int(priority) // 8), str(int(priority) % 8)
    return fields
