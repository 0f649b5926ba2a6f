"""What is appended, rolled and swapped is whole: at borders of hours, after a failure, after a power cut."""

from __future__ import annotations

import time

import pytest

from tests.xdrtui.archive_samples import SECOND, START, commit, hot_files, offsets, read
from tests.xdrtui.test_archive import filled, house_of, writer_of
from tests.xdrtui.test_archive import store as store
from xdrtui.store.archive import catalogue, retention, roll
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.store import Store


def test_what_could_not_be_cut_off_is_written_over(store: Store) -> None:
    writer = writer_of(store)
    commit(store, writer, range(10))
    (path,) = hot_files(store.directory)
    with path.open("ab") as file:
        file.write(b"left by a batch that was not committed" * 1000)
    commit(store, writer, range(10, 20))
    assert offsets(store) == list(range(20))
    writer.close()


def test_hours_of_few_events_share_a_file_and_no_row_is_lost_at_their_borders(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "FEW_ROWS", 5)
    writer = writer_of(store)
    commit(store, writer, range(0, 100_000, 397))  # 28 hours, ten or so in each
    writer.close()
    before = read(store)
    house = house_of(store)
    house.finish()
    house.close()
    assert read(store) == before
    (files,) = store.connection.execute("SELECT count(*) FROM archive").fetchone()
    assert files > 20


def test_files_are_replaced_in_a_transaction_that_a_power_cut_cannot_take_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: dict[str, int] = {}

    def look(name: str) -> None:
        levels[name] = store.connection.execute("PRAGMA synchronous").fetchone()[0]

    filled(store)
    monkeypatch.setattr(roll, "reach", look)
    house = house_of(store)
    house.finish()
    house.close()
    full, normal = 2, 1  # or the old files may be gone, and the database names them again
    assert (levels["archive.roll.commit"], levels["archive.roll.swapped"]) == (full, normal)


def test_the_first_and_the_last_moment_of_a_file_are_of_it(store: Store) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    house.close()
    first, last = START * SECOND, (START + 29) * SECOND
    assert [row[0] for row in read(store, since=last)] == [29]
    assert [row[0] for row in read(store, until=first + 1)] == list(range(0, 30, 3))  # all dated alike
    assert read(store, since=last + 1) == read(store, until=first) == []


def test_what_is_being_written_is_never_dropped(store: Store) -> None:
    writer = writer_of(store)
    commit(store, writer, range(10))
    retention.keep_within(store, Bounds(size=1, days=1, free=1 << 60), time.time_ns() + 9 * retention.DAY)
    commit(store, writer, range(10, 20))
    assert offsets(store) == list(range(20))
    writer.close()


def test_the_oldest_goes_where_less_than_was_asked_for_is_free(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    house.close()
    monkeypatch.setattr(retention, "free_bytes", lambda directory: 1_000)
    retention.keep_within(store, Bounds(free=1_000), time.time_ns())
    assert len(offsets(store)) == 30
    retention.keep_within(store, Bounds(free=1_001), time.time_ns())
    assert 0 < len(offsets(store)) < 30


def test_what_others_put_beside_the_files_ends_no_keeping_of_house(store: Store) -> None:
    filled(store)
    before = read(store)
    folder = store.directory / "archive"
    (folder / "somebody.parquet").mkdir()
    (folder / "few-somebody").mkdir()
    (folder / "kept").write_text("elsewhere")
    (folder / "link.parquet").symlink_to(folder / "kept")
    house = house_of(store)
    house.finish()
    house.close()
    assert (read(store), house.fault, hot_files(store.directory)) == (before, "", [])
    assert (folder / "kept").read_text() == "elsewhere"


def test_a_file_that_somebody_deleted_is_told_once_and_forgotten(store: Store) -> None:
    filled(store)
    house = house_of(store)
    house.finish()
    gone = sorted((store.directory / "archive").glob("*.parquet"))[0]
    gone.unlink()
    with Reader(store) as reader:
        for file in reader.files:
            list(reader.parts(file))
        assert len(reader.faults) == 1
    house.finish()
    house.close()
    assert 0 < len(offsets(store)) == catalogue.total(store.connection).rows < 30
