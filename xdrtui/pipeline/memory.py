"""How much memory this process holds, and for how long what it let go of."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_POLARS_MEMORY = "_RJEM_MALLOC_CONF"
"""What the allocator within Polars (jemalloc) reads when it is loaded."""


def keep_pages() -> None:
    """Let Polars keep memory for ten seconds before it gives it back to the system; call it before Polars is
    imported. After half a second, as it does by itself, a worker that archives takes it again with the next
    batch: 6% of its processor's time. It is given back for good (muzzy 0): what the system is only told that
    it may take counts as ours until it does, some 80 MB. What the user has set stands."""
    os.environ.setdefault(_POLARS_MEMORY, "background_thread:true,dirty_decay_ms:10000,muzzy_decay_ms:0")


def resident() -> int:
    """Memory of this process in bytes; its peak where the system tells no more."""
    if sys.platform == "linux":
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
