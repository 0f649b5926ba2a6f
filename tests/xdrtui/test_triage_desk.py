"""What people do with alerts: states, refusals, undo, and a ledger that all of it can be folded from."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xdrtui.store_samples import HOUR, SECOND, START, batch, found
from xdrtui.errors import ActionRefused, StoreError
from xdrtui.events.message import Source
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import Found, RuleRow
from xdrtui.store.place import DATABASE
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk, Principal

ADA = Principal("ada", "laptop-1")
BOB = Principal("bob", "laptop-2")


def fill(directory: Path, *findings: Found) -> None:
    with Store.open(directory) as store:
        store.commit_batch(batch(list(findings)))
        with Correlator(store) as correlator:
            correlator.fold()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with four alerts on four hosts, gravest first: D, C, B, A."""
    levels = ("low", "medium", "high", "critical")
    fill(
        tmp_path,
        *[found(offset=n, host=host, level=levels[n]) for n, host in enumerate(("A", "B", "C", "D"))],
    )
    return Desk.open(tmp_path, ADA)


def ids(desk: Desk, text: str = "") -> list[str]:
    return [row.id for row in desk.alerts(AlertQuery(text))]


def states(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.state, row.disposition, row.owner) for row in desk.alerts()]


def test_the_queue_shows_the_gravest_first(desk: Desk) -> None:
    assert [row.host for row in desk.alerts()] == ["D", "C", "B", "A"]
    assert desk.by_severity() == {"critical": 1, "high": 1, "medium": 1, "low": 1, "informational": 0}
    assert desk.count(AlertQuery("level>=high")) == 2


def test_acts_change_the_state_and_are_entries_with_their_author(desk: Desk) -> None:
    (first, second, *_) = ids(desk)
    desk.acknowledge([first])
    desk.own([first, second], "bob")
    desk.close([first], "true_positive", "seen on disk")
    assert states(desk)[:2] == [("closed", "true_positive", "bob"), ("new", "", "bob")]
    history = desk.alert(first).history
    assert [(one.author, one.kind, one.value, one.text, one.alerts) for one in history] == [
        ("ada", "acknowledge", "", "", 1),
        ("ada", "own", "bob", "", 2),
        ("ada", "close", "true_positive", "seen on disk", 1),
    ]
    assert ids(desk, "state:open") == ids(desk)[1:]


def test_a_bulk_is_one_entry_and_undone_at_once(desk: Desk) -> None:
    everything = ids(desk)
    desk.acknowledge(everything[:1])
    assert desk.close(everything, "benign_test").subject == tuple(everything)
    undone = desk.undo()
    assert undone is not None and undone.kind == "close"
    assert [state for state, *_ in states(desk)] == ["acknowledged", "new", "new", "new"]


def test_undo_and_redo_take_any_number_of_steps_across_a_restart(desk: Desk) -> None:
    (first, *_) = ids(desk)
    start = desk.states_digest()
    desk.acknowledge([first])
    desk.investigate([first])
    desk.close([first], "undetermined")
    end = desk.states_digest()
    desk.close_desk()
    with Desk.open(desk.directory, ADA) as again:
        assert [getattr(again.undo(), "kind", None) for _ in range(4)] == [
            "close",
            "investigate",
            "acknowledge",
            None,
        ]
        assert again.states_digest() == start
    with Desk.open(desk.directory, ADA) as third:
        assert [getattr(third.redo(), "kind", None) for _ in range(4)] == [
            "acknowledge",
            "investigate",
            "close",
            None,
        ]
        assert third.states_digest() == end


def test_a_new_act_ends_what_could_be_redone(desk: Desk) -> None:
    (first, second, *_) = ids(desk)
    desk.acknowledge([first])
    desk.undo()
    desk.acknowledge([second])
    assert desk.redo() is None
    desk.undo()
    redone = desk.redo()
    assert redone is not None and redone.subject == (second,)


def test_undo_takes_back_ones_own_acts_and_leaves_those_of_others(desk: Desk) -> None:
    (first, *_) = ids(desk)
    desk.acknowledge([first])
    with Desk.open(desk.directory, BOB) as other:
        assert other.undo() is None
        other.own([first], "bob")
    desk.undo()
    assert states(desk)[0] == ("new", "", "bob")


