"""Who reads what into this store, and which partitions hold windows open though nobody reads them any more.

A partition holds the watermark back until it is idle, also while its worker is down: its events are to come.
Only where none are to come it must not: its topic was deleted, or taken out of the settings, or the cluster
was changed for another. So every worker notes what it reads, under its consumer group, and what is noted
there stays in force while the group's workers are down, until one of that group begins with something else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from xdrtui.plain import visible
from xdrtui.sources.reads import Reads
from xdrtui.sources.topics import named
from xdrtui.store import workers

NOTE = "kafka.reads"
OTHERS = "topics:"
SECOND = 1_000_000_000
ALIVE = 60 * SECOND
"""A worker that was heard of in so long is at work."""

FORGOTTEN = 7 * 86_400 * SECOND
"""What a group read whose workers were not seen for so long counts no more: it has got another name, or is
gone."""

FILES = 600 * SECOND
"""Nothing was read of a file in so long: whoever read it is gone."""


class Claim(msgspec.Struct, frozen=True):
    """What a worker reads. at: when it last said so, nanoseconds."""

    cluster: str
    group: str
    topics: tuple[str, ...]
    at: int


class Unread(msgspec.Struct, frozen=True):
    """A partition that nobody reads. why: a clause; empty where nobody needs to be told."""

    source: str
    partition: int
    topic: str
    why: str


def held(connection: sqlite3.Connection) -> list[str]:
    """The topics whose partitions hold windows open."""
    return sorted({topic for topic in map(_topic, _holding(connection)) if topic})


def claim(connection: sqlite3.Connection, worker: str, reads: Reads, now: int) -> None:
    """Note what this worker reads; what others of its group noted that are not at work is over. Runs inside
    the caller's transaction."""
    alive = {beat.worker for beat in workers.heartbeats(connection) if now - beat.at < ALIVE}
    kept = {
        name: each
        for name, each in _claims(connection).items()
        if name in alive or (each.group != reads.group and now - each.at < FORGOTTEN)
    }
    kept[worker] = Claim(reads.cluster, reads.group, reads.topics, now)
    workers.set_note(connection, NOTE, msgspec.json.encode(kept).decode())


def tell_of_others(connection: sqlite3.Connection, worker: str, reads: Reads, now: int) -> None:
    """Say so, as long as others at work in this worker's group read other topics than it does: Kafka gives
    each topic to those who read it, but while one of them is down, nothing else waits for what it reads. Runs
    inside the caller's transaction, after `claim`."""
    key = f"{OTHERS}{reads.group}"[:600]
    others = {
        ", ".join(each.topics): name
        for name, each in sorted(_claims(connection).items())
        if name != worker
        and reads.group
        and each.group == reads.group
        and set(each.topics) != set(reads.topics)
    }
    if not others:
        workers.clear_fault(connection, key, now)
        return
    said = "; ".join(f"{name} reads {topics}" for topics, name in sorted(others.items()))
    mine = f"{worker} reads {', '.join(reads.topics)}"
    text = f"workers of the group {reads.group} read different topics ({mine}; {said})"
    advice = "give them the same topics, or each a group of its own, else nobody waits for one that is down"
    workers.report_fault(connection, key, "topics", f"{visible(text)[:600]}: {advice}.", now)


def unread(connection: sqlite3.Connection, reads: Reads, now: int) -> list[Unread]:
    """The partitions that hold windows open and that nobody reads. reads: what this worker reads, and which
    of the topics in `held` there still are."""
    claims = list(_claims(connection).values())
    found = []
    for source, rows in _holding(connection).items():
        topic = _topic(source)
        cluster = source.split(":")[1]
        for partition, updated in rows.items():
            if not topic:
                why = "" if now - updated > FILES else None
            elif cluster == reads.cluster and partition >= reads.there.get(topic, 0):
                gone = "the cluster has it no more"
                why = gone if topic not in reads.there else f"the cluster has no partition {partition} of it"
            elif any(each.cluster == cluster and named(each.topics, topic) for each in claims):
                why = None
            else:
                why = "it is no longer set to be read"
            if why is not None:
                found.append(Unread(source, partition, topic, why))
    return found


def tell(connection: sqlite3.Connection, gone: Sequence[Unread], now: int) -> None:
    """Say of each topic that it is waited for no more. Runs inside the caller's transaction."""
    for topic, why in sorted({(each.topic, each.why) for each in gone if each.why}):
        workers.tell_happened(connection, sentence(topic, why), now)


def sentence(topic: str, why: str) -> str:
    """What people are told."""
    return f"nobody reads the topic {topic} any more ({why}): correlations no longer wait for it."


def _claims(connection: sqlite3.Connection) -> dict[str, Claim]:
    return msgspec.json.decode(workers.note(connection, NOTE) or "{}", type=dict[str, Claim])


def _holding(connection: sqlite3.Connection) -> Mapping[str, Mapping[int, int]]:
    """Source -> partition that holds windows open -> when it was last moved on."""
    found: dict[str, dict[int, int]] = {}
    for source, partition, updated in connection.execute(
        "SELECT source, partition, updated FROM positions WHERE NOT idle ORDER BY source, partition"
    ):
        found.setdefault(source, {})[partition] = updated
    return found


def _topic(source: str) -> str:
    """The topic that a source is of; empty for files."""
    parts = source.split(":")
    return parts[2] if parts[0] == "kafka" and len(parts) == 4 else ""
