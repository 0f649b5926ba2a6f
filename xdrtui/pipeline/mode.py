"""A workspace's mode: filled by its own workers, or by folding a fleet's findings. The two never mix."""

from __future__ import annotations

from xdrtui.errors import StoreError
from xdrtui.store import workers
from xdrtui.store.store import Store


def become_fleet(store: Store) -> None:
    """Make a store one that folds a fleet; StoreError where a local worker has read Kafka into it."""
    mode = workers.note(store.connection, "mode")
    if mode == "fleet":
        return
    read = [uid for uid in store.sources() if uid.startswith("kafka:") and store.positions(uid)]
    if read:
        raise StoreError(
            "this workspace holds what a local worker read, and the two never mix: use another workspace"
            " (profile) for the fleet, or kafka.mode: local."
        )
    with store.transaction():
        workers.set_note(store.connection, "mode", "fleet")


def refuse_fleet(store: Store) -> None:
    """StoreError where a store folds a fleet: a local worker has no place in it."""
    if workers.note(store.connection, "mode") == "fleet":
        raise StoreError(
            "this workspace folds a fleet's findings, and the two never mix: use another workspace (profile)"
            " for a local worker, or kafka.mode: fleet with `xdrtui fold`."
        )
