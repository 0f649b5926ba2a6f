"""In whose name a consumer group's offsets are committed: what keeps workspaces, fleets and modes apart.

Written as metadata of every commit; a worker refuses a group whose offsets another owner has committed, since
each of the two would take a part of the other's messages.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from xdrtui.plain import visible

Mode = Literal["local", "fleet"]


class Owner(msgspec.Struct, frozen=True):
    """mode: whether one store's positions are the truth, or the group's offsets; id: of the store, or of the
    fleet (all workers that write to one findings topic)."""

    mode: Mode = "local"
    id: str = ""


class Commit(msgspec.Struct, frozen=True):
    """The metadata of a committed offset. anchor: hash of the record before it, hexadecimal; store: the
    owner's id in local mode (its first name), fleet: in fleet mode."""

    mode: str = "local"
    store: str = ""
    fleet: str = ""
    generation: int = 0
    anchor: str = ""


def written(owner: Owner, generation: int, anchor: bytes) -> str:
    """Metadata to commit."""
    name = "store" if owner.mode == "local" else "fleet"
    metadata = {"mode": owner.mode, name: owner.id, "generation": generation, "anchor": anchor.hex()}
    return msgspec.json.encode(metadata).decode()


def read(metadata: str | None) -> Commit | None:
    """What was committed by one of us; None for anybody else's."""
    try:
        return msgspec.json.decode(metadata or "null", type=Commit)
    except msgspec.MsgspecError:
        return None


def refusal(metadata: str | None, owner: Owner, group: str) -> str:
    """Why this owner may not use a group that has this commit, in one sentence; empty where it may."""
    commit = read(metadata)
    if commit is None or not (commit.store or commit.fleet):
        return ""
    if commit.mode != owner.mode:
        other = "a fleet of workers" if commit.mode == "fleet" else "a workspace's local worker"
        return (
            f"the consumer group {visible(group)} belongs to {other}, and the two never mix:"
            f" set another kafka.group, or kafka.mode: {visible(commit.mode)}."
        )
    if owner.mode == "fleet" and commit.fleet != owner.id:
        return (
            f"the consumer group {visible(group)} belongs to another fleet ({visible(commit.fleet)}):"
            " set another kafka.group, or the same kafka.findings_topic."
        )
    if owner.mode == "local" and commit.store != owner.id:
        return (
            f"the consumer group {visible(group)} belongs to another workspace"
            f" ({visible(commit.store)}): set another kafka.group for this one."
        )
    return ""
