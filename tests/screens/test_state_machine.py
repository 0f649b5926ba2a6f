"""Random commands on the queue against a plain model, while another process inserts alerts and judges some.

The model knows only what was painted: it reads the rows that the table rendered, finds the host under the
cursor, and remembers which hosts were marked. An act on anything else, or on more alerts than the line told
of, fails. XDRTUI_MACHINE_COMMANDS: how many commands (60; 10,000 for the figure in the manual).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from textual import events
from textual.keys import _character_to_key

from screens.commands import Command
from screens.queue_source import number_of
from screens.widgets.frame_table import FrameTable
from tests.screens.meddler import story
from tests.screens.opened import app_on, settled
from tests.screens.sample_store import NOW, commit, findings
from xdrtui.triage.desk import Desk, Principal
from xdrtui.triage.states import ACTS

T = TypeVar("T")
COMMANDS = int(os.environ.get("XDRTUI_MACHINE_COMMANDS", "60"))
STEPS = 30 if COMMANDS < 1_000 else 400
RATE = 200
ROOT = Path(__file__).parents[2]
_HOST = re.compile(r"\b(h\d{4})\b")
_COUNT = re.compile(r"\s(\d+)(?:/\d+)?\s+(?:new|ack|inv|closed|again|snooze|escal\.)\s")
WEIGHTED = [
    *[("act", key) for key in "aiaio"],
    *[("close", key) for key in "tr2n"],
    *[("snooze", key) for key in "1d"],
    *[("turn", key) for key in "uuuU"],
    *[("move", key) for key in ("j", "j", "j", "k", "G", "pagedown", "pageup")],
    *[("mark", "")] * 4,
    *[("unmark", ""), ("take_in", ""), ("take_in", "")],
    *[("filter", text) for text in ("state:open", "", "state:closed", "host:h00*", "level>=high")],
    *[("sort", key) for key in "sn"],
]
"""Commands of the model, as often as they should come."""

BARE = ("mark", "unmark", "take_in")
TOTAL = {"commands": 0, "acts": 0, "refused": 0, "alerts": 0, "inserted": 0}


class Screen:
    """The app in a thread of its own; `do` runs a coroutine there and waits."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.rows: dict[int, str] = {}
        self.at_command: dict[int, str] = {}
        self.latest: dict[str, int] = {}
        self.sent = self.typed = 0
        self.known_at_command: dict[str, int] = {}
        self.cursor_at_command = ""
        self._loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.result(30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _main(self) -> None:
        self.app = app_on(self.directory)
        bench = self.app.workbench
        table, render = bench.queue.table, FrameTable.render_line
        perform = bench.perform

        def rendered(y: int):  # type: ignore[no-untyped-def]
            strip = render(table, y)
            self.rows[y] = strip.text
            host, count = _HOST.search(strip.text), _COUNT.search(strip.text + " ")
            if y and host and count:
                self.latest[host[1]] = int(count[1])
            return strip

        def performed(command: Command, escape: bool = False) -> None:
            self.at_command, self.known_at_command = dict(self.rows), dict(self.latest)
            self.cursor_at_command = table.cursor_key
            perform(command, escape)

        taken = bench.taking.typed

        def typed(key: str, at: float) -> None:
            taken(key, at)
            self.typed += 1

        bench.taking.typed = typed  # type: ignore[method-assign]
        table.render_line = rendered  # type: ignore[method-assign]
        bench.perform = performed  # type: ignore[method-assign]
        self._over = asyncio.Event()
        async with self.app.run_test(size=(80, 24)) as pilot:
            self.pilot = pilot
            await settled(pilot)
            self._ready.set_result(None)
            await self._over.wait()

    def do(self, work: Callable[[], Awaitable[T]]) -> T:
        return asyncio.run_coroutine_threadsafe(self._call(work), self._loop).result(60)

    async def _call(self, work: Callable[[], Awaitable[T]]) -> T:
        return await work()

    def press(self, *keys: str) -> None:
        async def pressed() -> None:
            driver = self.app._driver
            assert driver is not None
            for place, key in enumerate(keys):
                if place and self.app.workbench.menu is None:
                    return  # it was refused: the second key would be a command of its own
                event = events.Key(
                    _character_to_key(key) if len(key) == 1 else key, key if len(key) == 1 else None
                )
                event.set_sender(self.app)
                self.sent += 1
                driver.send_message(event)
                await asyncio.sleep(0.04)  # the guard holds what changes for 30 ms
                await self.quiet()

        self.do(pressed)

    async def quiet(self) -> None:
        """Wait until the keys were taken and what they do is done."""
        bench = self.app.workbench
        for _ in range(2_000):
            acting = any(worker.group == "act" and not worker.is_finished for worker in self.app.workers)
            if self.typed >= self.sent and not bench.taking.busy and not acting:
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the keys were not taken within ten seconds")

    def close(self) -> None:
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)


