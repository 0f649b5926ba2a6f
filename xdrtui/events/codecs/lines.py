"""Text logs: which codec reads a line, and what it reads.

In: one line. Out: codec and fields, or None where no codec knows it.
"""

from __future__ import annotations

from typing import Any


def read_line(line: str) -> tuple[str, dict[str, Any]] | None:
    """Return the codec that knows this line, with the fields it finds in it."""
    return None
