"""How often fields were there: a row for each event type and host, the same numbers as in memory."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xdrtui.store_samples import START, batch
from xdrtui.store import connect, place, presence, workers
from xdrtui.store.presence import Sighting, Sightings
from xdrtui.store.schema import upgrade
from xdrtui.store.store import Store

KEYS = st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["", "host"]))
FIELDS = st.dictionaries(st.sampled_from(["Image", "User", "odd \N{SNOWMAN}"]), st.integers(0, 5), max_size=3)
BATCHES = st.lists(st.dictionaries(KEYS, st.tuples(st.integers(1, 9), FIELDS), min_size=1), max_size=6)


@settings(max_examples=60)
@given(BATCHES)
def test_what_is_stored_is_what_was_counted(
    batches: list[dict[tuple[str, str], tuple[int, dict[str, int]]]],
) -> None:
    known: Sightings = {}
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, connect.VERSION)
    for time, brought in enumerate(batches, 100):
        counted = {key: {"": events, **fields} for key, (events, fields) in brought.items()}
        presence.add(known, counted, time)
        presence.write(connection, counted, time)
    assert presence.read(connection) == known
    connection.close()


def test_rows_of_a_field_each_are_taken_over(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([]))
        for line in (
            "ALTER TABLE presence DROP COLUMN fields",
            "INSERT INTO presence VALUES ('t', 'h', '', 9, 50, 9), ('t', 'h', 'Image', 4, 40, 7)",
            "INSERT INTO presence VALUES ('t', '', '', 9, 50, 9), ('t', '', 'Never', 0, 50, 0)",
            "DELETE FROM _sqlite_migrations WHERE name = 'm0006_presence_packed'",
            "PRAGMA user_version = 5",
        ):
            store.connection.execute(line)
    with Store.open(tmp_path) as store:
        assert store.sightings() == {
            ("t", "h"): {"": Sighting(9, 50, 9), "Image": Sighting(4, 40, 7)},
            ("t", ""): {"": Sighting(9, 50, 9), "Never": Sighting(0, 50, 0)},
        }
    assert list((tmp_path / place.BACKUPS).glob("xdrtui-schema5-*"))


def test_made_up_hosts_stay_few_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST", 300)
    monkeypatch.setattr(presence, "NEARLY", 50)

    def come(store: Store, hosts: list[str], time: int) -> None:
        with store.transaction():
            presence.write(store.connection, {("t", host): {"": 1, "Image": 1} for host in hosts}, time)

    with Store.open(tmp_path) as store:
        come(store, ["", "real"], START)
        for number in range(10):
            come(store, [f"{number}-{each}" for each in range(100)], START + number)
        come(store, ["", "real"], START + 20)
        seen = store.sightings()
        assert len(seen) == 300
        assert seen["t", "real"][""].n == seen["t", ""][""].n == 2  # who was known is counted on
        assert [each.key for each in workers.faults(store.connection)] == [presence.FULL]
        come(store, ["", "real"], START + presence.FORGET + 10)
        come(store, ["new"], START + presence.FORGET + 10)
        assert store.sightings().keys() == {("t", ""), ("t", "real"), ("t", "new")}
        assert workers.faults(store.connection) == []
