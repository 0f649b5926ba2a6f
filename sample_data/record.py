"""Collect the events of a scenario and lay them out in files.

In: events (JSON objects or text lines) with a file and a time, in any order, some of them within an attack
step. Out: for each file its lines in order of time, and for each step the lines that are its evidence.
Numbers that rise within a log (Windows record numbers, audit serials) are given here, because only here the
order is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sample_data.world import Day

Event = dict[str, object]

_SERIAL = re.compile(r"^node=(\S+) .*?:@(\d+)@\)")


@dataclass(frozen=True)
class Written:
    """A finished scenario. lines: file name -> lines; evidence: step -> (file, 0-based line, time in us)."""

    lines: dict[str, list[str]]
    evidence: dict[str, list[tuple[str, int, int]]]


class Recorder:
    """Takes events; `with recorder.step("inv-02"):` marks those inside as evidence of that step."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self._entries: dict[str, list[tuple[int, int, Event | str, str | None]]] = {}
        self._count = 0
        self._step: str | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        before, self._step = self._step, name
        yield
        self._step = before

    def add(self, file: str, time: int, event: Event | str) -> None:
        if not self.day.start <= time < self.day.end:
            return  # what an activity near midnight would still have done belongs to the next day
        self._count += 1
        self._entries.setdefault(file, []).append((time, self._count, event, self._step))

    def group(self) -> int:
        """A number that ties the records of one audit event together until it gets its serial."""
        self._count += 1
        return self._count

    def write(self) -> Written:
        lines: dict[str, list[str]] = {}
        evidence: dict[str, list[tuple[str, int, int]]] = {}
        for file in sorted(self._entries):
            numbers = _Numbers()
            out = lines.setdefault(file, [])
            for time, _, event, step in sorted(self._entries[file], key=lambda entry: entry[:2]):
                if step is not None:
                    evidence.setdefault(step, []).append((file, len(out), time))
                out.append(numbers.line(event))
        return Written(lines, evidence)


class _Numbers:
    """Gives rising numbers per log, in the order in which lines are asked for."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._serials: dict[str, int] = {}

    def _next(self, log: str) -> int:
        first = 10_000 + 7 * sum(log.encode())
        self._last[log] = self._last.get(log, first) + 1
        return self._last[log]

    def line(self, event: Event | str) -> str:
        if isinstance(event, str):
            found = _SERIAL.match(event)
            if not found:
                return event
            node, group = found.groups()
            if group not in self._serials:
                self._serials[group] = self._next(node)
            return event.replace(f":@{group}@)", f":{self._serials[group]})", 1)
        if "RecordNumber" in event:
            event = {**event, "RecordNumber": self._next(f"{event['Hostname']}/{event['Channel']}")}
        return json.dumps(event, separators=(",", ":"), ensure_ascii=False)
