"""The demo with its playing process: it starts, obeys, and never outlives the screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xdrtui.demo import open_demo
from xdrtui.demo.place import FOLDER
from xdrtui.demo.session import LOG, DemoSession
from xdrtui.errors import SettingsError
from xdrtui.sources.pace import SECOND
from xdrtui.triage.desk import Desk, Principal

ME = Principal("me", "here")
PATIENCE = 60.0


def until(met: Callable[[], bool]) -> None:
    """Wait for something that a process of its own does."""
    end = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "demo"))
    return tmp_path / "demo"


@pytest.fixture
def demo(home: Path) -> Iterator[DemoSession]:
    with open_demo(("cloud",)) as session:
        until(lambda: session.now() > 0 and not session.state.loading)
        yield session


def test_it_plays_obeys_and_says_so(demo: DemoSession) -> None:
    assert demo.clock_text() == "DEMO 03-05 03:11 x15"
    assert "stands" in demo.pause()
    until(lambda: demo.clock_text() == "DEMO 03-05 03:11 paused")
    assert "x30" in demo.faster()
    assert "x15" in demo.slower()
    assert demo.step() == "on to step 1 of 15, 03:12 UTC"
    until(lambda: demo.state.step == 1)
    assert "runs" in demo.pause()
    until(lambda: demo.clock_text() == "DEMO 03-05 03:12 x15")
    assert not demo.ended()


def test_its_clock_waits_while_somebody_reads_and_stays_stopped_where_it_was_stopped(
    demo: DemoSession,
) -> None:
    demo.hold(True)
    until(lambda: demo.clock_text().endswith(" waits"))
    at = demo.now()
    time.sleep(0.5)
    assert demo.now() == at
    demo.hold(False)
    until(lambda: demo.now() > at)
    demo.pause()
    demo.hold(True)
    demo.hold(False)
    until(lambda: demo.clock_text().endswith(" paused"))
    time.sleep(0.3)
    assert demo.clock_text().endswith(" paused")


def test_an_alert_keeps_its_truth_until_it_is_closed(demo: DemoSession) -> None:
    demo.pause()
    demo.step()
    until(lambda: demo.state.step == 1)
    with Desk.open(demo.directory, ME) as desk:
        until(lambda: any("Attack Distribution" in row.title for row in desk.alerts()))
        one = next(row for row in desk.alerts() if "Attack Distribution" in row.title)
        assert len(demo.hint(one.id)) == 3
        assert demo.truth(one.id) == []
        desk.close([one.id], "true_positive")
        assert demo.truth(one.id)[0].startswith("The attack, step 1 of 15: Whose key is this?")
        desk.undo()
        assert demo.truth(one.id) == []
    assert demo.hint("no such alert") == []
    assert demo.report()[0] == "So far"


def test_its_files_are_private_and_hold_a_worker_for_the_status_line(demo: DemoSession) -> None:
    with Desk.open(demo.directory, ME) as desk:
        until(lambda: desk.status().sentence == "1 worker")
        until(lambda: desk.live_counts().seen > 0)
    modes = {path.name: path.stat().st_mode & 0o077 for path in demo.directory.iterdir()}
    assert {name: mode for name, mode in modes.items() if mode} == {}


def test_a_second_terminal_is_refused(demo: DemoSession) -> None:
    with pytest.raises(SettingsError, match="another terminal"), open_demo(("cloud",)):
        pass


def test_it_goes_on_where_it_was_left_and_starts_over_when_asked(home: Path) -> None:
    with open_demo(("cloud",)) as first:
        until(lambda: first.now() > 0 and not first.state.loading)
        first.step()
        until(lambda: first.state.step == 1)
        left = first.now() - SECOND  # its last second may not have been stored
    with open_demo(("cloud",)) as second:
        assert "where you left it" in second.card()[1]
        until(lambda: second.now() > 0 and not second.state.loading)
        assert second.now() >= left
    with open_demo(("cloud",), reset=True) as third:
        assert "where you left it" not in third.card()[1]
        until(lambda: third.now() > 0 and not third.state.loading)
        assert third.now() < left


def test_a_player_that_dies_is_told(demo: DemoSession) -> None:
    assert demo._process is not None
    os.kill(demo._process.pid, signal.SIGKILL)
    until(lambda: demo.clock_text() == "DEMO stopped")
    assert str(demo.directory / LOG) in demo.pause()


def test_the_player_ends_when_the_screen_is_killed(home: Path) -> None:
    code = (
        "import sys, time\n"
        "from xdrtui.demo import open_demo\n"
        "with open_demo(('cloud',)) as demo:\n"
        "    print(demo._process.pid, flush=True)\n"
        "    time.sleep(100)\n"
    )
    screen = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert screen.stdout is not None
    pid = int(screen.stdout.readline())
    assert is_running(pid)
    screen.kill()
    screen.wait()
    screen.stdout.close()
    until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(shown.strip()) and not shown.strip().startswith("Z")
