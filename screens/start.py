"""The first start, where nothing is set and nothing is stored: the demo, a Kafka cluster, or files.

Out: what the person chose, as a `Chosen`. A cluster is tried step by step before it is written to the
settings file; files are read into the workspace here. Nothing is overwritten.
"""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, ComposeResult

from screens.keyboard import key_name
from screens.link import Paced
from screens.look import Look
from screens.menu import Prompt
from screens.paint import Line
from screens.sanitise import sanitise, wrap
from screens.times import number
from screens.widgets.paper import Paper
from xdrtui.errors import SettingsError

if TYPE_CHECKING:
    from xdrtui.sources.step import Step

OFFER: tuple[tuple[str, str, str], ...] = (
    ("d", "demo", "the demo: three attacks to find in made-up data; nothing is needed"),
    ("k", "kafka", "a Kafka cluster: a few questions, then it is tried"),
    ("f", "files", "files or folders: logs in JSON, EVTX, Zeek, Suricata, syslog ..."),
    ("q", "leave", "leave; `xdrtui help` is the manual"),
)

QUESTIONS: tuple[tuple[str, str, str], ...] = (
    ("brokers", "brokers, host:port (empty: localhost:9092)", "localhost:9092"),
    ("topics", "topics, a name or a pattern with * (empty: say which there are)", ""),
    ("tls", "TLS, yes or no (empty: no)", "no"),
    ("ca_file", "file with the CA's certificate (empty: the system's)", ""),
    ("user", "user to log in with (empty: no login)", ""),
    ("sasl", "plain, scram-sha-256 or scram-sha-512 (empty: the last)", "scram-sha-512"),
    ("password", "its password, or keyring:NAME, file:PATH, env:NAME", ""),
)
"""Each: its name, the question, what an empty answer means."""

WITHIN = {"ca_file": "tls", "sasl": "user", "password": "user"}
"""Questions that are asked only where another one was answered so."""

YES, NO = ("yes", "y", "true"), ("", "no", "n", "false")

Fill = Callable[[Sequence[str], Callable[[int, int], None]], str]
"""Reads files into the workspace: given paths and what is told of progress (bytes, events), says how it
went."""

Try = Callable[["dict[str, object]"], "Iterator[Step]"]

Keep = Callable[[str], str]
"""Puts a password where only its owner can read it, and says how the settings refer to it. Raises
SettingsError."""


@dataclass
class Chosen:
    """kind: "demo", "kafka", "files" or "leave"; kafka: the settings of the cluster."""

    kind: str = "leave"
    kafka: dict[str, object] = field(default_factory=dict)


def kafka_settings(answers: dict[str, str]) -> dict[str, object]:
    """What was answered, as the settings file has it."""
    listed = {name: [each.strip() for each in answers[name].split(",") if each.strip()] for name in
              ("brokers", "topics")}  # fmt: skip
    made: dict[str, object] = dict(listed)
    if answers["tls"].lower() not in NO:
        made["tls"] = True
        if answers["ca_file"]:
            made["ca_file"] = answers["ca_file"]
    if answers["user"]:
        made |= {"sasl": answers["sasl"], "user": answers["user"]}
        if answers["password"]:
            made["password"] = answers["password"]
    return made


def taken(name: str, typed: str, keep: Keep) -> str:
    """An answer as it is used: a path is absolute, wherever the settings file lies, and a password is kept in
    a file that only its owner reads, never in the settings. Raises SettingsError: why it is none."""
    from xdrtui.settings import is_reference, refusal

    if name == "tls" and typed.lower() not in (*YES, *NO):
        raise SettingsError("yes or no, please.")
    if name == "ca_file" and typed:
        path = Path(typed).expanduser().absolute()
        if not path.is_file():
            raise SettingsError(f"{path} is no file.")
        return str(path)
    if name == "password" and typed:
        if not is_reference(typed):
            return keep(typed)
        kind, _, place = typed.partition(":")
        return f"file:{Path(place).expanduser().absolute()}" if kind == "file" else typed
    if name == "sasl" and (why := refusal({"sasl": typed})):
        raise SettingsError(why)
    return typed


def write_settings(path: Path, kafka: dict[str, object]) -> None:
    """Write a first settings file, which only its owner reads. Raises OSError where there is one."""
    import yaml

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = yaml.safe_dump({"profiles": {"default": {"kafka": kafka}}}, sort_keys=False)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


