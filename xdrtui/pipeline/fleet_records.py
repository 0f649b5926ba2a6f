"""The records of a findings topic: what workers of a fleet write, and all that a workbench believes of it.

Bytes are `XDRF`, one byte for the version, then msgpack of one of the structs below. Decoding checks types,
lengths and bounds of everything, since whoever may write to the topic may write anything: what does not fit
is `Foreign`, and becomes a dead letter of the fold. Nothing in a record can say what people do (states,
owners, the ledger). Times are nanoseconds since 1970 UTC. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.store.batch import BatchResult, CapturedText, Found, RuleRow
from xdrtui.store.deadletters import LIMIT as DEAD_LIMIT
from xdrtui.store.evidence import RAW_LIMIT, Candidate, Key, pick
from xdrtui.store.findings import as_json
from xdrtui.store.identity import canonical

MAGIC = b"XDRF"
VERSION = 1
CHUNK_BYTES = 400_000
"""About how many bytes of evidence one record holds; one event more may go beyond."""

RECORD_BYTES = 900_000
"""No record is larger: brokers take 1 MB by default."""

MOST_TOPICS = 3_000
"""That a record names: more would not fit into one."""

Time = Annotated[int, Meta(ge=-(2**62), le=2**63 - 1)]
"""No earlier, so that the start of the window that it lies in can be stored, too."""

Count = Annotated[int, Meta(ge=0, le=2**32)]
"""Of one batch: the sum of two billion such can be stored."""

Figure = Annotated[float, Meta(ge=-(2.0**63), le=2.0**63)]
"""A number at all: neither infinite nor undefined."""

Offset = Annotated[int, Meta(ge=0, le=2**62)]
Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Name = Annotated[str, Meta(max_length=512)]
Text = Annotated[str, Meta(max_length=65_536)]
Uid = Annotated[str, Meta(pattern=r"^kafka:[A-Za-z0-9_-]{0,64}:[A-Za-z0-9._-]{1,249}:[0-9]{1,6}\Z")]
Level = Literal["informational", "low", "medium", "high", "critical"]
Hash = Annotated[bytes, Meta(max_length=64)]
Pairs = Annotated[tuple[tuple[Name, Text], ...], Meta(max_length=1_000)]

COUNTED = ("messages", "events", "routed", "unrouted", "salvaged", "dead")


class Foreign(Exception):
    """A record that none of our workers wrote, or that is damaged; the reason is one clause."""


class Record(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of all."""


class Origin(Record, frozen=True):
    """A partition of a topic that is read. kind: replay where the topic holds recorded data."""

    uid: Uid
    topic: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")]
    kind: Literal["kafka", "replay"]
    partition: Number


class Finding(Record, frozen=True):
    """A finding, as `store.batch.Found` has it, but for the part of its position that its `Results` says.

    raw: the event, cut to 256 KB; None where what the batch has of its alert suffices as evidence. size: of
    the whole event; raw_hash: SHA-256 of the whole one where it was cut.
    """

    rule: Name
    offset: Offset
    index: Number
    time: Time
    quality: Annotated[int, Meta(ge=0, le=7)]
    ingest: Time
    event_type: Name
    level: Level
    host: Text
    user: Text
    group: Pairs
    window: Annotated[int, Meta(ge=1, le=2**62)]
    entities: Pairs
    captures: Annotated[dict[Name, CapturedText], Meta(max_length=256)]
    matched: Annotated[dict[Name, Text], Meta(max_length=256)]
    summary: Text
    event_hash: Hash
    rule_hash: Name
    feeds: bool
    muted: bool
    raw: Annotated[bytes, Meta(max_length=RAW_LIMIT)] | None
    size: Count
    raw_hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Dead(Record, frozen=True):
    """A dead letter, likewise."""

    offset: Offset
    index: Number
    reason: Text
    payload: Annotated[bytes, Meta(max_length=DEAD_LIMIT)]
    size: Count
    ingest: Time


class Results(Record, frozen=True, tag="results"):
    """What a batch found in one partition, or a part of it."""

    origin: Origin
    found: Annotated[tuple[Finding, ...], Meta(max_length=10_000)]
    dead: Annotated[tuple[Dead, ...], Meta(max_length=10_000)]