class Queue(RuleBasedStateMachine):
    """The plain model: what is painted, what is marked, and the acts that undo takes back."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.directory = Path(self.folder.name)
        commit(self.directory, findings([story(n, n % 30) for n in range(60)]))
        self.marks: set[str] = set()
        self.log: list[tuple[str, str]] = []
        self.done: list[tuple[str, frozenset[str]]] = []
        self.undone: list[tuple[str, frozenset[str]]] = []
        self.hosts: dict[str, str] = {}
        self.desk = Desk.open(self.directory, Principal("model", "model"), readonly=True, clock=lambda: NOW)
        self.entry = max((entry.seq for entry in self.desk.entries()), default=0)
        self.screen = Screen(self.directory)
        self.meddler = subprocess.Popen(
            [sys.executable, "-m", "tests.screens.meddler", str(self.directory), str(RATE), "3000"],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def teardown(self) -> None:
        if not hasattr(self, "screen"):
            return
        self.meddler.terminate()
        out, _ = self.meddler.communicate()
        TOTAL["inserted"] += int((out.split() or ["0"])[-1])
        self.screen.close()
        before = self.desk.states_digest()
        with Desk.open(self.directory, Principal("model", "model"), clock=lambda: NOW) as folding:
            folding.refold()
            assert folding.states_digest() == before and folding.ledger_faults() == []
        self.desk.close_desk()
        self.folder.cleanup()
        print(", ".join(f"{count:,} {what}" for what, count in TOTAL.items()), flush=True)

    # --- what was painted

    def painted(self) -> dict[str, int]:
        """Host -> open alerts, as its row stood on the screen last when the command came."""
        return self.screen.known_at_command

    def under_cursor(self) -> str:
        """The host of the cursor's line, if a row of it stood on the screen."""
        number = number_of(self.screen.cursor_at_command)
        line = self.desk.lines_at([number]).get(number)
        host = line.row.host if line is not None else ""
        stood = [_HOST.search(text) for text in self.screen.at_command.values()]
        return host if host in [each[1] for each in stood if each] else ""

    def press(self, *keys: str) -> None:
        TOTAL["commands"] += 1
        self.screen.press(*keys)

    def judge(self, *keys: str) -> None:
        """Press, then hold what was written against what was painted."""
        self.press(*keys)
        painted, here = self.painted(), self.under_cursor()
        marked = {host: painted[host] for host in self.marks}
        meant = marked or ({here: painted.get(here, 0)} if here else {})
        written = [entry for entry in self.desk.entries(self.entry)]
        self.entry = max([self.entry, *(entry.seq for entry in written)])
        mine = [entry for entry in written if entry.author == "me"]
        assert len(mine) <= 1, "one command is one act"
        TOTAL["refused"] += not mine
        if not mine:
            return
        (entry,) = mine
        hosts = [self.host_of(alert) for alert in entry.subject]
        TOTAL["acts"] += 1
        TOTAL["alerts"] += len(hosts)
        if entry.kind in ("undo", "redo"):
            taken, given = (self.done, self.undone) if entry.kind == "undo" else (self.undone, self.done)
            kind, subject = taken.pop()
            assert (entry.body["of"], frozenset(entry.subject)) == (kind, subject)
            given.append((kind, subject))
            return
        assert entry.kind in ACTS
        for host in set(hosts):
            assert host in meant, f"{entry.kind} on {host}, which was not painted as meant: {meant}"
            most = max(1, meant[host])  # of a line without open alerts the one that it shows
            assert hosts.count(host) <= most, f"{entry.kind} on {hosts.count(host)} alerts of {host}: {most}"
        self.done.append((entry.kind, frozenset(entry.subject)))
        self.undone.clear()
        self.marks.clear()

    def host_of(self, alert: str) -> str:
        if alert not in self.hosts:
            self.hosts[alert] = self.desk.by_ids([alert])[alert].host
        return self.hosts[alert]

    # --- commands

    @rule(command=st.sampled_from(WEIGHTED))
    def command(self, command: tuple[str, str]) -> None:
        name, key = command
        self.log.append(command)
        try:
            getattr(self, name)(key) if name not in BARE else getattr(self, name)()
        except AssertionError as error:
            queue = self.screen.app.workbench.queue
            stands = [text.strip() for _, text in sorted(self.screen.at_command.items())]
            raise AssertionError(
                f"{error}\nafter {self.log[-12:]}\nmarks {queue.table.marks}, model {self.marks}\n"
                f"cursor {queue.table.cursor_key}\n" + "\n".join(stands)
            ) from error

    def move(self, key: str) -> None:
        self.press(key)

    def mark(self) -> None:
        table = self.screen.app.workbench.queue.table
        before = set(table.marks)
        self.press(" ")
        if table.marks == before:
            TOTAL["refused"] += 1  # the line was not painted yet
            return
        here = self.under_cursor()
        self.marks ^= {here} if here else set()
        assert len(self.screen.app.workbench.queue.marks) == len(self.marks)

    def unmark(self) -> None:
        self.press("backspace")
        self.marks.clear()

    def act(self, key: str) -> None:
        self.judge(key)
        self.forget_question()

    def close(self, key: str) -> None:
        self.judge("c", key)
        self.forget_question()

    def snooze(self, key: str) -> None:
        self.judge("z", key)
        self.forget_question()

    def turn(self, key: str) -> None:
        self.judge(key)

    def take_in(self) -> None:
        self.press(".")

    def filter(self, text: str) -> None:
        async def filtered() -> None:
            queue = self.screen.app.workbench.queue
            queue.filtered(text)
            for _ in range(2_000):
                await asyncio.sleep(0.005)
                if queue.query_text == text:
                    return
            raise AssertionError("the filter was not taken within ten seconds")

        TOTAL["commands"] += 1
        self.screen.do(filtered)

    def sort(self, key: str) -> None:
        self.press("S", key)
        assert self.screen.app.workbench.current == "queue"

    def forget_question(self) -> None:
        """Taking over what another owns asks once more: no."""
        if self.screen.app.workbench.menu is not None:
            self.press("q")

    @invariant()
    def the_cursor_stands_on_one_line(self) -> None:
        if hasattr(self, "screen"):
            queue = self.screen.app.workbench.queue
            assert not len(queue.source) or queue.table.cursor_key


Queue.TestCase.settings = settings(
    max_examples=1
    + COMMANDS // STEPS,  # the first of hypothesis is the simplest: one command again and again
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],  # another process is at work: nothing can be replayed, or made smaller
    report_multiple_bugs=False,
)


class TestQueue(Queue.TestCase):  # type: ignore[misc, name-defined]
    """Nothing is acted on that was not painted."""
