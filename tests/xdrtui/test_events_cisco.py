"""Cisco devices' messages: read with what stands before the sign, never taken from another program."""

from __future__ import annotations

import pytest

from xdrtui.events.codecs.cisco import read_cisco
from xdrtui.events.codecs.lines import read_line

MESSAGE = "%PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no dot1x"


@pytest.mark.parametrize(
    ("head", "host", "stamp"),
    [
        ("", None, None),
        ("172.16.5.10 6705: Feb 17 13:40:03.673: ", "172.16.5.10", "Feb 17 13:40:03.673"),
        (
            "<189>Feb 17 13:40:03 sw-1 6705: *Feb 17 2026 13:40:03.673 UTC: ",
            "sw-1",
            "Feb 17 2026 13:40:03.673",
        ),
        ("000123: Mar  1 18:46:11: ", None, "Mar  1 18:46:11"),
        ("2026-03-01T10:00:00Z core-sw.lan : ", "core-sw.lan", "2026-03-01T10:00:00Z"),
        ("2001:db8::1 7: ", "2001:db8::1", None),
    ],
)
def test_what_stands_before_the_sign_is_read(head: str, host: str | None, stamp: str | None) -> None:
    fields = read_cisco(head + MESSAGE)
    assert fields is not None
    assert (fields["facility"], fields["severity"], fields["mnemonic"]) == ("PARSER", "5", "CFGLOG_LOGGEDCMD")
    assert fields["message"].startswith("User:admin")
    assert (fields.get("hostname"), fields.get("timestamp")) == (host, stamp)


@pytest.mark.parametrize(
    "line",
    [
        "Feb 17 13:40:03 web sshd[811]: Invalid user %SYS-5-CONFIG_I: from 203.0.113.9 port 22",
        "Feb 17 13:40:03 web sudo: %SYS-5-CONFIG_I: bob : TTY=pts/0",
        "Feb 17 13:40:03 web sshd: %SYS-5-CONFIG_I: x",
    ],
)
def test_a_sign_in_another_programs_text_does_not_hide_the_line_from_its_rules(line: str) -> None:
    read = read_line(line)
    assert read is not None
    assert read[0] == "syslog"


def test_the_head_is_bounded_however_long_the_line() -> None:
    assert read_cisco("a " * 200_000 + MESSAGE) is None
    assert read_cisco("1: " * 100 + MESSAGE) is None