class Summary(Record, frozen=True, tag="summary"):
    """One partition has been read from `start` up to `end`, and all that was found there stands before this.

    watermark: the latest time seen, as `store.batch.Mark` has it, 0 where none was. idle: there is nothing
    more for now; ended: recorded data has been read to its end. counts: in the order of `COUNTED`; presence:
    (event type, host, field -> in how many events). end -1: the partition is there and not read yet.
    """

    origin: Origin
    start: Annotated[int, Meta(ge=-1, le=2**62)]
    end: Annotated[int, Meta(ge=-1, le=2**62)]
    watermark: Time
    idle: bool
    ended: bool
    counts: Annotated[tuple[Count, ...], Meta(min_length=len(COUNTED), max_length=len(COUNTED))]
    presence: Annotated[
        tuple[tuple[Name, Text, Annotated[dict[Name, Count], Meta(max_length=2_000)]], ...],
        Meta(max_length=100_000),
    ]


class RuleText(Record, frozen=True, tag="rule"):
    """A rule that has fired, as it was in force."""

    id: Name
    hash: Name
    title: Text
    level: Annotated[str, Meta(max_length=32)]
    kind: Annotated[str, Meta(max_length=32)]
    author: Text
    description: Text
    text: Annotated[str, Meta(max_length=512_000)]
    path: Text
    references: Annotated[tuple[Text, ...], Meta(max_length=1_000)]
    falsepositives: Annotated[tuple[Text, ...], Meta(max_length=1_000)]
    tags: Annotated[tuple[Text, ...], Meta(max_length=1_000)]
    techniques: Annotated[tuple[Name, ...], Meta(max_length=1_000)]


class Beat(Record, frozen=True, tag="beat"):
    """A worker is at work. rules, correlations: fingerprints of what it works with; faults: key -> text;
    gone: it ends now, in good order."""

    worker: Annotated[str, Meta(min_length=1, max_length=128)]
    machine: Name
    pid: Number
    started: Time
    rules: Name
    correlations: Name
    figures: Annotated[dict[Annotated[str, Meta(max_length=64)], Figure], Meta(max_length=32)]
    faults: Annotated[dict[Name, Text], Meta(max_length=100)]
    gone: bool


class Notice(Record, frozen=True, tag="notice"):
    """Something happened to a topic that must not be missed."""

    worker: Name
    text: Text


class Reading(Record, frozen=True, tag="reading"):
    """What a worker's group reads: topic -> number of partitions. What no group reads is not waited for."""

    worker: Annotated[str, Meta(min_length=1, max_length=128)]
    cluster: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}\Z")]
    group: Name
    topics: Annotated[
        dict[Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")], Number], Meta(max_length=MOST_TOPICS)
    ]


Any_: TypeAlias = Results | Summary | RuleText | Beat | Notice | Reading

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Any_)
_HEAD = MAGIC + bytes([VERSION])


def encode(record: Any_) -> bytes:
    """Raises UnicodeEncodeError for unpaired surrogates, OverflowError: see `store.clean.storable`."""
    return _HEAD + _encoder.encode(record)


def decode(payload: bytes) -> Any_:
    """Raises Foreign."""
    if not payload.startswith(MAGIC) or len(payload) < len(_HEAD):
        raise Foreign("not a record of a findings topic")
    if payload[len(MAGIC)] != VERSION:
        raise Foreign(f"a record of version {payload[len(MAGIC)]}; this xdrtui reads {VERSION}: upgrade it")
    try:
        record: Any_ = _decoder.decode(memoryview(payload)[len(_HEAD) :])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Foreign(f"a malformed record: {error}"[:500]) from None
    if isinstance(record, Results | Summary) and record.origin.uid.split(":")[2] != record.origin.topic:
        raise Foreign("a malformed record: the uid is another topic's")
    if isinstance(record, Summary) and record.end < record.start:
        raise Foreign("a malformed record: it ends before it starts")
    return record


def origin(source: Source, partition: int) -> Origin:
    return Origin(source.uid, source.name, "replay" if source.kind == "replay" else "kafka", partition)


def source_of(at: Origin) -> Source:
    return Source(at.uid, at.topic, at.kind)


def results_of(at: Origin, result: BatchResult) -> Iterator[Results]:
    """A batch's findings and dead letters, in records of a size that a broker takes."""
    chunk: list[Finding] = []
    size = 0
    raws = _evidence(result.found)
    for number, found in enumerate(result.found):
        one = _fitting(_finding(found, number in raws))
        weight = 600 + (len(one.raw) if one.raw else 0) + sum(map(len, one.matched.values()))
        if chunk and (size + weight > CHUNK_BYTES or len(chunk) == 2_000):
            yield Results(at, tuple(chunk), ())
            chunk, size = [], 0
        chunk.append(one)
        size += weight
    if chunk:
        yield Results(at, tuple(chunk), ())
    letters: list[Dead] = []
    size = 0
    for letter in result.dead:
        cut = letter.payload[:DEAD_LIMIT]
        if letters and (size + len(cut) > CHUNK_BYTES or len(letters) == 2_000):
            yield Results(at, (), tuple(letters))
            letters, size = [], 0
        where = letter.position
        letters.append(Dead(where.offset, where.index, letter.reason[:4096], cut, letter.size, letter.ingest))
        size += 100 + len(cut)
    if letters:
        yield Results(at, (), tuple(letters))


