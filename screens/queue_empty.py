"""What a queue without lines says: why it is empty, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from screens.paint import Line
from screens.sanitise import sanitise, wrap
from screens.times import number

_LIMIT = 200


@dataclass(frozen=True)
class Held:
    """Alerts that the store holds, whatever the filter: all, the open ones, and those of them that sleep."""

    total: int = 0
    open: int = 0
    asleep: int = 0


def empty_lines(
    held: Held, query: str, *, reads: bool, alive: int | None, cells: int, folder: str = "DIR"
) -> list[Line]:
    """query: the filter in force; reads: workers are expected in this workspace; alive: how many run, None =
    not known yet; folder: the workspace, as a shell takes it."""
    scan = f"`xdrtui scan PATH --into {sanitise(folder, _LIMIT)}`"
    strong, more = _sentences(held, sanitise(query, _LIMIT), reads, alive, scan)
    lines: list[Line] = [[]]
    lines += [[(part, "strong")] for part in wrap(strong, max(10, cells))]
    for sentence in more:
        lines += [[(part, "dim")] for part in wrap(sentence, max(10, cells))]
    return lines


def _sentences(held: Held, query: str, reads: bool, alive: int | None, scan: str) -> tuple[str, list[str]]:
    if not held.total:
        if not reads:
            return "No alert: no rule fired on what was scanned.", [
                f"{scan} reads more.",
                "`xdrtui rules coverage` tells what rules can see.",
            ]
        if alive == 0:
            return "No alert yet, and no worker is running.", [
                "Start one in another terminal: `xdrtui run`. Or read files:",
                f"{scan}.",
            ]
        workers = {None: "Workers read", 1: "A worker reads"}.get(alive, f"{number(alive or 0)} workers read")
        return "No alert yet.", [
            f"{workers}: the first alert appears here by itself, as soon as a rule fires.",
            "3 shows the events that go by; `xdrtui rules coverage` tells what rules can see.",
        ]
    if query == "state:open" and not held.open - held.asleep:
        asleep = (
            f" {_many(held.asleep, 'of them sleeps', 'of them sleep')}: V shows them." if held.asleep else ""
        )
        return f"Nothing is left to judge: {_all(held.total)} judged{' or asleep' if held.asleep else ''}.", [
            f"What comes next appears here by itself.{asleep}",
            "V closed today shows what was judged; u takes the last judgement back.",
        ]
    open_ones = held.open - held.asleep
    hides = f"It hides {_many(held.total, 'alert', 'alerts')}, {number(open_ones)} of them open."
    return f"No alert fits  {query}", [
        hides,
        "/ changes the filter (empty: all alerts), V takes a saved one.",
        *(["A field is compared whole: host:web* finds what begins so."] if _whole(query) else []),
    ]


def _whole(query: str) -> bool:
    """Whether a field of free text is compared with a value that has no pattern."""
    fields = ("host:", "user:", "owner:")
    return any(word.startswith(fields) and "*" not in word for word in query.split())


def in_shell(directory: Path | None) -> str:
    """This folder as a shell takes it, short."""
    if directory is None:
        return "DIR"
    home = Path.home()
    short = f"~/{quote(str(directory.relative_to(home)))}" if directory.is_relative_to(home) else ""
    return short or quote(str(directory))


def _all(count: int) -> str:
    return "the only alert is" if count == 1 else f"all {number(count)} alerts are"


def _many(count: int, one: str, more: str) -> str:
    return f"{number(count)} {one if count == 1 else more}"
