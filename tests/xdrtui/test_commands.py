"""The command line's manners: help, errors, exit codes, start time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from xdrtui import __version__
from xdrtui.commands import COMMANDS, make_group
from xdrtui.commands.session import DemoOptions, Session
from xdrtui.errors import SourceError


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner(env={"XDRTUI_SETTINGS": None, **(env or {})}).invoke(make_group(), arguments)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_in_help_what_the_list_says(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    context = click.Context(make_group())
    command = make_group().get_command(context, name)
    assert command is not None
    assert command.short_help == COMMANDS[name]


def test_version() -> None:
    assert run("--version").output == f"xdrtui, version {__version__}\n"


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys, xdrtui.commands as c\n"
        "try: c.make_group()(['--help'], prog_name='xdrtui')\n"
        "except SystemExit: pass\n"
        "heavy = {'polars', 'pydantic', 'yaml', 'sqlite_utils', 'sqlite3', 'aiokafka', 'textual'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_wrong_command_names_the_nearest_and_exits_2() -> None:
    result = run("scna")
    assert result.exit_code == 2
    assert "there is no command scna: the nearest is scan." in result.output


def test_a_wrong_option_exits_2() -> None:
    assert run("rules", "list", "--levle", "high").exit_code == 2


def test_a_hostile_argument_is_shown_harmlessly() -> None:
    result = run("\x1b]0;owned\x07")
    assert result.exit_code == 2
    assert "\x1b" not in result.output


def test_errors_are_one_line_on_stderr_and_exit_1() -> None:
    group = make_group()

    @group.command("broken")
    def broken() -> None:
        raise SourceError("the file \x1b[2J cannot be read: name another.")

    result = CliRunner().invoke(group, ["broken"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: the file ␛[2J cannot be read: name another.\n"


def test_a_bug_does_not_let_data_reach_the_terminal() -> None:
    group = make_group()

    @group.command("buggy")
    def buggy() -> None:
        raise ValueError("\x1b]0;owned\x07")

    result = CliRunner().invoke(group, ["buggy"])
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "this is a bug" in result.stderr


def test_wrong_settings_are_one_line_and_exit_1(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("profiles: {a: {kafak: {}}}")
    result = run("--settings", str(path), "rules", "list")
    assert result.exit_code == 1
    assert "line 1, column 16: unknown setting kafak: the nearest is kafka." in result.stderr


class OneScreen:
    """A screen that notes that it was opened."""

    def __init__(self) -> None:
        self.opened: list[object] = []

    def open(self, session: Session, address: str = "queue") -> int:
        self.opened.append(session.profile or address)
        return 0

    def open_demo(self, session: Session, options: DemoOptions) -> int:
        self.opened.append(options)
        return 0

    def open_replay(self, session: Session, paths: tuple[str, ...], speed: float) -> int:
        self.opened.append((paths, speed))
        return 0

    def triage(self, session: Session, query: str) -> None:
        self.opened.append(query)

    def refusal(self) -> str:
        return ""


def test_without_a_command_the_screen_opens_on_the_profile() -> None:
    screen = OneScreen()
    result = CliRunner().invoke(make_group(screen), ["--profile", "lab"])
    assert result.exit_code == 0
    assert screen.opened == ["lab"]


def test_an_address_and_a_filter_reach_the_screen() -> None:
    screen = OneScreen()
    assert CliRunner().invoke(make_group(screen), ["open", "alert/1234"]).exit_code == 0
    assert CliRunner().invoke(make_group(screen), ["triage", "level>=high"]).exit_code == 0
    assert screen.opened == ["alert/1234", "level>=high"]


def test_without_a_screen_the_help_is_shown() -> None:
    assert "Commands:" in run().output


def test_rules_list_is_a_table_worst_first() -> None:
    result = run("rules", "list")
    levels = [line.split()[0] for line in result.stdout.splitlines()[1:]]
    order = ["critical", "high", "medium", "low", "informational"]
    assert levels == sorted(levels, key=order.index)


def test_rules_list_shows_shelved_rules_when_asked(tmp_path: Path) -> None:
    (tmp_path / "old.yml").write_text(
        "title: Old\nid: 00000000-0000-4000-8000-000000000001\nstatus: deprecated\nlevel: low\n"
        "logsource: {product: windows}\ndetection: {sel: {F: a}, condition: sel}\n"
    )
    assert "Old" not in run("rules", "list", str(tmp_path)).stdout
    for option in (["--all"], ["--status", "deprecated"]):
        (line,) = run("rules", "list", str(tmp_path), *option).stdout.splitlines()[1:]
        assert "Old" in line
        assert "deprecated" in line
        assert "windows/*/*" in line


def test_rules_show_tells_what_a_rule_came_from_and_its_licence(tmp_path: Path) -> None:
    (tmp_path / "new.yml").write_text(
        "title: New\nid: 00000000-0000-4000-8000-000000000001\nlicense: MIT\nauthor: Ada\n"
        "related:\n  - id: 00000000-0000-4000-8000-000000000002\n    type: derived\n"
        "logsource: {product: windows}\ndetection: {sel: {F: a}, condition: sel}\n"
    )
    shown = run("rules", "show", "New", "--rules", str(tmp_path)).stdout
    assert "related    derived 00000000-0000-4000-8000-000000000002" in shown
    assert "author     Ada, MIT" in shown


def test_the_bundled_rules_have_no_problem() -> None:
    result = run("rules", "check")
    assert result.exit_code == 0, result.stdout


def test_rules_check_tells_the_place_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(
        "title: x\nlogsource: {product: windows}\ndetection:\n  condition: sel\n"
    )
    result = run("rules", "check", str(tmp_path))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{tmp_path}/bad.yml:")
