"""`xdrtui rules test`: cases in both layouts, what fails says why, and all public cases pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.shared_data import require_shared
from xdrtui.commands import make_group
from xdrtui.pipeline.regression import Recorded, read_cases
from xdrtui.pipeline.rulebook import PACK

RULE = """title: Whoami
id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
status: test
level: low
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\whoami.exe'
    condition: selection
"""
INFO = """id: 63b16abe-2d5c-4a2f-b0ae-f1bc4580e40c
rule_metadata:
    - id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
      title: Whoami
regression_tests_info:
    - name: Positive
      type: json
      match_count: {count}
      path: regression_data/rules/whoami/{file}
"""


def event(image: str) -> dict[str, object]:
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "Image": image,
        "UtcTime": "2026-03-01 10:00:00.000",
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(make_group(), ["rules", "test", *map(str, arguments)])


def recorded(folder: Path, *images: str, count: int = 1, file: str = "whoami.jsonl") -> list[str]:
    """A rule, and a case in SigmaHQ's layout with these events; the arguments that test it."""
    (folder / "rules").mkdir()
    (folder / "rules" / "whoami.yml").write_text(RULE)
    case = folder / "data" / "whoami"
    case.mkdir(parents=True)
    (case / "info.yml").write_text(INFO.format(count=count, file=file))
    (case / "whoami.jsonl").write_text("\n".join(json.dumps(event(image)) for image in images))
    return [str(folder / "data"), "--rules", str(folder / "rules")]


def written(folder: Path, positive: list[str], negative: list[str]) -> Path:
    (folder / "whoami.yml").write_text(RULE)
    pair = {
        "positive": [event(image) for image in positive],
        "negative": [event(image) for image in negative],
    }
    (folder / "whoami.events.json").write_text(json.dumps(pair))
    return folder


def test_a_recording_that_the_rule_finds_often_enough_passes(tmp_path: Path) -> None:
    result = run(*recorded(tmp_path, r"C:\whoami.exe", r"C:\x.exe", r"C:\WHOAMI.EXE", count=2))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 of 1 cases pass; 0 fail.\n"


def test_too_few_matches_fail_with_what_was_met(tmp_path: Path) -> None:
    result = run(*recorded(tmp_path, r"C:\whoami.exe", r"C:\x.exe", count=2))
    assert result.exit_code == 1
    assert "FAIL  Whoami  whoami" in result.stdout
    assert "matched 1 times, 2 wanted, in 2 events of windows.sysmon.1" in result.stdout
    assert "0 of 1 cases pass; 1 fail." in result.stderr


def test_a_rule_that_is_not_there_fails_and_says_so(tmp_path: Path) -> None:
    data, option, _ = recorded(tmp_path, r"C:\whoami.exe")
    other = tmp_path / "other"
    other.mkdir()
    result = run(data, option, other)
    assert result.exit_code == 1
    assert "the rule is not among those given" in result.stdout


def test_a_broken_rule_fails_with_its_own_problem(tmp_path: Path) -> None:
    arguments = recorded(tmp_path, r"C:\whoami.exe")
    (tmp_path / "rules" / "whoami.yml").write_text(
        RULE.replace("condition: selection", "condition: selektion")
    )
    result = run(*arguments)
    assert result.exit_code == 1
    assert "whoami.yml:11:5: condition" in result.stdout


def test_a_missing_recording_fails(tmp_path: Path) -> None:
    result = run(*recorded(tmp_path, r"C:\whoami.exe", file="gone.evtx"))
    assert "there is no recording beside info.yml" in result.stdout


def test_a_case_cannot_make_another_folders_file_be_read(tmp_path: Path) -> None:
    recorded(tmp_path, r"C:\whoami.exe", file="../../../secret.jsonl")
    (tmp_path / "secret.jsonl").write_text(json.dumps(event(r"C:\whoami.exe")))
    (case,) = read_cases([tmp_path / "data"])
    assert isinstance(case, Recorded)
    assert case.file is None


def test_events_beside_a_rule_are_found_and_not_found(tmp_path: Path) -> None:
    assert run(written(tmp_path, [r"C:\whoami.exe"], [r"C:\x.exe"])).exit_code == 0


def test_the_numbers_of_wrong_events_are_told(tmp_path: Path) -> None:
    missed = run(written(tmp_path, [r"C:\whoami.exe", r"C:\x.exe"], []))
    assert (missed.exit_code, "does not find positive event 2" in missed.stdout) == (1, True)
    falsely = run(written(tmp_path, [r"C:\whoami.exe"], [r"C:\x.exe", r"C:\whoami.exe"]))
    assert (falsely.exit_code, "finds negative event 2" in falsely.stdout) == (1, True)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"positive": 3}', '{"positiv": []}', '{"x": {"y": []}}', "\x00"]
)
def test_an_unreadable_case_fails_and_stops_nothing(tmp_path: Path, text: str) -> None:
    written(tmp_path, [r"C:\whoami.exe"], [])
    (tmp_path / "zz.events.json").write_text(text)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "1 of 2 cases pass" in result.stderr


def test_where_there_is_no_case_nothing_passes(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "no case was found" in result.stderr


def test_json_gives_every_case_on_a_line(tmp_path: Path) -> None:
    result = run(*recorded(tmp_path, r"C:\whoami.exe"), "--format", "json")
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["passed"] is True
    assert json.loads(line)["found"] == 1


def test_hostile_titles_reach_the_terminal_harmlessly(tmp_path: Path) -> None:
    arguments = recorded(tmp_path, r"C:\x.exe")
    (tmp_path / "rules" / "whoami.yml").write_text(RULE.replace("Whoami", '"\\e]0;owned\\a"'))
    result = run(*arguments)
    assert "\x1b" not in result.stdout
    assert "␛]0;owned" in result.stdout


def test_the_pack_passes_rules_and_correlations() -> None:
    result = run(PACK)
    assert result.exit_code == 0, result.stdout
    assert int(result.stderr.split()[0]) > 200


def test_all_public_cases_pass() -> None:
    """SigmaHQ's own regression data: 115 recordings in EVTX, one line of a Cisco device."""
    data, rules = require_shared("sigma-regression"), require_shared("sigmahq")
    result = run(data, "--rules", rules, "--all")
    assert result.exit_code == 0, result.stdout
    assert "116 of 116 cases pass; 0 fail." in result.stderr
    assert result.stdout.count("pass  ") == 116


def test_the_same_cases_pass_on_the_json_beside_the_evtx(tmp_path: Path) -> None:
    data, rules = require_shared("sigma-regression"), require_shared("sigmahq")
    for info in data.rglob("info.yml"):
        for recording in info.parent.glob("*.json"):
            folder = tmp_path / recording.stem
            folder.mkdir()
            text = info.read_text().replace(".evtx", ".json")
            lines = [line for line in text.splitlines() if "match_count" not in line]
            (folder / "info.yml").write_text("\n".join(lines))
            (folder / recording.name).write_bytes(recording.read_bytes())
    result = run(tmp_path, "--rules", rules)
    assert result.exit_code == 0, result.stdout
    assert "115 of 115 cases pass" in result.stderr
