"""Small things over the lines at the bottom: a menu of one key each, and a line to type into."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from screens.look import Look
from screens.paint import Line, clipped
from screens.parts import labelled
from screens.sanitise import one_by_one, sanitise, width, wrap
from screens.widgets.paper import OneLine


@dataclass(frozen=True)
class Choice:
    """key: one key; text: what it does."""

    key: str
    text: str
    do: Callable[[], object]


Note: TypeAlias = tuple[str, str]
"""A word, and what is to be known of it before one chooses."""

_CHOICE_LINES = 2


class Menu(OneLine):
    """Choices of one key each; escape or q: none of them. notes: stand above the choices; cells: how wide the
    screen is. closed: it was taken away."""

    DEFAULT_CSS = "Menu { height: auto; }"

    def __init__(
        self, look: Look, title: str, choices: Sequence[Choice], notes: Sequence[Note] = (), cells: int = 80
    ) -> None:
        super().__init__(look, "bar")
        self.closed = False
        self.title = title
        self.choices = list(choices)
        self.notes = list(notes)
        self.styles.height = len(self._lines(cells))
        self.show(self._lines)

    def on_resize(self) -> None:
        self.styles.height = len(self._lines(self.size.width))
        self.repaint()

    def _lines(self, cells: int) -> list[Line]:
        none = " none of it" if width(self.title) + len("    q none of it") <= cells else " none"
        lines: list[Line] = [[(" " + self.title, "strong"), ("   ", ""), ("q", "key"), (none, "dim")]]
        for label, text in self.notes:
            lines += [[("   ", ""), *line] for line in labelled(label, text, cells - 4)]
        for choice in self.choices:
            key: Line = [("   ", ""), (choice.key, "key"), ("  ", "")]
            parts = wrap(sanitise(choice.text, 1_000), cells - 7, _CHOICE_LINES)
            lines += [
                [*(key if not place else [("      ", "")]), (part, "")] for place, part in enumerate(parts)
            ]
        return lines

    def choice(self, key: str) -> Choice | None:
        """The choice of this key."""
        return next((choice for choice in self.choices if choice.key == key), None)


Assist: TypeAlias = "Callable[[str, int], Awaitable[tuple[int, Sequence[str]]]]"
"""What could be typed next: from the text and the cursor's place to where the word begins, and what it could
become."""


UP_AND_DOWN = ("up", "down", "pageup", "pagedown")


class OrderedInput(Input):
    """An input whose editing keys act in the order in which they came. Textual's own take the way over the
    app, so that letters which come in the same burst (a slow link, a fast hand) overtake them. What was
    pasted, or completed from data, is painted as harmless as data is."""

    @property
    def _value(self) -> Text:
        if self.password:
            return Text("*" * len(self.value), no_wrap=True, overflow="ignore", end="")
        return Text(one_by_one(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return position if self.password else width(one_by_one(self.value[:position]))

    async def _on_key(self, event: events.Key) -> None:
        if event.key in UP_AND_DOWN:  # Textual would scroll the line: they are the palette's
            return
        prompt = next((each for each in self.ancestors if isinstance(each, Prompt)), None)
        if prompt is not None and prompt.holds(event):
            event.stop()
            event.prevent_default()
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            event.stop()
            event.prevent_default()
            await self.run_action(binding.action)
            return
        if event.key == "tab" and prompt is not None and prompt.complete():
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)


class Prompt(Vertical):
    """A line to type into. done: called with the text, or None where it was given up; changed: with each
    change of it. refused: why the text cannot be taken as it stands, shown while it is typed; assist: what
    could be typed next, shown above, `tab` takes it; over: the text is a proposal that typing replaces;
    later: takes keys that came behind the enter that closed it; noted: told of each other one. closed: who
    asked has taken it away."""

    DEFAULT_CSS = """
    Prompt { height: auto; }
    Prompt Horizontal { height: 1; }
    Prompt Horizontal OneLine { width: auto; }
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
        refused: Callable[[str], str] | None = None,
        assist: Assist | None = None,
        over: bool = False,
        later: Callable[[events.Key], object] | None = None,
        noted: Callable[[events.Key], object] | None = None,
        hidden: bool = False,
    ) -> None:
        super().__init__()
        self.closed = False
        self._later, self._noted = later, noted
        self._behind: list[events.Key] | None = None
        self._early: list[events.Key] | None = []
        self._over = over
        self._refused, self._assist = refused, assist
        self._hint = OneLine(look, "bar")
        self._hint.display = False
        self._start, self._options, self._taken = 0, list[str](), -1
        self._why = ""
        self._label = OneLine(look, "bar")
        self._label.styles.width = len(label) + 2
        self._label.show(lambda cells: [[(f" {label} ", "key")]])
        self._input = OrderedInput(text, select_on_focus=False, password=hidden)
        self._input.cursor_blink = False  # each blink is a frame over the link
        self._done, self._changed = done, changed

    def compose(self) -> ComposeResult:
        yield self._hint
        with Horizontal():
            yield self._label
            yield self._input

    def on_mount(self) -> None:
        self._input.focus()
        self._input.cursor_position = len(self._input.value)
        if self._over:
            self._input.action_select_all()
        self._hint.show(self._hint_lines)
        early, self._early = self._early or [], None
        for event in early:
            self.type(event)
        self._look_ahead()

    def type(self, event: events.Key) -> None:
        """Take a key that came before the input had the keys, once it takes any."""
        if self._early is not None:
            self._early.append(event)
        else:
            self._input.post_message(event)

    def _look_ahead(self) -> None:
        """Say what is wrong with the text, and what could stand there."""
        if self._assist is not None:
            self.run_worker(self._ask_assist, group="assist", exclusive=True)  # type: ignore[arg-type]

    async def _ask_assist(self) -> None:
        text, cursor = self._input.value, self._input.cursor_position
        assert self._assist is not None
        start, options = await self._assist(text, cursor)
        self._start, self._options, self._taken = start, list(options), -1
        begun = bool(options) and text[:cursor].endswith(":")  # the value is about to be typed
        judged = self._refused is not None and bool(text.strip()) and not begun
        self._why = self._refused(text) if judged and self._refused is not None else ""
        self._show_hint()

    def _show_hint(self) -> None:
        lines = len(self._hint_lines(self.size.width or 80))
        self._hint.display = bool(lines)
        self._hint.styles.height = max(1, lines)
        self._hint.repaint()

    def _hint_lines(self, cells: int) -> list[Line]:
        lines: list[Line] = []
        if self._options:
            line: Line = [(" ", ""), ("tab", "key")]
            for place, option in enumerate(self._options):
                line += [("  ", ""), (sanitise(option, 60), "match" if place == self._taken else "")]
            lines.append(clipped(line, cells))
        if self._why:
            lines += [[(" ", ""), (part, "bad")] for part in wrap(sanitise(self._why, 1_000), cells - 2, 3)]
        return lines

    def complete(self) -> bool:
        """Take the next of what could be typed; whether this prompt knows any such thing."""
        if self._assist is not None:
            self._take_next()
        return self._assist is not None

    def _take_next(self) -> None:
        """Put the next option where the word stands."""
        if not self._options:
            return
        old = self._options[self._taken] if self._taken >= 0 else None
        end = self._start + len(old) if old is not None else self._input.cursor_position
        self._taken = (self._taken + 1) % len(self._options)
        option, text = self._options[self._taken], self._input.value
        with self._input.prevent(Input.Changed):
            self._input.value = text[: self._start] + option + text[end:]
            self._input.cursor_position = self._start + len(option)
        self._why = self._refused(self._input.value) if self._refused is not None else ""
        self._show_hint()
        if len(self._options) == 1:  # there is no other to go on to: what could follow it
            self._look_ahead()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self._changed is not None:
            self._changed(event.value)
        self._look_ahead()

    def holds(self, event: events.Key) -> bool:
        """Whether a key waits until the enter before it is done: it may belong to what that leads to."""
        if self._behind is not None:
            self._behind.append(events.Key(event.key, event.character))
            return True
        if self._noted is not None:
            self._noted(event)
        if event.key == "enter":
            self._behind = []
        return False

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        behind, self._behind = self._behind or [], None
        self._done(event.value)
        for key in behind:
            if not self.closed:
                self.type(key)
            elif self._later is not None:
                self._later(key)

    def on_key(self, event: events.Key) -> None:
        if event.key == "escape":
            event.stop()
            self._done(None)
