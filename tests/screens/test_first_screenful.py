"""An alert can be judged without scrolling at 80x24."""

from pathlib import Path

import pytest

from sample_data import SCENARIOS
from screens.alert_context import around_lines
from screens.paint import plain
from screens.times import Zone, fixed
from tests.benchmarks.first_screenful import alerts_of, missing
from tests.screens.sample_store import NOW
from tests.shared_data import require_shared
from xdrtui.demo import place
from xdrtui.triage.rows import AlertRow
from xdrtui.triage.surroundings import Around, Near


def short_of(files: list[Path]) -> list[tuple[str, list[str]]]:
    found = list(alerts_of(files))
    assert len(found) >= 3
    return [(view.row.title, lacking) for view, lacking in found if lacking]


@pytest.mark.parametrize("scenario", SCENARIOS[-1:])
def test_what_where_who_when_how_sure_and_why_stand_in_the_first_rows_of_a_scenarios_alerts(
    scenario: str,
) -> None:
    assert short_of(place.files_of(scenario)) == []


def test_they_stand_there_for_recorded_attacks() -> None:
    recorded = sorted(require_shared("mordor").glob("*.jsonl.gz"), key=lambda path: path.stat().st_size)
    assert short_of(recorded[:12]) == []


def test_a_page_that_lacks_one_is_told() -> None:
    rows = [
        "what    a thing",
        "where",
        "who     me",
        "when    now",
        "── why it fired ──",
        "✓ Image  ends with x",
    ]
    assert missing(rows) == ["where", "sure", "rarity"]
    assert missing(rows[:4]) == ["where", "sure", "rarity", "why"]


def test_what_is_around_an_alert_names_other_rules_and_says_which_are_its_own() -> None:
    row = AlertRow(
        "id",
        "r",
        "SSH Login Failed",
        "high",
        "new",
        "",
        "",
        "h",
        "u",
        "s",
        1,
        0,
        NOW,
        NOW,
        (),
        (),
        0,
        0,
        "rule",
        (),
    )
    seen = [Near(NOW, "auth", "sshd: " + "failed " * 9, rule=rule) for rule in (row.title, "Log Wiped", "")]
    for cells in (40, 56, 80, 120):
        lines = [
            plain(line)
            for line in around_lines(row, Around("h" * 63, "archive", seen), Zone(fixed(1)), cells)
        ]
        assert all(len(line) <= cells for line in lines)
        assert "5 min either way" in lines[0] or cells == 40
        assert lines[1].endswith("same rule") and lines[2].endswith("Log Wiped")