def test_an_act_that_changes_nothing_is_refused_with_the_reason(desk: Desk) -> None:
    (first, *_) = ids(desk)
    desk.investigate([first])
    with pytest.raises(ActionRefused, match="investigating already"):
        desk.acknowledge([first])
    with pytest.raises(ActionRefused, match="no alert 'x'"):
        desk.acknowledge(["x"])
    with pytest.raises(ActionRefused, match="a disposition is one of"):
        desk.close([first], "whatever")
    with pytest.raises(ActionRefused, match="no alert is chosen"):
        desk.close([], "duplicate")
    assert len(list(desk.entries())) == 1


def test_a_bulk_acts_on_those_alerts_that_it_changes(desk: Desk) -> None:
    everything = ids(desk)
    desk.investigate(everything[:2])
    assert desk.acknowledge(everything).subject == tuple(everything[2:])


def test_an_act_on_an_alert_that_changed_meanwhile_is_refused(desk: Desk) -> None:
    seen = {row.id: row.version for row in desk.alerts()}
    with Desk.open(desk.directory, BOB) as other:
        other.close([next(iter(seen))], "duplicate")
    with pytest.raises(ActionRefused, match="changed meanwhile by bob"):
        desk.acknowledge(list(seen), seen=seen)
    assert len(list(desk.entries())) == 1


def test_findings_on_a_closed_alert_are_counted_as_seen_after_close(desk: Desk) -> None:
    closed = ids(desk, "host:a")
    desk.close(closed, "benign_authorised")
    fill(desk.directory, found(offset=10, host="A", time=START + SECOND), found(offset=11, host="A"))
    (row,) = desk.alerts(AlertQuery("host:a"))
    assert (row.state, row.count, row.seen_after_close) == ("closed", 3, 2)
    desk.investigate(closed)
    assert desk.alert(closed[0]).row.seen_after_close == 0


def test_states_outlive_a_rebuild_of_the_alerts(desk: Desk) -> None:
    everything = ids(desk)
    desk.close(everything[1:3], "false_positive_rule")
    before = list(desk.export())
    with Store.open(desk.directory) as store:
        Correlator(store).rebuild()
    assert list(desk.export()) == before
    assert states(desk)[1] == ("closed", "false_positive_rule", "")


