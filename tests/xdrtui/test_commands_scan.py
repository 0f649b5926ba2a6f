"""`xdrtui scan`: matches on stdout, the rest on stderr, honest exit codes; `--into` fills a workspace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xdrtui.commands import make_group
from xdrtui.commands.output import progress_line

RULE = """\
title: A shell
id: 5f7f1f5c-0b5a-4a3e-9d55-000000000001
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\\\cmd.exe'}
  condition: selection
"""
HOSTILE = "\x1b]0;owned\x07"


def sysmon(image: str, second: int) -> str:
    return json.dumps(
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "UtcTime": f"2024-03-03 14:02:{second:02d}.000",
            "Computer": "WKS-1",
            "User": f"CORP\\{HOSTILE}",
            "Image": image,
            "CommandLine": image + HOSTILE,
        }
    )


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    path = tmp_path / "rule.yml"
    path.write_text(RULE)
    return str(path)


@pytest.fixture
def events(tmp_path: Path) -> str:
    path = tmp_path / f"events{HOSTILE}.jsonl"
    lines = [sysmon("C:\\a\\cmd.exe", 1), sysmon("C:\\a\\other.exe", 2), "{broken", sysmon("C:\\CMD.EXE", 3)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(make_group(), arguments, input=input)


def test_jsonl_is_one_object_a_match(rule: str, events: str) -> None:
    result = run("scan", events, "--rules", rule, "--format", "jsonl")
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "rule_id": "5f7f1f5c-0b5a-4a3e-9d55-000000000001",
            "title": "A shell",
            "level": "high",
            "source": events,
            "offset": offset,
            "time": f"2024-03-03T14:02:{second:02d}.000000000Z",
        }
        for offset, second in ((0, 1), (3, 3))
    ]


def test_the_summary_goes_to_stderr_and_counts_what_could_not_be_read(rule: str, events: str) -> None:
    result = run("scan", events, "--rules", rule)
    assert "2 matches of 1 of 1 rules" in result.stderr
    assert "4 messages" in result.stderr
    assert "1 salvaged" in result.stderr or "1 dead letter" in result.stderr
    assert "matches" not in result.stdout


def test_no_data_reaches_the_terminal_raw(rule: str, events: str) -> None:
    for form in ("table", "jsonl"):
        output = run("scan", events, "--rules", rule, "--format", form).output
        assert "\x1b" not in output
        assert "\x07" not in output


def test_standard_input_is_read_at_a_dash(rule: str) -> None:
    command = [sys.executable, "-m", "xdrtui", "scan", "-", "--rules", rule, "--format", "jsonl"]
    done = subprocess.run(command, input=sysmon("C:\\cmd.exe", 5).encode(), capture_output=True, check=True)
    assert json.loads(done.stdout)["source"] == "-"


def test_a_path_that_cannot_be_read_is_told_and_exits_1(rule: str, events: str) -> None:
    result = run("scan", events, "/not/there", "--rules", rule)
    assert result.exit_code == 1
    assert "/not/there" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_without_a_path_it_is_wrong_usage(rule: str) -> None:
    assert run("scan", "--rules", rule).exit_code == 2
    assert run("scan", "x", "--rules", "/not/there").exit_code == 2


def test_two_processes_find_the_same(rule: str, events: str) -> None:
    one = run("scan", events, "--rules", rule, "--format", "jsonl").stdout
    two = subprocess.run(
        [sys.executable, "-m", "xdrtui", "scan", events, "--rules", rule, "--format", "jsonl", "--jobs", "2"],
        capture_output=True,
        check=True,
    )
    assert two.stdout.decode() == one


def test_into_fills_a_workspace_and_again_changes_nothing(
    rule: str, events: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = str(tmp_path / "workspace")
    first = run("scan", events, "--rules", rule, "--into", workspace)
    assert first.exit_code == 0, first.output
    assert first.stdout == run("scan", events, "--rules", rule).stdout
    monkeypatch.setenv("XDRTUI_WORKSPACE", workspace)
    alerts = run("alerts", "list", "--format", "json").stdout
    (alert,) = map(json.loads, alerts.splitlines())
    assert (alert["title"], alert["count"], alert["host"]) == ("A shell", 2, "WKS-1")
    run("scan", events, "--rules", rule, "--into", workspace)
    assert run("alerts", "list", "--format", "json").stdout == alerts


@pytest.mark.parametrize("into", [False, True])
def test_ctrl_c_ends_with_what_was_found_so_far(rule: str, tmp_path: Path, into: bool) -> None:
    """Standard input stays open, so the scan would wait for ever."""
    command = [sys.executable, "-m", "xdrtui", "scan", str(tmp_path / "first.jsonl"), "-", "--rules", rule]
    command += ["--into", str(tmp_path / "workspace")] if into else []
    (tmp_path / "first.jsonl").write_text(sysmon("C:\\cmd.exe", 5) + "\n")
    read, write = os.pipe()
    scan = subprocess.Popen(
        command,
        stdin=read,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a CI may have it ignored
    )
    os.close(read)
    assert scan.stdout is not None
    first = scan.stdout.readline()
    time.sleep(0.3)
    scan.send_signal(signal.SIGINT)
    try:
        told = scan.communicate(timeout=120)[1]
    finally:
        scan.kill()
        os.close(write)
    assert scan.returncode == 1
    assert b"A shell" in first
    assert b"Interrupted: this is what was found so far." in told
    assert b"Traceback" not in told


def test_the_progress_line_tells_share_rate_and_time_left() -> None:
    line = progress_line(25, 100, 5_000, 10.0, "events", "x.jsonl")
    assert line == "[#####---------------]  25%  5,000 events  500/s  30 s left  x.jsonl"
    assert progress_line(25, None, 5_000, 10.0, "events") == "5,000 events  500/s"


def test_a_pipe_gives_all_its_events(rule: str) -> None:
    read, write = os.pipe()
    os.write(write, sysmon("C:\\cmd.exe", 5).encode() + b"\n")
    os.close(write)
    result = run("scan", f"/dev/fd/{read}", "--rules", rule, "--format", "jsonl")
    os.close(read)
    assert len(result.stdout.splitlines()) == 1


def test_level_leaves_out_what_is_below_and_counts_it(rule: str, events: str) -> None:
    result = CliRunner().invoke(make_group(), ["scan", "--rules", rule, "--level", "critical", events])
    assert result.stdout == ""
    assert "2 matches of 1 of 1 rules (2 high)" in result.stderr


def test_what_is_no_log_is_said(rule: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Dear all,\nthis is a letter.\n")
    result = CliRunner().invoke(make_group(), ["scan", "--rules", rule, str(tmp_path / "a.txt")])
    assert "Nothing here has a known layout" in result.stderr
