"""What is sent to terminals of other kinds (TERM, colours, ASCII), and title, bell and lock in real ones."""

from __future__ import annotations

import base64
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.screens.sample_store import HOSTILE, commit, findings, sample
from tests.terminal.ptys import Pty
from tests.terminal.tmux import Terminal, require_tmux
from xdrtui.triage.desk import AlertQuery, Desk, Principal

ROOT = Path(__file__).parents[2]
MOUSE_ON = b"\x1b[?1000h"
MANY_COLOURS = re.compile(rb"\x1b\[[0-9;]*\b[34]8;[25];")
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<=>]*[ -/]*[@-~]|\][^\x07]*\x07|[78=>]|\([B0])")


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def copied(screen: Pty, sequence: bytes) -> bytes:
    """What is sent to the clipboard by this sequence when the first thing is copied."""
    screen.type(b"y")
    screen.settle()
    screen.type(b"y")
    screen.wait(lambda: re.search(sequence, bytes(screen.sent)))
    found = re.search(sequence, bytes(screen.sent))
    assert found is not None
    return base64.b64decode(found[1])


def text_of(store: Path) -> bytes:
    return (store / "copied.txt").read_bytes()


def test_in_gnu_screen_the_mouse_is_off_and_copies_are_wrapped_for_it(tmp_path: Path) -> None:
    """GNU screen holds back a lone escape while the mouse is tracked, and hands on what stands in ESC P."""
    store = sample(tmp_path)
    with Pty(store, TERM="screen-256color", STY="1.x") as screen:
        assert MOUSE_ON not in screen.sent
        assert copied(screen, rb"\x1bP\x1b\]52;c;([A-Za-z0-9+/=]+)\x07\x1b\\") == text_of(store)
        screen.type(b";")
        screen.wait_for(MOUSE_ON)  # one key switches it on


def test_elsewhere_the_mouse_is_on_and_copies_go_by_the_plain_sequence(tmp_path: Path) -> None:
    store = sample(tmp_path)
    with Pty(store) as screen:
        assert MOUSE_ON in screen.sent
        assert copied(screen, rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07") == text_of(store)


def test_sixteen_colours_are_enough(tmp_path: Path) -> None:
    with Pty(sample(tmp_path), TERM="xterm", COLORTERM="") as screen:
        screen.wait_for(b"LSASS")
        screen.type(b"\r")
        screen.settle()
        assert not MANY_COLOURS.search(bytes(screen.sent))
        assert re.search(rb"\x1b\[[0-9;]*\b(?:3[0-7]|9[0-7])[;m]", bytes(screen.sent)), (
            "but there are colours"
        )


@pytest.mark.parametrize("environ", [{"LC_ALL": "C"}, {"LC_ALL": "", "LANG": "POSIX"}])
def test_nothing_but_ascii_where_nothing_else_is_spoken(tmp_path: Path, environ: dict[str, str]) -> None:
    with Pty(sample(tmp_path), **environ) as screen:  # type: ignore[arg-type]
        for keys in (b"\r", b"e", b"1", b"3", b"?", b":"):
            screen.type(keys)
            screen.settle(0.4)
        text = ESCAPES.sub(b"", bytes(screen.sent))
        assert b"LSASS" in text and text.isascii(), re.findall(rb".{20}[\x80-\xff]+.{10}", text)[:3]


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_is_told_in_one_line_with_exit_2(tmp_path: Path, term: str) -> None:
    main, side = pty.openpty()
    env = {**os.environ, "TERM": term, "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "screens.main"], stdin=side, stdout=side, stderr=side, env=env, check=False
    )
    told = os.read(main, 4096)
    os.close(main)
    os.close(side)
    assert run.returncode == 2 and told.count(b"\n") == 1 and b"set TERM" in told and b"\x1b" not in told


def critical(store: Path, host: str, first: int) -> None:
    commit(store, findings([("r-lsass", "critical", host, "u", HOSTILE, 1, 1)], first=first))


def test_bell_and_title_tell_of_new_critical_alerts_and_the_title_is_given_back(tmp_path: Path) -> None:
    require_tmux()
    store = sample(tmp_path)
    with Terminal() as terminal:
        terminal._tmux("set-option", "-g", "monitor-bell", "on")
        terminal.run("printf", r"\033]2;mine\007")
        terminal.run(sys.executable, "-m", "tests.terminal.open_screens", str(store), "--notify")
        terminal.wait_for("LSASS")
        time.sleep(1.5)
        assert terminal.title() == "mine"
        critical(store, f"h{HOSTILE}", 900)
        wait_title(terminal, "xdrtui: 2 new critical")
        assert terminal._tmux("display-message", "-p", "#{window_bell_flag}").strip() in ("0", "1")
        with Desk.open(store, Principal("other", "there")) as desk:
            desk.acknowledge([row.id for row in desk.alerts(AlertQuery("level:critical state:new"))][:1])
        wait_title(terminal, "xdrtui: 1 new critical")
        with Desk.open(store, Principal("other", "there")) as desk:
            desk.acknowledge([row.id for row in desk.alerts(AlertQuery("level:critical state:new"))])
        wait_title(terminal, "mine")
        critical(store, "h2", 950)
        wait_title(terminal, "xdrtui: 1 new critical")
        terminal.key("q")
        terminal.wait_for("Leave xdrtui?")
        terminal.key("y")
        wait_title(terminal, "mine")


def wait_title(terminal: Terminal, wanted: str) -> None:
    end = time.monotonic() + 60
    while terminal.title() != wanted:
        assert time.monotonic() < end, terminal.title()
        time.sleep(0.05)


def bells(screen: Pty, since: int) -> int:
    """How often it rang after so many bytes."""
    return ESCAPES.sub(b"", bytes(screen.sent[since:])).count(b"\x07")


def test_the_bell_is_one_byte(tmp_path: Path) -> None:
    store = sample(tmp_path)
    with Pty(store, more=("--notify",)) as screen:
        screen.drain(1.0)
        before = len(screen.sent)
        critical(store, "new", 900)
        screen.wait(lambda: bells(screen, before))
        screen.drain(1.5)
        assert bells(screen, before) == 1


def test_after_a_while_without_a_key_all_is_hidden_and_enter_shows_it(tmp_path: Path) -> None:
    require_tmux()
    store = sample(tmp_path)
    with Terminal() as terminal:
        terminal.run(sys.executable, "-m", "tests.terminal.open_screens", str(store), "--lock", "3")
        terminal.wait_for("LSASS")
        hidden = terminal.wait_for("Hidden, since nobody typed for a while.", 60)
        assert not any(word in hidden for word in ("LSASS", "dc01", "svc_sql", "acme"))
        terminal.key("j")
        time.sleep(0.3)
        assert "LSASS" not in "\n".join(terminal.screen())
        terminal.key("Enter")
        terminal.wait_for("LSASS")
