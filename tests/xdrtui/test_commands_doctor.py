"""`xdrtui doctor`: each thing with its state and what to do about it."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detectors.sigma.cache import Cache
from xdrtui.commands import make_group
from xdrtui.commands.checks.check import Check, State
from xdrtui.commands.checks.sample import describe
from xdrtui.commands.checks.terminal import check_terminal
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.rulebook import load_rulebook


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture
def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), arguments)


def states(checks: list[Check]) -> dict[str, State]:
    return {check.name: check.state for check in checks}


GOOD = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def test_a_good_terminal_has_nothing_to_do() -> None:
    checks = list(check_terminal(GOOD, (120, 40), "utf-8"))
    assert {check.state for check in checks} == {State.FINE}


@pytest.mark.parametrize(
    ("environ", "size", "encoding", "name", "state"),
    [
        ({"TERM": "dumb"}, (120, 40), "utf-8", "TERM", State.BROKEN),
        ({}, (120, 40), "utf-8", "TERM", State.BROKEN),
        (GOOD, (79, 24), "utf-8", "size", State.BROKEN),
        (GOOD, (80, 23), "utf-8", "size", State.BROKEN),
        (GOOD, (80, 24), "utf-8", "size", State.FINE),
        ({"TERM": "xterm"}, (80, 24), "utf-8", "colours", State.LIMITED),
        ({**GOOD, "NO_COLOR": "1"}, (80, 24), "utf-8", "colours", State.FINE),
        (GOOD, (80, 24), "ascii", "encoding", State.LIMITED),
        (GOOD, None, "utf-8", "terminal", State.LIMITED),
    ],
)
def test_a_terminal_that_lacks_something_is_told(
    environ: dict[str, str], size: tuple[int, int] | None, encoding: str, name: str, state: State
) -> None:
    checks = list(check_terminal(environ, size, encoding))
    assert states(checks)[name] is state


def test_what_is_not_fine_says_what_to_do() -> None:
    for check in check_terminal({"TERM": "dumb"}, (10, 10), "ascii"):
        assert check.state is State.FINE or check.todo


def test_without_settings_all_but_kafka_is_looked_at() -> None:
    result = run("doctor", "--format", "json")
    areas = [json.loads(line)["area"] for line in result.stdout.splitlines()]
    assert list(dict.fromkeys(areas)) == ["terminal", "machine", "configuration", "rules"]


def test_wrong_settings_are_one_line_of_the_round_and_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("profiles: {a: {kafak: {}}}")
    result = run("--settings", str(path), "doctor")
    assert result.exit_code == 1
    assert "✗ settings: " in result.stdout
    assert "unknown setting kafak: the nearest is kafka" in result.stdout
    assert "terminal" in result.stdout


def test_a_broker_that_refuses_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("XDRTUI_KAFKA_BROKERS", f"127.0.0.1:{closed_port}")
    monkeypatch.setenv("XDRTUI_KAFKA_TOPICS", "windows")
    result = run("doctor")
    assert result.exit_code == 1
    assert f"✗ 127.0.0.1:{closed_port} port: " in result.stdout
    assert "refuses the connection" in result.stdout


def test_a_secret_that_is_not_there_is_told_without_the_network(tmp_path: Path, closed_port: int) -> None:
    path = tmp_path / "settings.yml"
    kafka = f"brokers: ['127.0.0.1:{closed_port}'], topics: [x], password: 'file:/not/there'"
    path.write_text(f"profiles: {{a: {{kafka: {{{kafka}}}}}}}")
    assert "✗ kafka.password: " in run("--settings", str(path), "doctor").stdout


def sample_of(lines: str, folder: Path) -> dict[str, dict[str, str]]:
    path = folder / "events.jsonl"
    path.write_text(lines)
    result = run("doctor", "--sample", str(path), "--format", "json")
    checks = [json.loads(line) for line in result.stdout.splitlines()]
    return {check["name"]: check for check in checks if check["area"] == "sample"}


SYSMON = {
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "EventID": 1,
    "UtcTime": "2024-03-03 14:02:00.000",
    "Computer": "WKS-1",
    "Image": "C:\\Windows\\System32\\cmd.exe",
}


def test_a_sample_tells_layouts_routed_share_and_rules(tmp_path: Path) -> None:
    checks = sample_of((json.dumps(SYSMON) + "\n") * 3, tmp_path)
    assert checks["messages"]["seen"] == "3 messages hold 3 events"
    assert checks["layouts"]["seen"] == "windows 3"
    assert checks["routed"]["seen"].startswith("100.0%")
    assert checks["rules"]["state"] == "fine"


def test_a_sample_tells_what_is_not_understood(tmp_path: Path) -> None:
    checks = sample_of('{"colour": "\\u001b[31m", "size": 3}\n{"half": \n', tmp_path)
    assert "colour size" in checks["routed"]["todo"]
    assert checks["routed"]["state"] == "limited"


def test_a_sample_is_a_thousand_messages_at_most(tmp_path: Path) -> None:
    checks = sample_of((json.dumps(SYSMON) + "\n") * 1_200, tmp_path)
    assert checks["messages"]["seen"].startswith("1,000 messages")


@pytest.mark.parametrize(
    ("ahead", "state", "words"),
    [
        (timedelta(seconds=-5), "fine", "-5 s to -5 s against their arrival"),
        (timedelta(hours=-3), "fine", "-3.0 h"),
        (timedelta(days=-2_000), "limited", "-2,000 days; 2 of 2 are too old to be believed"),
        (timedelta(minutes=10), "limited", "+10 min"),
    ],
)
def test_a_live_sample_tells_how_far_clocks_are_off_and_what_is_not_believed(
    ahead: timedelta, state: str, words: str
) -> None:
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)
    line = json.dumps(SYSMON | {"UtcTime": f"{now + ahead:%Y-%m-%d %H:%M:%S}.000"}).encode()
    arrival = int(now.timestamp()) * 1_000_000_000
    batch = Messages(Source("kafka:c:t:0", "t", "kafka"), 0, [0, 1], [line, line], [arrival, arrival])
    book = load_rulebook([], cache=Cache(None))
    (skew,) = (each for each in describe([batch], book, live=True) if each.name == "clock skew")
    assert skew.state.value == state and words in skew.seen


def test_a_sample_that_is_neither_path_nor_topic_is_told() -> None:
    result = run("doctor", "--sample", "nowhere")
    assert result.exit_code == 1
    assert "there is no file or folder nowhere, and no broker is set" in result.stderr
