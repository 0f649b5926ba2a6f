"""The demo's parts that need no data: where it lives, its schedule, its hints, its texts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_data import SCENARIOS
from sample_data.truth import Benign, Entity, EventRef, Step, Truth, load_truth
from screens.commands import COMMANDS, DISPOSITIONS
from xdrtui.demo import hints, place, report, schedule
from xdrtui.demo.score import Judged, score
from xdrtui.demo.session import DemoSession
from xdrtui.errors import SettingsError
from xdrtui.sources.pace import SECOND

STEP = Step(
    "s-1", 1, "Memory is dumped", "T1003.001", "credential-access",
    "2026-03-03T09:34:40.000Z", "2026-03-03T09:34:40.500Z", (EventRef("a.gz", 3), EventRef("a.gz", 4)),
    (Entity("host", "WS-04"),), "Somebody read the memory of lsass.", "Sysmon 10 on WS-04", "GrantedAccess",
)  # fmt: skip
LATER = Step(
    "s-2", 2, "The log is cleared", "T1070.001", "defense-evasion",
    "2026-03-03T12:40:00.000Z", "2026-03-03T12:40:00.000Z", (EventRef("b.gz", 0),),
    (), "The log was cleared.", "Security 1102", "EventID",
)  # fmt: skip
TRUTH = Truth("invoice", "A story", "It happened.", ("WS-04",), (STEP, LATER), Benign(10, {}, ()))
ABOUT = hints.About("WS-04", ("CommandLine", "Image"), ("backup tools",))


def alert(*places: tuple[str, int], disposition: str = "", level: str = "high", id: str = "x") -> Judged:
    return Judged(id, "r", "A rule", level, frozenset(places), disposition)


ATTACK, NOISE = ("a.gz", 4), ("a.gz", 99)


# Where it lives


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {place.FOLDER: str(folder), **more}


def test_its_folders_are_private(tmp_path: Path) -> None:
    folder = place.workspace("all", reset=False, environ=environ(tmp_path / "demo"))
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


def test_it_goes_on_in_its_folder_and_starts_over_when_asked(tmp_path: Path) -> None:
    here = environ(tmp_path / "demo")
    (place.workspace("all", reset=False, environ=here) / "kept").touch()
    assert (place.workspace("all", reset=False, environ=here) / "kept").exists()
    assert not (place.workspace("all", reset=True, environ=here) / "kept").exists()


@pytest.mark.parametrize("reset", [False, True])
def test_a_folder_that_it_did_not_make_is_refused_and_kept(tmp_path: Path, reset: bool) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "thesis.tex").touch()
    with pytest.raises(SettingsError, match="not made by the demo"):
        place.workspace("all", reset=reset, environ=environ(tmp_path))
    assert (tmp_path / "all" / "thesis.tex").exists()


def test_one_demo_at_a_time_in_a_folder(tmp_path: Path) -> None:
    here = environ(tmp_path)
    with place.held("all", here):
        with pytest.raises(SettingsError, match="another terminal"), place.held("all", here):
            pass
        with place.held("miner", here):
            pass
    with place.held("all", here):
        pass


def test_scenarios_play_in_the_order_of_their_days() -> None:
    assert place.chosen(()) == SCENARIOS
    assert place.chosen(("cloud", "invoice")) == ("invoice", "cloud")


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="invoice, miner, cloud"):
        place.chosen(("worm",))


def test_the_truth_is_not_among_the_files_that_are_read() -> None:
    for scenario in SCENARIOS:
        assert place.files_of(scenario)
        assert not [path for path in place.files_of(scenario) if "truth" in path.name]


def test_opening_the_package_imports_nothing_heavy() -> None:
    heavy = ("polars", "hyperscan", "aiokafka", "sqlite_utils", "textual")
    code = f"import sys, xdrtui.demo.session; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert shown.stdout.strip() == "[]"


# When it plays fast


@given(
    st.lists(st.tuples(st.integers(0, 86_400), st.integers(0, 20_000)), min_size=1, max_size=8),
    st.integers(-1000, 120_000),
    st.sampled_from(schedule.LADDER),
)
def test_stretches_lie_apart_and_hold_every_start(times: list[tuple[int, int]], at: int, chosen: int) -> None:
    made = schedule.Schedule(*_of(times))
    borders = [border for stretch in made.stretches for border in stretch]
    assert borders == sorted(set(borders))
    for start, _ in times:
        assert not made.speed_at(start * SECOND, chosen).quiet
    speed = made.speed_at(at * SECOND, chosen)
    assert speed.until is None or speed.until > at * SECOND
    assert speed.times == (max(chosen, schedule.QUIET) if speed.quiet else chosen)


def _of(times: list[tuple[int, int]]) -> tuple[tuple[tuple[int, int], ...], tuple[schedule.Moment, ...]]:
    moments = [
        schedule.Moment(number, start * SECOND, (start + span) * SECOND)
        for number, (start, span) in enumerate(times)
    ]
    made = schedule.plan(moments)
    return made.stretches, made.moments


def test_all_scenarios_play_within_ten_minutes() -> None:
    seconds = 0.0
    for name in SCENARIOS:
        plan = schedule.schedule_of(load_truth(name))
        lively = sum(end - start for start, end in plan.stretches) / SECOND
        seconds += lively / schedule.DEFAULT + 86_400 / schedule.QUIET
    assert seconds < 560  # the rest is for loading


def test_the_rungs_end_at_1_and_3600() -> None:
    assert schedule.slower(1) == 1
    assert schedule.faster(3600) == 3600
    climbed = [1]
    while (next_up := schedule.faster(climbed[-1])) != climbed[-1]:
        climbed.append(next_up)
    assert tuple(climbed) == schedule.LADDER


# Hints and the truth


def test_hints_have_three_grades_whether_it_is_the_attack_or_not() -> None:
    assert len(hints.grades(alert(ATTACK), TRUTH, ABOUT)) == 3
    assert len(hints.grades(alert(NOISE), TRUTH, ABOUT)) == 3


def test_the_first_two_grades_say_where_and_which_field_and_hide_the_answer() -> None:
    where, field, answer = hints.grades(alert(ATTACK), TRUTH, ABOUT)
    assert STEP.hint_where in where
    assert STEP.hint_field in field
    for hidden in (STEP.title, STEP.technique, STEP.sentence):
        assert hidden not in where + field
        assert hidden in answer


def test_for_a_false_alarm_the_answer_says_so_with_the_rules_own_notes() -> None:
    where, field, answer = hints.grades(alert(NOISE), TRUTH, ABOUT)
    assert "WS-04" in where
    assert "CommandLine, Image" in field
    assert "Harmless" in answer
    assert "backup tools" in answer


def test_the_truth_is_hidden_until_the_alert_is_closed() -> None:
    assert hints.answer(alert(ATTACK), TRUTH, ABOUT) == []
    told = " ".join(hints.answer(alert(ATTACK, disposition="true_positive"), TRUTH, ABOUT))
    assert STEP.sentence in told
    assert "that is right" in told


@pytest.mark.parametrize("disposition", [disposition for _, disposition, _ in DISPOSITIONS])
@pytest.mark.parametrize("where", [ATTACK, NOISE])
def test_every_disposition_gets_a_verdict(disposition: str, where: tuple[str, int]) -> None:
    verdict = hints.answer(alert(where, disposition=disposition), TRUTH, ABOUT)[-1]
    right = (disposition == "true_positive") == (where == ATTACK)
    undecided = disposition in ("duplicate", "undetermined")
    assert ("that is right" in verdict) is (right and not undecided)
    assert ("fair" in verdict) is undecided


def test_an_alert_on_several_steps_names_the_first_and_how_many_more() -> None:
    told = hints.answer(alert(ATTACK, ("b.gz", 0), disposition="true_positive"), TRUTH, ABOUT)
    assert "step 1 of 2 and 1 more: Memory is dumped" in told[0]
    assert LATER.sentence in told


# Reports


def test_the_report_names_found_missed_false_alarms_verdicts_and_where_to_read_on() -> None:
    alerts = [
        alert(ATTACK, disposition="true_positive", id="1"),
        alert(NOISE, disposition="true_positive", id="2"),
        alert(NOISE, level="medium", id="3"),
    ]
    text = "\n".join(report.at_the_end([(TRUTH, score(TRUTH, alerts))]))
    assert "found   09:34  T1003.001  Memory is dumped" in text
    assert "missed  12:40  T1070.001  The log is cleared" in text
    assert "1 alarm of level high or critical" in text
    assert "2 alerts closed: 1 as the truth has it, 1 otherwise" in text
    assert "scenario-invoice" in text


def test_in_the_middle_the_report_names_nothing() -> None:
    text = "\n".join(report.so_far([(TRUTH, score(TRUTH, [alert(ATTACK)]))], {"invoice": 1}))
    assert "1 of 1 attack steps raised an alert (1 to come)" in text
    for step in TRUTH.steps:
        assert step.title not in text
        assert step.technique not in text


def test_pages_named_in_the_report_are_in_the_manual() -> None:
    manual = Path(report.__file__).parents[1] / "manual"
    text = report.at_the_end([(load_truth(name), score(load_truth(name), [])) for name in SCENARIOS])
    start = next(number for number, line in enumerate(text) if line.startswith("Where to read on"))
    pages = [line.split()[0] for line in text[start + 1 :]]
    assert len(pages) >= 4
    assert [page for page in pages if not (manual / f"{page}.md").exists()] == []


def test_hostile_text_in_a_title_cannot_reach_the_terminal() -> None:
    nasty = Judged("x", "r", "a\x1b]0;owned\x07b", "high", frozenset({NOISE}))
    lines = report.print_out([(TRUTH, score(TRUTH, [nasty]))], {"invoice": 1}, 1.0)
    assert not [line for line in lines if "\x1b" in line or "\x07" in line]


# The card


@pytest.mark.parametrize("scenarios", [SCENARIOS, ("miner",)])
def test_the_card_has_twelve_lines_that_fit_and_names_keys_that_exist(
    tmp_path: Path, scenarios: tuple[str, ...]
) -> None:
    card = DemoSession(tmp_path, scenarios).card()
    keys = {key for command in COMMANDS for key in command.keys}
    assert len(card) == 12
    assert max(len(line.replace("`", "")) for line in card) <= 72
    named = [part for line in card for part in line.split("`")[1::2]]
    assert len(set(named)) >= 5
    assert set(named) <= keys
