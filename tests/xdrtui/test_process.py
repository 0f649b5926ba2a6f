"""One batch through decoding and detection: what the store is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detectors.contract import EventType
from detectors.sigma.cache import Cache
from xdrtui.events.frame import Core
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process, main_entity
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook

RULE = """title: Encoded shell
id: 11111111-1111-4111-8111-111111111111
name: encoded
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection:
    Image|endswith: '\\powershell.exe'
    CommandLine|contains: ' -enc '
  filter:
    ParentImage|endswith: '\\agent.exe'
  condition: selection and not filter
---
title: Many of them
id: 22222222-2222-4222-8222-222222222222
level: high
correlation:
  type: event_count
  rules: [encoded]
  group-by: [User]
  timespan: 10m
  condition: {gte: 3}
"""


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    (tmp_path / "rule.yml").write_text(RULE)
    return load_rulebook([tmp_path / "rule.yml"], cache=Cache(None))


def event(**fields: object) -> bytes:
    base = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "UtcTime": "2026-03-03 10:00:00.000",
        "Hostname": "WS-1.corp.example",
        "User": r"CORP\anna",
        "Image": r"C:\Windows\powershell.exe",
        "CommandLine": "powershell -enc AAAA",
        "ParentImage": r"C:\Office\WINWORD.EXE",
    }
    return json.dumps({**base, **fields}).encode()


def messages(*payloads: bytes) -> Messages:
    return Messages(Source("file:x", "x.jsonl", "file"), 0, range(len(payloads)), payloads)


def test_a_finding_carries_all_that_an_alert_needs(rulebook: Rulebook) -> None:
    result = Process(rulebook).run(messages(event(), event(CommandLine="x")), ReplayClock())
    (found,) = result.found
    assert (found.rule[0], found.level, found.host.lower().partition(".")[0], found.user) == (
        "1",
        "high",
        "ws-1",
        r"CORP\anna",
    )
    assert found.position == ("file:x", 0, 0, 0)
    assert found.matched == {
        "Image": r"C:\Windows\powershell.exe",
        "CommandLine": "powershell -enc AAAA",
    }
    assert found.captures == {"User": r"CORP\anna"}
    assert found.feeds
    assert not found.muted or rulebook.muted
    assert json.loads(found.raw)["EventID"] == 1
    assert "powershell.exe" in found.summary
    assert ("user", r"CORP\anna") in found.entities


def test_the_mark_tells_how_far_the_partition_was_read(rulebook: Rulebook) -> None:
    (mark,) = Process(rulebook).run(messages(event(), b"\x00"), ReplayClock()).marks
    assert mark.next_offset == 2
    assert len(mark.anchor) == 16


def test_the_same_event_has_the_same_hash_and_another_place(rulebook: Rulebook) -> None:
    one, two = Process(rulebook).run(messages(event(), event()), ReplayClock()).found
    assert one.event_hash == two.event_hash
    assert one.position != two.position


def test_a_batch_gives_the_same_whatever_came_before(rulebook: Rulebook) -> None:
    fresh, used = Process(rulebook), Process(rulebook)
    used.run(messages(event(User="x"), event(Image="y")), ReplayClock())
    batch = messages(event(), b"broken", event(CommandLine="powershell -enc B"))
    assert fresh.run(batch, ReplayClock()) == used.run(batch, ReplayClock())


def test_messages_that_cannot_be_read_become_dead_letters_and_are_counted(rulebook: Rulebook) -> None:
    result = Process(rulebook).run(messages(event(), b"\xff\xfe{", b""), ReplayClock())
    assert result.counts["messages"] == 3
    assert result.counts["events"] + len(result.dead) == 3


@pytest.mark.parametrize(
    ("layout", "core", "expected"),
    [
        ("windows", Core("h", "u", "1.1.1.1", "2.2.2.2"), (("host.name", "h"),)),
        ("zeek", Core("sensor", "", "1.1.1.1", "2.2.2.2"), (("source.ip", "1.1.1.1"),)),
        ("aws", Core("", "arn:u", "1.1.1.1", ""), (("user.name", "arn:u"),)),
        ("windows", Core(), ()),
    ],
)
def test_an_alert_is_about_one_entity(layout: str, core: Core, expected: tuple[tuple[str, str], ...]) -> None:
    assert main_entity(EventType("t", layout, frozenset()), core) == expected