class StartApp(App[Chosen], inherit_bindings=False):
    """One page and one line to type into."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = []
    TITLE = "xdrtui"

    def __init__(self, look: Look, fill: Fill, attempt: Try, keep: Keep) -> None:
        super().__init__(ansi_color=look.own_colours)
        self.look = look
        self._fill, self._attempt, self.keep = fill, attempt, keep
        self.page = _Page(look)

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.push_screen(self.page)

    def fill(self, paths: Sequence[str], told: Callable[[int, int], None]) -> str:
        return self._fill(paths, told)

    def attempt(self, kafka: dict[str, object]) -> Iterator[Step]:
        return self._attempt(kafka)


class _Page(Paced[None]):
    AUTO_FOCUS = ""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self.paper = Paper(look, margin=4)
        self.lines: list[Line] = []
        self.keys: dict[str, Callable[[], object]] = {}
        self._answers: dict[str, str] = {}
        self._kafka: dict[str, object] = {}
        self._tries = 0
        self._stopped = False

    def compose(self) -> ComposeResult:
        yield self.paper

    def on_mount(self) -> None:
        self.offer()

    def on_key(self, event: events.Key) -> None:
        if not self.query(Prompt):
            event.stop()
            if act := self.keys.get(key_name(event)):
                act()

    def show(self, lines: list[Line], keys: dict[str, Callable[[], object]]) -> None:
        """Say this, and take these keys."""
        self.lines, self.keys = lines, keys
        self.paper.styles.height = "1fr"
        self.paper.show(self._laid_out)

    def _laid_out(self, cells: int) -> list[Line]:
        laid: list[Line] = []
        for line in self.lines:
            if len(line) == 1:
                text, style = line[0]
                laid += [[(part, style)] for part in wrap(sanitise(text, 2_000), cells)] or [[]]
            else:
                laid.append(line)
        return laid

    def offer(self) -> None:
        """Where to begin."""
        keys: list[Line] = [[(key, "key"), (f"  {text}", "")] for key, _, text in OFFER]
        self.show(
            [[], [("xdrtui: nothing is set up yet. What would you like to look at?", "strong")], [], *keys],
            {
                "d": lambda: self.app.exit(Chosen("demo")),
                "k": lambda: self.ask(0),
                "f": self.ask_files,
                "q": lambda: self.app.exit(Chosen()),
            },
        )

    # A cluster

    def ask(self, place: int, refused: str = "", wrong: str = "") -> None:
        """One question after the other. refused: why the last answer to this one, wrong, was not taken."""
        if place == len(QUESTIONS):
            self.attempt()
            return
        name, question, otherwise = QUESTIONS[place]
        if name in WITHIN and self._answers[WITHIN[name]].lower() in NO:
            self._answers[name] = ""
            self.ask(place + 1)
            return

        def done(typed: str | None) -> None:
            for prompt in self.query(Prompt):
                prompt.remove()
            self.set_focus(None)
            if typed is None:
                self.offer()
                return
            typed = typed.strip() or otherwise
            app = self.app
            assert isinstance(app, StartApp)
            try:
                self._answers[name] = taken(name, typed, app.keep)
            except SettingsError as error:
                self.ask(place, str(error), typed)
            else:
                self.ask(place + 1)

        before = [each for each, _, _ in QUESTIONS[:place] if self._answers[each]]
        said: list[Line] = [[(f"{each}: {self._answers[each]}", "dim")] for each in before]
        if refused:
            said += [[], [(refused, "bad")]]
        self.show([[], [("A Kafka cluster; escape goes back", "strong")], *said, []], {})
        self.ask_text(question, wrong or self._answers.get(name, ""), done, hidden=name == "password")

    def ask_text(
        self,
        question: str,
        text: str,
        done: Callable[[str | None], object],
        over: bool = True,
        hidden: bool = False,
    ) -> None:
        """Ask for a line, right below what is said. over: an earlier answer is typed over; hidden: nobody who
        looks over a shoulder reads it."""
        self.paper.styles.height = len(self.paper.laid_out(max(1, self.size.width - 2 * self.paper.margin)))
        prompt = Prompt(self.look, question, text, done, over=over, hidden=hidden)
        prompt.styles.padding = (0, 3)
        self.mount(prompt)

    def attempt(self) -> None:
        """Try the cluster in a thread, and show each step."""
        self._kafka = kafka_settings(self._answers)
        self._tries += 1

        def back() -> None:
            self._tries += 1
            self.offer()

        self.show([[], [("Trying it ...", "strong"), ("  escape goes back", "dim")]], {"escape": back})
        threading.Thread(target=self._try, args=(self._tries,), daemon=True).start()

    def _try(self, number: int) -> None:
        """number: of this try; what one brings that was left is not told."""
        app = self.app
        assert isinstance(app, StartApp)
        fine = True
        try:
            for step in app.attempt(self._kafka):
                if number != self._tries:
                    return
                fine = fine and step.ok
                app.call_from_thread(self._told, number, step)
        except Exception as error:  # noqa: BLE001  what a library makes of an odd answer is told, not raised
            fine = False
            app.call_from_thread(self._add, number, [[(f"✗ {error}", "bad")]])
        app.call_from_thread(self._tried, number, fine)

    def _told(self, number: int, step: Step) -> None:
        sign: Line = [(f"{'✓' if step.ok else '✗'} {step.name}: {step.what}", "good" if step.ok else "bad")]
        self._add(number, [sign, [(step.advice, "")]] if step.advice else [sign])

    def _add(self, number: int, lines: list[Line]) -> None:
        if number == self._tries:
            self.show([*self.lines, *lines], self.keys)

    def _tried(self, number: int, fine: bool) -> None:
        if number != self._tries:
            return
        head = "It works." if fine else "It does not work yet."
        words: list[Line] = [
            [],
            [(head, "strong")],
            [("s", "key"), ("  save it and open the screens; `xdrtui run` then reads it", "")],
            [("e", "key"), ("  change the answers", "")],
            [("q", "key"), ("  back", "")],
        ]
        self.show(
            [*self.lines, *words],
            {
                "s": lambda: self.app.exit(Chosen("kafka", self._kafka)),
                "e": lambda: self.ask(0),
                "q": self.offer,
                "escape": self.offer,
            },
        )

    # Files

    def ask_files(self, refused: str = "", answer: str = "") -> None:
        """Ask for paths and read them. refused: why the last answer was not taken."""

        def done(typed: str | None) -> None:
            for prompt in self.query(Prompt):
                prompt.remove()
            self.set_focus(None)
            asked = (typed or "").strip()
            path = str(Path(asked).expanduser())
            paths = [path] if Path(path).exists() else sorted(glob.glob(path))  # noqa: PTH207  an absolute pattern
            if not asked:
                self.offer()
            elif not paths:
                self.ask_files(f"{path} is not there", asked)
            else:
                self._stopped = False
                self.show(
                    [[], [("Reading ...", "strong")], [("escape stops it", "dim")]], {"escape": self._stop}
                )
                threading.Thread(target=self._read, args=(paths,), daemon=True).start()

        said: list[Line] = [[(refused, "bad")], []] if refused else []
        self.show([[], [("Files or folders; escape goes back", "strong")], [], *said], {})
        self.ask_text("file, folder or a pattern with *", answer, done, over=False)

    def _stop(self) -> None:
        self._stopped = True
        self.show([[], [("Stopping: what was read so far is kept ...", "strong")]], {})

    def _read(self, paths: list[str]) -> None:
        app = self.app
        assert isinstance(app, StartApp)

        def told(size: int, events: int) -> None:
            if self._stopped:
                raise KeyboardInterrupt  # as Ctrl-C ends a scan
            line = f"Reading: {number(events)} events, {number(size / 1e6)} MB"
            app.call_from_thread(
                self.show, [[], [(line, "strong")], [("escape stops it", "dim")]], {"escape": self._stop}
            )

        try:
            said = app.fill(paths, told)
        except Exception as error:  # noqa: BLE001  the person is told, and chooses again
            app.call_from_thread(self.show, [[], [(str(error), "bad")], [("q", "key"), (" back", "")]],
                                 {"q": self.offer, "escape": self.offer})  # fmt: skip
            return
        open_it: Callable[[], object] = lambda: app.exit(Chosen("files"))  # noqa: E731
        app.call_from_thread(
            self.show,
            [[], [(said, "strong")], [], [("enter", "key"), (" opens the alerts", "")]],
            {"enter": open_it},
        )
