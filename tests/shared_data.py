"""Where tests find the large data that is kept beside the project, never in it.

`SHARED` is the folder. `require_shared()` fails where CI is set and the data is missing; elsewhere it skips
the test with a line that says what is missing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def require_shared(*parts: str) -> Path:
    """Return the path of a part of the shared data, or skip (fail in CI) with what is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        missing = f"shared data missing: {path} (see the manual's page on tests)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path
