"""The archive holds what was committed, once, whatever ends a worker; within bounds, readable meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.xdrtui.archive_samples import SECOND, START, commit, decoded, hot_files, offsets, read, states
from xdrtui.errors import Fenced
from xdrtui.pipeline.archiving import Archiving
from xdrtui.store.archive import catalogue, files, retention, roll
from xdrtui.store.archive.files import READING, ROLLING, lock
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.archive.writer import ArchiveFull, Writer
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

GENEROUS = Bounds()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


def writer_of(store: Store) -> Writer:
    return Writer(store, clock=time.time_ns)


def house_of(store: Store, bounds: Bounds = GENEROUS) -> Archiving:
    return Archiving(store, bounds, clock=time.time_ns, background=False)


def filled(store: Store, batches: int = 3) -> None:
    writer = writer_of(store)
    for number in range(batches):
        commit(store, writer, range(number * 10, number * 10 + 10))
    writer.close()


def test_what_lies_behind_the_committed_length_survives_nothing(store: Store) -> None:
    filled(store)
    (path,) = hot_files(store.directory)
    whole = path.read_bytes()
    path.write_bytes(whole + b"garbage" * 1000)
    assert offsets(store) == list(range(30))
    writer = writer_of(store)
    assert path.read_bytes() == whole
    commit(store, writer, range(30, 35))
    assert offsets(store) == list(range(35))
    writer.close()


def test_what_was_appended_and_not_committed_is_not_there(store: Store) -> None:
    writer = writer_of(store)
    commit(store, writer, range(10))
    assert writer.append(decoded(range(10, 20)), [Mark("topic:1", 0, 20, b"", 0, start=10)]) is not None
    (path,) = hot_files(store.directory)
    writer.undo()
    assert path.stat().st_size == catalogue.total(store.connection).size
    commit(store, writer, range(10, 12))
    assert offsets(store) == list(range(12))
    writer.close()


def test_a_segment_that_no_transaction_ever_named_is_taken_away(store: Store) -> None:
    writer = writer_of(store)
    writer.append(decoded(range(10)), [])
    os.close(writer._file)  # killed
    assert len(hot_files(store.directory)) == 1
    writer_of(store).close()
    assert hot_files(store.directory) == []


def test_the_segment_of_a_living_worker_is_left_alone(store: Store) -> None:
    living = writer_of(store)
    commit(store, living, range(10))
    other = writer_of(store)
    commit(store, other, range(10, 20))
    commit(store, living, range(20, 30))
    assert len(hot_files(store.directory)) == 2
    assert offsets(store) == list(range(30))
    living.close()
    other.close()


def test_a_worker_goes_on_with_the_segment_of_one_that_has_ended(store: Store) -> None:
    filled(store)
    writer = writer_of(store)
    commit(store, writer, range(30, 40))
    assert len(hot_files(store.directory)) == 1
    writer.close()


def test_a_second_reading_adds_nothing_and_a_longer_one_only_what_is_new(store: Store) -> None:
    writer = writer_of(store)
    for stop in (10, 10, 14):
        mark = Mark("topic:1", 0, stop, b"", 0)  # not fenced: as files are read
        result = BatchResult(marks=[mark])
        result.appended = writer.append(decoded(range(stop)), result.marks)
        store.commit_batch(result)
        if result.appended is not None:
            writer.keep(result.appended)
    assert offsets(store) == list(range(14))
    writer.close()


def test_a_position_moved_by_another_process_fences_the_batch_off(store: Store) -> None:
    writer = writer_of(store)
    result = BatchResult(marks=[Mark("topic:1", 0, 10, b"", 0)])
    result.appended = writer.append(decoded(range(10)), result.marks)
    with Store.open(store.directory) as other:
        other.commit_batch(BatchResult(marks=[Mark("topic:1", 0, 5, b"", 0)]))
    with pytest.raises(Fenced):
        store.commit_batch(result)
    writer.close()


def test_rolling_and_merging_change_no_row(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "MERGE_AT", 3)
    for number in range(4):
        writer = writer_of(store)
        commit(store, writer, range(number * 10, number * 10 + 10))
        writer.close()
        before = read(store)
        house = house_of(store)
        house.finish()
        house.close()
        assert read(store) == before
    assert hot_files(store.directory) == []
    kinds = {kind for kind, state, _ in states(store) if state == "live"}
    assert kinds == {"parquet"}
    assert sum(rows for _, state, rows in states(store) if state == "live") == 40
    assert len([state for _, state, _ in states(store) if state == "live"]) < 6


def test_a_damaged_file_stops_neither_retention_nor_other_files(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        writer = writer_of(store)
        commit(store, writer, range(number * 10, number * 10 + 10))
        writer.close()
        house = house_of(store)
        house.finish()
        house.close()
    broken = next(file for file in catalogue.files(store.connection) if file.kind == "parquet")
    broken.where(store.directory).write_bytes(b"PAR1 no PAR1")
    monkeypatch.setattr(roll, "MERGE_AT", 3)
    house = house_of(store, Bounds(size=1))
    house.finish()
    house.close()
    assert "damaged" in house.fault
    assert [state for _, state, _ in states(store) if state != "old"] == []


def test_types_beyond_the_most_stay_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "MOST_FILES", 1)
    filled(store)
    before = read(store)
    house = house_of(store)
    house.finish()
    house.close()
    assert sorted(kind for kind, _, _ in states(store)) == ["hot", "parquet"]
    assert read(store) == before


def rolled(store: Store, numbers: range, fault: str = "") -> None:
    """A segment of these events: two thirds of one type, a third of another. fault: what is then told."""
    writer = writer_of(store)
    commit(store, writer, numbers)
    writer.seal()
    house = house_of(store)
    house._round(store)
    house.close()
    assert fault in house.fault and bool(fault) == bool(house.fault)


@pytest.fixture
def few_of_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "LEFT_AT", 3)
    monkeypatch.setitem(roll.roll.__kwdefaults__, "few", 15)


@pytest.mark.usefixtures("few_of_a_type")
def test_types_with_few_events_stay_together_until_it_pays_to_roll_them(store: Store) -> None:
    for number, expected in enumerate(
        [["hot", "parquet"], ["hot", "hot", "parquet", "parquet"], ["parquet"] * 4]
    ):
        rolled(store, range(number * 30, number * 30 + 30))
        assert sorted(kind for kind, state, _ in states(store) if state == "live") == expected
        assert offsets(store) == list(range(number * 30 + 30))
    assert sorted(rows for _, state, rows in states(store) if state == "live") == [20, 20, 20, 30]


@pytest.mark.usefixtures("few_of_a_type")
def test_few_events_that_are_large_are_rolled_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else they were written twice, and many held in memory."""
    monkeypatch.setattr(roll, "FEW_BYTES", 50)
    rolled(store, range(30))
    assert sorted(kind for kind, state, _ in states(store) if state == "live") == ["parquet", "parquet"]
    assert offsets(store) == list(range(30))


