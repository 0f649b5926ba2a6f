"""Whether the terminal marks what is pasted (bracketed paste), as far as anybody can tell.

The terminal is asked for the mode that Textual switches on (DECRQM); most say that it is on. tmux 3.3 does
not answer, and hands marks on where its own terminal has them: it is asked by its command. What says nothing,
such as GNU screen 4, might pass a paste on as keys: see `guard`.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

QUESTION = "\x1b[?2004$p"
ANSWERS = ("\x1b[?2004;1$y", "\x1b[?2004;3$y")
"""It is on; it is on for good."""

ANSWERED_WITHIN = 10.0
"""Seconds after the question: what comes later could be pasted itself."""


class MarksPastes(Message):
    """The terminal says that it marks pastes."""


class Answering(XTermParser):
    """Textual's parser, with an ear for that answer, which it leaves out itself."""

    _tail = ""

    def feed(self, data: str) -> Iterable[Message]:
        heard = self._tail + data
        self._tail = heard[1 - len(ANSWERS[0]) :]
        if any(answer in heard for answer in ANSWERS):
            yield MarksPastes()
        yield from super().feed(data)


setattr(linux_driver, "XTermParser", Answering)  # noqa: B010 - Textual's thread of input makes its own


_UNMARKED = re.compile(r"paste-buffer\b(?![^;}\n]*\s-\w*p)")
"""`bind p paste-buffer`, as many have it: only with -p tmux marks what it pastes."""


def marked_in_tmux(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether tmux, where we are in one, has a terminal that marks pastes, and no key that pastes without.
    Takes some milliseconds."""
    if not environ.get("TMUX"):
        return False
    try:
        features = _asked("display-message", "-p", "#{client_termfeatures}").strip().split(",")
        return "bpaste" in features and not pastes_unmarked(_asked("list-keys"))
    except (OSError, subprocess.SubprocessError):
        return False


def pastes_unmarked(keys: str) -> bool:
    """Whether one of these keys, as tmux lists them, pastes as if it were typed."""
    return _UNMARKED.search(keys) is not None


def _asked(*command: str) -> str:
    told = subprocess.run(["tmux", *command], capture_output=True, text=True, timeout=2, check=True)  # noqa: S603, S607
    return told.stdout
