"""Whether the terminal marks what is pasted (bracketed paste), as far as anybody can tell.

The terminal is asked for the mode that Textual switches on (DECRQM); most say that it is on. tmux 3.3 does
not answer, and hands marks on where its own terminal has them: it is asked by its command. What says nothing,
such as GNU screen 4, might pass a paste on as keys: see `guard`.
"""

from __future__ import annotations

import os
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


def marked_in_tmux(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether tmux, where we are in one, has a terminal that marks pastes. Takes some milliseconds."""
    if not environ.get("TMUX"):
        return False
    command = ["tmux", "display-message", "-p", "#{client_termfeatures}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return "bpaste" in told.stdout.strip().split(",")
