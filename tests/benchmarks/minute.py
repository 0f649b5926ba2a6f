"""The analyst's minute, in tmux on the demo: `python -m tests.benchmarks.minute`.

From the start of the demo to alerts judged one by one, each with its why-tree on the screen before it is
closed; then all of one rule closed at once, and taken back. Prints keys and seconds; what was closed is read
from the store, not from the screen.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.terminal.tmux import Terminal
from xdrtui.triage.desk import AlertQuery, Desk, Principal

ONE_BY_ONE = 4
"""Alerts that are judged on their page."""

MOST_KEYS = 6
"""An alert may cost so many."""


class Judged(NamedTuple):
    """An alert that was closed: keys and seconds since the one before (the first: since the start), and
    whether tests of its rule with their ticks stood on the screen when `c` was pressed."""

    keys: int
    seconds: float
    why: bool


class Minute(NamedTuple):
    """one_by_one: alerts judged on their page; like: how many of a rule were closed at once; keys, seconds:
    that took; undone: how many of them one `u` opened again."""

    one_by_one: list[Judged]
    like: int
    keys: int
    seconds: float
    undone: int


def dispositions(directory: Path) -> Counter[str]:
    """How the alerts of the store are closed; "" = open."""
    with Desk.open(directory, Principal("me", "here"), readonly=True) as desk:
        return Counter(row.disposition for row in desk.alerts(AlertQuery(), 1_000))


def minute(folder: Path) -> Minute:
    """Play it in this folder."""
    store = folder / "invoice"
    with Terminal(XDRTUI_DEMO_DIR=str(folder)) as terminal:
        keys = 0

        def press(key: str) -> None:
            nonlocal keys
            keys += 1
            terminal.key(key)

        began = time.monotonic()
        terminal.run(sys.executable, "-m", "screens.main", "demo", "--scenario", "invoice", "--reset")
        terminal.wait_for("any key begins")
        press("Space")
        terminal.wait_for("►")
        time.sleep(0.4)  # what comes on the heels of the key that began is dropped
        one_by_one: list[Judged] = []
        for number in range(ONE_BY_ONE):
            press("J" if number else "Enter")
            screen = terminal.wait(_page_of_an_open_alert)
            press("c")
            terminal.wait_for("Close 1 alert as")
            press("t" if not number else "a")
            terminal.wait(lambda screen: "closed: 1 alert" in screen and "state   closed" in screen)
            one_by_one.append(Judged(keys, time.monotonic() - began, _why(screen)))
            assert sum(dispositions(store).values()) - dispositions(store)[""] == number + 1
            keys, began = 0, time.monotonic()
        assert dispositions(store)["true_positive"] == 1
        press("q")
        press("G")
        time.sleep(0.3)
        press("*")
        terminal.wait_for("of this rule marked")
        before = dispositions(store)["false_positive_rule"]
        press("c")
        terminal.wait_for("false positive: the rule is wrong")
        press("r")
        terminal.wait(lambda screen: "closed: " in screen and "alerts" in screen)
        seconds, spent = time.monotonic() - began, keys
        like = dispositions(store)["false_positive_rule"] - before
        press("u")
        terminal.wait_for("undone: close")
        undone = before + like - dispositions(store)["false_positive_rule"]
        press("q")
        terminal.wait_for("Leave xdrtui?")
        press("y")
        terminal.wait_gone("DEMO")
        return Minute(one_by_one, like, spent, seconds, undone)


def _page_of_an_open_alert(screen: str) -> bool:
    return "[ALERT]" in screen and "state   new" in screen and _why(screen)


def _why(screen: str) -> bool:
    """The heading, and a test that held below it."""
    _, _, below = screen.partition("── why it fired")
    return "✓ " in below


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        played = minute(Path(scratch))
    print(f"{'judged on its page':<28} {'keys':>5} {'seconds':>8}  why-tree on the screen before")
    for number, one in enumerate(played.one_by_one, 1):
        since = " (from the start of the demo)" if number == 1 else ""
        print(f"alert {number:<22} {one.keys:>5} {one.seconds:>8.1f}  {'yes' if one.why else 'NO'}{since}")
    print(f"{played.like} alerts of a rule at once {played.keys:>9} {played.seconds:>8.1f}")
    print(f"undone by one key: {played.undone} of {played.like}")


if __name__ == "__main__":
    main()
