"""The demo on the bundled attacks: true figures, and the same alerts however it is played."""

from __future__ import annotations

import itertools
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from sample_data import SCENARIOS
from sample_data.truth import load_truth
from xdrtui.demo import found, print_report
from xdrtui.demo.place import FOLDER
from xdrtui.demo.player import TICK, Player
from xdrtui.demo.score import Score, score
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store


class Printed(msgspec.Struct, frozen=True):
    """What the printed demo left. code: exit code; text: standard output; store: where its alerts are."""

    code: int
    text: str
    store: Path
    scores: dict[str, Score]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The printed demo of all scenarios, once, where no connection can be made."""
    import click

    home = tmp_path_factory.mktemp("demo")

    @click.command()
    def run() -> None:
        raise click.exceptions.Exit(print_report())

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(home))
        patch.setattr(socket.socket, "connect", refuse)
        result = CliRunner().invoke(run, catch_exceptions=False)
    with Store.open(home / "report", readonly=True) as store:
        alerts = found.by_scenario(store.connection, SCENARIOS)
    scores = {name: score(load_truth(name), alerts[name]) for name in SCENARIOS}
    yield Printed(result.exit_code, result.stdout, home / "report", scores)


def refuse(*address: object) -> None:
    raise AssertionError(f"the demo asked the network for {address[1:]}")


@pytest.fixture(scope="module")
def rules() -> Rulebook:
    return load_rulebook()


def alerts_in(directory: Path) -> list[str]:
    with Store.open(directory, readonly=True) as store:
        return list(export_alerts(store.connection))


def test_it_ends_well_and_fits_80_columns(printed: Printed) -> None:
    assert printed.code == 0
    assert max(map(len, printed.text.splitlines())) <= 80


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nine_of_ten_steps_are_found(printed: Printed, scenario: str) -> None:
    result = printed.scores[scenario]
    assert len(result.missed) * 10 <= len(load_truth(scenario).steps), [s.title for s in result.missed]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_day_has_at_most_three_false_alarms(printed: Printed, scenario: str) -> None:
    alarms = printed.scores[scenario].false_alarms
    assert len(alarms) <= 3, [alarm.title for alarm in alarms]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_step_is_printed_with_its_technique_as_found_or_missed(printed: Printed, scenario: str) -> None:
    for step in load_truth(scenario).steps:
        word = "missed" if step in printed.scores[scenario].missed else "found"
        assert re.search(rf"^  {word:<6}  {step.start[11:16]}  {step.technique} ", printed.text, re.M)


def test_the_printed_figures_are_those_of_the_store(printed: Printed) -> None:
    rows = [json.loads(row) for row in alerts_in(printed.store)]
    steps = sum(len(load_truth(name).steps) for name in SCENARIOS)
    reached = sum(len(each.found) for each in printed.scores.values())
    alarms = sum(len(each.false_alarms) for each in printed.scores.values())
    assert f" events, {len(rows):,} alerts" in printed.text
    assert f"{reached} of {steps} attack steps found" in printed.text
    assert f"missed, {alarms} false alarm" in printed.text
    for level in ("critical", "high", "medium"):
        assert f"{sum(row['level'] == level for row in rows)} {level}" in printed.text.split("together")[1]


def test_alerts_of_correlations_count_by_the_events_they_counted(printed: Printed) -> None:
    with Store.open(printed.store, readonly=True) as store:
        counted = {row[0] for row in store.connection.execute("SELECT DISTINCT alert FROM correlated")}
        judged = itertools.chain(*found.by_scenario(store.connection, SCENARIOS).values())
        shown = {alert.id: alert for alert in judged}
        rows = store.connection.execute("SELECT id FROM alerts WHERE kind = 'correlation'")
        correlations = {row[0] for row in rows}
    assert correlations <= counted
    assert all(shown[alert].places for alert in correlations)


def test_played_with_breaks_it_gives_the_alerts_of_a_scan(
    printed: Printed, rules: Rulebook, tmp_path: Path
) -> None:
    """Left and begun again twice in a scenario; within ten minutes; played out, it is not played again."""
    now = 0.0

    def player() -> Player:
        return Player(tmp_path / "played", SCENARIOS, rules, wall=lambda: now, clock=lambda: int(now * 1e9))

    playing, seen = player(), []
    for tick in itertools.count(1):
        state = playing.tick()
        seen.append(state.scenario)
        if state.ended:
            break
        now += TICK
        if tick % 300 == 0:
            playing.close()
            playing = player()
    playing.close()
    assert [name for name, _ in itertools.groupby(filter(None, seen))] == list(SCENARIOS)
    assert now < 600
    assert alerts_in(tmp_path / "played") == alerts_in(printed.store)
    again = player()
    assert again.tick().ended
    again.close()
    assert alerts_in(tmp_path / "played") == alerts_in(printed.store)


def test_alerts_are_there_when_the_first_stretch_begins(rules: Rulebook, tmp_path: Path) -> None:
    """What lies before the first step is loaded by the first tick, at full speed."""
    player = Player(tmp_path / "played", ("invoice",), rules, wall=lambda: 0.0, clock=lambda: 0)
    state = player.tick()
    player.close()
    assert (state.scenario, state.step, state.loading) == ("invoice", 0, False)
    assert alerts_in(tmp_path / "played")
