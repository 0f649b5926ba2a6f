"""`xdrtui suppress`, `handover`, `log` and `alerts packet`, run as a user runs them."""

from __future__ import annotations

import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.xdrtui.store_samples import found
from tests.xdrtui.test_triage_desk import BOB, fill
from xdrtui.commands import make_group
from xdrtui.triage.desk import Desk


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "w"
    fill(directory, found(offset=1, host="A", user="eve\x1b[2J"), found(offset=2, host="B"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(directory))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return directory


def run(*words: str, answer: str = "") -> Result:
    result = CliRunner().invoke(make_group(), list(words), input=answer)
    assert "\x1b[2J" not in result.output
    return result


def test_a_suppression_is_counted_asked_for_listed_and_lifted(workspace: Path) -> None:
    refused = run("suppress", "add", "rule:rule-a host:A", "--reason", "builds", answer="n\n")
    assert refused.exit_code == 1 and "it would have hidden 1" in refused.stderr
    made = run("suppress", "add", "rule:rule-a host:A", "--reason", "builds", "--until", "2d", answer="y\n")
    assert made.exit_code == 0, made.output
    id = made.stdout.split()[0]
    listed = json.loads(run("suppress", "list", "--format", "json").stdout)
    assert (listed["id"], listed["reason"], listed["past"]) == (id, "builds", 1)
    assert "in force" in run("suppress", "show", id).stdout
    assert run("suppress", "lift", id[:5]).exit_code == 0
    assert run("suppress", "list").stderr.startswith("0 suppressions in force")
    assert id in run("suppress", "list", "--all").stdout


@pytest.mark.parametrize("scope", ["host:*", "rule:nothing", "powershell", ""])
def test_a_scope_that_hides_too_much_is_refused_in_a_sentence(workspace: Path, scope: str) -> None:
    result = run("suppress", "add", scope, "--reason", "x", "--yes")
    assert result.exit_code == 1 and "character" in result.stderr


def test_the_log_stands_in_the_handover_and_the_next_analyst_accepts_it(workspace: Path) -> None:
    assert run("log", "quiet", "night").exit_code == 0
    assert "quiet night" in run("log").stdout
    given = run("handover", "--since", "06:00Z", "--give", "--utc")
    assert given.exit_code == 0, given.output
    assert "## Open: 2 alerts (2 medium)" in given.stdout and "quiet night" in given.stdout
    own = run("handover", "--accept")
    assert own.exit_code == 1 and "your own" in own.stderr
    with Desk.open(workspace, BOB) as other:
        assert other.shift.take().taken_by == "bob"
    assert json.loads(run("handover", "--format", "json").stdout)["by_level"]["medium"] == 2


def test_a_handover_of_another_is_accepted_by_a_command(workspace: Path) -> None:
    with Desk.open(workspace, BOB) as other:
        other.shift.give("# from bob \x1b[2J")
    assert "bob handed over" in run("handover").stderr
    accepted = run("handover", "--accept")
    assert accepted.exit_code == 0 and "# from bob" in accepted.stdout and "Acknowledged" in accepted.stderr


def test_a_packet_is_markdown_or_json_with_defanged_indicators(workspace: Path) -> None:
    (id,) = [
        json.loads(line)["id"]
        for line in run("alerts", "list", "host:A", "--format", "json").stdout.splitlines()
    ]
    assert "### Why it fired" in run("alerts", "packet", id[:8]).stdout
    packet = json.loads(run("alerts", "packet", id[:8], "--format", "json").stdout)
    assert packet["alerts"][0]["id"] == id


def test_a_byte_that_is_no_character_does_not_close_the_log_for_good(workspace: Path) -> None:
    assert run("log", "caf\udce9 called").exit_code == 0
    assert "caf\ufffd called" in run("log").stdout
    assert run("handover", "--since", "24h").exit_code == 0


def on_a_terminal(*words: str, columns: int = 80) -> list[str]:
    """What a person sees of a command at a terminal of so many columns."""
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen([sys.executable, "-m", "xdrtui", *words], stdout=side, stderr=side, env=env)
    os.close(side)
    seen = b""
    with suppress(OSError):
        while part := os.read(main, 65_536):
            seen += part
    os.close(main)
    assert process.wait() == 0, seen
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).splitlines()


def test_long_texts_are_wrapped_at_a_terminal_and_whole_in_a_pipe(workspace: Path) -> None:
    short = "the printer in room 4 beeps since noon, which is known and of no concern to anybody"
    long = "word " * 400
    assert run("log", short).exit_code == 0 and run("log", long).exit_code == 0
    for words in (("log",), ("handover", "--utc")):
        lines = on_a_terminal(*words)
        assert all(len(line) <= 80 for line in lines)
        joined = " ".join(" ".join(lines).split())
        assert short in joined, "it is wrapped between words"
        assert 30 < joined.count("word") < 200 and "whole in a file" in lines[-1]
        piped = run(*words).stdout
        assert long.strip() in piped and short in piped
