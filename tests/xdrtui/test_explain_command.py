"""`xdrtui explain`: why a rule fired or did not, on events and alerts; what almost fired; harmless output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click import unstyle
from click.testing import CliRunner, Result
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.sigma.explain import Why
from tests.shared_data import require_shared
from xdrtui.commands import make_group
from xdrtui.commands.columns import cells
from xdrtui.commands.why_text import tree_lines, value_text
from xdrtui.pipeline.explaining import Place, place_of
from xdrtui.pipeline.rulebook import PACK
from xdrtui.plain import is_harmless

RULE = """title: Whoami in a Shell
id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
status: test
level: high
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\whoami.exe'
        ParentImage|endswith: ['\\cmd.exe', '\\powershell.exe']
    filter:
        User|contains: SYSTEM
    condition: selection and not filter
"""
OTHER = """title: Zeek Only
id: 0d1c3ac8-9d0b-4d7a-9b8f-0a1a5ba1a2d2
status: test
level: low
logsource: {product: zeek, service: conn}
detection:
    selection: {proto: tcp}
    condition: selection
"""


def event(**fields: object) -> str:
    return json.dumps(
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "Computer": "WKS-1",
            "UtcTime": "2026-03-01 10:00:00.000",
            **fields,
        }
    )


SHELL = r"C:\Windows\System32\cmd.exe"
WHOAMI = r"C:\Windows\System32\whoami.exe"
LINES = [
    event(Image=r"C:\x.exe", ParentImage=SHELL),
    event(Image=WHOAMI, ParentImage=SHELL, User="ada"),
    event(Image=WHOAMI, ParentImage=SHELL, User=r"NT\SYSTEM"),
    event(Image=WHOAMI),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rules and events; nothing of the user's own is read."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "workspace"))
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "whoami.yml").write_text(RULE)
    (tmp_path / "rules" / "zeek.yml").write_text(OTHER)
    (tmp_path / "events.jsonl").write_text("\n".join(LINES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str | Path, stdin: str | None = None, color: bool = False) -> Result:
    return CliRunner().invoke(make_group(), [*map(str, arguments)], input=stdin, color=color)


def explain(*arguments: str | Path, **more: Any) -> Result:
    return run("explain", "--rules", "rules", *arguments, **more)


def test_the_tree_says_true_and_false_and_marks_what_matched(place: Path) -> None:
    result = explain("whoami in a shell", "events.jsonl:1")
    assert result.exit_code == 0
    assert "high  Whoami in a Shell  fires" in result.stdout
    assert r"✓ true  Image ends with \whoami.exe" in result.stdout
    assert r"C:\Windows\System32[\whoami.exe]" in result.stdout
    assert r"✗ false ParentImage ends with \powershell.exe" in result.stdout
    assert "✗ false User contains SYSTEM" in result.stdout


@pytest.mark.parametrize(("line", "fires"), [(0, False), (1, True), (2, False), (3, False)])
def test_it_agrees_with_scan(place: Path, line: int, fires: bool) -> None:
    data = json.loads(explain("5f6fb2c8", f"events.jsonl:{line}", "--format", "json").stdout)
    assert data["fires"] is fires
    matches = run("scan", "events.jsonl", "--rules", "rules", "--format", "jsonl").stdout.splitlines()
    assert (line in [json.loads(match)["offset"] for match in matches]) is fires


def test_an_absent_field_is_said_to_be_absent(place: Path) -> None:
    assert (
        r"ParentImage ends with \cmd.exe  (the field is absent)"
        in explain("5f6fb2c8", "events.jsonl:3").stdout
    )


def test_a_rule_of_another_log_source_does_not_look(place: Path) -> None:
    result = explain("Zeek Only", "events.jsonl:1")
    assert "does not look" in result.stdout
    assert "The rule looks at zeek/*/conn" in result.stdout


def test_json_gives_the_whole_tree_with_spans(place: Path) -> None:
    data = json.loads(explain("5f6fb2c8", "events.jsonl:1", "--format", "json").stdout)
    image = data["why"]["below"][0]["below"][0]
    assert (image["field"], image["words"], image["pattern"]) == ("Image", "ends with", r"\whoami.exe")
    assert image["value"][image["start"] : image["end"]] == r"\whoami.exe"
    assert data["event"]["offset"] == 1


def test_a_rule_may_be_a_file_and_an_event_standard_input(place: Path) -> None:
    assert "fires" in explain("rules/whoami.yml", "-", stdin=LINES[1]).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["whoami in a shel1", "events.jsonl:1"], "the nearest is 'Whoami in a Shell'"),
        (["whoami in a shell", "events.jsonl:99"], "there is no event"),
        (["whoami in a shell", "gone.jsonl:1"], "neither a file"),
        (["whoami in a shell", "events.jsonl:1:5"], "has 1 events"),
        (["events.jsonl:1"], "name the rule"),
        (["--near", "x", "events.jsonl:1"], "takes an event"),
    ],
)
def test_what_cannot_be_explained_is_said_in_one_sentence(place: Path, words: list[str], said: str) -> None:
    result = explain(*words)
    assert result.exit_code in (1, 2)
    assert said in result.stderr


def test_near_misses_come_with_what_is_lacking(place: Path) -> None:
    result = explain("--near", "events.jsonl:2")
    assert "lacks 1  high  Whoami in a Shell" in result.stdout
    assert "must not hold: User contains SYSTEM" in result.stdout
    assert r"NT\[SYSTEM]" in result.stdout
    assert "1 rules look at such events: 0 fire, 1 lack one item." in result.stderr


def test_near_tells_the_rules_that_fire_apart(place: Path) -> None:
    lines = explain("--near", "events.jsonl:1", "--format", "json").stdout.splitlines()
    assert [json.loads(line)["fires"] for line in lines] == [True]


def test_hostile_values_and_rules_reach_the_terminal_harmlessly(place: Path) -> None:
    (place / "rules" / "whoami.yml").write_text(RULE.replace("Whoami in a Shell", '"\\e]0;owned\\a"'))
    (place / "evil.jsonl").write_text(event(Image="\x1b[2J\u202e\\whoami.exe", ParentImage=SHELL + "\x07"))
    for result in (explain("5f6fb2c8", "evil.jsonl:0"), explain("--near", "evil.jsonl:0")):
        assert result.exit_code == 0
        assert not set("\x1b\x07\u202e") & set(result.stdout)


def test_colours_only_add_to_words(place: Path) -> None:
    plain = explain("5f6fb2c8", "events.jsonl:1").stdout
    coloured = explain("5f6fb2c8", "events.jsonl:1", color=True).stdout
    assert "\x1b[" in coloured
    assert unstyle(coloured) == plain


def alerts(query: str = "") -> list[dict[str, Any]]:
    listed = run("alerts", "list", *query.split(), "--format", "json").stdout.splitlines()
    return [json.loads(line) for line in listed]


def test_an_alert_is_explained_from_what_it_has_pinned(place: Path) -> None:
    assert run("scan", "events.jsonl", "--rules", "rules", "--into", "workspace").exit_code == 0
    (place / "events.jsonl").unlink()
    (alert,) = alerts()
    result = explain(alert["id"][:8])
    assert result.exit_code == 0
    assert "Whoami in a Shell  fires" in result.stdout
    assert r"[\whoami.exe]" in result.stdout


def test_an_alert_is_explained_by_the_version_of_the_rule_that_made_it(place: Path) -> None:
    run("scan", "events.jsonl", "--rules", "rules", "--into", "workspace")
    (place / "rules" / "whoami.yml").write_text(RULE.replace("whoami.exe", "other.exe"))
    (alert,) = alerts()
    assert "Whoami in a Shell  fires" in explain(alert["id"]).stdout
    assert "Whoami in a Shell  does not fire" in explain("5f6fb2c8", alert["id"]).stdout


def test_a_correlations_alert_shows_the_events_and_values_that_counted(place: Path) -> None:
    file = next(PACK.rglob("many_calls_denied.events.json"), None) or next(
        each for each in PACK.rglob("*.events.json") if "aws_many_calls_denied" in each.read_text()
    )
    events = json.loads(file.read_text())["aws_many_calls_denied"]["positive"]
    (place / "trail.jsonl").write_text("\n".join(map(json.dumps, events)))
    assert run("scan", "trail.jsonl", "--into", "workspace").exit_code == 0
    alert = next(each for each in alerts() if each["title"] == "Many Kinds of API Calls Denied")
    result = run("explain", alert["id"])
    assert result.exit_code == 0, result.stderr
    assert "distinct values of eventName in API Call Denied" in result.stdout
    assert "value  listusers" in result.stdout
    assert "API Call Denied  listusers  trail.jsonl:" in result.stdout
    data = json.loads(run("explain", alert["id"], "--format", "json").stdout)
    assert len(data["counted"]) >= 8
    assert len(data["distinct"]) >= 8


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a:b.jsonl", Place("a:b.jsonl")),
        ("a:b.jsonl:3", Place("a:b.jsonl", 3)),
        ("a:b.jsonl:3:2", Place("a:b.jsonl", 3, 2)),
        ("-:4", Place("-", 4)),
        ("gone:3", None),
        ("a:b.jsonl:3:2:1", None),
        ("a:b.jsonl:x", None),
    ],
)
def test_a_place_is_read_from_the_right(place: Path, text: str, found: Place | None) -> None:
    Path("a:b.jsonl").write_text("{}")
    assert place_of(text) == found


TEXTS = st.text(st.characters(exclude_categories=()), max_size=60) | st.text("a界\x1b\u202e", max_size=60)


@given(TEXTS, TEXTS, TEXTS, st.integers(20, 80))
@example("", "", "\xa0", 20)  # a space that Python does not call printable
def test_what_matched_stays_in_view_and_the_line_in_its_room(
    before: str, match: str, after: str, room: int
) -> None:
    value = before + match + after
    why = Why("test", True, "", (), "f", "is", "", value, "value", len(before), len(before) + len(match))
    line = unstyle(value_text(why, room))
    assert cells(line) <= room + 2
    assert is_harmless(line)
    if value and match and match.isascii() and match.isalnum() and len(match) <= room - 4:
        assert f"[{match}]" in line


def test_a_long_list_shows_what_decided_and_counts_the_rest() -> None:
    tests = tuple(Why("test", n == 30, field="f", words="is", pattern=str(n), value="30") for n in range(50))
    lines = [unstyle(line) for line in tree_lines(Why("or", True, below=tests))]
    assert any("f is 30" in line for line in lines)
    assert "… and 49 more, all false" in lines[-1]
    assert len(list(tree_lines(Why("or", True, below=tests), full=True))) > 50


def test_a_recorded_attacks_alert_is_explained(place: Path) -> None:
    """A dump of LSASS in the recorded sessions, by SigmaHQ's rule."""
    sessions, rules = require_shared("mordor"), require_shared("sigmahq")
    recording = sessions / "metasploit_comsvcs_lsass_memory_dump.jsonl.gz"
    rule = next(rules.rglob("proc_creation_win_rundll32_process_dump_via_comsvcs.yml"))
    data = json.loads(run("explain", rule, f"{recording}:1088", "--format", "json").stdout)
    assert data["fires"]
    spans = [test["value"][test["start"] : test["end"]] for test in _true_tests(data["why"])]
    assert {"comsvcs", "full"} <= {span.lower() for span in spans}


def _true_tests(node: dict[str, Any]) -> list[dict[str, Any]]:
    if node["kind"] == "test":
        return [node] if node["true"] else []
    return [test for each in node["below"] for test in _true_tests(each)]
