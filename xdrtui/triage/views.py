"""Saved views of the queue: a name, a filter and an order. Those built in, and each person's own.

A view is a person's habit, not an act on alerts: it stands beside the ledger, not in it.
"""

from __future__ import annotations

import re

import msgspec

from xdrtui.errors import ActionRefused
from xdrtui.store import workers
from xdrtui.store.store import Store

_BROKEN = re.compile("[\ud800-\udfff]")
"""Halves of characters, which no text that is stored can hold."""

MOST = 20
LONGEST_NAME = 40


class View(msgspec.Struct, frozen=True):
    """text: the filter; order: as in `lines.ORDERS`."""

    name: str
    text: str
    order: str = "severity"


BUILT_IN = (
    View("open", "state:open"),
    View("mine", "state:open owner:me"),
    View("nobody's", "state:open owner:none"),
    View("escalated", "state:escalated"),
    View("snoozed", "state:snoozed"),
    View("closed today", "state:closed last>=-24h", "newest"),
    View("all", ""),
)


class Views:
    """One person's views in one store."""

    def __init__(self, store: Store, person: str) -> None:
        self._store = store
        self._key = f"views/{person}"

    def own(self) -> list[View]:
        """Those that this person keeps."""
        note = workers.note(self._store.connection, self._key)
        return msgspec.json.decode(note, type=list[View]) if note else []

    def keep(self, view: View) -> None:
        """Keep a view; one of this name is replaced. Raises ActionRefused."""
        name = view.name.strip()
        if not name or len(name) > LONGEST_NAME:
            raise ActionRefused(f"a view wants a name of 1 to {LONGEST_NAME} characters")
        if _BROKEN.search(name + view.text):
            raise ActionRefused("a view's name holds what is no character: type it anew")
        others = [each for each in self.own() if each.name != name]
        if len(others) >= MOST:
            raise ActionRefused(f"{MOST} views are kept at the most: drop one first")
        self._write([*others, View(name, view.text, view.order)])

    def drop(self, name: str) -> None:
        """Keep this one no longer."""
        self._write([each for each in self.own() if each.name != name])

    def _write(self, views: list[View]) -> None:
        with self._store.transaction():
            workers.set_note(self._store.connection, self._key, msgspec.json.encode(views).decode())
