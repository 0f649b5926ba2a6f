"""`xdrtui rules coverage`: able, blind, gone blind since when; on files and from the store; for ATT&CK."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import require_shared
from xdrtui.commands import make_group
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.pipeline.coverage import Data, cover, event_type_named, is_gone, look
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.presence import Sighting, Sightings, add
from xdrtui.store.store import Store

HEAD = "status: test\nlevel: {level}\ntags: [attack.execution, {tag}]\n"
RULES = {
    "whoami": (
        "high",
        "attack.t1033",
        "{product: windows, category: process_creation}",
        "CommandLine|contains: who",
    ),
    "hashes": (
        "low",
        "attack.t1059.001",
        "{product: windows, category: process_creation}",
        "Hashes|contains: A",
    ),
    "pipes": ("medium", "attack.t1033", "{product: windows, category: pipe_created}", "PipeName: x"),
    "strange": ("low", "attack.t1059.001", "{product: toaster, service: bread}", "x: y"),
    "cleared": ("high", "attack.t1685.005", "{product: windows, service: security}", "EventID: 1102"),
}


def event(number: int, **fields: object) -> dict[str, object]:
    stamp = f"2026-03-01 10:{number // 60 % 60:02d}:{number % 60:02d}.000"
    channel = "Microsoft-Windows-Sysmon/Operational"
    return {
        "Channel": channel,
        "EventID": 1,
        "Computer": "WKS-1",
        "UtcTime": stamp,
        "Image": "x.exe",
        **fields,
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    for number, (name, (level, tag, source, item)) in enumerate(RULES.items()):
        Path("rules", f"{name}.yml").write_text(
            f"title: {name}\nid: 00000000-0000-4000-8000-00000000000{number}\n"
            f"{HEAD.format(level=level, tag=tag)}"
            f"logsource: {source}\ndetection:\n    s:\n        {item}\n    condition: s\n"
        )
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), ["rules", "coverage", "--rules", "rules", *arguments])


def write(events: list[dict[str, object]], name: str = "events.jsonl") -> str:
    Path(name).write_text("\n".join(map(json.dumps, events)))
    return name


def by_title(result: Result) -> dict[str, dict[str, Any]]:
    return {each["title"]: each for each in map(json.loads, result.stdout.splitlines())}


def half_way(last: int, of: int, host: str = "WKS-1") -> list[dict[str, object]]:
    """Events that lose their command line after so many."""
    return [event(n, Computer=host, **({"CommandLine": "whoami"} if n < last else {})) for n in range(of)]


def test_each_rule_is_told_what_it_can_see(place: Path) -> None:
    found = by_title(run(write(half_way(50, 50)), "--format", "json"))
    assert {title: each["status"] for title, each in found.items()} == {
        "whoami": "able",
        "hashes": "blind",
        "pipes": "no events",
        "strange": "no events",
        "cleared": "no events",
    }
    assert found["hashes"]["sights"][0]["fields"] == ["Hashes"]
    assert "no event of windows/pipe_created" in found["pipes"]["why"]
    assert "no layout knows toaster/*/bread" in found["strange"]["why"]


def test_a_rule_for_another_event_id_has_seen_none(place: Path) -> None:
    logon = {"Channel": "Security", "EventID": 4624, "Computer": "W", "EventTime": "2026-03-01 10:00:00"}
    found = by_title(run(write([logon] * 30), "--format", "json"))
    assert found["cleared"]["status"] == "no events"
    assert "none of the kind (EventID) it asks for" in found["cleared"]["why"]


def test_a_rule_goes_blind_when_its_field_stops_coming(place: Path) -> None:
    book = load_rulebook(["rules"])
    data = look([write(half_way(200, 400))], book, batch=50)
    (rule,) = [each for each in cover(book, data) if each.title == "whoami"]
    (sight,) = rule.sights
    assert (sight.status, sight.fields, sight.missed) == ("gone blind", ("CommandLine",), 200)
    seconds = sight.since // 1_000_000_000
    assert seconds == 1772359200 + 199  # the last event that had it: 10:03:19


def test_one_host_gone_blind_shows_though_others_see(place: Path) -> None:
    write(half_way(1500, 3000) + half_way(3000, 3000, "WKS-2"))
    result = run("events.jsonl")
    assert "gone blind" in result.stdout
    row = next(line for line in result.stdout.splitlines() if "gone blind" in line)
    assert "WKS-1" in row and "WKS-2" not in row
    assert "CommandLine: not since 2026-03-01 10:" in row
    assert "1 of them have gone blind" in result.stderr
    assert by_title(run("events.jsonl", "--format", "json"))["whoami"]["status"] == "able"


@pytest.mark.parametrize(
    ("n", "then", "events", "gone"),
    [
        (100, 100, 119, False),  # too few since to tell
        (100, 100, 120, True),
        (10, 100, 200, False),  # a rare field: ten were due
        (10, 100, 250, True),
        (0, 0, 500, False),  # never seen is another matter
        (5, 0, 500, False),  # counted before times were kept
    ],
)
def test_a_field_is_gone_when_its_absence_is_no_chance(n: int, then: int, events: int, gone: bool) -> None:
    assert is_gone(Sighting(n, 1, then), events) is gone


COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["t", "u"]), st.sampled_from(["", "h"])),
    st.dictionaries(st.sampled_from(["A", "B"]), st.integers(0, 3)),
    max_size=4,
)


@given(st.lists(st.tuples(COUNTS, st.integers(0, 9), st.integers(3, 5)), max_size=6))
def test_the_store_counts_as_a_scan_does(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[tuple[dict[tuple[str, str], dict[str, int]], int, int]],
) -> None:
    known: Sightings = {}
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        for number, (counts, time, events) in enumerate(batches):
            presence = {key: {"": events, **fields} for key, fields in counts.items()}
            add(known, presence, time)
            mark = Mark("s", 0, number + 1, b"", time)
            store.commit_batch(BatchResult(marks=[mark], presence=presence))
        assert store.sightings() == known
        assert store.presence() == {k: {f: one.n for f, one in fields.items()} for k, fields in known.items()}


def test_what_workers_saw_is_remembered(place: Path) -> None:
    write(half_way(50, 50))
    filled = CliRunner().invoke(
        make_group(), ["scan", "events.jsonl", "--rules", "rules", "--into", "workspace"]
    )
    assert filled.exit_code == 0
    found = by_title(run("--format", "json"))
    assert {title: found[title]["status"] for title in ("whoami", "hashes", "pipes")} == {
        "whoami": "able",
        "hashes": "blind",
        "pipes": "no events",
    }


def test_a_field_nobody_asked_for_is_unknown_not_missing(place: Path) -> None:
    write(half_way(50, 50))
    Path("hashes.yml").write_text(Path("rules/hashes.yml").read_text())
    Path("rules/hashes.yml").unlink()
    CliRunner().invoke(make_group(), ["scan", "events.jsonl", "--rules", "rules", "--into", "workspace"])
    assert by_title(run("--rules", "hashes.yml", "--format", "json"))["hashes"]["status"] == "unknown"


def test_an_empty_workspace_says_what_to_do(place: Path) -> None:
    result = run()
    assert result.exit_code == 1
    assert "nothing is stored" in result.stderr


def test_techniques_join_the_rules(place: Path) -> None:
    rows = [
        json.loads(line)
        for line in run(write(half_way(50, 50)), "--by", "technique", "--format", "json").stdout.splitlines()
    ]
    assert {row["technique"]: row["score"] for row in rows} == {"T1033": 50, "T1059.001": 0, "T1685.005": 0}
    assert "T1033      1 of 2" in run("events.jsonl", "--by", "technique").stdout


def test_the_navigator_layer_has_what_the_navigator_reads(place: Path) -> None:
    run(write(half_way(50, 50)), "--navigator", "layer.json")
    layer = json.loads(Path("layer.json").read_text())
    assert layer["versions"]["layer"] == "4.5"
    assert layer["domain"] == "enterprise-attack"
    (whoami,) = [each for each in layer["techniques"] if each["techniqueID"] == "T1033"]
    assert whoami["score"] == 50
    assert whoami["comment"].startswith("1 of 2 rules can fire\nno events: pipes")


def test_hostile_hosts_are_shown_harmlessly(place: Path) -> None:
    events = [event(n, Computer="\x1b]0;owned\x07") for n in range(30)]
    result = run(write(events), "--all")
    assert result.exit_code == 0
    assert not set("\x1b\x07") & set(result.stdout)


@pytest.mark.parametrize(
    "name",
    ["windows.sysmon.1", "windows.security.4688", "windows.system.7045", "windows.taskscheduler.106",
     "zeek.conn", "suricata.alert", "aws.cloudtrail", "linux.auditd", "linux.auth.sshd", "metrics.cpu",
     "cisco.ios"],
)  # fmt: skip
def test_event_types_are_known_by_their_names(name: str) -> None:
    found = event_type_named(load_layouts(), name)
    assert found is not None
    assert found.name == name
    assert found.log_sources


def test_names_of_event_types_give_what_decoding_gave() -> None:
    recording = require_shared("mordor") / "metasploit_comsvcs_lsass_memory_dump.jsonl.gz"
    book = load_rulebook([require_shared("sigmahq") / "rules" / "windows" / "builtin"])
    seen = look([recording], book).event_types
    named = {name: event_type_named(load_layouts(), name) for name in seen if not name.endswith(".other")}
    wrong = {name: found for name, found in named.items() if found != seen[name]}
    assert wrong == {}


def test_on_a_recording_a_field_taken_out_half_way_is_told(tmp_path: Path) -> None:
    recording = require_shared("mordor") / "empire_psremoting_stager_2020-09-20170827.jsonl.gz"
    rules = require_shared("sigmahq") / "rules" / "windows" / "process_creation"
    with gzip.open(recording, "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    chosen = [each for each in events if each.get("EventID") in (1, 4688)] * 8
    chosen = [dict(each) for each in chosen]
    for number, each in enumerate(chosen):
        if number >= len(chosen) // 2:
            each.pop("CommandLine", None)
    data, book = tmp_path / "half.jsonl", load_rulebook([rules])
    data.write_text("\n".join(map(json.dumps, chosen)))
    whole: Data = look([data], book, batch=10)
    statuses = Counter(
        sight.status
        for each in cover(book, whole)
        for sight in each.sights
        if sight.fields == ("CommandLine",) and sight.event_type == "windows.sysmon.1"
    )
    assert statuses["gone blind"] > 500
