"""The analyst's minute on the demo, by keys in a real terminal."""

from pathlib import Path

import pytest

from tests.benchmarks.minute import MOST_KEYS, ONE_BY_ONE, minute
from tests.terminal.tmux import require_tmux

ROOT = Path(__file__).parents[2]


def test_alerts_are_judged_in_six_keys_each_with_their_why_before_them_and_all_alike_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tmux()
    monkeypatch.chdir(ROOT)
    played = minute(tmp_path)
    assert len(played.one_by_one) == ONE_BY_ONE
    assert all(one.keys <= MOST_KEYS and one.why for one in played.one_by_one)
    assert played.like >= 10 and played.keys <= MOST_KEYS
    assert played.undone == played.like
