"""What this terminal can and cannot show.

In: the environment and the size, handed in. Out: checks.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping

from xdrtui.commands.checks.check import Check, State

AREA = "terminal"
SMALLEST = (80, 24)
WIDE = (120, 40)


def check_terminal(
    environ: Mapping[str, str],
    size: tuple[int, int] | None,
    encoding: str,
    which: Callable[[str], str | None] = shutil.which,
) -> Iterator[Check]:
    """size: columns and lines, None where there is no terminal; encoding: of standard output."""
    if size is None:
        yield Check(
            AREA, "terminal", State.LIMITED, "none", "start the screen from a terminal; commands work"
        )
    else:
        yield from _kind(environ)
        yield _size(size)
        yield _colours(environ)
    yield _encoding(encoding)
    if environ.get("TMUX"):
        able = which("tmux") is not None
        yield Check(
            AREA,
            "copying in tmux",
            State.FINE if able else State.LIMITED,
            "through tmux" if able else "tmux is not in the PATH",
            "" if able else "put tmux into the PATH so that copying works",
        )
    if environ.get("SSH_CONNECTION"):
        yield Check(AREA, "ssh", State.FINE, "this terminal is on another machine; the mouse is not needed")


def _kind(environ: Mapping[str, str]) -> Iterator[Check]:
    term = environ.get("TERM", "")
    if term in ("", "dumb"):
        yield Check(AREA, "TERM", State.BROKEN, term or "not set", "set TERM, e.g. to xterm-256color")
    else:
        yield Check(AREA, "TERM", State.FINE, term)


def _size(size: tuple[int, int]) -> Check:
    seen = f"{size[0]}x{size[1]}"
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1]:
        return Check(AREA, "size", State.BROKEN, seen, "make it at least 80x24")
    if size[0] < WIDE[0] or size[1] < WIDE[1]:
        return Check(AREA, "size", State.FINE, f"{seen}; from 120x40 on list and detail stand side by side")
    return Check(AREA, "size", State.FINE, seen)


def _colours(environ: Mapping[str, str]) -> Check:
    if environ.get("NO_COLOR"):
        return Check(
            AREA, "colours", State.FINE, "none, as NO_COLOR asks; severities are words and symbols too"
        )
    if environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return Check(AREA, "colours", State.FINE, "16 million")
    term = environ.get("TERM", "")
    if "256" in term or "direct" in term:
        return Check(AREA, "colours", State.FINE, "256")
    return Check(
        AREA, "colours", State.LIMITED, "16", "set TERM to a kind with 256 colours, e.g. xterm-256color"
    )


def _encoding(encoding: str) -> Check:
    if encoding.lower().replace("-", "") == "utf8":
        return Check(AREA, "encoding", State.FINE, "UTF-8")
    return Check(
        AREA, "encoding", State.LIMITED, encoding or "none", "use a UTF-8 locale, e.g. export LC_ALL=C.UTF-8"
    )