@pytest.mark.usefixtures("few_of_a_type")
def test_merging_takes_parquet_alone_and_no_more_than_goes_into_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "MERGE_AT", 2)
    monkeypatch.setattr(roll, "LEFT_AT", 9)
    for number in range(4):
        rolled(store, range(number * 30, number * 30 + 30))
    live = [(kind, rows) for kind, state, rows in states(store) if state == "live"]
    assert sorted(live) == [("hot", 10)] * 4 + [("parquet", 80)]
    monkeypatch.setattr(roll, "MERGE_BYTES", 1)
    rolled(store, range(120, 150))
    assert sorted(rows for kind, _, rows in states(store) if kind == "parquet") == [20, 80]
    assert offsets(store) == list(range(150))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("point", ["before", "written", "renamed", "swapped"])
def test_a_death_while_rolling_loses_and_doubles_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    filled(store)
    before = read(store)

    def die(name: str) -> None:
        if name == f"archive.roll.{point}":
            raise Killed

    monkeypatch.setattr(roll, "reach", die)
    monkeypatch.setattr(roll, "_discard", lambda store, made: None)  # the dead tidy nothing up
    house = house_of(store)
    with pytest.raises(Killed):
        house.finish()
    house.close()
    monkeypatch.undo()
    assert read(store) == before
    house = house_of(store)
    house.finish()
    house.close()
    assert read(store) == before
    known = {path for (path,) in store.connection.execute("SELECT path FROM archive")}
    found = {path.name for path in (store.directory / "archive").glob("*.*") if path.suffix != ".lock"}
    assert found == known


