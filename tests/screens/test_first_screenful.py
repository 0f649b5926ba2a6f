"""An alert can be judged without scrolling at 80x24."""

from pathlib import Path

import pytest

from sample_data import SCENARIOS
from tests.benchmarks.first_screenful import alerts_of, missing
from tests.shared_data import require_shared
from xdrtui.demo import place


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
