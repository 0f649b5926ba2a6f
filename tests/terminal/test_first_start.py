"""A start where nothing is set: the demo, a cluster that is tried, or files."""

import json
import stat
import sys
from pathlib import Path

import pytest

from tests.terminal.tmux import Terminal, require_tmux

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tmux()
    monkeypatch.chdir(ROOT)


def start(home: Path) -> Terminal:
    terminal = Terminal(
        HOME=str(home), XDG_CONFIG_HOME=str(home / "config"), XDG_DATA_HOME=str(home / "data")
    )
    terminal.run(sys.executable, "-m", "screens.main")
    terminal.wait_for("nothing is set up yet")
    return terminal


def test_files_are_read_and_their_alerts_opened(tmp_path: Path) -> None:
    event = {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "wks-1",
        "UtcTime": "2026-03-03 14:00:11.000",
        "Image": "C:\\Windows\\System32\\rundll32.exe",
        "CommandLine": "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 648 C:\\Temp\\d.dmp full",
    }
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    with start(tmp_path) as terminal:
        terminal.key("f")
        terminal.wait_for("file, folder")
        terminal.type(str(tmp_path / "events.jsonl"))
        terminal.key("Enter")
        terminal.wait_for("1 event read", 60)
        terminal.key("Enter")
        screen = terminal.wait_for("wks-1")
        assert "no worker is running" not in screen, "nothing was to be read by one"


def test_a_cluster_is_tried_before_it_is_saved(tmp_path: Path) -> None:
    with start(tmp_path) as terminal:
        terminal.key("k")
        for label, typed in (("brokers", "127.0.0.1:1"), ("topics", "events"), ("TLS", ""), ("user", "")):
            terminal.wait_for(f" {label}")
            if label == "brokers":
                terminal.key(*["BSpace"] * 20)
            terminal.type(typed) if typed else None
            terminal.key("Enter")
        screen = terminal.wait_for("It does not work yet", 60)
        assert "127.0.0.1:1" in screen.replace("\n", "")
        settings = tmp_path / "config" / "xdrtui" / "settings.yml"
        assert not settings.exists()
        terminal.key("s")
        terminal.wait_for("[QUEUE]")
        assert stat.S_IMODE(settings.stat().st_mode) == 0o600 and "127.0.0.1:1" in settings.read_text()


def test_the_demo_is_offered(tmp_path: Path) -> None:
    with start(tmp_path) as terminal:
        terminal.key("q")
        terminal.wait(lambda screen: screen.rstrip().endswith("$"))
        terminal.run(sys.executable, "-m", "screens.main")
        terminal.wait_for("nothing is set up yet")
        terminal.key("d")
        terminal.wait_for("any key begins")


def test_a_path_that_is_not_there_stays_to_be_put_right_and_patterns_name_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text('{"EventID": 1, "Computer": "wks-1"}\n')
    with start(tmp_path) as terminal:
        terminal.key("f")
        terminal.wait_for("file, folder")
        terminal.type(str(tmp_path / "*.jsonx"))
        terminal.key("Enter")
        terminal.wait_for("is not there")
        terminal.key("BSpace")
        terminal.type("l")
        terminal.key("Enter")
        terminal.wait_for("2 events read", 60)


def test_escape_leaves_what_a_try_of_a_cluster_brought(tmp_path: Path) -> None:
    with start(tmp_path) as terminal:
        terminal.key("k")
        for label, typed in (("brokers", "127.0.0.1:1"), ("topics", ""), ("TLS", ""), ("user", "")):
            terminal.wait_for(f" {label}")
            terminal.type(typed) if typed else None
            terminal.key("Enter")
        terminal.wait_for("It does not work yet", 60)
        terminal.key("Escape")
        terminal.wait_for("What would you like")
