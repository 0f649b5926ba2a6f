"""What is not shown for a time: by whose decision, how much, and until when."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xdrtui.store_samples import HOUR, START, found
from tests.xdrtui.test_triage_desk import ADA, fill
from xdrtui.errors import ActionRefused, XdrtuiError
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import RuleRow
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk

DAY = 24 * HOUR


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with two alerts of rule-a, on A and B."""
    with Store.open(tmp_path) as store:
        store.set_rules([RuleRow("rule-a", "h", "Tools in Temp", "high"), RuleRow("rule-b", "h", "B", "low")])
    fill(tmp_path, found(offset=1, host="A"), found(offset=2, host="B"))
    return Desk.open(tmp_path, ADA)


def lines(desk: Desk) -> dict[tuple[str, str], int]:
    return {(row.rule, row.host): row.count for row in desk.alerts()}


def test_findings_of_the_scope_make_no_alert_and_are_counted_and_listed(desk: Desk) -> None:
    made = desk.suppressing.add("rule:rule-a host:A", "nightly build", START + HOUR)
    assert (made.owner, made.past, made.until) == ("ada", 1, START + HOUR + 30 * DAY)
    fill(
        desk.directory,
        found(offset=3, host="a", time=START + HOUR),
        found(offset=4, host="A", time=START + 2 * HOUR),
        found(offset=5, host="B", time=START + 2 * HOUR),
        found("rule-b", offset=6, host="A", time=START + 2 * HOUR),
    )
    assert lines(desk) == {("rule-a", "A"): 1, ("rule-a", "B"): 1, ("rule-b", "A"): 1}
    assert desk.count() == 4
    (listed,) = desk.suppressing.all()
    assert (listed.hidden, listed.last, listed.standing(START + 3 * HOUR)) == (
        2,
        START + 2 * HOUR,
        "in force",
    )
    assert [(one.host, one.time) for one in desk.suppressing.hidden(made.id)] == [
        ("A", START + 2 * HOUR),
        ("a", START + HOUR),
    ]


def test_it_holds_from_its_beginning_to_its_end_and_no_longer(desk: Desk) -> None:
    desk.suppressing.add("rule:rule-a", "x", START + HOUR, START + 2 * HOUR)
    times = (START + HOUR - 1, START + HOUR, START + 2 * HOUR - 1, START + 2 * HOUR)
    fill(desk.directory, *[found(offset=10 + n, host="C", time=time) for n, time in enumerate(times)])
    assert desk.suppressing.all()[0].hidden == 2
    assert sorted(row.first_seen for row in desk.alerts() if row.host == "C") == [times[0], times[3]]


def test_a_rebuild_hides_the_same(desk: Desk) -> None:
    desk.suppressing.add("host:A user:ad*", "x", START + HOUR)
    fill(desk.directory, *[found(offset=n, host="A", time=START + n * HOUR) for n in range(3, 9)])
    before = (list(desk.export()), desk.suppressing.all())
    with Store.open(desk.directory) as store:
        Correlator(store).rebuild()
    desk.refold()
    assert (list(desk.export()), desk.suppressing.all()) == before
    assert before[1][0].hidden == 6


def test_lifted_it_hides_no_more_and_says_by_whom(desk: Desk) -> None:
    made = desk.suppressing.add("rule:rule-a host:A", "x", START + HOUR)
    desk.suppressing.lift(made.id[:6], START + 2 * HOUR, "build moved")
    fill(desk.directory, *[found(offset=10 + n, host="A", time=START + n * HOUR) for n in (1, 2, 3)])
    (listed,) = desk.suppressing.all()
    assert (listed.hidden, listed.lifted_by, listed.lifted_why) == (1, "ada", "build moved")
    assert listed.standing(START + 5 * HOUR) == "lifted"
    with pytest.raises(ActionRefused, match="lifted already"):
        desk.suppressing.lift(made.id, START + 4 * HOUR)


def test_undo_ends_it_redo_brings_it_back_and_a_rebuild_hides_the_same(desk: Desk) -> None:
    def at(hour: int) -> int:
        return START + hour * HOUR

    def standing(hour: int) -> list[str]:
        return [one.standing(at(hour)) for one in desk.suppressing.all()]

    desk.suppressing.add("rule:rule-a host:A", "x", at(1))
    undone = desk.undo(at(3))
    assert undone is not None and undone.kind == "suppress" and standing(4) == ["lifted"]
    assert desk.undo() is None
    assert desk.redo(at(5)) == undone and sorted(standing(6)) == ["in force", "lifted"]
    fill(desk.directory, *[found(offset=10 + n, host="A", time=at(n)) for n in range(1, 8)])
    assert sum(one.hidden for one in desk.suppressing.all()) == 5, "3:00 and 4:00 lie between"
    with Desk.open(desk.directory, ADA) as again:
        before = (list(again.export()), again.suppressing.all())
        with Store.open(desk.directory) as store:
            Correlator(store).rebuild()
        again.refold()
        assert (list(again.export()), again.suppressing.all()) == before
        assert again.undo(at(9)) == undone and again.ledger_faults() == []
        assert [one.standing(at(10)) for one in again.suppressing.all()] == ["lifted", "lifted"]


def test_undo_of_lifting_brings_it_back_and_acts_come_in_their_order(desk: Desk) -> None:
    made = desk.suppressing.add("rule:rule-a host:A", "x", START)
    desk.acknowledge([row.id for row in desk.alerts()])
    desk.suppressing.lift(made.id, START + HOUR)
    kinds = [getattr(desk.undo(START + 2 * HOUR), "kind", None) for _ in range(4)]
    assert kinds == ["suppress.lift", "acknowledge", "suppress", None]
    assert all(one.standing(START + 3 * HOUR) == "lifted" for one in desk.suppressing.all())
    assert {row.state for row in desk.alerts()} == {"new"}
    assert [getattr(desk.redo(START + 4 * HOUR), "kind", None) for _ in range(2)] == [
        "suppress",
        "acknowledge",
    ]
    assert "in force" in [one.standing(START + 5 * HOUR) for one in desk.suppressing.all()]
    desk.memo("", "a new act ends what could be redone")
    assert desk.redo() is None


def test_a_rule_is_named_by_its_id_or_its_title_and_entities_count(desk: Desk) -> None:
    assert desk.suppressing.terms('rule:"tools in temp" ip:10[.]0[.]0[.]5') == (
        ("rule", "rule-a"),
        ("address", "10.0.0.5"),
    )
    desk.suppressing.add("address:10.0.0.*", "scanner", START)
    entities = (("host", "A"), ("address", "10.0.0.5"))
    fill(desk.directory, found(offset=9, host="Z", entities=entities))
    assert desk.suppressing.all()[0].hidden == 1


@pytest.mark.parametrize(
    "scope", ["", "host:*", "powershell", "level:high", "rule:none-such", "rule:rule", "not host:a"]
)
def test_a_scope_that_would_hide_everything_or_is_unclear_is_refused(desk: Desk, scope: str) -> None:
    with pytest.raises(XdrtuiError):
        desk.suppressing.add(scope, "x", START)
    assert not desk.suppressing.all()


@pytest.mark.parametrize(("reason", "until"), [(" ", 0), ("x", START - 1), ("x", START + 400 * DAY)])
def test_it_wants_a_reason_and_a_sensible_end(desk: Desk, reason: str, until: int) -> None:
    with pytest.raises(ActionRefused):
        desk.suppressing.add("host:a", reason, START, until)
