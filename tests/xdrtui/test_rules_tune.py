"""Tuning: a filter from false and true positives, made of what they share, held to both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from detectors.sigma import strings
from detectors.sigma.tune import Item, escape, propose
from xdrtui.commands import make_group

RULE = """title: Encoded Command
id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
level: low
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        CommandLine|contains: ' -enc '
    condition: selection
"""
AGENT = "C:\\Program Files\\Agent\\agent.exe"


def event(parent: str, user: str, command: str) -> dict[str, object]:
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "ParentImage": parent,
        "User": user,
        "CommandLine": command,
        "ProcessId": abs(hash(command)) % 9999,
    }


@pytest.fixture(autouse=True)
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "rule.yml").write_text(RULE)
    monkeypatch.chdir(tmp_path)


def tune(false: list[dict[str, object]], true: list[dict[str, object]]) -> Result:
    for name, events in (("false.jsonl", false), ("true.jsonl", true)):
        Path(name).write_text("".join(json.dumps(each) + "\n" for each in events))
    words = ["rules", "tune", "Encoded Command", "--rules", "rule.yml", "--false", "false.jsonl"]
    return CliRunner().invoke(make_group(), [*words, "--true", "true.jsonl"] if true else words)


FALSE = [event(AGENT, "NT AUTHORITY\\SYSTEM", f"powershell.exe -enc A{n}") for n in range(5)]
TRUE = [event("C:\\Office\\WINWORD.EXE", "CORP\\ana", f"powershell.exe -enc B{n}") for n in range(3)]


def test_a_filter_is_made_of_what_the_false_ones_share(tmp_path: Path) -> None:
    result = tune(FALSE, TRUE)
    assert result.exit_code == 0
    body = yaml.safe_load(result.stdout)
    assert body["filter"]["rules"] == ["5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1"]
    assert body["filter"]["selection_1"] == {"ParentImage": AGENT, "User": "NT AUTHORITY\\SYSTEM"}
    assert "5 of 5 false positives left out" in result.stderr
    assert "all 3 true positives stay." in result.stderr


def test_the_filter_works_when_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "filter.yml").write_text(tune(FALSE, TRUE).stdout)
    scan = ["scan", "--rules", "rule.yml", "--rules", "filter.yml", "--format", "jsonl"]
    assert CliRunner().invoke(make_group(), [*scan, "false.jsonl"]).stdout == ""
    assert CliRunner().invoke(make_group(), [*scan, "true.jsonl"]).stdout.count("\n") == 3


def test_two_kinds_of_false_positives_are_two_selections() -> None:
    other = [event("C:\\Backup\\job.exe", "CORP\\svc_backup", f"x.exe -enc C{n}") for n in range(2)]
    body = yaml.safe_load(tune(FALSE + other, TRUE).stdout)
    assert {"selection_1", "selection_2"} < set(body["filter"])


def test_what_cannot_be_told_apart_is_refused() -> None:
    result = tune(FALSE, FALSE[:2])
    assert result.exit_code == 1
    assert result.stdout == ""


def test_a_true_positive_by_the_same_parent_is_never_hidden() -> None:
    sly = event(AGENT, "CORP\\ana", "powershell.exe -enc Z")
    result = tune(FALSE, [*TRUE, sly])
    body = yaml.safe_load(result.stdout)
    assert "User" in body["filter"]["selection_1"]
    assert "all 4 true positives stay." in result.stderr


def test_a_rule_that_does_not_fire_on_them_has_nothing_to_tune() -> None:
    assert "nothing to tune" in tune([event(AGENT, "x", "calm.exe")], TRUE).stderr


def test_fields_that_change_by_nature_are_left_out() -> None:
    false = [{"UtcTime": "2026-01-01", "ProcessGuid": "{abc-def}", "User": "SYSTEM"}]
    (selection,) = propose(false, [{"User": "ana"}]).selections
    assert selection.items == (Item("User", "", "SYSTEM"),)


def test_parts_of_paths_serve_where_the_whole_differs() -> None:
    false = [{"Image": f"C:\\Users\\u{n}\\tool.exe"} for n in range(4)]
    (selection,) = propose(false, [{"Image": "C:\\Users\\u1\\evil.exe"}]).selections
    assert selection.items == (Item("Image", "endswith", "\\tool.exe"),)


@given(st.text(alphabet="ab\\*?é", min_size=1, max_size=8))
def test_an_escaped_text_means_itself(text: str) -> None:
    assert strings.parse(escape(text)) == (text,)
