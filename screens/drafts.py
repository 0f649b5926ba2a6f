"""Texts that a person is typing, kept letter by letter, so that neither a crash nor a wrong key loses one.

A draft has a name (`memo-<alert id>`) and a file that only its owner reads, in the workspace's folder
`drafts`. It goes when the text is taken, or emptied; given up with escape it stays and is offered again.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

LONGEST = 100_000
"""Characters of a draft that are kept."""


class Drafts:
    """The drafts of a workspace. A folder that cannot be written loses drafts, nothing else."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / "drafts"

    def names(self) -> list[str]:
        """Of all drafts there are, the latest first."""
        found = [path for path in self._folder.glob("*.txt") if path.is_file()]
        return [path.stem for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]

    def read(self, name: str) -> str:
        """The draft of this name; "" where there is none."""
        try:
            text = self._path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return text[:LONGEST]

    def keep(self, name: str, text: str) -> None:
        """Keep this text as it is now; "" = forget it."""
        path = self._path(name)
        with contextlib.suppress(OSError):
            if not text.strip():
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            fresh = path.with_suffix(".new")
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
                file.write(text[:LONGEST])
            fresh.replace(path)

    def forget(self, name: str) -> None:
        """The text was taken."""
        self.keep(name, "")

    def _path(self, name: str) -> Path:
        return self._folder / (re.sub(r"[^A-Za-z0-9_-]", "_", name)[:100] + ".txt")
