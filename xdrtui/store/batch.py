"""What one batch brings to the store, in one transaction.

Made by `pipeline.process` from decoded frames and the detectors' findings; taken by `Store.commit_batch`.
Plain structs: nothing here reads or writes.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.store.archive.catalogue import Appended

CapturedText: TypeAlias = str | list[str] | None
"""A captured cell as JSON: its text, several texts, or None for null. An absent field has no key."""

NO_TIME = 1
"""Quality: the event has no time of its own; `time` is its ingest time."""

OUT_OF_BOUNDS = 2
"""Quality: the event's time lies outside its bounds; windows use the ingest time."""

SALVAGED = 4
"""Quality, a bit beside the others: the event was repaired before it could be read."""


class Found(msgspec.Struct, frozen=True):
    """One finding, ready to be stored. Its key is (rule, position): stored twice, it is there once.

    time, ingest: nanoseconds since 1970 UTC; quality: see the constants above.
    group: (field, value) pairs that make findings of the rule one alert; window: width of the alert's window,
    nanoseconds. captures: field -> text, for correlations. matched: field -> value that the rule's items met.
    raw: the whole event; event_hash: of the event's bytes, equal for exact duplicates.
    rule_hash: content hash of the rule as it was in force ("" = as the store knows it now).
    feeds: a correlation counts this finding, so its raw event is kept until every window has passed it.
    muted: the rule's findings only feed correlations (`generate: false`) and make no alert of their own.
    raw_size, raw_hash: where `raw` was cut before it came here, the whole event's size and SHA-256; size -1:
    what the batch brought of the alert suffices as evidence, so this one's raw event was not sent.
    """

    rule: str
    position: Position
    time: int
    quality: int
    ingest: int
    event_type: str
    level: str
    host: str
    user: str
    group: tuple[tuple[str, str], ...]
    window: int
    entities: tuple[tuple[str, str], ...]
    captures: dict[str, CapturedText]
    matched: dict[str, str]
    summary: str
    raw: bytes
    event_hash: bytes
    rule_hash: str = ""
    feeds: bool = False
    muted: bool = False
    raw_size: int = 0
    raw_hash: str = ""

    @property
    def window_time(self) -> int:
        """The time that windows use: the event's own, or ingest time where that one is out of bounds."""
        return self.ingest if self.quality & OUT_OF_BOUNDS else self.time


class Mark(msgspec.Struct, frozen=True):
    """How far a partition of a source has been read.

    next_offset: the first offset not yet read; anchor: hash of the record before it (proves that the topic or
    file is still the same one); watermark: the latest time that windows use seen so far, nanoseconds since
    1970 UTC (lateness is not subtracted). start: the stored `next_offset` that the batch was read from; where
    it differs from what is stored, the batch is fenced off; -1 = not fenced (scans: findings are a set).
    generation: rises when the topic or file is found to be new under an old name.
    idle: the partition has nothing more for now and holds no window open.
    """

    source: str
    partition: int
    next_offset: int
    anchor: bytes
    watermark: int
    start: int = -1
    generation: int = 0
    idle: bool = False


class BatchResult(msgspec.Struct):
    """All that one batch brings. counts: name -> how many (messages, events, routed, dead, ...).
    presence: (event type, host) -> field -> in how many events it was present; "" counts the events.
    appended: what of it stands in the archive's hot segment, fsynced, waiting for its length to be named.
    forward: topic to which its dead letters are to be sent, empty for none; revived: positions of dead
    letters that have become events: they are taken back.
    """

    found: list[Found] = msgspec.field(default_factory=list)
    dead: list[DeadLetter] = msgspec.field(default_factory=list)
    marks: list[Mark] = msgspec.field(default_factory=list)
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    presence: dict[tuple[str, str], dict[str, int]] = msgspec.field(default_factory=dict)
    sources: list[Source] = msgspec.field(default_factory=list)
    appended: Appended | None = None
    forward: str = ""
    revived: list[Position] = msgspec.field(default_factory=list)


class RuleRow(msgspec.Struct, frozen=True):
    """What the store keeps of a rule, by (id, hash): the version in force stays readable when it changes.

    text: the rule as written (YAML); tags: as in the rule; techniques: ATT&CK ids, upper case.
    kind: "sigma" or "correlation".
    """

    id: str
    hash: str
    title: str
    level: str
    kind: str = "sigma"
    author: str = ""
    description: str = ""
    text: str = ""
    path: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
