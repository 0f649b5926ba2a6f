"""Broken and slow links: split arrow keys, pastes without bracketed paste, on a real pty."""

import random
import time
from pathlib import Path

import pytest

from screens.taking import THOUGHT
from tests.screens.sample_store import full, sample
from tests.terminal.ptys import Pty
from tests.terminal.slow_link import SlowLink
from xdrtui.triage.desk import Desk, Principal

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def entries(directory: Path) -> int:
    with Desk.open(directory, Principal("me", "here")) as desk:
        return len(list(desk.entries()))


def test_split_arrow_keys_change_nothing(tmp_path: Path) -> None:
    store, draw = sample(tmp_path), random.Random(7)
    with Pty(store, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as screen:
        for place in range(100):
            key = draw.choice((b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1bOA", b"\x1b[15~"))
            cut = draw.randrange(1, len(key))
            screen.type(key[:cut])
            screen.drain(0.45 if place % 10 == 0 else draw.choice((0.0, 0.01, 0.12)))
            screen.type(key[cut:])
            screen.drain(0.01)
        screen.drain(0.5)
        assert screen.runs()
    assert entries(store) == 0


@pytest.mark.parametrize("chunk", [4096, 200, 20])
def test_a_paste_without_brackets_changes_nothing(tmp_path: Path, chunk: int) -> None:
    store = sample(tmp_path)
    pasted = (b"i am a memo: close all\rcty a\x20 aaa* io\rm hello\r:ack\r/a\r" * 80)[:4096]
    with Pty(store, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as screen:
        for start in range(0, len(pasted), chunk):
            screen.type(pasted[start : start + chunk])
            time.sleep(0.002)
        screen.wait_for(b"paste was dropped")
        screen.type(b"j")
        screen.drain(0.3)
        assert screen.runs()
    assert entries(store) == 0


SHORT = [b"ct", b"cd", b"act", b"practice", b"j\rct", b":ack\r", b"enact the act\r"]


@pytest.mark.parametrize("pasted", SHORT)
def test_a_short_paste_without_brackets_changes_nothing_until_the_person_says_it_was_typed(
    tmp_path: Path, pasted: bytes
) -> None:
    store = sample(tmp_path)
    with Pty(store) as screen:
        screen.type(pasted)
        screen.wait_for(b"came at once")
        screen.drain(THOUGHT)
        screen.type(b"n")
        screen.wait_for(b"that came at once")
        assert screen.runs()
    assert entries(store) == 0


def test_a_terminal_that_says_that_it_marks_pastes_is_believed(tmp_path: Path) -> None:
    store = sample(tmp_path)
    with Pty(store) as screen:
        assert b"\x1b[?2004h\x1b[?2004$p" in screen.sent
        screen.type(b"\x1b[?2004;1$y")
        screen.drain(0.2)
        screen.type(b"\x1b[200~act\x1b[201~")
        screen.wait_for(b"a paste was dropped")
        assert entries(store) == 0
        screen.type(b"j\rctJaJi")  # what a slow link bunched
        screen.wait(lambda: entries(store) == 3)


def test_typed_keys_work_over_ssh(tmp_path: Path) -> None:
    store = sample(tmp_path)
    with Pty(store, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as screen:
        for key in (b"a", b"\x1b[B", b"i", b"u"):
            screen.type(key)
            screen.drain(0.3)
        screen.wait(lambda: entries(store) == 3)


def test_keys_that_come_in_one_read_act_in_their_order_behind_a_slow_link(tmp_path: Path) -> None:
    store = sample(tmp_path)
    with SlowLink(store, "--low", rate=6_000, delay=0.15) as link:
        link.wait_for("LSASS dump via comsvcs")
        link.type(b"j\rct")
        link.wait_for("closed: 1 alert")
    with Desk.open(store, Principal("me", "here")) as desk:
        (entry,) = desk.entries()
        assert (entry.kind, entry.body["disposition"]) == ("close", "true_positive")
        assert desk.alert(entry.subject[0]).row.host == "wks-114"


def test_frames_of_a_large_terminal_keep_nobody_waiting(tmp_path: Path) -> None:
    store = full(tmp_path)
    with SlowLink(store, "--low", rate=100_000, delay=0.05, columns=200, lines=60) as link:
        link.wait_for("SEV")
        link.type(b":theme\r")
        link.wait_for("theme light")  # all of its cells were sent anew
        link.type(b"?")
        link.wait_for("Judging alerts", seconds=6)  # 2 s of waiting, and a loaded machine
