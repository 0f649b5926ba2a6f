"""Which partitions of a fleet hold no window open any more, as the records of its findings topic tell it.

Workers say what their group reads when they begin, every ten minutes, and when that has changed. A partition
that no group reads is waited for no more. What a group said stays in force while its workers are down; what
one of its workers said alone ends half an hour later, by the records' own times: no clock is read here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from xdrtui.pipeline.fleet_records import Beat, Origin, Reading
from xdrtui.store import workers
from xdrtui.store.batch import Mark
from xdrtui.store.reading import FORGOTTEN, sentence

NOTE = "fleet.reads"
SECOND = 1_000_000_000
ALONE = 1_800 * SECOND
"""A worker's word counts for so long, where others of its group say something newer."""

MOST_WORKERS = 500
Place = tuple[str, int]


class Said(msgspec.Struct, frozen=True):
    """at: by the broker's clock, nanoseconds; ended: the worker has said goodbye since."""

    group: str
    cluster: str
    topics: dict[str, int]
    at: int
    ended: bool = False


class Readers:
    """What the workers of a fleet read. Remembered in the store, so that a restart forgets nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        text = workers.note(connection, NOTE) or "{}"
        self._said = msgspec.json.decode(text, type=dict[str, Said])
        self._changed = False

    def take(self, record: Reading, at: int, marks: Mapping[Place, Mark]) -> list[tuple[Place, Mark]]:
        """A worker has said what it reads. Return the partitions of its cluster that hold windows open though
        nobody reads them."""
        self._said = {
            name: said
            for name, said in self._said.items()
            if said.at > at - (ALONE if said.group == record.group else FORGOTTEN)
            and not (said.ended and said.group == record.group)
        }
        self._said[record.worker] = Said(record.group, record.cluster, dict(record.topics), at)
        while len(self._said) > MOST_WORKERS:
            del self._said[min(self._said, key=lambda name: (self._said[name].at, name))]
        self._changed = True
        return list(self._unread(marks, record.cluster))

    def ends(self, beat: Beat) -> None:
        """Where a worker says goodbye, its word counts until another of its group says something."""
        if beat.gone and (said := self._said.get(beat.worker)):
            self._said[beat.worker] = msgspec.structs.replace(said, ended=True)
            self._changed = True

    def _unread(self, marks: Mapping[Place, Mark], cluster: str) -> Iterator[tuple[Place, Mark]]:
        most: dict[str, int] = {}
        for said in self._said.values():
            if said.cluster == cluster:
                for topic, count in said.topics.items():
                    most[topic] = max(count, most.get(topic, 0))
        for (uid, partition), mark in marks.items():
            _, of, topic, _ = uid.split(":")
            if of == cluster and not mark.idle and partition >= most.get(topic, 0):
                yield (uid, partition), mark

    def write(self, connection: sqlite3.Connection, left: Sequence[tuple[str, int]]) -> None:
        """Remember, and say that these topics are waited for no more. Inside the caller's transaction."""
        if self._changed:
            workers.set_note(connection, NOTE, msgspec.json.encode(self._said).decode())
            self._changed = False
        for topic, at in left:
            workers.tell_happened(connection, sentence(topic, "no worker of the fleet does"), at)


def older(marks: Mapping[Place, Mark], where: Origin, generation: int) -> list[tuple[Place, Mark]]:
    """This partition in the same topic's earlier generations, which bring nothing any more."""
    prefix = where.uid.rpartition(":")[0]
    return [
        (key, mark)
        for key, mark in marks.items()
        if key[0].rpartition(":")[0] == prefix and mark.generation < generation
        if key[1] == where.partition and not mark.idle
    ]