def test_a_reader_goes_on_with_what_it_began_with(store: Store) -> None:
    filled(store)
    with Reader(store) as reader:
        house = house_of(store)
        house.finish()
        assert [file.kind for file in reader.files] == ["hot"]
        rows = sum(part.data.height for file in reader.files for part in reader.parts(file))
        assert (rows, reader.faults) == (30, [])
    files.sweep(store, time.time_ns())
    house.close()
    assert hot_files(store.directory) == []


def test_times_bound_what_is_read(store: Store) -> None:
    filled(store)
    since, until = (START + 11) * SECOND, (START + 14) * SECOND
    connections = [offset for offset in range(11, 14) if offset % 3]
    assert [row[0] for row in read(store, since, until)] == connections


def test_the_oldest_goes_when_it_is_too_much(store: Store) -> None:
    for number in range(3):
        writer = writer_of(store)
        commit(store, writer, range(number * 10, number * 10 + 10))
        writer.close()
        house = house_of(store)
        house.finish()
        house.close()
    size = catalogue.total(store.connection).size
    retention.keep_within(store, Bounds(size=size - 1), time.time_ns())
    left = offsets(store)
    assert 0 < len(left) < 30
    assert left[-1] == 29
    retention.keep_within(store, Bounds(size=1), time.time_ns())
    assert offsets(store) == []


def test_age_counts_from_when_it_came(store: Store) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    house.close()
    retention.keep_within(store, Bounds(days=2), time.time_ns() + retention.DAY)
    assert len(offsets(store)) == 30
    retention.keep_within(store, Bounds(days=2), time.time_ns() + 3 * retention.DAY)
    assert offsets(store) == []


def test_a_full_disk_first_shrinks_the_archive_then_stops_it_then_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    full = True
    write = os.write

    def on_a_full_disk(file: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(os, "write", on_a_full_disk)
    assert house.append(decoded(range(30, 40)), []) is None
    assert offsets(store) == [], "the oldest went first"
    assert "not archived" in house.fault
    assert house.left_out == 10
    full = False
    monkeypatch.setattr("xdrtui.pipeline.archiving.TRY_AGAIN_SECONDS", 0)
    house._try_again = 0
    appended = house.append(decoded(range(40, 50)), [])
    assert appended is not None
    store.commit_batch(BatchResult(appended=appended))
    house.keep(appended)
    assert house.fault == ""
    assert offsets(store) == list(range(40, 50))
    house.close()


def test_the_archive_leaves_room_for_the_database(store: Store) -> None:
    writer = Writer(store, keep_free=1 << 60, clock=time.time_ns)
    with pytest.raises(ArchiveFull):
        writer.append(decoded(range(10)), [])
    assert offsets(store) == []
    writer.close()


def test_one_worker_at_a_time_keeps_house(store: Store) -> None:
    filled(store)
    with lock(store.directory, ROLLING) as mine:
        assert mine
        house = house_of(store)
        house.finish()
        house.close()
        assert [state for _, state, _ in states(store)] == ["sealed"]


def test_files_are_private(store: Store) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    house.close()
    folder = store.directory / "archive"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_the_reserve_takes_room_and_gives_it_back(tmp_path: Path) -> None:
    assert retention.hold_reserve(tmp_path)
    reserve = tmp_path / retention.RESERVE
    assert reserve.stat().st_blocks * 512 >= retention.RESERVE_BYTES
    assert retention.release_reserve(tmp_path)
    assert not reserve.exists()


def test_a_lock_of_a_reader_is_no_lock_of_another(store: Store) -> None:
    filled(store)
    with lock(store.directory, READING) as created:
        assert created
    with Reader(store), Reader(store):
        path = store.directory / "archive" / READING
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
