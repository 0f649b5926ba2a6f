"""`xdrtui rules check` on the command line: exit codes, kinds, and files rewritten whole or not at all."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.detectors.sigma.test_lint import GOOD
from xdrtui.commands import make_group
from xdrtui.errors import RuleError
from xdrtui.pipeline.rulecheck import replace_file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(make_group(), ["rules", "check", *map(str, arguments)])


def rule(folder: Path, text: str = GOOD, name: str = "r.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_remark_is_no_failure(tmp_path: Path) -> None:
    path = rule(tmp_path, GOOD.replace("level: low", "level: Low"))
    result = run(path)
    assert result.exit_code == 0
    assert f"{path}:26:1: level 'Low'; write low [letters]" in result.stdout
    assert "1 rules and 0 correlations can be used; 0 cannot." in result.stderr


def test_a_rule_that_cannot_be_used_is_one(tmp_path: Path) -> None:
    rule(tmp_path, GOOD.replace("level: low", "level: severe"))
    result = run(tmp_path, "--errors")
    assert result.exit_code == 1
    assert result.stdout.count("\n") == 1


def test_a_rule_with_many_faults_is_one_rule_that_cannot_be_used(tmp_path: Path) -> None:
    rule(tmp_path, GOOD.replace("logsource:", "logsourze:").replace("|endswith", "|endwith"))
    result = run(tmp_path)
    assert result.exit_code == 1 and "; 1 cannot." in result.stderr
    assert "no log source" in result.stdout and "there is no modifier 'endwith'" in result.stdout


def test_a_missing_id_is_said_once(tmp_path: Path) -> None:
    rule(tmp_path, GOOD.replace("id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1\n", ""))
    assert run(tmp_path).stdout.count("no id") == 1


def test_json_bears_the_kind(tmp_path: Path) -> None:
    rule(tmp_path, GOOD.replace("date: 2026-01-02", "date: 2026/01/02"))
    found = json.loads(run(tmp_path, "--format", "json").stdout)
    assert (found["kind"], found["line"], found["fatal"]) == ("date", 6, False)


def test_an_unknown_kind_is_wrong_usage(tmp_path: Path) -> None:
    assert run(tmp_path, "--skip", "colour").exit_code == 2


def test_fix_rewrites_in_place_and_keeps_the_mode(tmp_path: Path) -> None:
    path = rule(tmp_path, GOOD.replace("level: low", "level: Low"))
    path.chmod(0o640)
    good = rule(tmp_path, GOOD.replace("5f6fb2c8", "5f6fb2c9"), "good.yml")
    before = good.stat().st_mtime_ns
    result = run(tmp_path, "--fix")
    assert "1 things righted in 1 files." in result.stderr
    assert path.read_text() == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert good.stat().st_mtime_ns == before
    assert [each.name for each in sorted(tmp_path.glob(".*.yml*"))] == []


def test_fix_wants_to_know_which_files(tmp_path: Path) -> None:
    assert "say which files" in run("--fix").stderr


def test_a_file_that_has_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = rule(tmp_path)
    with pytest.raises(RuleError, match="changed by somebody else"):
        replace_file(path, b"old", b"new")
    assert path.read_text() == GOOD