def _evidence(found: Sequence[Found]) -> set[int]:
    """Which findings of a batch need their raw event: what the batch alone would pin (see `evidence.pick`)
    and what correlations count."""
    by_alert: dict[tuple[str, object, int], list[Candidate]] = {}
    keep: set[int] = set()
    for number, one in enumerate(found):
        if one.feeds or one.muted:
            keep.add(number)
        if not one.muted:
            key = (one.rule, one.group, one.window_time // one.window)
            at = Key(one.window_time, one.event_hash, *one.position)
            by_alert.setdefault(key, []).append(Candidate(at, canonical(one.captures), number))
    for candidates in by_alert.values():
        keep.update(candidate.handle for candidate in pick(candidates))
    return keep


def _finding(one: Found, with_raw: bool) -> Finding:
    cut = len(one.raw) > RAW_LIMIT
    return Finding(
        one.rule,
        one.position.offset,
        one.position.index,
        one.time,
        one.quality,
        one.ingest,
        one.event_type,
        one.level,  # type: ignore[arg-type]  # checked where it is read
        one.host,
        one.user,
        one.group,
        one.window,
        one.entities,
        one.captures,
        one.matched,
        one.summary,
        one.event_hash,
        one.rule_hash,
        one.feeds,
        one.muted,
        one.raw[:RAW_LIMIT] if with_raw else None,
        len(one.raw),
        hashlib.sha256(one.raw).hexdigest() if cut and with_raw else "",
    )


def _fitting(one: Finding) -> Finding:
    """A finding whose texts all fit: what a single event says at greater length is cut."""
    longest = 8_192
    if len(as_json((one.group, one.entities, one.captures, one.matched, one.host, one.user))) < longest * 4:
        return one
    captures = {name[:512]: _cut(value, longest) for name, value in list(one.captures.items())[:64]}
    return msgspec.structs.replace(
        one,
        host=one.host[:longest],
        user=one.user[:longest],
        group=tuple((name[:512], value[:longest]) for name, value in one.group[:8]),
        entities=tuple((kind[:512], value[:longest]) for kind, value in one.entities[:16]),
        captures=captures,
        matched={name[:512]: value[:4096] for name, value in list(one.matched.items())[:16]},
        summary=one.summary[:longest],
    )


def _cut(value: CapturedText, longest: int) -> CapturedText:
    if isinstance(value, list):
        return [part[: longest // 16] for part in value[:16]]
    return value if value is None else value[:longest]


def found_of(at: Origin, findings: Iterable[Finding]) -> list[Found]:
    """The findings, ready to be stored."""
    return [
        Found(
            rule=one.rule,
            position=Position(at.uid, at.partition, one.offset, one.index),
            time=one.time,
            quality=one.quality,
            ingest=one.ingest,
            event_type=one.event_type,
            level=one.level,
            host=one.host,
            user=one.user,
            group=one.group,
            window=one.window,
            entities=one.entities,
            captures=one.captures,
            matched=one.matched,
            summary=one.summary,
            raw=one.raw or b"",
            event_hash=one.event_hash,
            rule_hash=one.rule_hash,
            feeds=one.feeds,
            muted=one.muted,
            raw_size=one.size if one.raw is not None else -1,
            raw_hash=one.raw_hash,
        )
        for one in findings
    ]


def dead_of(at: Origin, dead: Iterable[Dead]) -> list[DeadLetter]:
    return [
        DeadLetter(
            Position(at.uid, at.partition, one.offset, one.index),
            one.reason,
            one.payload,
            one.size,
            one.ingest,
        )
        for one in dead
    ]


def rule_text(row: RuleRow) -> RuleText:
    """A rule's row; a text beyond all measure is cut."""
    return RuleText(
        row.id,
        row.hash,
        row.title[:4096],
        row.level,
        row.kind,
        row.author[:4096],
        row.description[:65_536],
        row.text[:200_000],
        row.path,
        row.references[:1000],
        row.falsepositives[:1000],
        row.tags[:1000],
        row.techniques[:1000],
    )


def rule_row(record: RuleText) -> RuleRow:
    return RuleRow(**{name: getattr(record, name) for name in RuleRow.__struct_fields__})
