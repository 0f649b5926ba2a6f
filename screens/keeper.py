"""Keeps the terminal: a parent process that waits for the screens and gives the terminal back as it was,
however they end: by themselves, by a bug, by SIGSEGV, SIGKILL or a hang-up.

`keep_terminal` forks before anything heavy is imported (about 1 ms): the child goes on with a `BlackBox` and
shows the screens, the parent never returns. What the child puts into the box outlives it: where the workspace
is, whether the screens had the terminal, and where in the program it crashed. The report made of it names
files, lines and functions alone, never a value: an event, or a secret, cannot get into it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import tempfile
import termios
import time
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

GIVE_BACK = (
    "\x1b[?2026l"  # a frame that was begun is over
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[<u"  # pastes, focus, size, keyboard
    "\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"  # alternate screen, line wrap, cursor, style
)
"""What switches off all that the screens switch on."""

PATIENCE = 3
"""Seconds that the screens may take to end after a signal, before they are killed."""

_MOST = 200_000
_LINKS = 5
"""Errors that led to an error which are told of."""
_BEGUN, _LEFT, _TRACE = "begun", "left", "trace"


class BlackBox:
    """Notes that outlive the process which made them: a file without a name, shared by parent and child."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - lives as long as the process
        self.life = -1
        """The child's end of a pipe that ends when its parent does."""

    def note(self, name: str, text: str = "") -> None:
        """Keep a line. text: of one line."""
        with contextlib.suppress(OSError):
            self._file.write(f"{name} {text}\n".encode("utf-8", "backslashreplace"))

    def begin(self, workspace: Path) -> None:
        """The screens take the terminal. From now on a crash of the interpreter leaves its trace here."""
        import faulthandler

        self.note("workspace", str(workspace))
        self.note(_BEGUN)
        faulthandler.enable(self._file)

    def trace(self, error: BaseException) -> None:
        """Keep where an error arose: its kind and the places, not what it says, which may quote data."""
        one: BaseException | None = error
        for _ in range(_LINKS):
            if one is None:
                break
            self.note(_TRACE, type(one).__name__)
            for line in places(one.__traceback__):
                self.note(_TRACE, line)
            cause = getattr(one, "error", None)  # Textual's WorkerFailed
            one = cause if isinstance(cause, BaseException) else one.__cause__ or one.__context__

    def left(self) -> None:
        """The screens gave the terminal back by themselves."""
        self.note(_LEFT)

    def read(self) -> tuple[dict[str, str], list[str]]:
        """The notes by name, and the lines that tell of a crash."""
        self._file.seek(0)
        notes: dict[str, str] = {}
        trace: list[str] = []
        for line in self._file.read(_MOST).decode("utf-8", "replace").splitlines():
            name, _, text = line.partition(" ")
            if name in (_BEGUN, _LEFT, "workspace", "pane"):
                if name == _BEGUN:
                    notes.pop(_LEFT, None)
                notes[name] = text
            else:
                trace.append(text if name == _TRACE else line)
        return notes, trace


def places(trace: TracebackType | None) -> list[str]:
    """Where a traceback leads, innermost last: file, line and function."""
    lines: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        lines.append(f'  File "{code.co_filename}", line {trace.tb_lineno} in {code.co_name}')
        trace = trace.tb_next
    return lines


def keep_terminal() -> BlackBox:
    """Fork. Returns in the child, which shows the screens; the parent waits for it and ends as it ended."""
    box = BlackBox()
    try:
        before: list[int | list[bytes | int]] | None = termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError):
        before = None
    sys.stdout.flush()
    sys.stderr.flush()
    child_end, parent_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(parent_end)
        box.life = child_end
        return box
    os.close(child_end)
    _wait(child, parent_end, box, before)


def _until_hung_up(life: int) -> bool:
    """Wait until the terminal is gone (true) or the child has ended (false). The system tells of the first by
    SIGHUP only where this is the terminal's session: elsewhere the screens would spin on a dead line."""
    terminal = sys.stdin.fileno()
    poller = select.poll()
    poller.register(terminal, 0)
    poller.register(life, 0)
    return terminal in dict(poller.poll())


def _wait(child: int, life: int, box: BlackBox, before: list[int | list[bytes | int]] | None) -> NoReturn:
    def forward(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)
        signal.alarm(PATIENCE)

    def kill(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, forward)
    signal.signal(signal.SIGALRM, kill)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    code = 1
    try:
        with contextlib.suppress(OSError, ValueError):
            if before is not None and _until_hung_up(life):
                forward(signal.SIGHUP, None)
        _, status = os.waitpid(child, 0)
        signal.alarm(0)
        code = os.waitstatus_to_exitcode(status)
        notes, trace = box.read()
        if _BEGUN in notes and _LEFT not in notes:
            _give_back(before)
            _tell(code, notes, trace)
        elif before is not None:
            _restore(before)
    finally:
        os._exit(code if code >= 0 else 128 - code)


def _give_back(before: list[int | list[bytes | int]] | None) -> None:
    """Switch off what the screens had switched on, and drop what was typed at them."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), GIVE_BACK.encode())
    if before is not None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        _restore(before)


def _restore(before: list[int | list[bytes | int]]) -> None:
    with contextlib.suppress(termios.error, OSError):
        if termios.tcgetattr(sys.stdin.fileno()) != before:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)


def _tell(code: int, notes: dict[str, str], trace: list[str]) -> None:
    """Write the report, and say where it is, in at most three lines."""
    how = f"by {signal.Signals(-code).name}" if code < 0 else "by an error"
    lines = [f"xdrtui ended {how}; the terminal is as it was."]
    try:
        path = write_report(notes, trace, how)
        lines.append(f"A report, with nothing of your events in it: {path}")
    except OSError as error:
        lines.append(f"No report could be written: {error.strerror}.")
    workspace = notes.get("workspace", "")
    if workspace and any(Path(workspace, "drafts").glob("*.txt")):
        lines.append("What you were typing is kept: it is offered again.")
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))


def write_report(notes: dict[str, str], trace: list[str], how: str) -> Path:
    """Write what is known of a crash to a file of the workspace, else of the folder for temporary files, that
    only its owner reads. Raises OSError."""
    import platform

    from xdrtui import __version__

    now = time.gmtime()
    lines = [
        f"xdrtui {__version__} ended {how} at {time.strftime('%Y-%m-%d %H:%M:%S', now)} UTC",
        f"Python {platform.python_version()}, {platform.system()} {platform.release()},"
        f" TERM={os.environ.get('TERM', '')}",
        f"pane: {notes.get('pane', 'unknown')}",
        "",
        *(trace or ["Nothing tells where: the process was ended from outside."]),
    ]
    name = time.strftime("crash-%Y%m%dT%H%M%SZ-", now) + f"{os.getpid()}.txt"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        path = Path(notes["workspace"]) / "logs" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    except (OSError, KeyError):
        path = Path(tempfile.gettempdir()) / f"xdrtui-{name}"
        descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write("\n".join(lines) + "\n")
    return path
