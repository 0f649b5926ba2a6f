"""Ask a desk something, and tell a database that does not read as what it is.

In: a desk and a question to it. Out: its answer; or a StoreError in one sentence that says what to do, where
the database is damaged, locked or out of reach. What SQLite says of our own mistakes comes through as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from xdrtui.store import place
from xdrtui.store.trouble import told
from xdrtui.triage.desk import Desk

T = TypeVar("T")


def answer(desk: Desk, question: Callable[[Desk], T]) -> T:
    """The desk's answer. Raises StoreError, StoreBusy, and what the question raises."""
    try:
        return question(desk)
    except sqlite3.Error as error:
        raise told(error, desk.directory / place.DATABASE) or error from error
