"""A batch is committed whole or not at all, and once."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from tests.xdrtui.store_samples import batch, found, mark
from xdrtui.errors import Fenced, StoreError, StoreTooNew
from xdrtui.events.message import DeadLetter, Position, Source
from xdrtui.store import connect, place
from xdrtui.store.batch import RuleRow
from xdrtui.store.store import Store


def rows(store: Store, sql: str) -> list[tuple[object, ...]]:
    return store.connection.execute(sql).fetchall()


def test_a_batch_brings_findings_evidence_dead_letters_positions_and_counts(tmp_path: Path) -> None:
    dead = DeadLetter(Position("s", 0, 9), "not JSON: x", b"{", 1, 5)
    with Store.open(tmp_path) as store:
        result = batch([found(offset=1), found(offset=2)], marks=[mark(10)], dead=[dead])
        result.counts = {"messages": 3}
        result.presence = {("t", "h"): {"": 2, "Image": 1}}
        result.sources = [Source("s", "a.jsonl", "file")]
        assert store.commit_batch(result) == (2, 1)
        assert store.counts() == {"messages": 3}
        assert store.presence() == {("t", "h"): {"": 2, "Image": 1}}
        assert store.positions("s")[0].next_offset == 10
        assert store.dead_letters() == [dead]
        assert store.sources() == {"s": Source("s", "a.jsonl", "file")}
        assert len(rows(store, "SELECT * FROM evidence")) == 2


def test_a_finding_stored_twice_is_there_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([found(offset=1), found(offset=1), found(offset=2)]))
        assert store.commit_batch(batch([found(offset=2), found(offset=3)])) == (1, 0)
        assert rows(store, "SELECT offset FROM findings ORDER BY seq") == [(1,), (2,), (3,)]
        assert rows(store, "SELECT count(*) FROM evidence e JOIN findings f ON f.seq = e.finding") == [(3,)]


def test_a_batch_read_a_second_time_is_not_counted_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for _ in range(2):
            result = batch([], marks=[mark(10, start=-1)])
            result.counts = {"events": 10}
            store.commit_batch(result)
        assert store.counts() == {"events": 10}


def test_a_batch_from_a_position_that_moved_on_is_fenced_off_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path) as one, Store.open(tmp_path) as two:
        one.commit_batch(batch([found(offset=1)], marks=[mark(10, start=0)]))
        with pytest.raises(Fenced, match="stands at 10, not at 0"):
            two.commit_batch(batch([found(offset=2)], marks=[mark(12, start=0)]))
        assert rows(one, "SELECT offset FROM findings") == [(1,)]
        with pytest.raises(Fenced, match="stands at 10, not at 11"):  # or 10 would never be looked at
            two.commit_batch(batch([], marks=[mark(12, start=11)]))
        two.commit_batch(batch([found(offset=11)], marks=[mark(12, start=10)]))
        assert two.positions("s")[0].next_offset == 12


def test_a_batch_that_fails_half_way_leaves_nothing_not_even_its_position(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        raise ZeroDivisionError

    dead = DeadLetter(Position("s", 0, 9), "not JSON: x", b"{", 1, 5)
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([found(offset=1)], marks=[mark(5, start=0)]))
        before = list(store.connection.iterdump())
        result = batch([found(offset=6)], marks=[mark(10, start=5)], dead=[dead])
        result.counts = {"messages": 3}
        with pytest.raises(ZeroDivisionError):
            store.commit_batch(result, fail)
        assert list(store.connection.iterdump()) == before


def test_a_late_batch_moves_no_watermark_back(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([], marks=[mark(5, start=0, watermark=100)]))
        store.commit_batch(batch([], marks=[mark(9, start=5, watermark=40)]))
        assert (store.watermark(), store.positions("s")[0].watermark) == (100, 100)


def test_a_new_generation_starts_anew_and_the_old_one_is_fenced_off(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([], marks=[mark(100, start=0)]))
        store.commit_batch(batch([], marks=[mark(5, start=0, generation=1)]))
        assert store.positions("s")[0].next_offset == 5
        for start in (100, 5):
            with pytest.raises(Fenced):
                store.commit_batch(batch([], marks=[mark(110, start=start)]))


def test_the_watermark_is_the_smallest_of_the_partitions_that_are_not_idle(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert store.watermark() is None
        store.commit_batch(
            batch([], marks=[mark(1, partition=0, watermark=50), mark(1, partition=1, watermark=70)])
        )
        assert store.watermark() == 50
        store.set_idle("s", 0)
        assert store.watermark() == 70
        store.set_idle("s", 1)
        assert store.watermark() == 70


def test_unpaired_surrogates_are_stored_as_replacement_characters(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        result = batch([found(host="a\ud800b", matched={"CommandLine": "x\udfff"})])
        result.sources = [Source("s", "a\udcff.jsonl", "file")]  # a file name that is no UTF-8
        store.commit_batch(result)
        assert store.sources()["s"].name == "a\ufffd.jsonl"
        assert rows(store, "SELECT host FROM findings") == [("a\ufffdb",)]
        assert rows(store, "SELECT matched FROM evidence") == [('{"CommandLine":"x\ufffd"}',)]


def test_an_event_over_256_kb_is_cut_and_its_hash_kept(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([found(raw=b"x" * 300_000)]))
        ((length, size, digest),) = rows(store, "SELECT length(raw), size, raw_hash FROM evidence")
        assert (length, size, len(str(digest))) == (256 * 1024, 300_000, 64)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new") as store:
        store.commit_batch(batch([found()]))
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
        files = list((tmp_path / "new").iterdir())
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert any(path.name.endswith("-wal") for path in files)


def test_a_newer_store_is_refused_and_read_only_where_it_says_it_may_be(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    database = sqlite3.connect(tmp_path / place.DATABASE)
    database.execute(f"PRAGMA user_version = {connect.VERSION + 1}")
    database.commit()
    with pytest.raises(StoreTooNew, match="may be opened read-only"):
        Store.open(tmp_path)
    Store.open(tmp_path, readonly=True).close()
    database.execute("UPDATE meta SET value = ? WHERE key = 'readable_from'", (str(connect.VERSION + 1),))
    database.commit()
    database.close()
    with pytest.raises(StoreTooNew, match="upgrade xdrtui"):
        Store.open(tmp_path, readonly=True)


def test_an_upgrade_leaves_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(tmp_path).close()
    monkeypatch.setattr(connect, "VERSION", connect.VERSION + 1)
    Store.open(tmp_path).close()
    (backup,) = (tmp_path / place.BACKUPS).iterdir()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("PRAGMA user_version").fetchone() == (connect.VERSION - 1,)
    copy.close()


def test_a_backup_that_found_no_room_leaves_no_half_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.open(tmp_path).close()
    monkeypatch.setattr(connect, "VERSION", connect.VERSION + 1)
    really = sqlite3.connect

    def full(path: object, **more: bool) -> sqlite3.Connection:
        connection: sqlite3.Connection = really(str(path), **more)  # type: ignore[call-overload]
        if place.BACKUPS in str(path):
            connection.execute("PRAGMA max_page_count = 3")
        return connection

    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(StoreError):
        Store.open(tmp_path)
    assert not list((tmp_path / place.BACKUPS).iterdir())


def test_what_is_no_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / place.DATABASE).write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(tmp_path)


def test_reading_where_there_is_no_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        Store.open(tmp_path, readonly=True)


def test_network_file_systems_are_refused_by_name() -> None:
    mounts = place.linux_mounts("/dev/sda / ext4 rw 0 0\nfs:/x /home/a\\040b nfs4 rw 0 0\n")
    with pytest.raises(StoreError, match="nfs4"):
        place.refuse_network(Path("/home/a b/store"), mounts)
    place.refuse_network(Path("/home/a"), mounts)
    mac = place.darwin_mounts("/dev/disk1 on / (apfs, local)\n//me@nas/x on /Volumes/x (smbfs, nodev)\n")
    assert place.file_system(Path("/Volumes/x/y"), mac) == "smbfs"


def test_a_rule_keeps_the_versions_that_fired(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.set_rules([RuleRow("r", "1", "Old title", "high", tags=("attack.t1003",))])
        store.set_rules([RuleRow("r", "2", "New title", "high")])
        assert [getattr(store.rule("r", version), "title", "") for version in ("1", "2", "")] == [
            "Old title",
            "New title",
            "New title",
        ]
        assert store.rule("absent") is None


@pytest.mark.parametrize("put_back", [False, True], ids=["deleted", "replaced"])
def test_a_store_whose_file_was_taken_away_keeps_nothing_and_says_so(tmp_path: Path, put_back: bool) -> None:
    with Store.open(tmp_path / "store") as store, Store.open(tmp_path / "other"):
        store.commit_batch(batch([found(offset=1)], marks=[mark(10, start=0)]))
        for path in (tmp_path / "store").glob("xdrtui.sqlite*"):
            path.unlink()
        if put_back:
            (tmp_path / "other" / "xdrtui.sqlite").rename(tmp_path / "store" / "xdrtui.sqlite")
        with pytest.raises(StoreError, match="deleted, moved or replaced"):
            store.data_version()
        with pytest.raises(StoreError, match="nothing more is kept"):
            store.commit_batch(batch([found(offset=2)], marks=[mark(12, start=10)]))
