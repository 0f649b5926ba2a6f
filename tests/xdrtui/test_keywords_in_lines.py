"""Keywords in lines whose texts are written otherwise than their fields say them."""

from __future__ import annotations

import pytest

from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import parse_rules
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import Messages, Source

KEYWORD = b"""\
title: Shell over netcat
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: linux, service: auditd}
detection:
  keywords: ['nc -e']
  condition: keywords
"""


@pytest.mark.parametrize(
    "line",
    [
        'type=EXECVE msg=audit(1704067200.1:1): argc=3 a0="nc" a1="-e" a2="/bin/sh"',
        "type=PROCTITLE msg=audit(1704067200.1:1): proctitle=6E63002D65002F62696E2F7368",
        "type=USER_CMD msg=audit(1704067200.1:1): pid=1 msg='cmd=6E63202D65 exe=\"/usr/bin/sudo\"'",
    ],
)
def test_a_keyword_is_found_in_an_audit_record_that_writes_it_otherwise(line: str) -> None:
    rules = parse_rules({"r.yml": KEYWORD})
    detector = SigmaDetector(rules)
    decoder = Decoder(bundled_layouts(), detector.needs)
    decoded = decoder.decode(Messages(Source("u", "n", "file"), 0, [0], [line.encode()]))
    assert [detector.detect(frame.frame).rules for frame in decoded.frames] == [[rules.rules[0].id]]
