"""Rules that change while a worker runs: noticed, read beside the work, handed over between two batches.

In: how to read the rules and what tells that they changed. Out: a new `Process`, once. Reading happens in a
thread of its own; a set in which a rule that was in force is broken is not taken, and `fault` says so, until
it is mended.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from detectors.sigma.documents import rule_files
from detectors.sigma.problem import Problem
from xdrtui.errors import XdrtuiError
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook

log = logging.getLogger(__name__)

SECONDS = 3.0


def mark_of(paths: Iterable[str | Path], more: str = "") -> str:
    """A hash that changes when a rule file under the paths does: names, sizes, times of change. more: what
    else decides the rules. About 10 us a file."""
    digest = hashlib.blake2b(more.encode(), digest_size=16)
    for path in paths:
        try:
            for file in rule_files(Path(path)):
                status = file.stat()
                digest.update(f"{file}\0{status.st_size} {status.st_mtime_ns} {status.st_ino}\n".encode())
        except OSError as error:
            digest.update(f"{path}\0{error.errno}\n".encode())
    return digest.hexdigest()


class RuleWatch:
    """Watches until closed. load: reads the rules; mark: changes when they may have; both are called in the
    watching thread. before: what `mark` said before the book was read, so that no change is missed while it
    is. fault: why rules that changed are not in use; empty where they are."""

    def __init__(
        self,
        book: Rulebook,
        load: Callable[[], Rulebook],
        mark: Callable[[], str],
        *,
        before: str,
        seconds: float = SECONDS,
    ) -> None:
        self.fault = ""
        self._book = book
        self._load = load
        self._mark = mark
        self._known = before
        self._seconds = seconds
        self._ready: Process | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def __enter__(self) -> RuleWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        self._thread.join(5 * self._seconds)

    def poll(self) -> Process | None:
        """The new process, once, when there is one; costs nothing. Called from one thread."""
        ready, self._ready = self._ready, None
        return ready

    def _run(self) -> None:
        while not self._closing.is_set():
            mark = self._known
            try:
                mark = self._mark()
                if mark != self._known and not self._closing.wait(self._seconds / 3):
                    if self._mark() != mark:
                        continue  # still being written
                    self._take()
                self._known = mark
            except XdrtuiError as error:
                self._keep(str(error))
                self._known = mark
            except Exception as error:  # the watch must outlive whatever a rule brings about
                log.exception("rules cannot be read again")
                self._keep(f"{type(error).__name__}: {error}")
                self._known = mark
            self._closing.wait(self._seconds)

    def _take(self) -> None:
        book = self._load()
        broken = newly_broken(self._book, book)
        if broken is not None:
            self._keep(str(broken))
            return
        self.fault = ""
        if book.detector.fingerprint == self._book.detector.fingerprint and book.rows() == self._book.rows():
            return
        process = Process(book)
        log.info(
            "rules changed", extra={"rules": len(book.rules), "correlations": len(book.correlations.rules)}
        )
        self._book, self._ready = book, process

    def _keep(self, reason: str) -> None:
        self.fault = f"rules on disk changed but are not in use, the former ones are: {reason}"
        log.warning("rules not taken up", extra={"reason": reason})


def newly_broken(before: Rulebook, after: Rulebook) -> Problem | None:
    """The first problem that leaves out a rule that was in force, or that leaves no rule at all."""
    if not after.rules and before.rules:
        return next(iter(after.broken), Problem("rules", 0, 0, "there is no rule left"))
    known = {(problem.file, problem.message) for problem in before.broken}
    used = {rule.file for rule in before.rules.values()} | {rule.file for rule in before.correlations.rules}
    return next(
        (each for each in after.broken if each.file in used and (each.file, each.message) not in known), None
    )
