"""Messages of Cisco devices (IOS, IOS-XE, NX-OS, ASA): `%FACILITY-SEVERITY-MNEMONIC: text`.

In: one line, with what the device or a relay puts before the sign (priority, host, sequence number, time).
Out: facility, severity, mnemonic, message, and timestamp and hostname where they stand.
"""

from __future__ import annotations

import re

_SIGN = re.compile(r"%([A-Z][A-Z0-9_]{1,40}(?:-[A-Z0-9_]{1,40})??)-([0-7])-([A-Z0-9_]{2,60}): ?")
_STAMP = re.compile(
    r"[*.]?([A-Z][a-z]{2} [ \d]\d(?: \d{4})? \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,20})"
)
_PRIORITY = re.compile(r"<\d{1,3}>(?:1 )?")
_HEAD = re.compile(
    r" *(?:(?!\d+:? )([A-Za-z0-9](?:[A-Za-z0-9._:-]{0,253}[A-Za-z0-9])?):? +)?(?:\d{1,10}: *)?"
    r"(?:(?:[A-Z]{2,5})? *: *)?"
)
"""What may stand before the sign beside times: host, sequence number, time zone. With anything else the line
is another program's that quotes such a sign (a user name can hold one), and is not taken from that one."""
_LONGEST_HEAD = 400


def read_cisco(line: str) -> dict[str, str] | None:
    """The fields of a line, or None where it is none of a Cisco device's."""
    if "%" not in line[:_LONGEST_HEAD]:
        return None
    sign = _SIGN.search(line, 0, _LONGEST_HEAD)
    if sign is None:
        return None
    before = _PRIORITY.sub("", line[: sign.start()], count=1)
    head = _HEAD.fullmatch(_STAMP.sub("", before))
    if head is None:
        return None
    facility, severity, mnemonic = sign.groups()
    fields = {"facility": facility, "severity": severity, "mnemonic": mnemonic, "message": line[sign.end() :]}
    stamps = _STAMP.findall(before)
    if stamps:
        fields["timestamp"] = stamps[-1]  # the device's own; a relay's stands before it
    if head[1]:
        fields["hostname"] = head[1]
    return fields
