"""What all panes share: the desks in their threads, the look, the clock, the demo.

`Desks` keeps SQLite off the event loop: one thread for what is watched (changes, status), one for what is
read for panes, one for what stands around an alert, one for what a person does, each with a desk of its own,
opened there. Nothing heavy is imported before the first of them is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from screens.drafts import Drafts
from screens.link import Link
from screens.look import Look
from screens.preferences import Preferences
from screens.times import Zone

if TYPE_CHECKING:
    from screens.demo import Demo
    from screens.keeper import BlackBox
    from xdrtui.triage.desk import Desk

T = TypeVar("T")


class _Counter:
    """A thread with its own desk."""

    def __init__(self, name: str, open_desk: Callable[[], Desk]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"desk-{name}")
        self._open = open_desk
        self._desk: Desk | None = None

    async def ask(self, question: Callable[[Desk], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Desk], T]) -> T:
        from xdrtui.triage.answering import answer

        if self._desk is None:
            self._desk = self._open()
        return answer(self._desk, question)

    def close(self) -> None:
        self._thread.submit(self._close_desk)
        self._thread.shutdown(wait=False)

    def _close_desk(self) -> None:
        if self._desk is not None:
            self._desk.close_desk()


class Desks:
    """Four ways to the desk, none of which holds up the screen. open_desk: called once in each thread."""

    def __init__(self, open_desk: Callable[[], Desk]) -> None:
        self._watch = _Counter("watch", open_desk)
        self._read = _Counter("read", open_desk)
        self._around = _Counter("around", open_desk)
        self._act = _Counter("act", open_desk)

    async def watch(self, question: Callable[[Desk], T]) -> T:
        """Ask something short that is asked again and again."""
        return await self._watch.ask(question)

    async def read(self, question: Callable[[Desk], T]) -> T:
        """Read for a pane."""
        return await self._read.ask(question)

    async def look_around(self, question: Callable[[Desk], T]) -> T:
        """Read what may take long, and which nobody waits for."""
        return await self._around.ask(question)

    async def act(self, deed: Callable[[Desk], T]) -> T:
        """Do what a person asked for; one after the other."""
        return await self._act.ask(deed)

    def close(self) -> None:
        """Let the threads end after what they are at."""
        for counter in (self._watch, self._read, self._around, self._act):
            counter.close()


def _wall_clock() -> int:
    return time.time_ns()


@dataclass
class Services:
    """What panes are given. now: nanoseconds; in the demo its clock, else the wall clock; directory: the
    workspace; reads: workers are expected to read events into it; link: what is known of the terminal's."""

    desks: Desks
    look: Look
    zone: Zone = field(default_factory=Zone)
    demo: Demo | None = None
    now: Callable[[], int] = _wall_clock
    low_bandwidth: bool = False
    link: Link = field(default_factory=Link)
    readonly: str = ""
    person: str = ""
    drafts: Drafts | None = None
    box: BlackBox | None = None
    directory: Path | None = None
    reads: bool = True
    preferences: Preferences = field(default_factory=Preferences)
