"""Text logs: which codec reads a line, and what it reads.

In: one line. Out: the codec's name, as layouts call it, and the fields; or None where no codec knows the
line.
"""

from __future__ import annotations

from collections.abc import Callable

from xdrtui.events.codecs.auditd import read_auditd
from xdrtui.events.codecs.cisco import read_cisco
from xdrtui.events.codecs.syslog import read_syslog

CODECS: dict[str, Callable[[str], dict[str, str] | None]] = {
    "auditd": read_auditd,
    "cisco": read_cisco,
    "syslog": read_syslog,
}


def read_line(line: str) -> tuple[str, dict[str, str]] | None:
    """Return the codec that knows this line, with the fields it finds in it."""
    for name, read in CODECS.items():
        fields = read(line)
        if fields is not None:
            if name == "syslog" and (inner := read_auditd(fields["message"])) is not None:
                return "auditd", {"hostname": fields["hostname"], **inner}
            return name, fields
    return None
