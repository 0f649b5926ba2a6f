"""What becomes of a key that no input takes: judged whether anybody typed it, then done where it belongs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from screens.commands import PANES, keys_of
from screens.guard import WINDOW, Guard, Take
from screens.keyboard import Keyboard
from screens.menu import Prompt

if TYPE_CHECKING:
    from screens.workbench import Workbench


class Taking:
    """Takes keys for the workbench."""

    def __init__(self, bench: Workbench) -> None:
        self.keyboard = Keyboard()
        self.guard = Guard()
        self.deaf_until = 0.0
        self._bench = bench

    def typed(self, key: str, at: float) -> None:
        """A key arrived at this moment (seconds, monotonic); before `deaf_until` it is dropped."""
        if at < self.deaf_until:
            return
        take = self.guard.judge(key, at, self._risky(key))
        if take is Take.NOW:
            self._do(key)
        elif take is Take.HOLD:
            self._bench.set_timer(WINDOW + 0.005, self._take_held)
        elif take is Take.PASTE:
            self._bench.close_over()
            self._bench.say("a paste was dropped: many keys came at once, and no input is open")

    def _risky(self, key: str) -> bool:
        """Taking this key could change something, or opens what takes more keys."""
        command = keys_of(self._bench.current).get(key)
        in_menu = self._bench.menu is not None
        return in_menu or (command is not None and (command.changes or command.asks))

    def _take_held(self) -> None:
        for key in self.guard.due(time.monotonic()):
            if not self._bench.query(Prompt):
                self._do(key)

    def _do(self, key: str) -> None:
        bench = self._bench
        if bench.menu is not None:
            choice = bench.menu.choice(key)
            if choice is not None or key in ("escape", "q"):
                bench.close_over()
            if choice is not None:
                choice.do()
            return
        command = self.keyboard.command(key, keys_of(bench.current))
        if command is not None:
            bench.perform(command, escape=key == "escape")
        elif key == "ctrl+c":
            bench.say("q goes back, and leaves from the first pane")
        elif not self.keyboard.pending:
            elsewhere = next((PANES[pane] for pane in PANES if key in keys_of(pane)), "")
            if elsewhere and key != "escape":
                bench.say(
                    f"{key} is a key of {elsewhere}, not of {PANES[bench.current]}: ? tells what applies"
                )
