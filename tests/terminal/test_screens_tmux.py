"""The screens in a real terminal."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.screens.sample_store import commit, evil, findings, live, sample
from tests.terminal.tmux import Terminal, require_tmux
from xdrtui.triage.desk import AlertQuery, Desk, Principal

ROOT = Path(__file__).parents[2]


def opening(directory: Path) -> list[str]:
    return [sys.executable, "-m", "tests.terminal.open_screens", str(directory)]


def states(directory: Path) -> list[str]:
    with Desk.open(directory, Principal("me", "here")) as desk:
        return [row.state for row in desk.alerts(AlertQuery())]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tmux()
    monkeypatch.chdir(ROOT)


def test_start_move_mark_acknowledge_undo_and_leave_gives_the_terminal_back(tmp_path: Path) -> None:
    store = sample(tmp_path / "store")
    with Terminal() as terminal:
        terminal.type(f"stty -a >{tmp_path}/before")
        terminal.key("Enter")
        terminal.run(*opening(store))
        terminal.wait_for("LSASS dump via comsvcs")
        terminal.key("j", "Space", "Space", "a")  # at once: each acts where those before it led
        terminal.wait_for("acknowledged: 2 alerts")
        assert states(store).count("acknowledged") == 2
        terminal.key("u")
        terminal.wait_for("undone: acknowledge")
        assert set(states(store)) == {"new"}
        terminal.key("q")
        terminal.wait_for("Leave xdrtui?")
        terminal.key("y")
        terminal.wait(lambda screen: "LSASS" not in screen)
        terminal.type(f"stty -a >{tmp_path}/after; echo code $?")
        terminal.key("Enter")
        terminal.wait_for("code 0")
        assert terminal.modes() == "0 0"
        assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_every_pane_keeps_its_right_edge_with_long_and_hostile_data(
    tmp_path: Path, columns: int, lines: int
) -> None:
    long = [("r-shell", "high", "h" * 63, "u" * 64, "fe80:0000:0000:0000:0202:b3ff:fe1e:8329 " * 4, 3, 1)]
    commit(tmp_path, findings(long) + evil())
    live(tmp_path, 30, hostile=True)
    with Terminal(columns, lines) as terminal:
        terminal.run(*opening(tmp_path))
        terminal.wait_for("Shell started")
        for key, wanted in (
            ("1", "SEV"),
            ("Enter", "what"),
            ("3", "EVENT"),
            ("?", "Keys in"),
            ("1", "SEV"),
            ("j", "►"),
        ):
            terminal.key(key)
            screen = terminal.wait(lambda text, wanted=wanted: wanted in text and text.endswith("q back"))
            lines_shown = screen.split("\n")
            assert all(len(line) <= columns for line in lines_shown)
            assert "acme-prod" in lines_shown[0], "nothing scrolled or was cleared"
        assert "owned" not in terminal.title()
        terminal.key("1", "G", "Enter")
        terminal.wait_for("[red]x[/red]")


@pytest.mark.parametrize("term", ["xterm", "screen-256color", "linux"])
def test_it_works_with_old_terminals(tmp_path: Path, term: str) -> None:
    sample(tmp_path)
    with Terminal(TERM=term) as terminal:
        terminal.run(*opening(tmp_path))
        screen = terminal.wait_for("CRIT")
        if term == "linux":
            assert screen.isascii()


def test_no_colour_is_sent_where_it_is_not_wanted(tmp_path: Path) -> None:
    sent = on_a_pty(sample(tmp_path), b"jja", NO_COLOR="1")
    colours = re.findall(rb"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)[;m]", sent)
    assert not colours, colours[:5]


# Sequences that Textual makes: modes, cursor, styles, kitty keys, synchronised output, and its queries.
MADE_BY_THE_APP = re.compile(
    rb"\x1b(?:\]22;[a-z]+\x07|\[\?[0-9;]+(?:[hl]|\$p)|\[[0-9;]*[mHJKABCDtq]|\[[<>=?][0-9;]*u|\[\?u|\[[0-9;]*\$p|[78=>]|\(B)"
)


def test_no_escape_byte_from_data_reaches_the_terminal(tmp_path: Path) -> None:
    commit(tmp_path, evil())
    live(tmp_path, 30, hostile=True)
    sent = on_a_pty(tmp_path, b"\red1/x\r3sej?:ev\x1b1c\x1bjkGa")
    assert b"[red]x[/red]" in sent
    left = MADE_BY_THE_APP.sub(b"", sent)
    assert b"\x1b" not in left, left[max(0, left.find(b"\x1b") - 40) : left.find(b"\x1b") + 40]
    assert b"\x07" not in left and "\x9b" not in left.decode("utf-8", "replace")


def on_a_pty(directory: Path, keys: bytes, columns: int = 80, lines: int = 24, **environ: str) -> bytes:
    """What the app sends to a terminal of this size while these keys are typed."""
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environ}
    for name in {"NO_COLOR", "COLUMNS", "LINES"} - set(environ):
        env.pop(name, None)
    process = subprocess.Popen(
        opening(directory),
        stdin=side,
        stdout=side,
        stderr=side,
        env=env,
        start_new_session=True,
        close_fds=True,
    )
    os.close(side)
    sent = bytearray()

    def drain(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([main], [], [], 0.05)[0]:
                try:
                    sent.extend(os.read(main, 65536))
                except OSError:
                    return

    try:
        deadline = time.monotonic() + 60
        while b"SEV" not in sent and time.monotonic() < deadline:
            drain(0.2)
        drain(1.0)
        for key in keys:
            os.write(main, bytes([key]))
            drain(0.25)
        drain(0.5)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(main)
    return bytes(sent)
