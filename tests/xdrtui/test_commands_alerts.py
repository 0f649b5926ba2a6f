"""`xdrtui alerts`: the queue and one alert, for people and for programs, harmless whatever the data hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.xdrtui.store_samples import batch, found
from xdrtui.commands import make_group
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.store import Store

HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]x[/red]\u202e"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    folder = tmp_path / "workspace"
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(folder))
    return folder


@pytest.fixture
def filled(workspace: Path) -> Path:
    with Store.open(workspace) as store:
        store.commit_batch(
            batch(
                [
                    found("rule-a", 0, level="low", host="WKS-1"),
                    found("rule-b", 1, level="critical", host="DC-1"),
                    found(
                        "rule-c", 2, level="high", host=HOSTILE, summary=HOSTILE, matched={"Image": HOSTILE}
                    ),
                ]
            )
        )
        Correlator(store).fold()
    return workspace


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), arguments)


def test_the_list_begins_with_the_worst(filled: Path) -> None:
    result = run("alerts", "list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["LEVEL", "critical", "high", "low"]
    assert "3 alerts." in result.stderr


def test_the_list_can_be_filtered_and_cut(filled: Path) -> None:
    assert len(run("alerts", "list", "level>=high").stdout.splitlines()) == 3
    assert len(run("alerts", "list", "host:DC-1").stdout.splitlines()) == 2
    cut = run("alerts", "list", "--limit", "1")
    assert "1 of 3 alerts." in cut.stderr


def test_a_wrong_filter_says_where_and_exits_1(filled: Path) -> None:
    result = run("alerts", "list", "lvel:high")
    assert result.exit_code == 1
    assert "did you mean level" in result.stderr


def test_as_json_each_alert_is_a_line_with_readable_times(filled: Path) -> None:
    result = run("alerts", "list", "--format", "json")
    alerts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [alert["level"] for alert in alerts] == ["critical", "high", "low"]
    assert alerts[0]["first_seen"].endswith("Z")
    assert alerts[1]["summary"] == HOSTILE


def test_one_alert_by_the_beginning_of_its_id(filled: Path) -> None:
    (first, *_) = map(json.loads, run("alerts", "list", "--format", "json").stdout.splitlines())
    result = run("alerts", "show", first["id"][:8])
    assert result.exit_code == 0
    assert result.stdout.startswith("CRITICAL")
    assert "DC-1" in result.stdout
    shown = json.loads(run("alerts", "show", first["id"], "--format", "json").stdout)
    assert shown["row"]["id"] == first["id"]
    assert shown["evidence"][0]["raw"].startswith("{")


def test_an_alert_that_is_not_there_is_one_sentence_and_exit_1(filled: Path) -> None:
    result = run("alerts", "show", "ffffffff-0000")
    assert (result.exit_code, result.stdout) == (1, "")


def test_without_a_store_the_way_to_one_is_told(workspace: Path) -> None:
    result = run("alerts", "list")
    assert result.exit_code == 1
    assert "nothing is stored" in result.stderr
    assert not workspace.exists()


def test_hostile_data_reaches_no_terminal_raw(filled: Path) -> None:
    alerts = [json.loads(line) for line in run("alerts", "list", "--format", "json").stdout.splitlines()]
    for arguments in (
        ["list"],
        ["list", "--format", "json"],
        ["show", alerts[1]["id"]],
        ["show", alerts[1]["id"], "--format", "json"],
    ):
        output = run("alerts", *arguments).output
        assert not any(character in output for character in "\x1b\x07\u202e"), arguments
