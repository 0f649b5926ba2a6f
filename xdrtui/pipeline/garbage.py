"""When Python looks for cycles of garbage: rarely, while much is made that has none.

Batches and rules are plain rows and trees without cycles: looking for cycles after every few hundred of them
is a tenth of a scan's time, and a quarter of the time in which rules are read.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARE = (200_000, 20, 20)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Inside, what exists already is left alone, and what comes is looked at rarely."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*RARE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def no_collections() -> Iterator[None]:
    """Inside, nothing is looked at: for a short time in which much is made and little given up."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
