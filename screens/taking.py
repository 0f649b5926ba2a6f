"""What becomes of a key that no input takes: judged whether anybody typed it, then done where it belongs.

Keys may come faster than the screen paints: `enter c t` in one read over a slow link. They are done in their
order, each where those before it led to. One that acts on what stands under the cursor waits until that
stands on the screen, and what a person did just before with it; those behind it wait too. They wait for
`PATIENCE` at most, then they are dropped with a line. Where many came at once and could be a paste, nothing
of them is done before the person has said that they were typed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textual import events

from screens.commands import ALERT, PANES, Command, key_sign, keys_of
from screens.guard import WINDOW, Guard, Take
from screens.keyboard import Keyboard, event_of, key_name

if TYPE_CHECKING:
    from screens.workbench import Workbench

PATIENCE = 3.0
"""Seconds that a key may wait for what it acts on; where the link is slow three times as long."""

SOON = 0.02
"""Seconds between two looks whether it can be done now."""

TOLD = 0.2
"""Seconds after which the person is told that keys wait."""

THOUGHT = 0.25
"""Seconds after a question before which no answer counts: it would be the paste's own."""


@dataclass(frozen=True)
class Waiting:
    """A key that waits. seen: what it would have acted on when it came, in the versions that stood there."""

    key: str
    seen: Mapping[str, int] = field(default_factory=dict)


