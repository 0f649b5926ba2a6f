"""Copies of an alert: what is copied, where it goes."""

import base64
import os
import subprocess
from pathlib import Path

import pytest

from screens.clipboard import MOST, copy
from screens.copying import copied, indicators, keep
from screens.times import Zone
from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import HOSTILE, commit, evil, sample
from tests.terminal.ptys import Pty
from xdrtui.triage.desk import AlertQuery, Desk, Principal


@pytest.mark.parametrize("what", ["value", "raw", "indicators", "markdown", "address"])
def test_no_copy_holds_what_a_terminal_would_obey(tmp_path: Path, what: str) -> None:
    from screens.alert_view import view_of

    commit(tmp_path, evil())
    with Desk.open(tmp_path, Principal("me", "here")) as desk:
        text = copied(what, view_of(desk, desk.alerts(AlertQuery())[0].id), Zone())
    assert text and text.replace("\n", "").replace("\t", "").isprintable()
    assert HOSTILE not in text


def test_indicators_are_a_typed_list_each_once_and_defanged() -> None:
    found = (("address", "203.0.113.7"), ("address", "203.0.113.7"), ("process", "C:\\a.b.exe"))
    assert indicators(found) == "address\t203[.]0[.]113[.]7\nprocess\tC:\\a.b.exe"


def test_the_kept_copy_is_private_and_follows_no_link(tmp_path: Path) -> None:
    path = keep("secret", tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text() == "secret"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        keep("secret", tmp_path)


def test_a_terminal_gets_one_sequence_up_to_a_size() -> None:
    sent: list[str] = []
    assert copy("näh", sent.append, {}) == ""
    assert sent == ["\x1b]52;c;" + base64.b64encode("näh".encode()).decode() + "\x07"]
    assert "too long" in copy("x" * (MOST + 1), sent.append, {}) and len(sent) == 1
    assert copy("a", sent.append, {"STY": "1"}) == "" and sent[1].startswith("\x1bP\x1b]52")


def test_in_tmux_the_copy_is_in_its_buffer(tmp_path: Path) -> None:
    from tests.terminal.tmux import Terminal, require_tmux

    require_tmux()
    with Terminal() as terminal:
        terminal.type(f"echo $TMUX >{tmp_path}/tmux")
        terminal.key("Enter")
        terminal.wait(lambda screen: (tmp_path / "tmux").exists() and (tmp_path / "tmux").read_text() != "")
        inside = (tmp_path / "tmux").read_text().strip()
        environ, os.environ["TMUX"] = os.environ.get("TMUX"), inside
        try:
            assert copy("203[.]0[.]113[.]7", lambda sequence: None) == ""
            found = subprocess.run(["tmux", "show-buffer"], capture_output=True, text=True, check=True).stdout
        finally:
            os.environ.pop("TMUX")
            if environ is not None:
                os.environ["TMUX"] = environ
    assert found == "203[.]0[.]113[.]7"


async def test_y_and_a_key_copy_and_the_address_leads_back(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("y")
        await settled(pilot)
        await pilot.press("l")
        await settled(pilot)
        said = "".join(line.strip() for line in shown(app)[-5:-1])
        address = (tmp_path / "copied.txt").read_text()
        assert "copied: alert/" in said and "copied.txt" in said
        await pilot.press("j", "colon")
        await settled(pilot)
        app.workbench.close_over()
        from screens.deeds import go_to

        go_to(app.workbench, address)
        await settled(pilot)
        assert app.workbench.current == "alert" and f"alert/{app.workbench.alert.id_shown}" == address


def test_on_a_pty_the_clipboard_sequence_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with Pty(sample(tmp_path)) as screen:
        screen.type(b"y")
        screen.settle()
        screen.type(b"y")
        screen.wait_for(b"\x1b]52;c;")
        screen.settle()
        kept = (tmp_path / "copied.txt").read_bytes()
        assert b"\x1b]52;c;" + base64.b64encode(kept) + b"\x07" in screen.sent


async def test_the_menu_shows_beforehand_what_would_be_copied(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("y")
        await settled(pilot)
        menu = "\n".join(shown(app))
        assert "y  process, defanged: C:\\Windows\\System32\\rundll32.exe" in menu
        assert "3 indicators" in menu and "l  alert/" in menu
        await pilot.press("y")
        await settled(pilot)
        assert (tmp_path / "copied.txt").read_text() == "C:\\Windows\\System32\\rundll32.exe"
