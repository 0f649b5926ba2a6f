"""How much memory this process holds."""

from __future__ import annotations

import sys
from pathlib import Path


def resident() -> int:
    """Memory of this process in bytes; its peak where the system tells no more."""
    if sys.platform == "linux":
        import os

        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
