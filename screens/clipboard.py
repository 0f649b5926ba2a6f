"""Hands text to the clipboard of the terminal that the person sits at, wherever it is.

In tmux by tmux's own command, since its defaults swallow the sequence; else by OSC 52, up to a size that
terminals take. Whether it arrived nobody can tell: that is why copies are kept in a file too.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Mapping

MOST = 74_000
"""Bytes: in base64 below the 100,000 that common terminals take."""

MOST_IN_SCREEN = 500
"""GNU screen cuts a string that is passed through at 768 bytes."""


def copy(text: str, write: Callable[[str], object], environ: Mapping[str, str] = os.environ) -> str:
    """Copy; return "" or why it could not be. write: sends to the terminal, as it is."""
    data = text.encode("utf-8", "replace")
    if environ.get("TMUX"):
        command = ["tmux", "load-buffer", "-w", "-"]
        try:
            subprocess.run(command, input=data, check=True, capture_output=True, timeout=2)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return "tmux did not take it"
        return ""
    in_screen = bool(environ.get("STY"))
    if len(data) > (MOST_IN_SCREEN if in_screen else MOST):
        return "too long for the clipboard"
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    write(f"\x1bP{sequence}\x1b\\" if in_screen else sequence)
    return ""
