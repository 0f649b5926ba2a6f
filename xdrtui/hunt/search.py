"""Rules held against archived events: the same detectors, the same decoding, the same matches as a scan has.

Where the archive has columns of all fields that the rules of an event type look at, only these are read, and
whole events only of the rows that match. Else the raw events are decoded again, those that may match at all
(`suspects`). Memory is bounded by one part of a file; hits come as they are found, file by file, and the
files are in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

import msgspec

from detectors.contract import EventFrame, EventType, Needs, Text
from detectors.sigma.match import SigmaDetector
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import Layouts
from xdrtui.events.message import Messages, Position, Source
from xdrtui.hunt.query import TYPE, fits, types_of
from xdrtui.hunt.suspects import Suspects
from xdrtui.store.archive.catalogue import File
from xdrtui.store.archive.read import Part, Reader, cells_of


class Hit(msgspec.Struct, frozen=True):
    """An archived event that a rule matches. time: as windows use it, nanoseconds since 1970 UTC."""

    rule: str
    time: int
    event_type: str
    position: Position
    host: str
    user: str
    summary: str
    raw: bytes


class Progress(msgspec.Struct):
    """How far a hunt is. rows: looked at, of total; decoded: of these, taken apart again."""

    rows: int = 0
    total: int = 0
    decoded: int = 0
    hits: int = 0
    files: int = 0


class Search:
    """One hunt. `faults`, of the reader, tells what could not be read."""

    def __init__(
        self,
        reader: Reader,
        detector: SigmaDetector,
        layouts: Layouts,
        sources: Mapping[str, Source],
        *,
        from_raw: bool = False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """sources: by uid, for the layouts that they are pinned to. from_raw: decode everything again,
        whatever columns there are."""
        self._reader = reader
        self._detector = detector
        self._decoder = Decoder(layouts, self._needs, detector.cache)
        self._teller = Decoder(layouts, lambda event_type: Needs())
        self._sources = sources
        self._from_raw = from_raw
        self._on_progress = on_progress
        self._suspects: dict[str, Suspects] = {}
        self.progress = Progress(total=reader.rows)
        wanted = [types_of(rule.expression) for rule in detector.rules]
        self._types = None if None in wanted else [like for each in wanted for like in each or ()]

    def hits(self) -> Iterator[Hit]:
        """The hits, file by file."""
        for file in self._reader.files:
            self._on_progress(self.progress)
            yield from self._in_file(file)
            self.progress.rows += file.rows
            self.progress.files += 1
        self._on_progress(self.progress)

    def _in_file(self, file: File) -> Iterator[Hit]:
        event_type = self._reader.type_of(file)
        if event_type is not None:
            needs = self._wanted(event_type)
            if not needs:
                return
            fields = needs.fields - {TYPE}
            if not self._from_raw and fields <= self._reader.known(file):
                yield from self._in_columns(file, event_type, needs)
                return
        for part in self._reader.parts(file):
            needs = self._wanted(part.event_type)
            if not needs:
                continue
            if not self._from_raw and needs.fields - {TYPE} <= part.known:
                yield from self._settled(part, self._matches(part, needs))
            else:
                yield from self._settled(part, self._decoded(part))

    def _wanted(self, event_type: EventType) -> Needs:
        if self._types is not None and not fits(event_type.name, self._types):
            return Needs()
        return self._detector.needs(event_type)

    def _needs(self, event_type: EventType) -> Needs:
        needs = self._detector.needs(event_type)
        return msgspec.structs.replace(needs, fields=needs.fields - {TYPE})

    def _in_columns(self, file: File, event_type: EventType, needs: Needs) -> Iterator[Hit]:
        """Read the rules' columns; the rest only of what matches."""
        fields = needs.fields - {TYPE}
        for at, part in self._reader.columns(file, fields, raw=needs.whole_event):
            found = self._matches(part, needs)
            if found:
                whole = self._reader.rows_at(file, at, {row for _, row in found})
                places = {row: number for number, row in enumerate(whole["@row"].to_list())}
                moved = [(rule, places[row]) for rule, row in found if row in places]
                yield from self._settled(Part(event_type, whole, part.known), moved)

    # --- matching

    def _matches(self, part: Part, needs: Needs) -> list[tuple[str, int]]:
        """(rule, row) by the archive's own columns."""
        rows = part.data.height
        columns: dict[str, Sequence[Text]] = {
            field: cells_of(part.data, field) for field in needs.fields if field != TYPE
        }
        columns[TYPE] = [part.event_type.name] * rows
        raws: Sequence[bytes] = part.data["@raw"].to_list() if "@raw" in part.data.columns else _Unread(rows)
        frame = EventFrame(part.event_type, columns, raws, lambda row: self._event(raws[row]))
        return self._found(frame)

    def _found(self, frame: EventFrame) -> list[tuple[str, int]]:
        findings = self._detector.detect(frame)
        return list(zip(findings.rules, findings.rows, strict=True))

    def _event(self, raw: bytes) -> Mapping[str, Text]:
        """All fields of an event, for keywords."""
        for frame, row in self._told([raw], [0]).values():
            return frame.fields(row)
        return {}

    def _decoded(self, part: Part) -> list[tuple[str, int]]:
        """(rule, row) by decoding the raw events again."""
        found: list[tuple[str, int]] = []
        raws: list[bytes] = part.data["@raw"].to_list()
        suspects = self._suspects_of(part.event_type).among(raws)
        self.progress.decoded += len(suspects)
        by_source: dict[str, list[int]] = {}
        uids: list[str] = part.data["@source"].to_list()
        for row in suspects:
            by_source.setdefault(uids[row], []).append(row)
        ingest: list[int] = part.data["@ingest"].to_list()
        for uid, rows in by_source.items():
            payloads, came = [raws[row] for row in rows], [ingest[row] for row in rows]
            messages = Messages(self._source(uid), 0, range(len(rows)), payloads, came)
            seen: set[tuple[str, int]] = set()
            for frame in self._decoder.decode(messages).frames:
                columns = {**frame.frame.columns, TYPE: [part.event_type.name] * frame.rows}
                whole = EventFrame(frame.frame.event_type, columns, frame.frame.raws, frame.frame.event)
                seen.update((rule, rows[frame.messages[row]]) for rule, row in self._found(whole))
            found += sorted(seen)
        return found

    def _suspects_of(self, event_type: EventType) -> Suspects:
        known = self._suspects.get(event_type.name)
        if known is None:
            rules = [rule for rule in self._detector.rules if event_type.serves(rule.log_source)]
            known = self._suspects[event_type.name] = Suspects(rule.expression for rule in rules)
        return known

    def _source(self, uid: str) -> Source:
        return self._sources.get(uid) or Source(uid, uid, "file")

    # --- telling

    def _settled(self, part: Part, found: Sequence[tuple[str, int]]) -> Iterator[Hit]:
        """The hits of a part, in the order of time and position."""
        if not found:
            return
        data = part.data[sorted({row for _, row in found})]
        places = {row: number for number, row in enumerate(sorted({row for _, row in found}))}
        raws: list[bytes] = data["@raw"].to_list()
        uids: list[str] = data["@source"].to_list()
        told = self._told(raws, uids)
        hits: list[Hit] = []
        for rule, row in found:
            number = places[row]
            place = data.row(number, named=True)
            frame, at = told.get(number, (None, 0))
            core = frame.core(at) if frame is not None else None
            hits.append(
                Hit(
                    rule,
                    place["@time"],
                    part.event_type.name,
                    Position(place["@source"], place["@partition"], place["@offset"], place["@index"]),
                    core.host if core else "",
                    core.user if core else "",
                    frame.summary(at) if frame is not None else "",
                    raws[number],
                )
            )
        hits.sort(key=lambda hit: (hit.time, hit.position, hit.rule))
        for hit in hits:
            self.progress.hits += 1
            yield hit

    def _told(self, raws: Sequence[bytes], uids: Sequence[object]) -> dict[int, tuple[DecodedFrame, int]]:
        """Row -> frame and its row, of events decoded whole, to tell of them."""
        told: dict[int, tuple[DecodedFrame, int]] = {}
        by_source: dict[object, list[int]] = {}
        for number, uid in enumerate(uids):
            by_source.setdefault(uid, []).append(number)
        for uid, numbers in by_source.items():
            messages = Messages(
                self._source(str(uid)), 0, range(len(numbers)), [raws[n] for n in numbers], [0] * len(numbers)
            )
            for frame in self._teller.decode(messages).frames:
                for row, message in enumerate(frame.messages):
                    told.setdefault(numbers[message], (frame, row))
        return told


class _Unread(Sequence[bytes]):
    """Raw events that nobody looks at: no rule here asks for them."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        return b"" if isinstance(index, int) else _Unread(len(range(*index.indices(self._rows))))
