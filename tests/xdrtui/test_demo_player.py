"""The demo's clock under orders, by a wall clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sample_data.truth import load_truth
from xdrtui.demo.player import TICK, Player
from xdrtui.demo.schedule import DEFAULT, QUIET, schedule_of
from xdrtui.demo.state import State
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.pace import SECOND
from xdrtui.store import workers
from xdrtui.store.store import Store

SCHEDULE = schedule_of(load_truth("cloud"))


class Table:
    """A player with a wall clock of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.wall = 0.0
        self.told: list[State] = []
        self.player = self.open()

    def open(self) -> Player:
        return Player(
            self.directory,
            ("cloud",),
            load_rulebook(),
            wall=lambda: self.wall,
            clock=lambda: int(self.wall * SECOND),
            on_change=self.told.append,
        )

    def wait(self, seconds: float = TICK) -> State:
        self.wall += seconds
        return self.player.tick()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    table = Table(tmp_path / "played")
    table.player.tick()
    yield table
    table.player.close()


def test_it_begins_shortly_before_the_first_step(table: Table) -> None:
    state = table.player.state
    assert state.now == SCHEDULE.begins < SCHEDULE.moments[0].start
    assert (state.times, state.quiet, state.step, state.steps) == (DEFAULT, False, 0, 15)


def test_loading_is_told_before_it_is_done(table: Table) -> None:
    assert table.told[0].loading
    assert table.told[0].scenario == "cloud"


def test_recorded_time_passes_at_the_chosen_speed(table: Table) -> None:
    before = table.player.state.now
    assert table.wait(1.0).now == before + DEFAULT * SECOND


def test_while_it_is_paused_nothing_passes_and_nothing_comes(table: Table) -> None:
    table.player.order("pause")
    before = table.player.state.now
    after = table.wait(60)
    assert (after.now, after.paused, after.times) == (before, True, 0)
    table.player.order("pause")
    assert table.wait(1).now == before + DEFAULT * SECOND


def test_faster_and_slower_change_the_pace_without_a_jump(table: Table) -> None:
    before = table.wait(1).now
    table.player.order("faster")
    assert (table.player.state.now, table.player.state.times) == (before, 2 * DEFAULT)
    assert table.wait(1).now == before + 2 * DEFAULT * SECOND
    for _ in range(20):
        table.player.order("slower")
    assert table.player.state.times == 1
    for _ in range(20):
        table.player.order("faster")
    assert table.player.state.times == 3600


def test_quiet_stretches_hurry_and_stop_short_of_the_next_step(table: Table) -> None:
    end = SCHEDULE.stretches[0][1]
    table.wait((end - table.player.state.now) / SECOND / DEFAULT + 0.01)
    assert table.player.state.now == end
    assert (table.player.state.quiet, table.player.state.times) == (True, QUIET)
    state = table.wait(3600)
    assert state.now == SCHEDULE.stretches[1][0]
    assert (state.quiet, state.times) == (False, DEFAULT)


def test_a_step_goes_to_where_the_next_one_starts(table: Table) -> None:
    for number in (1, 2, 3):
        table.player.order("step")
        state = table.player.state
        assert state.now == SCHEDULE.moments[number - 1].start
        assert state.step == number


def test_a_step_while_paused_plays_it_through_and_stays_paused(table: Table) -> None:
    table.player.order("pause")
    table.player.order("step")
    state = table.player.state
    assert state.now > SCHEDULE.moments[0].end
    assert (state.step, state.paused) == (1, True)
    assert table.wait(60).now == state.now


def test_after_the_last_step_a_step_goes_to_the_end_of_the_attack(table: Table) -> None:
    for _ in SCHEDULE.moments:
        table.player.order("step")
    table.player.order("step")
    assert table.player.state.now == max(moment.end for moment in SCHEDULE.moments)


def test_it_goes_on_where_it_was_left(table: Table) -> None:
    table.player.order("step")
    left = table.wait(2.0).now
    messages = sum(positions(table.directory))
    table.player.close()
    table.player = table.open()
    state = table.player.tick()
    assert state.now == left
    with Store.open(table.directory, readonly=True) as store:
        counts = store.counts()
    assert counts["messages"] == messages == sum(positions(table.directory))


def test_a_demo_that_was_killed_leaves_no_lease_and_no_heartbeat(tmp_path: Path) -> None:
    with Store.open(tmp_path / "played") as store, store.transaction():
        dead = workers.Heartbeat("gone", "worker", 1, "here", 0, 0)
        workers.write_heartbeat(store.connection, dead)
        workers.take_lease(store.connection, "correlator", "gone", 0, 2**62)
    table = Table(tmp_path / "played")
    table.player.tick()
    table.player.order("step")
    table.wait()
    table.player.beat()
    with Store.open(tmp_path / "played", readonly=True) as store:
        (alerts,) = store.connection.execute("SELECT count(*) FROM alerts").fetchone()
        beats = [beat.worker for beat in workers.heartbeats(store.connection)]
    table.player.close()
    assert alerts > 0
    assert len(beats) == 1
    assert beats != ["gone"]


def positions(directory: Path) -> list[int]:
    with Store.open(directory, readonly=True) as store:
        return [row[0] for row in store.connection.execute("SELECT next_offset FROM positions")]