def test_the_ledger_cannot_be_changed_and_shows_where_it_was(desk: Desk) -> None:
    desk.acknowledge(ids(desk))
    desk.undo()
    assert desk.ledger_faults() == []
    raw = sqlite3.connect(desk.directory / DATABASE)
    for statement in ("UPDATE ledger SET author = 'eve'", "DELETE FROM ledger"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    raw.execute("DROP TRIGGER ledger_no_update")
    raw.execute("UPDATE ledger SET author = 'eve' WHERE seq = 1")
    raw.commit()
    raw.close()
    assert desk.ledger_faults() == ["Entry 1 of laptop-1 is not what was written."]


def test_detail_has_the_rule_the_evidence_and_where_it_stands(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.set_rules([RuleRow("rule-a", "h1", "A title", "high", author="Ada", text="title: A")])
        result = batch([found(offset=7, rule_hash="h1")])
        result.sources = [Source("s", "logs/a.jsonl", "file")]
        store.commit_batch(result)
        with Correlator(store) as correlator:
            correlator.fold()
    with Desk.open(tmp_path, ADA) as desk:
        detail = desk.alert(desk.alerts()[0].id)
        assert detail.rule is not None and (detail.rule.author, detail.row.title) == ("Ada", "A title")
        (event,) = detail.evidence
        assert (event.source, event.position.offset, event.matched) == ("logs/a.jsonl", 7, {"Image": "x.exe"})
        with pytest.raises(ActionRefused):
            desk.alert("absent")


def test_memos_stand_in_the_history_and_can_be_about_nothing(desk: Desk) -> None:
    (first, *_) = ids(desk)
    desk.memo(first, "asked the owner")
    desk.memo("", "quiet night")
    assert [one.text for one in desk.alert(first).history] == ["asked the owner"]
    desk.undo()
    desk.undo()
    assert desk.alert(first).history[0].undone


def test_changed_says_once_that_something_was_written(desk: Desk) -> None:
    assert desk.changed()
    assert not desk.changed()
    desk.acknowledge(ids(desk))
    assert desk.changed()
    fill(desk.directory, found(offset=99))
    assert desk.changed()
    assert not desk.changed()


def test_a_readonly_desk_reads_and_cannot_act(desk: Desk) -> None:
    with Desk.open(desk.directory, ADA, readonly=True) as reader:
        with pytest.raises(StoreError):
            reader.acknowledge(ids(reader))
        assert len(ids(reader)) == 4


def test_a_line_is_the_alerts_of_one_rule_and_host(tmp_path: Path) -> None:
    fill(
        tmp_path,
        found(offset=1, time=START),
        found(offset=2, time=START + HOUR),
        found(offset=3, time=START + 2 * HOUR),
        found("rule-b", offset=4, level="critical"),
    )
    with Desk.open(tmp_path, ADA) as desk:
        assert [(line.row.rule, line.open, line.total, line.again) for line in desk.lines()] == [
            ("rule-b", 1, 1, False),
            ("rule-a", 3, 3, False),
        ]
        desk.close(ids(desk, "level:critical"), "duplicate")
        oldest = desk.alerts(AlertQuery("rule:rule-a", order="newest"))[-1]
        desk.close([oldest.id], "duplicate")
        assert [(line.row.rule, line.open, line.total, line.again) for line in desk.lines()] == [
            ("rule-a", 2, 3, True),
            ("rule-b", 0, 1, False),
        ]


def test_related_alerts_share_an_entity(desk: Desk) -> None:
    (first, *rest) = ids(desk)
    assert sorted(row.id for row in desk.related(first)) == sorted(rest)  # all by user ada
    fill(desk.directory, found(offset=50, host="Z", user="zoe"))
    assert "Z" not in {row.host for row in desk.related(first)}


def test_an_id_may_be_cut_short_where_it_is_clear(desk: Desk) -> None:
    (first, *_) = ids(desk)
    assert desk.find(first[:12]) == first
    with pytest.raises(ActionRefused, match="no alert's id begins"):
        desk.find("zzzz")
    with pytest.raises(ActionRefused, match="no alert's id begins"):
        desk.find("\udcff")  # bytes of a command line that are no UTF-8


COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["acknowledge", "investigate", "close", "own", "undo", "redo", "memo", "snooze", "escalate"]
        ),
        st.sets(st.integers(0, 3), min_size=1),
        st.sampled_from([ADA, BOB]),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(COMMANDS)
def test_states_folded_from_the_ledger_are_those_that_acting_made(
    tmp_path_factory: pytest.TempPathFactory, commands: list[tuple[str, set[int], Principal]]
) -> None:
    directory = tmp_path_factory.mktemp("desk")
    fill(directory, *[found(offset=n, host=str(n)) for n in range(4)])
    desks = {who: Desk.open(directory, who) for who in (ADA, BOB)}
    known = sorted(ids(desks[ADA]))
    for kind, which, who in commands:
        desk, chosen = desks[who], [known[n] for n in sorted(which)]
        try:
            match kind:
                case "undo":
                    desk.undo()
                case "redo":
                    desk.redo()
                case "close":
                    desk.close(chosen, "duplicate")
                case "own":
                    desk.own(chosen, who.name)
                case "memo":
                    desk.memo(chosen[0], "x")
                case "snooze":
                    desk.snooze(chosen, START)
                case "escalate":
                    desk.escalate(chosen, "tier2", "beyond me")
                case _:
                    getattr(desk, kind)(chosen)
        except ActionRefused:
            continue
    desk = desks[ADA]
    before = (desk.states_digest(), list(desk.export()))
    desk.refold()
    assert (desk.states_digest(), list(desk.export())) == before
    assert desk.ledger_faults() == []
    for who in (ADA, BOB):
        while desks[who].undo():
            pass
    assert states(desk) == [("new", "", "")] * 4
    for one in desks.values():
        one.close_desk()
