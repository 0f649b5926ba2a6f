"""A fleet's worker: what its batches bring goes to the findings topic, and the group's offsets are the truth.

Findings and dead letters are sent as they are found; every two seconds, or when nothing more is there, each
partition's summary follows, all of it is flushed, and only then may the offsets be committed. A crash in
between sends some of it again, which changes nothing: findings are a set, and summaries know their ranges.
What is in the records is `fleet_records.py`'s; what becomes of them, `fleet_fold.py`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from xdrtui.errors import BrokerError, Fenced, SettingsError, StoreBusy
from xdrtui.pipeline.correlator import LATENESS, fingerprint
from xdrtui.pipeline.detecting import detect
from xdrtui.pipeline.fleet_control import Order, Orders, control_topic
from xdrtui.pipeline.fleet_letters import Letters, letters_of
from xdrtui.pipeline.fleet_records import (
    COUNTED,
    MOST_TOPICS,
    Any_,
    Beat,
    Notice,
    Origin,
    Reading,
    Summary,
    encode,
    origin,
    results_of,
    rule_text,
)
from xdrtui.pipeline.fleet_topic import Outlet
from xdrtui.pipeline.gaps import rule_row
from xdrtui.pipeline.outgoing import topic_for_dead_letters
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.sink import Totals
from xdrtui.plain import visible
from xdrtui.points import reach
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import ask_broker, connection
from xdrtui.sources.generation import Stored
from xdrtui.sources.owner import Owner, read
from xdrtui.sources.partitions import Fetched
from xdrtui.sources.reads import HIDDEN, Reads
from xdrtui.store import clean
from xdrtui.store.batch import BatchResult
from xdrtui.store.fleet import Tally
from xdrtui.store.reading import Unread

log = logging.getLogger(__name__)

SUMMARY_SECONDS = 2.0
BEAT_SECONDS = 2.0
TELL_AGAIN_SECONDS = 86_400.0
READING_SECONDS = 600.0
RETRY_SECONDS = 1.0


class Unit(msgspec.Struct):
    """What has been read of a partition since its last summary."""

    origin: Origin
    start: int
    last: Fetched
    watermark: int
    tally: Tally


class FleetSink:
    """One fleet worker's end. Not for use by two threads at once."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: KafkaSettings,
        process: Process,
        *,
        clock: Callable[[], int],
        summary_seconds: float = SUMMARY_SECONDS,
    ) -> None:
        """Connects and says which partitions there are. Raises BrokerError, SettingsError."""
        if not settings.group:
            raise SettingsError("a fleet shares its topics by a consumer group: set kafka.group.")
        if settings.topics == [settings.findings_topic]:  # otherwise it is `connection` that refuses it
            raise SettingsError("kafka.topics is the findings topic: name those that hold events.")
        self.totals = Totals()
        self.process = process
        self.name = f"{platform.node()[:64]}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self._settings = settings
        self._clock = clock
        self._started = clock()
        self._summary_seconds = summary_seconds
        self._units: dict[tuple[str, int], Unit] = {}
        self._ends: dict[tuple[str, int], tuple[Origin, int]] = {}
        self._safe: dict[tuple[str, int], Fetched] = {}
        self._told: set[tuple[str, str]] = set()
        self._told_at = time.monotonic()
        self._notices: list[str] = []
        self._flushed_at = time.monotonic()
        self._beat_at = 0.0
        self._faults: dict[str, str] = {}
        self._letters_topic = topic_for_dead_letters(settings)
        to = connection(settings)
        self._outlet = Outlet(loop, to, settings.findings_topic)
        self._cluster = cluster = self._outlet.start()
        self._orders = Orders(to, control_topic(settings.findings_topic), settings.group)
        self._letters = Letters(loop, settings)
        try:
            self._outlet.call(self._orders.start())
            self.owner = Owner("fleet", f"{cluster}:{settings.findings_topic}")
            self._partitions = self._outlet.call(ask_broker(to, settings.topics)).topics
            self.adopt(process)
            self._say_reading()  # before the first word of a partition, or nobody would seem to read it
            for topic in self._partitions:
                self._open(f"kafka:{cluster}:{topic}:")
        except BaseException:
            self._disconnect()
            raise

    def close(self) -> None:
        """Say goodbye; what was not flushed is read again by others."""
        try:
            self._outlet.send([encode(self._beat({}, {}, gone=True))])
            self._outlet.flush()
        except (KafkaError, TimeoutError) as error:
            log.warning("the fleet was not told of the end", extra={"error": repr(error)})
        self._disconnect()

    def _disconnect(self) -> None:
        self._letters.close()
        self._outlet.call(self._orders.close())
        self._outlet.close()

    def adopt(self, process: Process) -> None:
        book = process.rulebook
        self._rules = {row.id: row for row in (*book.rows(), rule_row())}
        self._fingerprint = book.detector.fingerprint
        self._correlations = fingerprint(book.correlations.rules, book.muted, LATENESS)
        self._beat_at = 0.0
        self.process = process

    # --- batches

    def stored(self, prefix: str) -> dict[int, Stored]:
        """Where the group's committed offsets stand. Raises BrokerError."""
        topic = prefix.split(":")[2]
        count = self._partitions.get(topic)
        if count is None:  # made since the start, and taken up by a pattern
            count = self._outlet.call(ask_broker(connection(self._settings), [topic])).topics[topic]
            self._partitions[topic] = count
            self._say_reading()
        every = [TopicPartition(topic, number) for number in range(count)]
        try:
            offsets = self._outlet.committed(self._settings.group, every)
        except (KafkaError, TimeoutError) as error:
            raise BrokerError(f"the group's offsets cannot be read ({visible(str(error))}).") from error
        commits = {each: read(at.metadata) for each, at in offsets.items() if at.offset >= 0}
        latest = max((commit.generation for commit in commits.values() if commit), default=0)
        found = {}
        for each, commit in commits.items():  # without our metadata: the group was reset by hand
            anchor = bytes.fromhex(commit.anchor) if commit else b""
            generation = commit.generation if commit else latest
            found[each.partition] = Stored(offsets[each].offset, anchor, generation)
        return found

    def _open(self, prefix: str) -> None:
        """Say that these partitions are there, so that no window closes before each has been read."""
        topic = prefix.split(":")[2]
        kind: Literal["kafka", "replay"] = "replay" if topic in self._settings.replay_topics else "kafka"
        stored = self.stored(prefix)
        records = []
        for number in range(self._partitions[topic]):
            at = stored.get(number, Stored(-1))
            where = Origin(f"{prefix}{at.generation}", topic, kind, number)
            if at.next_offset >= 0:
                self._ends[where.uid, number] = (where, at.next_offset)
            records.append(self._mark(where, at.next_offset))
        self._send(records)

    def commit(self, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        results = [detect(self.process, fetched, self._clock) for fetched in batch]
        reach("fleet.produce.before")
        try:
            self._send_results(batch, results)
        except (KafkaError, TimeoutError) as error:
            raise self._void(error) from error
        for fetched, result in zip(batch, results, strict=True):
            self._note_unit(fetched, result)
            source = fetched.messages.source
            if self._letters_topic and source.kind == "kafka":  # a replay tells nobody
                self._letters.put(letters_of(self._letters_topic, source, result.dead))
        self.totals.findings += sum(len(result.found) for result in results)
        latest = [each.messages.ingest[-1] for each in batch if each.messages.ingest]
        self.totals.latest_ingest = max([self.totals.latest_ingest, *latest])
        if time.monotonic() - self._flushed_at >= self._summary_seconds:
            return self.flush()
        return ()

    def _send_results(self, batch: Sequence[Fetched], results: Sequence[BatchResult]) -> None:
        records: list[bytes] = []
        for fetched, result in zip(batch, results, strict=True):
            at = origin(fetched.messages.source, fetched.messages.partition)
            for key in dict.fromkeys((each.rule, each.rule_hash) for each in result.found):
                if key not in self._told and key[0] in self._rules:
                    records.append(encode(rule_text(self._rules[key[0]])))
                    self._told.add(key)
            try:
                records += [encode(record) for record in results_of(at, result)]
            except (UnicodeEncodeError, OverflowError):
                records += [encode(record) for record in results_of(at, clean.storable(result))]
        self._outlet.send(records)

    def _note_unit(self, fetched: Fetched, result: BatchResult) -> None:
        messages = fetched.messages
        key = (messages.source.uid, messages.partition)
        unit = self._units.get(key)
        watermark = max((mark.watermark for mark in result.marks), default=0)
        counts = dict(result.counts)
        if unit is None or unit.last.placing != fetched.placing:
            begins = messages.offsets[0] if len(messages) else fetched.next_offset
            start = fetched.start if fetched.start >= 0 else begins
            at = origin(messages.source, messages.partition)
            unit = self._units[key] = Unit(at, min(start, fetched.next_offset), fetched, 0, Tally())
        unit.last = fetched
        unit.watermark = max(unit.watermark, watermark)
        unit.tally.add(Tally(counts, result.presence))

    def flush(self) -> Sequence[Fetched]:
        self._flush_units()
        if not self._letters.settled():
            return ()
        safe, self._safe = self._safe, {}
        return list(safe.values())

    def _flush_units(self) -> None:
        self._flushed_at = time.monotonic()
        if not self._units:
            return
        units = list(self._units.values())
        try:
            self._outlet.send([_encoded(_summary(unit)) for unit in units])
            reach("fleet.produce.after")
            self._outlet.flush()
            reach("fleet.flush.after")
        except (KafkaError, TimeoutError) as error:
            raise self._void(error) from error
        self._units.clear()
        for unit in units:
            self._safe[unit.origin.uid, unit.origin.partition] = unit.last
            self._ends[unit.origin.uid, unit.origin.partition] = (unit.origin, unit.last.next_offset)
            for name in ("messages", "events", "dead"):
                setattr(self.totals, name, getattr(self.totals, name) + unit.tally.counts.get(name, 0))

    def _void(self, error: Exception) -> Fenced:
        """Nothing since the last flush counts: it is read again from the committed offsets."""
        self._units.clear()
        self._told.clear()
        log.warning("the findings topic cannot be written", extra={"error": repr(error)})
        time.sleep(RETRY_SECONDS)
        self._outlet.restart()
        topic = visible(self._settings.findings_topic)
        return Fenced(f"The findings topic {topic} could not be written ({visible(str(error))}).")

    def fold(self, decide: bool) -> bool:
        """Workbenches do that."""
        return True

    def finish(self) -> bool:
        """Say of recorded data that it was read to its end."""
        self._flush_units()
        recorded = [(at, end) for at, end in self._ends.values() if at.kind == "replay"]
        self._send([self._mark(at, end, ended=True) for at, end in recorded])
        try:
            self._outlet.flush()
        except (KafkaError, TimeoutError) as error:
            raise self._void(error) from error
        return True

    def idle(self, partitions: Sequence[tuple[str, int]]) -> None:
        if not any(key in self._ends or key in self._units for key in partitions):
            return
        self._flush_units()  # what was read comes before the word that no more is there
        self._send([self._mark(*self._ends[key], idle=True) for key in partitions if key in self._ends])

    # --- what nobody reads, see `leaving`

    def held(self) -> Sequence[str]:
        return list(self._partitions)

    def unread(self, reads: Reads) -> Sequence[Unread]:
        """Topics that are no more; what other workers read is for the fold to know."""
        seen = {name: n for name, n in reads.there.items() if n != HIDDEN and name in self._partitions}
        if seen.items() - self._partitions.items() or time.monotonic() - self._read_at > READING_SECONDS:
            self._partitions.update(seen)
            self._say_reading()
        gone = [name for name in self._partitions if name not in reads.there]
        return [Unread(f"kafka:{self._cluster}:{name}", -1, name, "") for name in gone]

    def leave(self, gone: Sequence[Unread]) -> None:
        self._flush_units()
        topics = {each.topic for each in gone}
        self._partitions = {name: n for name, n in self._partitions.items() if name not in topics}
        self._ends = {key: at for key, at in self._ends.items() if at[0].topic not in topics}
        self._say_reading()

    def _say_reading(self) -> None:
        if len(self._partitions) <= MOST_TOPICS:
            topics = dict(self._partitions)
            self._send([Reading(self.name, self._cluster, self._settings.group, topics)])
        self._read_at = time.monotonic()

    # --- telling

    def is_paused(self) -> bool:
        """Whether people have asked the workers of this group to pause."""
        return self._outlet.call(self._orders.look()).paused

    def heartbeat(self, figures: Mapping[str, float], faults: Mapping[str, str]) -> bool:
        """To the topic, every two seconds or when a fault comes or goes. Who paused the fleet is told as a
        fault, so that every workbench says that nothing is looked at, and why."""
        now = time.monotonic()
        order = self._outlet.call(self._orders.look())
        faults = {**faults, **self._own_faults(order)}
        figures = {**figures, "paused": float(order.paused)}  # obeyed as soon as this returns
        if now - self._told_at > TELL_AGAIN_SECONDS:  # what was told first may be deleted some day
            self._told.clear()
            self._told_at = now
            self._send([self._mark(at, end) for at, end in self._ends.values()])
        if now - self._beat_at < BEAT_SECONDS and dict(faults) == self._faults and not self._notices:
            return order.paused
        records: list[Any_] = [Notice(self.name, text) for text in self._notices]
        self._send([*records, self._beat(figures, faults)])
        self._beat_at, self._faults, self._notices = now, dict(faults), []
        return order.paused

    def _own_faults(self, order: Order) -> dict[str, str]:
        own = {"orders": self._orders.fault, "outbox": self._letters.fault}
        if order.paused:
            own["paused"] = f"paused by {order.by or 'somebody'}: nothing is read until `xdrtui resume`"
        return {key: text for key, text in own.items() if text}

    def note(self, text: str, mended: bool = False) -> None:
        """What is right again is told by its fault, which comes and goes with the heartbeats."""
        if not mended:
            self._notices.append(text[:4096])

    def _beat(self, figures: Mapping[str, float], faults: Mapping[str, str], *, gone: bool = False) -> Beat:
        return Beat(
            self.name,
            platform.node()[:512],
            os.getpid(),
            self._started,
            self._fingerprint,
            self._correlations,
            dict(figures),
            {key[:512]: text[:4096] for key, text in list(faults.items())[:100]},
            gone,
        )

    def _mark(self, at: Origin, end: int, *, idle: bool = False, ended: bool = False) -> Summary:
        return Summary(at, end, end, 0, idle, ended, (0,) * len(COUNTED), ())

    def _send(self, records: Sequence[Any_]) -> None:
        """Without waiting until they have arrived. Raises StoreBusy."""
        try:
            self._outlet.send([encode(record) for record in records])
        except (KafkaError, TimeoutError) as error:
            raise StoreBusy(f"The findings topic cannot be written ({visible(str(error))}).") from error


def _summary(unit: Unit) -> Summary:
    counts = unit.tally.counts
    return Summary(
        unit.origin,
        unit.start,
        unit.last.next_offset,
        unit.watermark,
        False,
        False,
        tuple(counts.get(name, 0) for name in COUNTED),
        tuple((kind, host, fields) for (kind, host), fields in unit.tally.presence.items()),
    )


def _encoded(summary: Summary) -> bytes:
    """A summary in bytes; one too large for a record goes without the fields of single hosts."""
    try:
        record = encode(summary)
    except UnicodeEncodeError:
        mended = tuple(
            (clean.text(kind), clean.text(host), {clean.text(name): n for name, n in fields.items()})
            for kind, host, fields in summary.presence
        )
        summary = msgspec.structs.replace(summary, presence=mended)
        record = encode(summary)
    if len(record) > 800_000:
        whole = tuple(each for each in summary.presence if not each[1])
        record = encode(msgspec.structs.replace(summary, presence=whole))
    return record
