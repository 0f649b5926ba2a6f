"""What triage hands to screens and commands: plain structs, text exactly as the data had it.

Text comes from events and so from attackers: whoever shows it sanitises it.
"""

from __future__ import annotations

import msgspec

from xdrtui.events.message import Position
from xdrtui.store.batch import RuleRow
from xdrtui.store.ledger import Entry
from xdrtui.store.live import LiveCounts, LiveRow
from xdrtui.store.select import AlertRow
from xdrtui.store.workers import Fault

__all__ = [
    "AlertDetail",
    "AlertRow",
    "Entry",
    "Evidence",
    "Fault",
    "History",
    "Line",
    "LiveCounts",
    "LiveRow",
    "Principal",
    "RuleRow",
    "Status",
    "WorkerStatus",
]


class Principal(msgspec.Struct, frozen=True):
    """Who acts. name: the person or policy; device: the machine whose chain of entries it is."""

    name: str
    device: str


class Evidence(msgspec.Struct, frozen=True):
    """A pinned event. source: what people call where it stands; time, ingest: nanoseconds since 1970 UTC;
    raw: the event, cut to 256 KB (then size says how long it was and raw_hash is its SHA-256, hex);
    matched: field -> value that the rule's items met."""

    position: Position
    source: str
    time: int
    ingest: int
    quality: int
    event_type: str
    rule: str
    summary: str
    raw: bytes
    size: int
    raw_hash: str
    matched: dict[str, str]
    entities: tuple[tuple[str, str], ...]


class History(msgspec.Struct, frozen=True):
    """An act on an alert. clock: nanoseconds since 1970 UTC; undone: it was taken back; alerts: how many it
    was about at once; text: the memo, or what was said on closing."""

    clock: int
    author: str
    kind: str
    value: str
    text: str
    undone: bool
    alerts: int
    hash: str


class AlertDetail(msgspec.Struct, frozen=True):
    """One alert with all that is known of it. rule: as it was in force when it fired, or None where the store
    does not know it; evidence: oldest first; history: oldest first."""

    row: AlertRow
    rule: RuleRow | None
    evidence: list[Evidence]
    history: list[History]


class Line(msgspec.Struct, frozen=True):
    """A line of the queue: alerts of one rule with one main entity, shown by the worst open one (else
    the latest). open, total: 'n open of m'; count: findings of all; again: the open ones all began after
    the closed ones. number: names the line, and stays; state: the least handled of the open ones, or
    "closed"; owners: of the open ones ("" = nobody); newest: id of the newest open alert (else of the
    newest); upto, version: the highest row number and version in it, which tell what came or changed later.
    snoozed: until when all open ones sleep, 0 = one is awake; waiting: one is escalated and not taken up.
    """

    row: AlertRow
    open: int
    total: int
    count: int
    first_seen: int
    last_seen: int
    again: bool
    number: int
    state: str
    owners: tuple[str, ...]
    newest: str
    upto: int
    version: int
    snoozed: int = 0
    waiting: bool = False


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker as its last heartbeat tells. age: seconds since then; alive: it is fresh enough to believe;
    lag: seconds; waiting: messages; catch_up: seconds that these will take, 0 = unknown; busy: seconds that
    it has been at one batch, 0 where that is not long; symptom: why it is silent, see `symptoms`."""

    worker: str
    kind: str
    pid: int
    machine: str
    age: float
    alive: bool
    paused: bool
    events_per_second: float
    lag: float
    dropped: int
    dead: int
    memory: int
    waiting: int = 0
    catch_up: float = 0.0
    busy: float = 0.0
    symptom: str = ""


class Status(msgspec.Struct, frozen=True):
    """How the whole does. sentence: one line, e.g. 'no worker is running'; the figures sum those of workers
    that are alive; faults: what is not well now, then what happened and nobody has dismissed; lag: the
    largest, seconds; unfolded: findings not yet in alerts; counts: since the store was made; control: the
    replay's settings; waiting: messages; catch_up: seconds until all have caught up, 0 = unknown;
    unheard: a fleet's workbench at which no fold is at work: nothing is known of its workers."""

    sentence: str
    workers: list[WorkerStatus]
    faults: list[Fault]
    events_per_second: float
    lag: float
    dropped: int
    dead: int
    memory: int
    paused: bool
    unfolded: int
    counts: dict[str, int]
    control: dict[str, str]
    waiting: int = 0
    catch_up: float = 0.0
    unheard: bool = False
