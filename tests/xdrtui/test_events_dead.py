"""What no decoder reads, and events that no layout knows, still meet keyword rules."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from detectors.contract import EventType, LogSource
from detectors.sigma.cache import Cache
from detectors.sigma.match import SigmaDetector
from detectors.sigma.plan import looks_at
from detectors.sigma.rules import parse_rules
from xdrtui.events import items
from xdrtui.events.message import Messages, Source
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook

RULES = {
    "keywords": "keywords: ['mimikatz']\n  condition: keywords",
    "unless": "keywords: ['mimikatz']\n  filter: ['test run']\n  condition: keywords and not filter",
    "absence": "keywords: ['mimikatz']\n  condition: not keywords",
    "fields": "selection: {CommandLine|contains: mimikatz}\n  condition: selection",
    "mixed": "keywords: ['mimikatz']\n  filter: {Image: a}\n  condition: keywords and not filter",
}
TEXT = """title: {name}
id: 11111111-1111-4111-8111-11111111111{number}
level: high
logsource: {{product: windows, category: process_creation}}
detection:
  {detection}
"""


@pytest.fixture
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    folder = tmp_path_factory.mktemp("rules")
    for number, (name, detection) in enumerate(RULES.items()):
        (folder / f"{name}.yml").write_text(TEXT.format(name=name, number=number, detection=detection))
    return load_rulebook([folder], cache=Cache(None))


def messages(payloads: Sequence[bytes]) -> Messages:
    return Messages(Source("file:x", "x.jsonl", "file"), 0, range(5, 5 + len(payloads)), payloads)


@pytest.mark.parametrize(
    "payload",
    [
        b"nothing that anyone can read: MimiKatz",
        b'{"Channel":"Security","EventID":4688,"CommandLine":mimikatz',
        b"\xff\xfe mimikatz \x00",
        b"[" * 20_000 + b'"mimikatz"',
        b"{" + b"x" * 200_000 + b"mimikatz",
    ],
)
def test_a_dead_letter_is_searched_for_keywords(payload: bytes, rulebook: Rulebook) -> None:
    good = b'{"Channel":"Security","EventID":1}'
    result = Process(rulebook).run(messages([good, payload, b"harmless words"]), ReplayClock())
    titles = sorted(rulebook.rules[found.rule].title for found in result.found)
    assert titles == ["keywords", "unless"]
    assert {(each.position.offset, each.event_type) for each in result.found} == {(6, "unrouted")}
    assert result.found[0].raw == payload
    assert [letter.position.offset for letter in result.dead] == [6, 7]
    counts = result.counts
    assert (counts["messages"], counts["events"], counts["dead"]) == (3, 1, 2)
    assert counts["events"] == counts["routed"] + counts["unrouted"]


def test_an_unrouted_event_is_searched_for_keywords(rulebook: Rulebook) -> None:
    payloads = [b'{"what":"is this","says":"mimikatz"}', b'{"says":"mimikatz in a test run"}', b'{"a":"b"}']
    result = Process(rulebook).run(messages(payloads), ReplayClock())
    found = sorted((each.position.offset, rulebook.rules[each.rule].title) for each in result.found)
    assert found == [(5, "keywords"), (5, "unless"), (6, "keywords")]
    assert result.counts["unrouted"] == 3 and not result.dead


def test_keywords_of_one_log_source_are_not_looked_for_in_another(rulebook: Rulebook) -> None:
    line = b'type=EXECVE msg=audit(1704067200.1:1): argc=1 a0="mimikatz"'
    assert not Process(rulebook).run(messages([line]), ReplayClock()).found


def test_only_a_type_without_log_source_is_served_by_keywords_alone() -> None:
    rules = parse_rules(
        {
            f"{name}.yml": TEXT.format(name=name, number=number, detection=text).encode()
            for number, (name, text) in enumerate(RULES.items())
        }
    )
    unknown = EventType("unrouted", "unrouted", frozenset())
    linux = EventType("linux.auditd", "linux", frozenset({LogSource("linux", "", "auditd")}))
    serving = {rule.title for rule in rules.rules if looks_at(rule, unknown)}
    assert serving == {"keywords", "unless"}
    assert {rules.rules[number].title for number in SigmaDetector(rules).plan(unknown).trees} == serving
    assert not any(looks_at(rule, linux) for rule in rules.rules)


LARGE = b'{"Channel":"Security","EventID":4688,"CommandLine":"mimikatz","pad":"%s"}' % (b"x" * 2_000)
SMALL = b'{"Channel":"Security","EventID":4688,"CommandLine":"mimikatz"}'


@pytest.mark.parametrize(
    "payload", [LARGE, b" " + LARGE, b'{"Records":[%s]}' % LARGE, b"[%s" % LARGE, b"x" * 2_000]
)
def test_an_event_that_is_too_large_is_a_dead_letter_and_never_taken_apart(
    payload: bytes, rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "LARGEST", 1_000)
    monkeypatch.setattr(items, "tree", None)
    monkeypatch.setattr(items, "events_in", None)
    result = Process(rulebook).run(messages([SMALL, payload]), ReplayClock())
    assert result.counts["events"] == 1
    assert [(letter.position.offset, letter.size) for letter in result.dead] == [(6, len(payload))]
    assert f"larger than one event may be ({len(payload):,} bytes of at most 1,000)" in result.dead[0].reason


def test_a_large_message_is_read_as_the_array_of_events_that_it_is(
    rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "LARGEST", 1_000)
    result = Process(rulebook).run(
        messages([b" [" + b",".join([*[SMALL] * 20, LARGE, SMALL]) + b"]\n"]), ReplayClock()
    )
    assert result.counts["events"] == 21
    assert [letter.position.index for letter in result.dead] == [20]
    assert {found.position.index for found in result.found} == {*range(22)}
