"""A script for each figure that is stated somewhere."""

from __future__ import annotations

import resource
from pathlib import Path


def cpu() -> float:
    """Seconds of the processor that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def highest() -> float:
    """Most memory this process has taken, MB. (getrusage tells of its parent too.)"""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
