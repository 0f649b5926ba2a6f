"""Rules that are off in a workspace: who, when, why; left out by scans there; and what list and show say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xdrtui.commands import make_group
from xdrtui.errors import ActionRefused
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk
from xdrtui.triage.rows import Principal
from xdrtui.triage.rules import RuleDesk, rules_off

ANA = Principal("ana", "desk-1")
TITLE = "Command Line of a Credential Theft Tool"
EVENT = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "Image": "C:\\x\\mimikatz.exe",
    "CommandLine": "mimikatz.exe sekurlsa::logonpasswords",
    "UtcTime": "2026-03-01 10:00:00.000",
    "Computer": "WS-01",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "workspace"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(make_group(), list(map(str, arguments)))


def test_who_when_and_why_are_kept(tmp_path: Path) -> None:
    with RuleDesk.open(tmp_path, ANA, clock=lambda: 42) as desk:
        desk.disable(["a", "b"], " too loud ")
        desk.enable(["b"])
    (off,) = rules_off(tmp_path).values()
    assert (off.rule, off.reason, off.author, off.clock) == ("a", "too loud", "ana", 42)


def test_off_needs_a_reason_and_changes_something(tmp_path: Path) -> None:
    with RuleDesk.open(tmp_path, ANA) as desk:
        with pytest.raises(ActionRefused, match="why"):
            desk.disable(["a"], " ")
        desk.disable(["a"], "loud")
        with pytest.raises(ActionRefused, match="off already"):
            desk.disable(["a"], "loud")
        with pytest.raises(ActionRefused, match="on already"):
            desk.enable(["b"])


def test_it_does_not_touch_alerts_or_undo(tmp_path: Path) -> None:
    with RuleDesk.open(tmp_path, ANA) as rules:
        rules.disable(["a"], "loud")
    with Desk.open(tmp_path, ANA) as desk:
        desk.refold()
        assert desk.undo() is None
        assert desk.ledger_faults() == []
        assert desk.count() == 0


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    assert rules_off(tmp_path / "none") == {}
    assert not (tmp_path / "none").exists()


def test_a_rule_that_is_off_is_left_out_and_listed_with_its_reason(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(EVENT) + "\n")
    assert TITLE in run("scan", events).stdout
    assert f"off: {TITLE}" in run("rules", "disable", TITLE, "--reason", "our red team").stdout
    assert TITLE not in run("scan", events).stdout
    assert TITLE in run("scan", events, "--rules", "detectors/pack/windows").stdout
    listed = run("rules", "list", "--status", "off", "--format", "json").stdout.splitlines()
    (row,) = map(json.loads, listed)
    assert row["title"] == TITLE
    assert row["off"].endswith(": our red team")
    assert "off        since" in run("rules", "show", row["id"][:8]).stdout
    assert run("rules", "enable", row["id"]).exit_code == 0
    assert TITLE in run("scan", events).stdout


def test_list_filters_by_level_tag_source_and_alerts(tmp_path: Path) -> None:
    def ids(*options: str) -> set[str]:
        return {
            json.loads(line)["id"]
            for line in run("rules", "list", *options, "--format", "json").stdout.split("\n")
            if line
        }

    every = ids()
    assert len(every) > 80
    assert ids("--level", "critical") < every
    assert ids("--tag", "T1003") > ids("--tag", "attack.t1003.003") > set()
    assert ids("--source", "windows") > ids("--source", "windows/process_creation") > set()
    assert ids("--source", "correlation") and ids("--source", "zeek/windows") == set()
    assert ids("--alerted") == set()
    events = tmp_path / "events.jsonl"
    events.write_text(json.dumps(EVENT) + "\n")
    run("scan", events, "--into", tmp_path / "workspace")
    (alerted,) = [
        json.loads(line)
        for line in run(
            "rules", "list", "--alerted", "--tag", "T1003", "--format", "json"
        ).stdout.splitlines()
        if TITLE in line
    ]
    assert alerted["alerts"] == 1


def test_show_says_what_the_rule_is_and_its_text() -> None:
    shown = run("rules", "show", TITLE).stdout
    assert shown.startswith(f"CRITICAL  {TITLE}\n")
    assert "ATT&CK     T1003 OS Credential Dumping" in shown
    assert "\nlogsource:\n" in shown
    assert run("rules", "show", "no such rule at all").exit_code == 1


def test_a_rule_that_is_off_is_out_of_the_store_of_rules_in_force(tmp_path: Path) -> None:
    with RuleDesk.open(tmp_path, ANA) as desk:
        desk.disable(["a"], "loud")
    with Store.open(tmp_path, readonly=True) as store:
        assert store.rule("a") is None
