"""The demo as the screen has it: a process that plays, its clock, and what a student may ask.

In: scenarios. Out: answers at once, from any thread: the playing process tells its state by lines, everything
else is read from the demo's store with a connection of its own. The process ends with this one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from sample_data.truth import Truth, load_truth
from xdrtui.demo import place
from xdrtui.demo.hints import About, answer, grades
from xdrtui.demo.schedule import DEFAULT, LADDER, faster, schedule_of, slower
from xdrtui.demo.score import Judged, score
from xdrtui.demo.state import State
from xdrtui.sources.pace import SECOND

DATABASE = "xdrtui.sqlite"
LOG = "player.log"
_ENDING_SECONDS = 3.0


@contextlib.contextmanager
def open_demo(scenarios: Sequence[str] = (), *, reset: bool = False) -> Iterator[DemoSession]:
    """Start the demo, or go on where it was left; it stops when the block ends. Raises SettingsError.

    scenarios: none for all; reset: start over.
    """
    wanted = place.chosen(scenarios)
    name = place.name_of(wanted)
    with place.held(name):
        directory = place.workspace(name, reset=reset)
        session = DemoSession(directory, wanted)
        session.start()
        try:
            yield session
        finally:
            session.close()


class DemoSession:
    """A demo that plays. directory: its store; scenarios: in the order in which they are played."""

    def __init__(self, directory: Path, scenarios: Sequence[str]) -> None:
        self.directory = directory
        self.scenarios = tuple(scenarios)
        self._lock = threading.Lock()
        self._state = State(chosen=DEFAULT, of=len(self.scenarios))
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read, name="demo", daemon=True)
        self._closing = False
        self._held = False
        self._goes_on = (directory / DATABASE).exists()

    @cached_property
    def _truths(self) -> dict[str, Truth]:
        return {name: load_truth(name) for name in self.scenarios}

    def start(self) -> None:
        """Start the playing process. Costs a few ms."""
        root = str(Path(__file__).parents[2])
        known = os.environ.get("PYTHONPATH", "")
        log = os.open(self.directory / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-P", "-m", "xdrtui.demo.playing", str(self.directory), *self.scenarios],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, known)))},
            )
        finally:
            os.close(log)
        self._reader.start()

    def close(self) -> None:
        """End the playing process, in good order if it can."""
        process, self._closing = self._process, True
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        try:
            process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join(_ENDING_SECONDS)
        if process.stdout:
            process.stdout.close()

    def _read(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                state = msgspec.json.decode(line, type=State)
                with self._lock:
                    self._state = state
        if not self._closing:
            with self._lock:
                failure = self._state.failure or f"it ended by itself; see {self.directory / LOG}"
                self._state = msgspec.structs.replace(self._state, failure=failure, loading=False)

    @property
    def state(self) -> State:
        with self._lock:
            return self._state

    # --- the clock

    def now(self) -> int:
        """The replay clock, nanoseconds since 1970 UTC; 0 = not known yet."""
        return self.state.now

    def ended(self) -> bool:
        """Everything has been played."""
        return self.state.ended

    def clock_text(self) -> str:
        """For the status line, in UTC: "DEMO 03-03 14:02 x120"."""
        state = self.state
        if state.failure:
            return "DEMO stopped"
        if state.ended:
            return "DEMO ended"
        if not state.now:
            return f"DEMO loading {state.scenario}".rstrip()
        at = datetime.fromtimestamp(state.now // SECOND, UTC)
        if state.loading:
            pace = "loading"
        elif state.paused:
            pace = "paused"
        elif state.held:
            pace = "waits"
        else:
            pace = f"x{state.times}" + (" quiet" if state.quiet else "")
        return f"DEMO {at:%m-%d %H:%M} {pace}"

    def pause(self) -> str:
        """Stop the clock, or let it run."""
        state = self.state
        if no := self._send("pause"):
            return no
        with self._lock:  # so that two keys in quick succession say two things
            self._state = msgspec.structs.replace(self._state, paused=not state.paused)
        return "the demo's clock runs again" if state.paused else "the demo's clock stands: `=` lets it run"

    def hold(self, on: bool) -> None:
        """Let the clock wait while somebody reads, or let it run on; one that was stopped stays so."""
        if on != self._held:
            self._held = on
            self._send("hold" if on else "go")

    def faster(self) -> str:
        """One rung up."""
        return self._speed("faster", faster(self.state.chosen))

    def slower(self) -> str:
        """One rung down."""
        return self._speed("slower", slower(self.state.chosen))

    def _speed(self, order: str, to: int) -> str:
        state = self.state
        if no := self._send(order):
            return no
        if to == state.chosen:
            return f"x{to} is the {'fastest' if to == LADDER[-1] else 'slowest'}"
        with self._lock:
            self._state = msgspec.structs.replace(self._state, chosen=to)
        if state.quiet:
            return f"x{to} from the next step of the attack on; until then it hurries"
        return f"an hour now passes in {_span(3600 / to)} (x{to})"

    def step(self) -> str:
        """Go on to the next step of the attack."""
        state = self.state
        if not state.scenario:
            return "the demo is still being loaded"
        if no := self._send("step"):
            return no
        moment = schedule_of(self._truths[state.scenario]).next_step(state.now)
        if moment is None:
            return f"all steps of {state.scenario} have begun: on to its end"
        at = datetime.fromtimestamp(moment.start // SECOND, UTC)
        return f"on to step {state.step + 1} of {state.steps}, {at:%H:%M} UTC"

    def _send(self, order: str) -> str:
        """Hand an order on; a line that says why not, or empty."""
        state = self.state
        if state.failure:
            return f"the demo stopped: {state.failure}"
        if state.ended:
            return "the demo has been played: `xdrtui demo --reset` plays it again"
        try:
            assert self._process is not None and self._process.stdin is not None
            self._process.stdin.write(f"{order}\n".encode())
            self._process.stdin.flush()
        except (OSError, ValueError):
            return "the demo stopped: leave it and start it again, it goes on where it was"
        return ""

    # --- what a student may ask

    def card(self) -> list[str]:
        """The opening card: 12 lines."""
        days, each = ("three recorded days", "each") if len(self.scenarios) > 1 else ("a recorded day", "it")
        begins = "It goes on where you left it." if self._goes_on else f"An attack hides in {each}."
        return [
            f"The demo: {days} of logs, played into the real thing.",
            f"{begins} Rules raise alerts; some of them are false.",
            "Its clock (top, UTC) hurries while nothing begins, waits while you read.",
            "",
            "  `enter` open an alert      `c` close it with your verdict",
            "  `x` a hint on it: where to look, which field, the answer",
            "  `=` stop the clock, or let it run; `+` `-` faster, slower",
            "  `>` on to the next step of the attack",
            "",
            "A closed alert's page tells its truth. At the end a report tells",
            "what was found and missed, and how you judged.",
            "`q` leaves; the next start goes on from there. `?` shows all keys.",
        ]

    def hint(self, alert: str) -> list[str]:
        """Three grades of help: where to look, which field, the answer. Nothing for an unknown alert."""
        asked = self._ask(alert)
        return grades(*asked) if asked else []

    def truth(self, alert: str) -> list[str]:
        """What an alert really was, once it is closed; nothing before."""
        asked = self._ask(alert)
        return answer(*asked) if asked else []

    def report(self) -> list[str]:
        """How it went; in the middle figures only."""
        from xdrtui.demo import found, report
        from xdrtui.errors import StoreError
        from xdrtui.store.store import Store

        state = self.state
        try:
            with Store.open(self.directory, readonly=True) as store:
                alerts = found.by_scenario(store.connection, self.scenarios)
        except StoreError:
            return []
        truths = list(self._truths.values())
        scores = [(truth, score(truth, alerts[truth.scenario])) for truth in truths]
        if state.ended:
            return report.at_the_end(scores)
        if not state.scenario:
            return []
        at = self.scenarios.index(state.scenario)
        played = {name: len(truth.steps) for name, truth in zip(self.scenarios[:at], truths, strict=False)}
        return report.so_far(scores, {**played, state.scenario: state.step})

    def _ask(self, id: str) -> tuple[Judged, Truth, About] | None:
        from xdrtui.demo import found
        from xdrtui.errors import StoreError
        from xdrtui.store.store import Store

        try:
            with Store.open(self.directory, readonly=True) as store:
                one = found.one(store.connection, id)
                if one is None:
                    return None
                scenario, judged = one
                return judged, self._truths[scenario], found.about(store, id)
        except StoreError:
            return None


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
