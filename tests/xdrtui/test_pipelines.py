"""Processing pipelines on the command line and in the settings: a team's own names reach all scans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xdrtui.commands import make_group

RULE = """title: Own Name
id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
level: low
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        OurCommand|contains: whoami
    condition: selection
"""
PIPELINE = """name: ours
transformations:
  - type: field_name_mapping
    mapping:
      OurCommand: CommandLine
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    event = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "CommandLine": "whoami /all"}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    (tmp_path / "rule.yml").write_text(RULE)
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), list(arguments))


def test_a_scan_uses_the_pipeline_it_is_given() -> None:
    assert run("scan", "events.jsonl", "--rules", "rule.yml").stdout == ""
    assert (
        "Own Name" in run("scan", "events.jsonl", "--rules", "rule.yml", "--pipeline", "pipeline.yml").stdout
    )


def test_so_do_its_other_processes() -> None:
    result = run("scan", "events.jsonl", "--rules", "rule.yml", "--pipeline", "pipeline.yml", "--jobs", "2")
    assert "Own Name" in result.stdout


def test_the_settings_name_pipelines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDRTUI_RULES_PIPELINES", "pipeline.yml")
    assert "Own Name" in run("scan", "events.jsonl", "--rules", "rule.yml").stdout


def test_a_wrong_pipeline_is_one_sentence_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yml").write_text(PIPELINE.replace("field_name_mapping", "hashes_fields"))
    result = run("rules", "check", "rule.yml", "--pipeline", "pipeline.yml")
    assert result.exit_code == 1
    assert "pipeline.yml:3:5: the transformation 'hashes_fields' is not supported" in result.stderr
