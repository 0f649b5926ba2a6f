"""The laws of the registry of commands."""

from pathlib import Path

import pytest

from screens.commands import (
    BY_ID,
    COMMANDS,
    DISPOSITIONS,
    GROUPS,
    PANES,
    Facts,
    in_pane,
    keys_of,
    shown_in_footer,
)
from screens.keymap import first_problem
from screens.keys_page import keys_page


def test_a_key_means_the_same_in_all_panes() -> None:
    meaning: dict[str, str] = {}
    for command in COMMANDS:
        for key in command.keys:
            assert meaning.setdefault(key, command.id) == command.id


def test_no_law_of_keys_is_broken() -> None:
    assert first_problem(COMMANDS) is None


def test_ids_are_unique_and_groups_known() -> None:
    assert len(BY_ID) == len(COMMANDS)
    assert {command.group for command in COMMANDS} == set(GROUPS)


def test_a_command_that_does_not_apply_says_why() -> None:
    empty = Facts(rows=0, state="")
    for command in in_pane("queue"):
        if command.changes and command.id not in ("undo", "redo", "give", "log", "dismiss"):
            assert command.why_not(empty), command.id
    assert BY_ID["close"].why_not(Facts(rows=1, state="closed")) == "this alert is closed already"
    assert BY_ID["acknowledge"].why_not(Facts(rows=1, state="new")) == ""
    assert BY_ID["acknowledge"].why_not(Facts(rows=1, state="new", readonly="read-only: a newer store"))


def test_demo_commands_are_shown_in_the_demo_alone() -> None:
    assert not [command for command in in_pane("queue") if command.group == "demo"]
    assert [command for command in in_pane("queue", demo=True) if command.group == "demo"]


@pytest.mark.parametrize("pane", PANES)
def test_the_footer_fits_80_columns(pane: str) -> None:
    shown = shown_in_footer(Facts(pane=pane, rows=1, state="new"))
    assert sum(len(command.keys[0]) + len(command.title) + 3 for command, _ in shown) <= 110


def test_dispositions_have_a_key_each() -> None:
    assert len({key for key, _, _ in DISPOSITIONS}) == len(DISPOSITIONS) == 7


def test_every_key_is_found_in_its_pane() -> None:
    assert keys_of("queue")["a"].id == "acknowledge"
    assert "a" not in keys_of("live")


def test_the_manuals_page_of_keys_is_the_registrys() -> None:
    page = Path(__file__).parents[2] / "xdrtui" / "manual" / "keys.md"
    assert page.read_text(encoding="utf-8") == keys_page(), (
        "python -m screens.keys_page > xdrtui/manual/keys.md"
    )
