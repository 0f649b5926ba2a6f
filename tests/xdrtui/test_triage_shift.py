"""Alerts that sleep, and alerts that are handed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xdrtui.store_samples import HOUR, START, found
from tests.xdrtui.test_triage_desk import ADA, BOB, fill, ids
from xdrtui.errors import ActionRefused
from xdrtui.triage.desk import AlertQuery, Desk

NOW = START + 10 * HOUR


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with two alerts, on A and B."""
    fill(tmp_path, *[found(offset=n, host=host) for n, host in enumerate(("A", "B"))])
    return Desk.open(tmp_path, ADA)


def hosts(desk: Desk, text: str, now: int = NOW) -> set[str]:
    return {row.host for row in desk.alerts(AlertQuery(text, now=now))}


def test_what_is_snoozed_is_gone_until_its_end_and_comes_back_by_itself(desk: Desk) -> None:
    desk.snooze(ids(desk, "host:a"), NOW + HOUR)
    assert (hosts(desk, "state:open"), hosts(desk, "state:snoozed")) == ({"B"}, {"A"})
    assert desk.next_waking(NOW) == NOW + HOUR
    later = NOW + HOUR
    assert (hosts(desk, "state:open", later), hosts(desk, "state:snoozed", later)) == ({"A", "B"}, set())
    assert desk.next_waking(later) == 0


def test_the_fold_knows_no_clock(desk: Desk) -> None:
    """Folding again after the end gives the same states as before it."""
    desk.snooze(ids(desk, "host:a"), NOW + HOUR)
    before = desk.states_digest()
    desk.refold()
    assert desk.states_digest() == before


def test_a_line_that_wakes_is_a_newcomer(desk: Desk) -> None:
    desk.snooze(ids(desk, "host:a"), NOW + HOUR)
    last = desk.last_row()
    for now, woken in ((NOW + HOUR - 1, 0), (NOW + HOUR, 1), (NOW + 3 * HOUR, 1)):
        found_lines, upto = desk.newcomers(AlertQuery("state:open", now=now), last, NOW)
        assert (len(found_lines), upto) == (woken, last)


def test_judging_an_alert_wakes_it_and_undo_lets_it_sleep_again(desk: Desk) -> None:
    (one,) = ids(desk, "host:a")
    desk.snooze([one], NOW + HOUR, "patch tonight")
    desk.investigate([one])
    assert "A" in hosts(desk, "state:open")
    desk.undo()
    assert "A" not in hosts(desk, "state:open")
    desk.snooze([one], 0)
    assert "A" in hosts(desk, "state:open")
    assert [(one.kind, one.text) for one in desk.alert(one).history][:1] == [("snooze", "patch tonight")]


def test_what_is_closed_cannot_sleep(desk: Desk) -> None:
    (one,) = ids(desk, "host:a")
    desk.close([one], "duplicate")
    with pytest.raises(ActionRefused, match="closed already"):
        desk.snooze([one], NOW)
    with pytest.raises(ActionRefused, match="closed already"):
        desk.escalate([one], "tier2", "why")


def test_an_escalation_waits_until_somebody_else_takes_it_up(desk: Desk) -> None:
    (one,) = ids(desk, "host:a")
    desk.investigate([one])
    desk.own([one], "ada")
    desk.escalate([one], "tier2", "domain controller: beyond me")
    row = desk.alert(one).row
    assert (row.escalated, row.waiting, row.owner) == ("tier2", True, "ada")
    assert hosts(desk, "state:escalated") == hosts(desk, "escalated:tier2") == {"A"}
    with pytest.raises(ActionRefused):
        desk.investigate([one])  # one's own escalation is not taken up by oneself
    with Desk.open(desk.directory, BOB) as other:
        other.acknowledge([one])
        row = other.alert(one).row
        assert (row.state, row.owner, row.waiting, row.escalated) == ("investigating", "bob", False, "tier2")
        assert hosts(other, "state:escalated") == set()
        other.undo()
        assert other.alert(one).row.waiting
        other.own([one], "bob")
        row = other.alert(one).row
        assert (row.owner, row.waiting) == ("bob", False)
    desk.refold()
    assert not desk.alert(one).row.waiting


@pytest.mark.parametrize(("to", "text"), [("", "why"), ("ada", "why"), ("tier2", " ")])
def test_an_escalation_wants_somebody_else_and_a_sentence(desk: Desk, to: str, text: str) -> None:
    with pytest.raises(ActionRefused):
        desk.escalate(ids(desk), to, text)
    assert not list(desk.entries())


def test_the_line_says_that_it_sleeps_or_waits(desk: Desk) -> None:
    desk.snooze(ids(desk, "host:a"), NOW + HOUR)
    desk.escalate(ids(desk, "host:b"), "tier2", "why")
    lines = {line.row.host: line for line in desk.lines()}
    assert (lines["A"].snoozed, lines["A"].waiting) == (NOW + HOUR, False)
    assert (lines["B"].snoozed, lines["B"].waiting) == (0, True)
