"""What is noted of the archive's events: the same as the files say, through rolling, merging and restarts."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import EventType, Needs
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline.archiving import Archiving
from xdrtui.store.archive import seen as seen_module
from xdrtui.store.archive.noticing import notice
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.archive.seen import DATABASE, DAY, HOUR, Seen, length, wanted
from xdrtui.store.batch import BatchResult, Mark
from xdrtui.store.store import Store

SOURCE = Source("topic:1", "topic", "kafka")
SECOND = 1_000_000_000
START = 1_772_532_000 * SECOND
LATER = START + 365 * DAY
ALWAYS = (0, 0, 1 << 62)
"""Since, began, last of a question about all time."""


def needs(event_type: EventType) -> Needs:
    return Needs(fields=wanted(event_type))


DECODER = Decoder(load_layouts(), needs)


def started(number: int, host: str = "", image: str = "") -> bytes:
    """A process start: on host h0 to h3, a to e.exe."""
    return json.dumps(
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 1,
            "Computer": host or f"H{number % 4}",
            "User": f"user{number % 3}",
            "Image": image or f"C:\\{'abcde'[number % 5]}.exe",
            "ParentImage": "C:\\explorer.exe",
        }
    ).encode()


def commit(store: Store, archiving: Archiving, payloads: list[bytes], at: int, times: list[int]) -> None:
    offsets = list(range(at, at + len(payloads)))
    frames = DECODER.decode(Messages(SOURCE, 0, offsets, payloads, times)).frames
    mark = Mark(SOURCE.uid, 0, at + len(payloads), b"", 0, start=at or -1)
    result = BatchResult(marks=[mark], sources=[SOURCE])
    result.appended = archiving.append(frames, result.marks)
    store.commit_batch(result)
    assert result.appended is not None
    archiving.keep(result.appended)


def house(store: Store) -> Archiving:
    return Archiving(store, Bounds(), clock=lambda: LATER, background=False)


def sighting(directory: Path, kind: str, *values: str) -> tuple[set[str], int, int]:
    asked = Seen.to_ask(directory)
    assert asked is not None
    with asked:
        found = asked.sighting(kind, values, START - DAY, LATER, LATER)
        return found.hosts, found.first, found.before


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.sampled_from(("go on", "notice", "roll", "restart"))), max_size=8
    )
)
def test_whatever_is_rolled_noticed_or_begun_anew_each_event_counts_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("seen")
    at = 0
    with Store.open(directory) as store:
        archiving = house(store)
        for count, then in [*steps, (1, "roll")]:
            times = [START + (at + n) * 60 * SECOND for n in range(count)]
            commit(store, archiving, [started(at + n) for n in range(count)], at, times)
            at += count
            if then == "notice":
                notice(store, LATER)
            elif then == "roll":
                archiving.finish()
            elif then == "restart":
                archiving.close()
                archiving = house(store)
        archiving.close()
    numbers = [n for n in range(at) if n % 5 == 0]
    hosts = {f"h{n % 4}" for n in numbers}
    assert sighting(directory, "process", "C:\\A.EXE") == (hosts, START, len(numbers))
    assert sighting(directory, "process from parent", "c:\\a.exe", "C:\\Explorer.exe")[2] == len(numbers)
    assert sighting(directory, "user on host", "user0", "H0")[2] == len(range(0, at, 12))


def filled(directory: Path, times: list[int]) -> None:
    """Process starts at these times, rolled and noticed."""
    with Store.open(directory) as store:
        archiving = house(store)
        commit(store, archiving, [started(n) for n in range(len(times))], 0, times)
        archiving.finish()
        archiving.close()


def test_merged_files_are_not_counted_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        archiving = house(store)
        for n in range(10):
            commit(store, archiving, [started(0)] * 5_000, n * 5_000, [START + n] * 5_000)
            archiving.finish()
        archiving.close()
        (files,) = store.connection.execute("SELECT count(*) FROM archive WHERE state = 'live'").fetchone()
    assert files < 10
    assert sighting(tmp_path, "process", "c:\\a.exe")[2] == 50_000


def test_one_undated_event_makes_no_time_known(tmp_path: Path) -> None:
    filled(tmp_path, [1, START, START + 10 * 60 * SECOND, START + 3 * HOUR])
    asked = Seen.to_ask(tmp_path)
    assert asked is not None
    with asked:
        assert length(asked.hours(0, LATER)) == 10 * 60 * SECOND
        assert length(asked.hours(START + 60 * SECOND, LATER)) == 9 * 60 * SECOND


@pytest.mark.parametrize(
    ("spans", "known"),
    [
        ([], 0),
        ([(0, 0)], 0),
        ([(0, 10), (5, 20)], 20),
        ([(0, 10), (10 + HOUR, 20 + HOUR)], 20 + HOUR),
        ([(0, 10), (11 + HOUR, 20 + HOUR)], 19),
        ([(5, 20), (0, 10), (6, 7)], 20),
    ],
)
def test_known_time_is_that_in_which_events_came(spans: list[tuple[int, int]], known: int) -> None:
    assert length(spans) == known


def test_of_the_day_itself_what_came_before_is_an_estimate_and_later_is_left_out(tmp_path: Path) -> None:
    filled(tmp_path, [START + n * 60 * SECOND for n in range(100)])
    asked = Seen.to_ask(tmp_path)
    assert asked is not None
    with asked:
        began = START + 50 * 60 * SECOND
        found = asked.sighting("process", ["c:\\a.exe"], START - DAY, began, LATER)
        assert (found.about, found.first) == (True, START) and 6 <= found.before <= 14
        early = asked.sighting("process", ["c:\\b.exe"], START - DAY, START, START + 30 * SECOND)
        assert (early.hosts, early.before) == (set(), 0)


def test_what_only_deleted_files_held_is_forgotten(tmp_path: Path) -> None:
    filled(tmp_path, [START, START + 3 * DAY])
    with Store.open(tmp_path) as store:
        archiving = Archiving(store, Bounds(days=1), clock=lambda: LATER + 40 * DAY, background=False)
        archiving.finish()
        archiving.close()
    assert sighting(tmp_path, "process", "c:\\a.exe") == (set(), 0, 0)


def test_a_flood_of_made_up_values_is_given_up_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "MOST", 5)
    with Store.open(tmp_path) as store:
        archiving = house(store)
        payloads = [started(0, image=f"C:\\{n}.exe") for n in range(6)]
        commit(store, archiving, payloads, 0, [START] * 6)
        archiving.finish()
        archiving.close()
    asked = Seen.to_ask(tmp_path)
    assert asked is not None
    with asked:
        found = asked.sighting("process", ["C:\\0.exe"], START, LATER, LATER)
        assert found.cut and not found.hosts
        assert not asked.sighting("user on host", ["user0", "h0"], START, LATER, LATER).cut


def test_made_up_days_and_hosts_are_bounded_and_the_days_near_today_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "MOST_BYTES", 1 << 20)
    with Store.open(tmp_path) as store:
        archiving = house(store)
        commit(store, archiving, [started(0)], 0, [LATER])
        for at in range(1, 6_001, 1_000):
            hosts = [f"{at + n}-{'x' * 9_000}" for n in range(1_000)]
            days = [(at + n) % 20_000 * DAY for n in range(1_000)]
            commit(store, archiving, [started(0, host) for host in hosts], at, days)
            archiving.finish()
        archiving.close()
        with Seen.to_fill(tmp_path) as seen:
            assert seen._size() < 2 << 20
    asked = Seen.to_ask(tmp_path)
    assert asked is not None
    with asked:
        assert asked.sighting("process", ["c:\\a.exe"], LATER - DAY, LATER + 1, LATER).before == 1


@pytest.mark.parametrize("damage", ["gone", "garbage", "another version"])
def test_it_is_made_anew_from_the_files(tmp_path: Path, damage: str) -> None:
    filled(tmp_path, [START, START + 60 * SECOND])
    before = sighting(tmp_path, "process", "c:\\a.exe")
    path = tmp_path / DATABASE
    if damage == "another version":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        assert Seen.to_ask(tmp_path) is None
    else:
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        path.unlink()
        if damage == "garbage":
            path.write_bytes(b"no database" * 1_000)
    with Store.open(tmp_path) as store:
        notice(store, LATER)
    assert sighting(tmp_path, "process", "c:\\a.exe") == before


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    filled(tmp_path, [START])
    assert (tmp_path / DATABASE).stat().st_mode & 0o777 == 0o600