class Taking:
    """Takes keys for the workbench. waiting: keys that wait, oldest first."""

    def __init__(self, bench: Workbench) -> None:
        self.keyboard = Keyboard()
        self.guard = Guard()
        self.deaf_until = 0.0
        self.waiting: list[Waiting] = []
        self.asked: list[str] = []
        """Keys that came at once: typed or pasted, the person is asked."""
        self._asked_at = 0.0
        self._since = 0.0
        self._ended = False
        self._bench = bench

    def end(self) -> None:
        """Take nothing any more, nor what was held: the screens end."""
        self._ended, self.waiting = True, []

    def typed(self, key: str, at: float) -> None:
        """A key arrived at this moment (seconds, monotonic); before `deaf_until` it is dropped."""
        if at < self.deaf_until or self._ended:
            return
        self.guard.marks = self._bench.services.link.marks_pastes
        take = self.guard.judge(key, at, bool(self.asked) or self._risky(key))
        if take is Take.NOW:
            self._take(key)
        elif take is Take.HOLD:
            self._bench.set_timer(WINDOW + 0.005, self._take_held)
        elif take is Take.PASTE:
            self.waiting, self.asked = [], []
            self._bench.close_over()
            self._bench.say("a paste was dropped: many keys came at once, and no input is open")

    def noted(self, event: events.Key) -> None:
        """A key that an input took."""
        self.guard.note(key_name(event), event.time)

    @property
    def busy(self) -> bool:
        """Whether keys are held, or wait."""
        return bool(self.guard.held or self.waiting or self.asked)

    def in_words(self) -> str:
        """What to tell of keys that wait; "" = nothing."""
        if self.asked:
            signs = " ".join(key_sign(key) for key in self.asked)
            return f"{len(self.asked)} keys came at once, like a paste: y does them, n drops them:  {signs}"
        if not self.waiting or time.monotonic() - self._since < TOLD:
            return ""
        return f"{self._signs()} … until {self._unready() or 'it is its turn'}"

    def _signs(self) -> str:
        return " ".join(key_sign(one.key) for one in self.waiting)

    def _risky(self, key: str) -> bool:
        """Taking this key could change something, or opens what takes more keys."""
        panes = PANES if self.waiting else (self._bench.current,)  # who knows where those before it lead
        commands = [command for pane in panes if (command := keys_of(pane).get(key)) is not None]
        in_menu = self._bench.menu is not None
        return in_menu or any(command.changes or command.asks for command in commands)

    def _take_held(self) -> None:
        doubtful, keys = self.guard.doubtful, self.guard.due(time.monotonic())
        if self.asked and keys:
            self._answer(keys)
        elif doubtful and keys:
            self.asked, self._asked_at = keys, time.monotonic()
            self._bench.redraw()
        else:
            self._take_all(keys)

    def _answer(self, keys: list[str]) -> None:
        """One key by itself, some time after the question, is an answer; anything else may be more of the
        paste."""
        if len(keys) > 1 or time.monotonic() - self._asked_at < THOUGHT:
            return
        asked = self.asked
        if keys[0] == "y":
            self.asked = []
            self._take_all(asked)
        elif keys[0] in ("n", "escape", "q"):
            self.asked = []
            self._bench.say(f"dropped {len(asked)} keys that came at once")
        self._bench.redraw()

    def _take_all(self, keys: list[str]) -> None:
        for key in keys:
            self._take(key)

    def _take(self, key: str) -> None:
        """Do what a key means, or let it wait; escape drops those that wait."""
        if self._ended or not self._bench.is_attached:
            return  # what was typed behind the key that left is for nobody here
        if self.waiting and key == "escape":
            self._drop("")
        elif self.waiting or not self._done(key, {}):
            self._wait(key)

    # Keys that wait

    def _wait(self, key: str) -> None:
        if not self.waiting:
            self._since = time.monotonic()
            self._bench.set_timer(SOON, self._go_on)
        self.waiting.append(Waiting(key, self._bench.targets().versions()))

    def _go_on(self) -> None:
        """Do the keys whose turn it is; drop them where what they wait for does not come."""
        if not self._bench.is_attached:
            return
        while self.waiting and self._done(self.waiting[0].key, self.waiting[0].seen):
            self.waiting = self.waiting[1:]
            self._since = time.monotonic()
        if not self.waiting:
            self._bench.redraw()
            return
        patience = PATIENCE * (3 if self._bench.services.low_bandwidth else 1)
        if time.monotonic() - self._since > patience:
            self._drop(f": in {patience:.0f} s it never came that {self._unready()}")
            return
        if self.in_words():
            self._bench.redraw()
        self._bench.set_timer(SOON, self._go_on)

    def _drop(self, why: str) -> None:
        signs, self.waiting = self._signs(), []
        self._bench.say(f"dropped what was typed, {signs}{why}", "bad" if why else "")

    def _unready(self, command: Command | None = None) -> str:
        """What a command waits for, "" = nothing; None: the one whose turn it is."""
        bench = self._bench
        if bench.asking.coming:
            return "the menu stands"
        if command is None:
            command = keys_of(bench.current).get(self.waiting[0].key)
        if command is None or not command.here:
            return ""
        judges = command.group == "judge"
        if judges and bench.judging.under_way:
            return "what you did before is stored"
        if bench.walk.under_way:
            return "the next alert is found"
        if (
            bench.current == ALERT and not bench.alert.id_wanted
        ):  # it shows the queue's line, once it is known
            coming = "the alert is on the screen" if bench.queue.alert_here() else ""
            return bench.queue.unready(judges=False) or coming
        return bench.pane.unready(judges)

    # What a key means

    def _done(self, key: str, seen: Mapping[str, int]) -> bool:
        """Do what a key means now; False where it must wait."""
        bench = self._bench
        if bench.app.screen is not bench:
            bench.app.screen.post_message(event_of(key))
            return True
        if bench.asking.typing:
            bench.asking.type(event_of(key))
            return True
        if bench.menu is not None:
            self._choose(key)
            return True
        if bench.asking.coming:
            return False
        command = self.keyboard.command(key, keys_of(bench.current))
        if command is None:
            self._no_command(key)
            return True
        if self._unready(command):
            return False
        if command.changes and self._changed(seen):
            bench.say(f"{command.title}: it was changed meanwhile by somebody else: look again", "bad")
            return True
        bench.perform(command, escape=key == "escape")
        return True

    def _changed(self, seen: Mapping[str, int]) -> bool:
        """Whether somebody else changed what a key was meant for while the key waited."""
        now, own = self._bench.targets().versions(), self._bench.judging.done
        return any(seen.get(each, version) != version and version not in own for each, version in now.items())

    def _choose(self, key: str) -> None:
        menu = self._bench.menu
        choice = menu.choice(key) if menu is not None else None
        if choice is not None or key in ("escape", "q"):
            self._bench.close_over()
        if choice is not None:
            choice.do()

    def _no_command(self, key: str) -> None:
        bench = self._bench
        if key == "ctrl+c":
            bench.say("q goes back, and leaves from the first pane")
        elif not self.keyboard.pending:
            elsewhere = next((PANES[pane] for pane in PANES if key in keys_of(pane)), "")
            if elsewhere and key != "escape":
                bench.say(
                    f"{key} is a key of {elsewhere}, not of {PANES[bench.current]}: ? tells what applies"
                )
