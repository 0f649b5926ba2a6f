"""However the screens end, the terminal is as it was, and what was being typed is kept."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest
from rich.traceback import Traceback

from screens.app import _where
from tests.screens.sample_store import sample
from tests.terminal.ptys import Pty
from tests.terminal.tmux import Terminal, require_tmux

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tmux()
    monkeypatch.chdir(ROOT)


def opened(terminal: Terminal, store: Path, *more: str) -> None:
    """Note the terminal's settings, open the screens and begin a memo."""
    terminal.type(f"stty -a >{store}/before; clear; echo noted")
    terminal.key("Enter")
    terminal.wait(lambda screen: screen.startswith("noted\n$"))
    terminal.run(sys.executable, "-m", "tests.terminal.open_screens", str(store), *more)
    terminal.wait_for("LSASS dump via comsvcs")


MEMO = "the admin says it was not him"


def drafts(store: Path) -> list[str]:
    return [path.read_text() for path in (store / "drafts").glob("*.txt")]


def type_a_memo(terminal: Terminal, store: Path) -> None:
    terminal.key("m")
    terminal.wait_for("memo")
    terminal.type(MEMO)
    terminal.wait(lambda screen: "was not him" in screen and drafts(store) == [MEMO])


def ended(terminal: Terminal, store: Path) -> str:
    """What the screen says once the shell is back; the terminal must be as it was."""
    said = terminal.wait(lambda screen: screen.rstrip().endswith("\n$") and "SEV" not in screen)
    assert terminal.modes() == "0 0" and terminal.cursor_shown()
    terminal.type(f"stty -a >{store}/after; echo 'code' $?")
    terminal.key("Enter")
    terminal.wait_for("code 0")
    assert (store / "after").read_text() == (store / "before").read_text()
    return said.replace("\n", "")


def reports(store: Path) -> list[Path]:
    return sorted((store / "logs").glob("crash-*.txt"))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT], ids=lambda n: n.name)
def test_a_crash_leaves_the_terminal_as_it_was_a_report_and_the_memo(tmp_path: Path, number: int) -> None:
    store = sample(tmp_path / "store")
    with Terminal() as terminal:
        opened(terminal, store)
        type_a_memo(terminal, store)
        os.kill(terminal.pids()[1], number)
        said = ended(terminal, store)
        assert f"ended by {signal.Signals(number).name}" in said and "kept" in said
        (report,) = reports(store)
        assert str(report) in said and stat.S_IMODE(report.stat().st_mode) == 0o600
        text = report.read_text()
        assert "not him" not in text and "comsvcs" not in text
        if number != signal.SIGKILL:
            assert "textual/app.py" in text, "the places where the program was"
        opened(terminal, store)
        terminal.key("m")
        terminal.wait_for(MEMO)
        (draft,) = (store / "drafts").iterdir()
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        terminal.key("Enter")
        terminal.wait_for("memo kept")
        assert not list((store / "drafts").iterdir())


def test_a_bug_says_where_but_not_what_was_being_looked_at(tmp_path: Path) -> None:
    store = sample(tmp_path / "store")
    with Terminal() as terminal:
        opened(terminal, store, "--bug")
        terminal.key("i")
        said = ended(terminal, store)
        assert "ended by an error" in said and "hunter2" not in said
        (report,) = reports(store)
        text = report.read_text()
        assert "ZeroDivisionError" in text and "in bug" in text and "hunter2" not in text


@pytest.mark.parametrize("who", [0, 1], ids=["parent", "child"])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda n: n.name)
def test_a_hang_up_ends_in_order(tmp_path: Path, number: int, who: int) -> None:
    store = sample(tmp_path / "store")
    with Terminal() as terminal:
        opened(terminal, store)
        type_a_memo(terminal, store)
        os.kill(terminal.pids()[who], number)
        ended(terminal, store)
        assert not reports(store)
        assert drafts(store) == [MEMO]


def test_the_screens_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    store = sample(tmp_path / "store")
    with Terminal() as terminal:
        opened(terminal, store)
        parent, child = terminal.pids()
        os.kill(parent, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{child}/stat").exists()
        terminal.key("Enter")
        ended(terminal, store)


def test_the_screens_end_when_the_line_is_dead_and_no_signal_says_so(tmp_path: Path) -> None:
    """Where the terminal is not this session's own, the system sends no SIGHUP when it goes."""
    screen = Pty(sample(tmp_path / "store"))
    screen.__enter__()
    screen.hang_up()
    deadline = time.monotonic() + 60
    while screen.runs() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not screen.runs()


def test_bytes_that_are_no_text_end_nothing(tmp_path: Path) -> None:
    with Pty(sample(tmp_path)) as screen:
        for typed in (b"\xff", b"j\xe9", b"\xe6\xbc", b"j"):
            screen.type(typed)
            screen.drain(0.3)
        before = len(screen.sent)
        screen.type(b"?")
        screen.wait_for(b"Keys in", before)
        assert screen.runs()


def test_the_report_names_the_place_of_an_error_that_textual_met() -> None:
    try:
        raise ValueError("hunter2")
    except ValueError:
        told = "\n".join(_where(Traceback()))
    assert told.startswith("ValueError\n") and "test_crash.py" in told and "hunter2" not in told
