"""One scan over the raw bytes answers for the guard and for the detectors' keywords."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import EventFrame
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import parse_rules
from xdrtui.events import guard
from xdrtui.events.decode import Decoder
from xdrtui.events.guard import Guard, expressions
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import Messages, Source

KEYWORDS = b"""\
title: Names of tools
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, service: security}
detection:
  keywords: ['mimikatz', 'nc -e', 'Kelvin']
  condition: keywords
"""

WANTED = expressions(["Image", "Data"], [("Event", "Image"), ("Data",)], False)
SOUGHT = frozenset((b"(?i)mimikatz", b"(?i)nc\\ \\-e"))

PIECES = ['"Image":', '"Data":', " ", ".Image", "1", ",", "MimiKatz", "nc -e", '\\u0049mage"', '" :', "mimi"]
lines_of_pieces = st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))


@settings(max_examples=150, deadline=None)
@given(lines_of_pieces)
def test_a_database_of_its_own_finds_the_same(lines: list[str]) -> None:
    payloads = [line.encode() + b"1}" for line in (*lines, "")]  # no JSON ends with a colon
    shared, own = Guard(), Guard()
    for each in (shared, own):
        each.cover(expressions(["Other"], [("Other",)], True))
        each.cover(WANTED | SOUGHT)
    own._payloads[WANTED, SOUGHT] = guard.OFTEN
    found = own.hits(payloads, WANTED, SOUGHT)
    assert own._own and not shared._own
    assert found == shared.hits(payloads, WANTED, SOUGHT)


TEXTS = ["MIMIKATZ.exe", "nc  -e", "NC -E x", "\u212aelvin", "elvin", ""]


def frames(texts: Sequence[str]) -> tuple[SigmaDetector, list[EventFrame]]:
    detector = SigmaDetector(parse_rules({"r.yml": KEYWORDS}))
    decoder = Decoder(bundled_layouts(), detector.needs)
    lines = [
        json.dumps({"Channel": "Security", "EventID": 4688, "CommandLine": text}).encode() for text in texts
    ]
    decoded = decoder.decode(Messages(Source("u", "n", "file"), 0, range(len(lines)), lines))
    return detector, [frame.frame for frame in decoded.frames]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(TEXTS), min_size=1))
def test_keywords_met_on_the_way_are_those_of_a_search_of_their_own(texts: list[str]) -> None:
    detector, (frame,) = frames(texts)
    apart = EventFrame(frame.event_type, frame.columns, frame.raws, frame.event)
    assert frame.sought and not apart.sought
    met = detector.detect(frame).rows
    assert met == detector.detect(apart).rows
    assert met == [row for row, text in enumerate(texts) if text not in ("nc  -e", "elvin", "")]


def test_events_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, (frame,) = frames(["mimikatz", "notepad"])
    monkeypatch.setattr("detectors.sigma.keywords.Keywords.suspects", None)
    assert list(frame.suspects) == [0]
    assert detector.detect(frame).rows == [0]
