"""The process that plays: `python -m xdrtui.demo.playing FOLDER SCENARIO...`, started by `session.py`.

Orders come on standard input, a word a line; states go to standard output, a line of JSON each. When standard
input ends, which it does when the screen's process ends in whatever way, so does this one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from xdrtui.demo.player import BEAT, TICK, Player
from xdrtui.demo.state import State
from xdrtui.errors import XdrtuiError
from xdrtui.pipeline.rulebook import load_rulebook

_END = ""


def main(arguments: Sequence[str]) -> int:
    """Play until standard input ends; exit code 1 where something failed, which the last state tells."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the screen's
    orders: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, orders), daemon=True).start()
    tell = Teller()
    try:
        _play(Path(arguments[0]), arguments[1:], orders, tell)
    except BrokenPipeError:  # the screen has gone
        return 0
    except XdrtuiError as error:
        tell(State(failure=str(error)))
        return 1
    except Exception as error:
        tell(State(failure=f"{type(error).__name__}: {error}"))
        raise
    return 0


class Teller:
    """Writes each state that differs from the one before."""

    def __init__(self) -> None:
        self._out = sys.stdout.buffer
        self._last: State | None = None

    def __call__(self, state: State) -> None:
        if state != self._last:
            self._last = state
            self._out.write(msgspec.json.encode(state) + b"\n")
            self._out.flush()


def _listen(lines: Iterable[str], orders: queue.Queue[str]) -> None:
    for line in lines:
        orders.put(line.strip() or "?")
    orders.put(_END)


def _play(directory: Path, scenarios: Sequence[str], orders: queue.Queue[str], tell: Teller) -> None:
    player = Player(
        directory,
        scenarios,
        load_rulebook(),
        wall=time.monotonic,
        clock=time.time_ns,
        on_change=tell,
    )
    with contextlib.closing(player):
        player.beat()
        beat = due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                due = now + (TICK if not player.tick().ended else BEAT)
            if now >= beat:
                player.beat()
                beat = now + BEAT
            try:
                order = orders.get(timeout=max(0.0, min(due, beat) - time.monotonic()))
            except queue.Empty:
                continue
            if order == _END:
                return
            player.order(order)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the listening thread may wait for ever
