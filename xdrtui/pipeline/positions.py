"""Where a store stands in a topic, whatever its generation."""

from __future__ import annotations

from xdrtui.sources.generation import Stored
from xdrtui.store.store import Store


def latest_positions(store: Store, prefix: str) -> dict[int, Stored]:
    """Partition -> where its latest generation stands, of the sources whose uid begins with this prefix."""
    found: dict[int, Stored] = {}
    for uid in store.sources():
        if uid.startswith(prefix) and uid[len(prefix) :].isdecimal():
            for partition, mark in store.positions(uid).items():
                generation = int(uid[len(prefix) :])
                if partition not in found or generation > found[partition].generation:
                    found[partition] = Stored(mark.next_offset, mark.anchor, generation)
    return found
