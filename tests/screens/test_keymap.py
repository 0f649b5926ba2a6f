"""Other keys: the laws they obey, and what a person is told who breaks one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from screens.commands import BY_ID, COMMANDS, in_force, keys_of, set_in_force
from screens.keymap import KeyProblem, first_problem, rebound
from screens.preferences import preferences_of
from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import sample
from xdrtui.errors import SettingsError
from xdrtui.settings import load_settings


def settings_file(folder: Path, screens: str) -> Path:
    path = folder / "settings.yml"
    path.write_text(f"profiles:\n  lab:\n    screens:\n{screens}", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("id", "keys", "told"),
    [
        ("close", ["x"], "'x' is the key of demo.hint and of close"),
        ("close", ["j"], "'j' is the key of down and of close"),
        ("close", ["J"], "'J' is the key of next_alert and of close"),
        ("close", ["B"], "slow link leaves of an arrow key"),
        ("close", ["~"], "slow link leaves of an arrow key"),
        ("close", ["pageup"], "the key moves"),
        ("close", ["ctrl+x"], "lose Alt, Ctrl and function keys"),
        ("help", ["f1"], "lose Alt, Ctrl and function keys"),
        ("help", ["alt+h"], "lose Alt, Ctrl and function keys"),
        ("help", ["é"], "a key is one character"),
        ("close", ["D"], "slow link leaves"),
        ("close", ["Q"], "only Shift tells it from 'q' of back, and close changes something"),
        ("down", ["A"], "only Shift tells it from 'a' of acknowledge, and acknowledge changes something"),
        ("help", [], "help needs a key"),
        ("down", ["q q"], "'q' alone is the key of back"),
        ("klose", ["x"], "no command is called klose: the nearest is close"),
    ],
)
def test_keys_that_cannot_be_are_refused(id: str, keys: list[str], told: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        rebound({id: keys})
    assert told in str(caught.value) and caught.value.id == id


def test_two_commands_can_change_places() -> None:
    changed = {command.id: command for command in rebound({"acknowledge": ["i"], "investigate": ["a"]})}
    assert changed["acknowledge"].keys == ("i",) and changed["investigate"].keys == ("a",)


def test_the_laws_would_find_what_breaks_them() -> None:
    evil = replace(BY_ID["acknowledge"], id="wipe", keys=("G",))
    assert first_problem([*COMMANDS, evil]) is not None


def test_a_conflict_is_refused_at_start_with_its_line(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "      keys:\n        down: ['!', down]\n        close: ['!']\n")
    with pytest.raises(
        SettingsError, match=r"settings.yml, line 6, column 9: '!' is the key of down and of close"
    ):
        preferences_of(load_settings(None, path, {}))


def test_an_unknown_zone_is_refused_with_its_line(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "      zone: Mars/Olympus\n")
    with pytest.raises(SettingsError, match="line 4, column 7: no time zone is called Mars/Olympus"):
        preferences_of(load_settings(None, path, {}))


def test_the_console_command_refuses_it_before_the_screen_opens(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "      keys: {close: [j]}\n")
    code = (
        "import screens.main as m; m.refusal = lambda *a, **k: ''; m.keep_terminal = lambda: None; m.main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "--settings", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert (
        "line 4, column 14: 'j' is the key of down and of close" in run.stderr
        and "Traceback" not in run.stderr
    )


async def test_another_key_does_it_and_the_footer_and_help_say_so(tmp_path: Path) -> None:
    set_in_force(rebound({"acknowledge": ["$"]}))
    try:
        assert keys_of("queue")["$"].id == "acknowledge"
        app = app_on(sample(tmp_path))
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot, rows=7)
            assert "$ ack" in shown(app)[-1]
            await pilot.press("dollar_sign")
            await settled(pilot)
            assert "acknowledged: 1 alert" in "\n".join(shown(app))
    finally:
        set_in_force()
    assert in_force() is COMMANDS
