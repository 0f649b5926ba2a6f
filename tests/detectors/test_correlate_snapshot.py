"""A snapshot in the middle changes nothing; a wrong one is refused; an edited correlation starts anew."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from detectors.correlate.engine import Correlations
from detectors.correlate.model import Fired, Match
from detectors.correlate.snapshot import SnapshotProblem
from tests.detectors.test_correlate_law import S, cases, rules_of, run


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_a_state_saved_and_loaded_after_every_batch_gives_the_same_alerts(
    case: tuple[Correlations, list[Match], list[list[Match]], int],
) -> None:
    correlations, _, batches, lateness = case
    state, alerts, watermark = correlations.new_state(), dict[Any, Fired](), -1
    for batch in batches:
        alerts.update((fired.id, fired) for fired in state.feed(batch))
        state, missing = correlations.load(state.dump())
        assert not missing
        watermark = max([watermark, *(match.time for match in batch)])
        alerts.update((fired.id, fired) for fired in state.advance(watermark, lateness))
        state, _ = correlations.load(state.dump())
    alerts.update((fired.id, fired) for fired in state.finish())
    assert alerts == run(correlations, batches, lateness)


def matches(number: int) -> list[Match]:
    return [Match("a", index * S, ("s", 0, index, 0), {"k": "x"}, f"f{index}") for index in range(number)]


def counting(limit: int, rule: str = "a") -> dict[str, Any]:
    return {"type": "event_count", "rules": [rule], "timespan": "1h", "condition": {"gte": limit}}


def test_an_edited_correlation_and_what_is_chained_to_it_start_anew_and_are_rebuilt() -> None:
    before = rules_of(counting(5), counting(1, "r0"), counting(3, "b"))
    state = before.new_state()
    state.feed(matches(4))
    after = rules_of(counting(3), counting(1, "r0"), counting(3, "b"))
    loaded, missing = after.load(state.dump())
    assert missing == {"r0", "r1"}
    assert [(f.correlation, f.count) for f in loaded.feed(matches(4), only=missing)] == [("r0", 4)]
    assert [f.correlation for f in loaded.finish()] == ["r1"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"null", b"\x80\x04pickle", b'{"version":2,"horizon":"0","tables":{}}', b"[" * 100_000],
)
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(SnapshotProblem):
        rules_of(counting(5)).load(data)
