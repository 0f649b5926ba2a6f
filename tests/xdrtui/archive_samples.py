"""Small batches for tests of the archive: decoded events, committed as a worker commits them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from detectors.contract import EventType, Needs
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import DecodedFrame
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.store.archive import catalogue
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.writer import Writer
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

SOURCE = Source("topic:1", "topic", "kafka")
START = 1_700_000_000
SECOND = 1_000_000_000
FIELDS = frozenset({"uid", "id.orig_h", "Image", "CommandLine", "tags", "gone"})


def needs(event_type: EventType) -> Needs:
    return Needs(fields=FIELDS)


def message(number: int) -> bytes:
    """A connection, or a process start, with a null, a list, an absent field among them."""
    if number % 3:
        event: dict[str, object] = {"_path": "conn", "ts": START + number, "uid": f"C{number}"}
        event["tags"] = None if number % 7 == 1 else ["a", f"b{number}"] if number % 7 == 2 else "one"
    else:
        event = {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "UtcTime": "2023-11-14 22:13:20.000",
            "Image": f"C:\\tools\\é{number}.exe",
            "CommandLine": f"run {number}",
        }
    return json.dumps(event).encode()


def decoded(numbers: Sequence[int], payloads: Sequence[bytes] = ()) -> list[DecodedFrame]:
    times = [(START + number) * SECOND for number in numbers]
    messages = Messages(SOURCE, 0, list(numbers), payloads or [message(n) for n in numbers], times)
    return Decoder(load_layouts(), needs).decode(messages).frames


def commit(store: Store, writer: Writer, numbers: range) -> None:
    """One batch, as a worker commits it: appended, named in the transaction, kept."""
    mark = Mark(SOURCE.uid, 0, numbers.stop, b"", 0, start=numbers.start or -1)
    result = BatchResult(marks=[mark], sources=[SOURCE])
    result.appended = writer.append(decoded(numbers), result.marks)
    store.commit_batch(result)
    if result.appended is not None:
        writer.keep(result.appended)


def read(store: Store, since: int | None = None, until: int | None = None) -> list[tuple[object, ...]]:
    """(offset, event type, raw) of all that is archived, in order of offsets."""
    with Reader(store, since, until) as reader:
        rows = [
            (offset, part.event_type.name, raw)
            for file in reader.files
            for part in reader.parts(file)
            for offset, raw in part.data.select("@offset", "@raw").iter_rows()
        ]
        assert not reader.faults, reader.faults
    return sorted(rows)


def offsets(store: Store) -> list[object]:
    return [row[0] for row in read(store)]


def hot_files(directory: Path) -> list[Path]:
    return sorted((directory / catalogue.FOLDER).glob("hot-*"))


def states(store: Store) -> Iterable[tuple[str, str, int]]:
    return store.connection.execute("SELECT kind, state, rows FROM archive ORDER BY id").fetchall()
