"""Small things over the lines at the bottom: a menu of one key each, and a line to type into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from screens.look import Look
from screens.paint import Line
from screens.widgets.paper import OneLine


@dataclass(frozen=True)
class Choice:
    """key: one key; text: what it does."""

    key: str
    text: str
    do: Callable[[], object]


class Menu(OneLine):
    """Choices of one key each; escape or q: none of them."""

    DEFAULT_CSS = "Menu { height: auto; }"

    def __init__(self, look: Look, title: str, choices: Sequence[Choice]) -> None:
        super().__init__(look, "bar", id="menu")
        self.title = title
        self.choices = list(choices)
        self.styles.height = len(self.choices) + 1
        self.show(self._lines)

    def _lines(self, cells: int) -> list[Line]:
        lines: list[Line] = [
            [(" " + self.title, "strong"), ("   ", ""), ("q", "key"), (" none of it", "dim")]
        ]
        lines += [[("   ", ""), (choice.key, "key"), ("  " + choice.text, "")] for choice in self.choices]
        return lines

    def choice(self, key: str) -> Choice | None:
        """The choice of this key."""
        return next((choice for choice in self.choices if choice.key == key), None)


class Prompt(Horizontal):
    """A line to type into. done: called with the text, or None where it was given up; changed: with each
    change of it."""

    DEFAULT_CSS = """
    Prompt { height: 1; }
    Prompt OneLine { width: auto; }
    Prompt Input { border: none; height: 1; padding: 0; width: 1fr; background: $surface; }
    Prompt Input:focus { border: none; }
    """

    def __init__(
        self,
        look: Look,
        label: str,
        text: str,
        done: Callable[[str | None], object],
        changed: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(id="prompt")
        self._label = OneLine(look, "bar")
        self._label.styles.width = len(label) + 2
        self._label.show(lambda cells: [[(f" {label} ", "key")]])
        self._input = Input(text, id="prompt-input", select_on_focus=False)
        self._done, self._changed = done, changed

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._input

    def on_mount(self) -> None:
        self._input.focus()
        self._input.cursor_position = len(self._input.value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._changed is not None:
            self._changed(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._done(event.value)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self._done(None)
