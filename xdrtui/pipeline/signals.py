"""SIGTERM and SIGINT, for whoever works in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable


@contextlib.asynccontextmanager
async def stopped_by_signals(stop: Callable[[], None]) -> AsyncIterator[None]:
    """SIGTERM and SIGINT stop in good order; outside the main thread there is nobody to catch them."""
    loop = asyncio.get_running_loop()
    caught = []
    with contextlib.suppress(RuntimeError, ValueError, NotImplementedError):
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop)
            caught.append(each)
    try:
        yield
    finally:
        for each in caught:
            loop.remove_signal_handler(each)
