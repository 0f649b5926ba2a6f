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
    keys_page,
    shown_in_footer,
)

NAMED = {
    "down", "up", "left", "right", "enter", "escape", "tab", "space", "backspace", "pagedown", "pageup",
    "home", "end",
}  # fmt: skip
SHIFTED = dict(zip("1234567890-=[]\\;',./`", '!@#$%^&*()_+{}|:"<>?~', strict=True))


def shift_pairs(key: str) -> set[str]:
    """The keys that differ from this one by Shift alone."""
    pairs = {key.swapcase()} if key.isalpha() and len(key) == 1 else set()
    return (
        pairs
        | {high for low, high in SHIFTED.items() if low == key}
        | {low for low, high in SHIFTED.items() if high == key}
    )


def test_a_key_means_the_same_in_all_panes() -> None:
    meaning: dict[str, str] = {}
    for command in COMMANDS:
        for key in command.keys:
            assert meaning.setdefault(key, command.id) == command.id


def test_no_key_begins_another_sequence() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    for sequence in (key for key in keys if " " in key):
        assert sequence.split()[0] not in keys


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_keys_are_plain_and_safe(command) -> None:
    for key in command.keys:
        for part in key.split():
            assert (len(part) == 1 and part.isprintable()) or part in NAMED, f"{part}: no Ctrl, Alt or F-keys"
    if command.changes:
        for key in command.keys:
            assert key not in {*"ABCDEFGH[O~"}, "a fragment of a split arrow key would change state"


def test_no_changing_key_is_a_shift_pair_of_a_harmless_one() -> None:
    by_key = {key: command for command in COMMANDS for key in command.keys}
    for key, command in by_key.items():
        for other in shift_pairs(key) & set(by_key):
            assert by_key[other].changes == command.changes, f"{key} and {other}"


def test_ids_are_unique_and_groups_known() -> None:
    assert len(BY_ID) == len(COMMANDS)
    assert {command.group for command in COMMANDS} == set(GROUPS)


def test_a_command_that_does_not_apply_says_why() -> None:
    empty = Facts(rows=0, state="")
    for command in in_pane("queue"):
        if command.changes and command.id not in ("undo", "redo"):
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
    assert page.read_text(encoding="utf-8") == keys_page(), "write screens.commands.keys_page() to it"
