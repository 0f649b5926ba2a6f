"""`xdrtui triage`: alerts judged line by line, without an escape byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from screens.commands import BY_ID
from screens.linear import KEYS, Linear
from screens.times import Zone, fixed
from tests.screens.sample_store import NOW, STORY, commit, evil, findings, sample
from xdrtui.triage.desk import AlertQuery, Desk, Principal

LABELS = ("what: ", "where: ", "who: ", "when: ", "sure: ", "why: ")


def talk(directory: Path, *answers: str | None, query: str = "state:open") -> list[str]:
    """What is said, questions too, while these lines are typed."""
    said: list[str] = []
    waiting = [*answers, None]

    def typed(question: str) -> str | None:
        said.append(question)
        return waiting.pop(0)

    with Desk.open(directory, Principal("me", "here"), clock=lambda: NOW) as desk:
        ask = lambda: AlertQuery(query, me="me", now=NOW)  # noqa: E731
        Linear(desk, ask, said.append, typed, Zone(fixed(1)), "me").run()
    return said


def test_an_alert_is_its_place_six_labelled_lines_and_then_the_keys(tmp_path: Path) -> None:
    said = talk(sample(tmp_path))
    at = said.index("alert 1 of 7, critical")
    for label, line in zip(LABELS, said[at + 1 : at + 7], strict=True):
        assert line.startswith(label)
    assert said[at + 7].startswith("keys: n next, p previous, a acknowledge")
    assert "comsvcs" in said[at + 1] and "dc01" in said[at + 2] and "15:00" in said[at + 4]


def test_alerts_are_judged_and_undone(tmp_path: Path) -> None:
    said = talk(sample(tmp_path), "a", "n", "c", "t", "u", "n", "c", "", "m", "he is on holiday", "q")
    assert "acknowledged. u undoes." in said and "closed. u undoes." in said and "undone: close." in said
    assert "not closed." in said and "memo kept." in said and said[-1] == "done."
    with Desk.open(tmp_path, Principal("me", "here")) as desk:
        assert [entry.kind for entry in desk.entries()] == ["acknowledge", "close", "undo", "memo"]


def test_new_alerts_come_when_asked_for_alone(tmp_path: Path) -> None:
    sample(tmp_path)
    said: list[str] = []
    answers = iter(["r", "l", "q"])

    def typed(question: str) -> str:
        answer = next(answers)
        if answer == "r":
            commit(tmp_path, findings([("r-word", "high", "wks-777", "x", "late", 0, 1)], 900))
        return answer

    with Desk.open(tmp_path, Principal("me", "here"), clock=lambda: NOW) as desk:
        ask = lambda: AlertQuery("", me="me", now=NOW)  # noqa: E731
        Linear(desk, ask, said.append, typed, Zone(fixed(1)), "me").run()
    assert said.count("alert 1 of 7, critical") == 2 and "1 new alerts; 8 in all." in said


def test_what_changed_since_it_was_read_out_is_not_judged(tmp_path: Path) -> None:
    sample(tmp_path)
    answers = iter(["a", "q"])
    said: list[str] = []

    def typed(question: str) -> str:
        answer = next(answers)
        if answer == "a":
            with Desk.open(tmp_path, Principal("other", "there"), clock=lambda: NOW) as other:
                other.close([other.alerts(AlertQuery(""))[0].id], "duplicate")
        return answer

    with Desk.open(tmp_path, Principal("me", "here"), clock=lambda: NOW) as desk:
        ask = lambda: AlertQuery("", me="me", now=NOW)  # noqa: E731
        Linear(desk, ask, said.append, typed, Zone(fixed(1)), "me").run()
        assert [entry.author for entry in desk.entries()] == ["other"]
    assert any(line.startswith("not done: ") for line in said)


@pytest.mark.parametrize(
    ("key", "id"),
    [
        ("a", "acknowledge"),
        ("i", "investigate"),
        ("c", "close"),
        ("o", "own"),
        ("m", "memo"),
        ("u", "undo"),
        ("e", "event"),
    ],
)
def test_keys_mean_what_they_mean_on_the_screens(key: str, id: str) -> None:
    assert key in dict(KEYS)
    if id in BY_ID:
        assert key in BY_ID[id].keys


def test_the_command_sends_no_escape_byte_and_draws_nothing_over(tmp_path: Path) -> None:
    store = tmp_path / "store"
    commit(store, findings(STORY) + evil())
    run = subprocess.run(
        [sys.executable, "-m", "screens.main", "triage"],
        input=b"n\nw\ne\n" * 8 + b"q\n",
        capture_output=True,
        env={**os.environ, "XDRTUI_WORKSPACE": str(store), "TERM": "dumb"},
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert b"alert 8 of 8, informational" in run.stdout
    for byte in (b"\x1b", b"\r", b"\x08", b"\x07", "\x9b".encode(), "\u202e".encode()):
        assert byte not in run.stdout
