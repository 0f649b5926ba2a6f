"""A query held against single recent events means what it means in a hunt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from detectors.contract import Needs
from tests.xdrtui.test_hunt import hunted
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.hunt.glance import Glance
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.live import RAW_LIMIT, LiveRow
from xdrtui.triage.grammar import QueryError

SOURCE = Source("s", "s", "file", "")
SECOND = 1_000_000_000
NOW = 1_772_546_531 * SECOND
EVENTS = [
    {"_path": "conn", "ts": 1772546500, "uid": "C1", "id.orig_h": "10.0.0.1", "id.resp_h": "203.0.113.77",
     "id.resp_p": 443, "proto": "tcp", "orig_bytes": 2048},
    {"_path": "dns", "ts": 1772546400, "uid": "C2", "id.orig_h": "10.9.0.1", "id.resp_h": "10.0.0.53",
     "query": "evil.example.com", "qtype_name": "A", "answers": ["203.0.113.77", "other"]},
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "Computer": "wks-1.corp.example",
     "User": "CORP\\Ada", "Image": "C:\\Windows\\cmd.exe", "CommandLine": "cmd /c \"whoami /all\"",
     "UtcTime": "2026-03-03 14:00:11.000"},
]  # fmt: skip
QUERIES = [
    "evil.example.com", "EVIL", "whoami", '"whoami /all"', "Image:*cmd.exe", "image:c:\\windows\\*",
    "host:wks-1", "host:wks-1.corp.example", "host:wks", "user:*ada", "not user:*ada", "address:203.0.113.77",
    "address:10.0.0.0/24", "source:10.0.0.1", "destination:10.0.0.0/8", "id.resp_p>=443", "orig_bytes<2000",
    "orig_bytes>2000 or query:*evil*", "type:zeek", "type:zeek.dns", "type:windows", "type:zee",
    "type:*.conn",
    "(proto:tcp or proto:udp) not 10.0.0.1", "203.0.113.77", "answers:other", "query:evil[.]example[.]com",
    "203[.]0[.]113[.]77", "hxxp://evil", "proto:udp",
]  # fmt: skip


def rows() -> list[LiveRow]:
    payloads = [json.dumps(event).encode() for event in EVENTS]
    messages = Messages(
        Source("s", "s", "file", ""), 0, range(len(payloads)), payloads, [NOW] * len(payloads)
    )
    decoded = Decoder(load_layouts(), lambda event_type: Needs()).decode(messages)
    return [
        LiveRow(1, frame.times[row], frame.frame.event_type.name, frame.core(row).host, frame.core(row).user,
                frame.summary(row), frame.frame.raws[row])
        for frame in decoded.frames for row in range(frame.rows)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("glance")
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    fill(folder / "store", [folder / "events.jsonl"], load_rulebook(), archive=Bounds())
    return folder / "store"


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("id.resp_p>=443", [0]), ("id.resp_p>443", []), ("id.resp_p<=443", [0]), ("id.resp_p<443", []),
        ("orig_bytes>=2047.5 orig_bytes<=2048.5", [0]), ("host:wks-1", [2]), ("host:WKS-1.Corp.example", [2]),
        ("host:wks", []), ("type:ZEEK.D*", [1]), ("type:Zeek", [0, 1]), ("image:*CMD.EXE", [2]),
        ("not type:ZEEK.*", [2]), ("EVIL.example*", [1]), ("203.0.113.77 not type:zeek.dns", [0]),
    ],
)  # fmt: skip
def test_a_query_means_what_it_says(workspace: Path, query: str, places: list[int]) -> None:
    wanted = [json.dumps(EVENTS[place]).encode() for place in places]
    assert sorted(hit.raw for hit in hunted(workspace, query)[0]) == sorted(wanted)
    glance = Glance(query, NOW)
    assert sorted(row.raw for row in rows() if glance.fits(row)) == sorted(wanted)


@pytest.mark.parametrize("query", QUERIES)
def test_it_lets_through_what_a_hunt_finds(workspace: Path, query: str) -> None:
    found = {hit.raw for hit in hunted(workspace, query)[0]}
    glance, recent = Glance(query, NOW), rows()
    assert {row.raw for row in recent if glance.fits(row)} == found
    suspects = glance.suspects([row.raw for row in recent])
    assert found <= {recent[place].raw for place in suspects}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("time>=-1m", 1),
        ("time<=-2m", 2),
        ("time>=14:01Z", 1),
        ("seen>=2026-03-04", 0),
        ("time>=-1h not time>-1m", 2),
    ],
)
def test_times_are_looked_at_as_in_the_queue(query: str, count: int) -> None:
    glance = Glance(query, NOW)
    assert sum(glance.fits(row) for row in rows()) == count


def test_of_an_event_that_was_cut_what_is_left_is_looked_at() -> None:
    event = {
        "EventID": 4104,
        "Path": 'C:\\a "b".ps1',
        "ScriptBlockText": "needle " + "x" * 20_000,
        "After": 1,
    }
    row = LiveRow(
        1, NOW, "windows.powershell.4104", "h", "u", "script", json.dumps(event).encode()[:RAW_LIMIT]
    )
    for query in (
        "EventID:4104",
        "EventID>4000",
        'Path:"C:\\a *b*.ps1"',
        "ScriptBlockText:needle*",
        "needle",
    ):
        assert Glance(query, NOW).fits(row), query
    assert not Glance("After:1", NOW).fits(row)


def test_text_that_is_no_json_is_searched_too() -> None:
    row = LiveRow(
        1, NOW, "linux.auth", "web-1", "", "a login", b"<34>Oct 11 sshd[1]: Failed password for root"
    )
    assert Glance("failed host:web-1", NOW).fits(row) and not Glance("passed", NOW).fits(row)


@pytest.mark.parametrize("query", ["(a", "a or", "host:", 'xx:"', "port>abc", "time>=soon", "time:"])
def test_what_cannot_be_understood_says_where(query: str) -> None:
    with pytest.raises(QueryError, match="at character"):
        Glance(query, NOW)


def test_an_empty_query_lets_everything_through() -> None:
    assert all(Glance("  ", NOW).fits(row) for row in rows())
