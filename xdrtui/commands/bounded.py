"""Work that can neither be foreseen nor stopped half-way, made such that a command stays master of it.

Polars holds in memory what it joins, sorts and groups, knows no bound, and hears no Ctrl-C while it makes a
batch. So it works in a thread of its own, and another one looks on and ends the process where it takes too
much. For commands that change nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Full, Queue
from typing import TypeVar

from xdrtui.commands.output import say
from xdrtui.pipeline.memory import resident

T = TypeVar("T")

MEGABYTE = 1 << 20
LEAST, MOST = 256 * MEGABYTE, 4096 * MEGABYTE
LOOK_SECONDS = 0.02
"""Polars takes a gigabyte a second or two: some ten megabytes between two looks."""

LAST_SECONDS = 5.0
FLUSH_SECONDS = 1.0


def usual_bound() -> int:
    """Bytes that a command may take, if nobody says how many: half of what others leave, 4 GB at most."""
    try:
        told = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        free = int(told["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    return max(LEAST, min(MOST, free // 2))


@contextlib.contextmanager
def bounded(most: int, advice: str) -> Iterator[None]:
    """Meanwhile: end the process, with a sentence, where it holds more than so many bytes."""
    done = threading.Event()

    def watch() -> None:
        while resident() <= most:
            if done.wait(LOOK_SECONDS):
                return
        say(f"Ended: this takes more than {most // MEGABYTE:,} MB of memory. {advice}")
        end_now()

    threading.Thread(target=watch, name="memory", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def end_now() -> None:
    """End the process as it stands: threads that are within Polars cannot be waited for, nor who reads what
    is printed, such as a pager that stands."""
    flushing = threading.Thread(target=_flush, name="flush", daemon=True)
    flushing.start()
    flushing.join(FLUSH_SECONDS)
    os._exit(1)


def _flush() -> None:
    for stream in (sys.stderr, sys.stdout):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()


def apart(work: Iterable[T]) -> Iterator[T]:
    """The same items, made in another thread, so that Ctrl-C comes through meanwhile. What it raises is
    raised here."""
    made: Queue[tuple[T | None, BaseException | None]] = Queue(2)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None) -> None:
        while not stopped.is_set():
            try:
                made.put((item, error), timeout=0.1)
                return
            except Full:
                continue

    def run() -> None:
        try:
            for item in work:
                put(item, None)
                if stopped.is_set():
                    return
            put(None, StopIteration())
        except BaseException as error:  # noqa: BLE001 - raised on where the items are taken
            put(None, error)

    thread = threading.Thread(target=run, name="apart", daemon=True)
    thread.start()
    interrupted = False
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # no error: an item
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        stopped.set()
        thread.join(0 if interrupted else LAST_SECONDS)
