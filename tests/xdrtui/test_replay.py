"""Recorded files played again: every message once, in each file's order, when its time has come."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import Needs
from xdrtui.errors import SourceError
from xdrtui.events.decode import Decoder
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.sources.files import open_files
from xdrtui.sources.pace import Pace
from xdrtui.sources.replay import AT_ONCE, Replay

START = 1_700_000_000
SECOND = 10**9
LAYOUTS = load_layouts()


def record(second: float, **more: object) -> str:
    return json.dumps({"ts": START + second, "uid": "C1", "id.orig_h": "10.0.0.1", **more})


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines))
    return path


def play(replay: Replay) -> list[Messages]:
    handed: list[Messages] = []
    while not replay.ended:
        handed += replay.due()
    return handed


def of_file(handed: list[Messages], path: Path) -> list[bytes]:
    return [payload for each in handed if each.source.name == str(path) for payload in each.payloads]


def test_files_are_played_together_in_the_order_of_their_times(tmp_path: Path) -> None:
    early = write(tmp_path / "a.log", [record(0), record(500)])
    late = write(tmp_path / "b.log", [record(250), record(750)])
    handed = play(Replay([tmp_path], layouts=LAYOUTS))
    assert [each.ingest[0] // SECOND - START for each in handed if each.ingest] == [0, 250, 500, 750]
    assert len(of_file(handed, early)) == len(of_file(handed, late)) == 2


def test_each_message_is_stamped_with_the_clock_that_a_scan_would_give_it(tmp_path: Path) -> None:
    lines = [record(0), "no json", record(-60), record(86_400 * 400), record(30), "{}", record(90)]
    path = write(tmp_path / "a.log", lines)
    clock = ReplayClock()
    (messages,) = open_files([path])
    decoded = Decoder(LAYOUTS, lambda event_type: Needs()).decode(messages, clock)
    expected = {
        offset: at for frame in decoded.frames for offset, at in zip(frame.offsets, frame.ingest, strict=True)
    }
    got = {
        offset: at
        for each in play(Replay([path], layouts=LAYOUTS))
        for offset, at in zip(each.offsets, each.ingest or (), strict=True)
    }
    assert {offset: got[offset] for offset in expected} == expected
    assert set(got) == set(range(len(lines)))


@given(st.lists(st.lists(st.integers(-300, 3000), max_size=30), min_size=1, max_size=4))
@settings(max_examples=30)
def test_every_message_comes_once_and_files_drift_apart_by_a_minute_at_most(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    paths = [
        write(folder / f"{number}.log", [record(at, file=number) for at in seconds])
        for number, seconds in enumerate(files)
    ]
    latest = 0
    handed = []
    replay = Replay([folder], layouts=LAYOUTS)
    while not replay.ended:
        due = replay.due()
        handed += due
        for each in due:
            assert each.ingest is not None and list(each.ingest) == sorted(each.ingest)
            assert each.ingest[0] >= latest - AT_ONCE
        latest = max([latest, *(each.ingest[-1] for each in due if each.ingest)])
    for path in paths:
        assert of_file(handed, path) == path.read_bytes().splitlines()
    assert replay.handed_on == sum(map(len, files))


def test_nothing_is_due_before_its_time_and_a_step_brings_it(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [record(0), record(10), record(100)])
    wall = [0.0]
    replay = Replay([tmp_path], pace=Pace(1, wall=lambda: wall[0]), layouts=LAYOUTS)
    assert sum(map(len, replay.due())) == 1
    assert replay.due() == []
    wall[0] = 10
    assert sum(map(len, replay.due())) == 1
    replay.pace.pause()
    wall[0] = 1000
    assert replay.due() == []
    assert replay.next_at is not None
    replay.pace.step_to(replay.next_at)
    assert sum(map(len, replay.due())) == 1
    assert replay.ended


async def test_a_timed_replay_waits_and_ends_when_it_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.log", [record(0), record(3600)])
    replay = Replay([tmp_path], pace=Pace(1), layouts=LAYOUTS)
    handed: list[Messages] = []

    def enough() -> bool:
        return bool(handed)

    async with asyncio.timeout(10):
        async for batch in replay.batches(enough):
            handed += batch
    assert sum(map(len, handed)) == 1 and not replay.ended


def test_a_file_that_is_not_there_is_an_error_or_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        Replay([tmp_path / "nowhere"], layouts=LAYOUTS)
    told: list[SourceError] = []
    assert Replay([tmp_path / "nowhere"], layouts=LAYOUTS, report=told.append).ended
    assert len(told) == 1
