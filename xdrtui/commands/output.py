"""How commands print: text from data made harmless, tables, progress, and a Ctrl-C that works.

Out: stdout for what was asked for, stderr for everything about it.
"""

from __future__ import annotations

import datetime
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import click

from xdrtui.commands.columns import GAP, cells, cut, fitted, wrapped
from xdrtui.plain import visible

COLOURS: dict[str, tuple[str | None, bool, bool]] = {
    "critical": ("bright_red", True, False),
    "high": ("red", False, False),
    "medium": ("yellow", False, False),
    "low": ("cyan", False, False),
    "informational": (None, False, True),
}
"""Severity to colour, bold, dim; the word always stands in it."""

LEVELS = tuple(COLOURS)
LONGEST = 8
"""Lines that one text of a person may take on a terminal."""

CUT = f"… is cut after {LONGEST} lines: whole in a file, or with `| less`."
_EVERY = 0.2
"""Seconds between two paintings of the progress line."""


def say(text: str = "") -> None:
    """One line about the work, on stderr."""
    click.echo(visible(text), err=True)


def print_json(data: object) -> None:
    """One object on one line of stdout; everything outside ASCII is escaped, so no terminal acts on it."""
    click.echo(json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f"))


def time_text(nanoseconds: int) -> str:
    """A time, in UTC, to the second; times beyond the calendar as their number."""
    try:
        moment = datetime.datetime.fromtimestamp(nanoseconds // 1_000_000_000, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return str(nanoseconds)
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def time_iso(nanoseconds: int) -> str:
    """A time, in UTC, to the nanosecond, as programs read it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, OSError, ValueError):
        return str(nanoseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    severity: int | None = None,
    *,
    least: Mapping[int, int] | None = None,
    first_to_go: Sequence[int] = (),
    lines: int = 1,
) -> None:
    """Rows in columns on stdout. severity: the column that is coloured; all text is made harmless.

    On a terminal it fits its width: columns in `first_to_go` are left out, in that order, those in `least`
    are cut down to what it says (default: the last one), the last one after so many `lines`; elsewhere
    nothing is cut.
    """
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(cells(row[i]) for row in [list(headings), *shown]) for i in range(len(headings))]
    room = _terminal_width()
    columns = fitted(widths, room, least or {len(widths) - 1: 1}, first_to_go)
    for number, row in enumerate([list(headings), *shown]):
        line = ""
        last = wrapped(row[-1], columns[-1][1], lines) if lines > 1 and room else [row[-1]]
        for index, width in columns:
            cell = cut(last[0] if index == len(row) - 1 else row[index], width)
            padding = " " * (width - cells(cell) + GAP)
            line += (styled(cell) if number and index == severity else cell) + padding
        line = cut(line.rstrip(), room) if severity is None or not number else line.rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)
        for more in last[1:]:
            click.echo(" " * (room - columns[-1][1]) + more)
    if lines > 1 and room and any(len(wrapped(row[-1], columns[-1][1], lines + 1)) > lines for row in shown):
        say(CUT)
    if len(columns) < len(headings):
        kept = {index for index, _ in columns}
        names = ", ".join(heading for index, heading in enumerate(headings) if index not in kept)
        say(f"{names}: in a wider terminal, or in a file.")


def paragraphs(text: str) -> None:
    """Text of several lines on stdout: on a terminal long ones are wrapped, and cut after `LONGEST` lines."""
    room, was_cut = _terminal_width(), False
    for line in visible(text, keep="\n").split("\n"):
        indent = "  " if line.startswith("- ") else ""
        parts = wrapped(line, room - len(indent), LONGEST + 1) if room else [line]
        was_cut |= len(parts) > LONGEST
        parts = wrapped(line, room - len(indent), LONGEST) if len(parts) > LONGEST else parts
        click.echo(("\n" + indent).join(parts))
    if was_cut:
        say(CUT)


def styled(level: str) -> str:
    """A severity in its colour; click leaves the colour out where stdout is no terminal."""
    colour, bold, dim = COLOURS.get(level, (None, False, False))
    return click.style(level, fg=colour, bold=bold, dim=dim)


def _terminal_width() -> int:
    if not sys.stdout.isatty():
        return 0
    import shutil

    return shutil.get_terminal_size().columns


class Progress:
    """A line on stderr that is painted over: how far, rate, time left. Silent where stderr is no terminal."""

    def __init__(self, unit: str = "events", clock: Callable[[], float] = time.monotonic) -> None:
        self.unit = unit
        self.clock = clock
        self.began = clock()
        self._painted = float("-inf")
        self._line = ""
        self._terminal = sys.stderr.isatty()

    def update(self, done: float, total: float | None, count: int, note: str = "") -> None:
        """done of total (bytes, or any measure); count: units so far; note: what is at hand (a file)."""
        now = self.clock()
        if not self._terminal or now - self._painted < _EVERY:
            return
        self._painted = now
        self._paint(progress_line(done, total, count, now - self.began, self.unit, visible(note)))

    def _paint(self, line: str) -> None:
        import shutil

        self._line = line[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r\x1b[K{self._line}", err=True, nl=False)

    def clear(self) -> None:
        """Take the line away before something else is printed."""
        if self._line:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._line = ""
            self._painted = float("-inf")


def progress_line(
    done: float, total: float | None, count: int, seconds: float, unit: str, note: str = ""
) -> str:
    """The text of the progress line."""
    parts = [f"{count:,} {unit}"]
    if seconds > 0:
        parts.append(f"{count / seconds:,.0f}/s")
    if total and done > 0:
        share = min(done / total, 1.0)
        filled = round(share * 20)
        left = seconds * (1 - share) / share
        parts.insert(0, f"[{'#' * filled}{'-' * (20 - filled)}] {share:4.0%}")
        parts.append(f"{_span(left)} left")
    if note:
        parts.append(note)
    return "  ".join(parts)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def interruptible() -> None:
    """Let Ctrl-C and SIGTERM raise KeyboardInterrupt at once, also while a read waits.

    To be called after the heavy imports: Polars takes SIGINT for itself with SA_RESTART, so that a read that
    waits would go on waiting.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
