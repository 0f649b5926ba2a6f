"""The commands that README and manual show: read out of their fenced blocks, for the tests that run them.

A block ```sh is run as it stands; a block ```sh broker needs Kafka, so only its command lines are checked.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r"^```sh( broker)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Shown(NamedTuple):
    """A command line that a page shows. broker: it needs Kafka."""

    page: str
    words: tuple[str, ...]
    broker: bool

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "xdrtui" / "manual").glob("*.md"))]


def commands() -> list[Shown]:
    """Every command line of every page, each once."""
    found: dict[Shown, None] = {}
    for page in pages():
        for broker, block in _BLOCK.findall(page.read_text("utf-8")):
            for line in block.splitlines():
                if line.strip() and not line.startswith("#"):
                    found[Shown(page.name, tuple(shlex.split(line)), bool(broker))] = None
    return list(found)
