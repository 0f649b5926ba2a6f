"""Logs: one JSON object a line, in the workspace's folder `logs`, one file a process, rotated, mode 0600.

In: what Python's logging is given, by us and by libraries. Out: files only, never stdout or stderr, so the
screen that the TUI owns stays its own. Text from data is made harmless, secrets are struck out.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import logging.handlers
import os
import time
import traceback
from io import TextIOWrapper
from pathlib import Path

from xdrtui.errors import StoreError
from xdrtui.plain import visible
from xdrtui.settings.model import LogSettings
from xdrtui.settings.secrets import strike_out

OURS = ("xdrtui", "screens", "detectors")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LONGEST = 8_192


def start_logs(workspace: Path, role: str, settings: LogSettings | None = None) -> Path:
    """Send this process' logs to `workspace/logs/ROLE-PID.jsonl`; return that path.

    role: what the process is (`tui`, `worker`). Ours are kept from the level set, libraries' from warning.
    Raises StoreError where the folder cannot be written.
    """
    settings = settings or LogSettings()
    folder = workspace / "logs"
    path = folder / f"{role}-{os.getpid()}.jsonl"
    try:
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        delete_old(folder, settings.days, time.time())
        handler = PrivateRotation(
            path, maxBytes=settings.megabytes * 1_000_000, backupCount=settings.keep, encoding="utf-8"
        )
    except OSError as error:
        raise StoreError(
            f"no log can be written in {visible(str(folder))} ({error.strerror}): make it writable."
        ) from None
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for other in root.handlers[:]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    level = getattr(logging, settings.level.upper())
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a full disk must not print tracebacks over the screen
    return path


def stop_logs() -> None:
    """Close what `start_logs` opened, before the process goes on with something else."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, PrivateRotation):
            root.removeHandler(handler)
            handler.close()
    logging.captureWarnings(False)
    logging.raiseExceptions = True


def delete_old(folder: Path, days: int, now: float) -> None:
    """Delete log files that nobody has written to for so many days. now: seconds since 1970."""
    for path in folder.glob("*.jsonl*"):
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > days * 86_400:
                path.unlink()


class PrivateRotation(logging.handlers.RotatingFileHandler):
    """Rotation by size, each file readable by its owner alone."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding, write_through=True)


class JsonLines(logging.Formatter):
    """A record as one line: time, level, logger, message, what `extra` brought, and where an error arose."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": self._clean(record.getMessage()),
        }
        for key, value in vars(record).items():
            if key not in _STANDARD:
                plain = isinstance(value, (int, float, bool)) or value is None
                line[self._clean(key)] = value if plain else self._clean(str(value))
        if record.exc_info:
            lines = traceback.format_exception(*record.exc_info)
            line["error"] = self._clean("".join(lines), keep="\n")
        return json.dumps(line, ensure_ascii=False, allow_nan=True)

    def _clean(self, text: str, keep: str = "") -> str:
        text = strike_out(text)
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... ({len(text)} characters)"
        return visible(text, keep)
