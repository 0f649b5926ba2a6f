"""Text in the queue: the first rows are the same whichever way leads to them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.benchmarks.queue import alert_rows
from tests.xdrtui.test_triage_desk import ADA
from xdrtui.store import near, select
from xdrtui.store.alerts import WRITE
from xdrtui.store.near import held, texts_of
from xdrtui.store.store import Store
from xdrtui.triage import lines
from xdrtui.triage.desk import AlertQuery, Desk
from xdrtui.triage.query import parse

ALERTS = 600
WORDS = (
    *("powershell.exe", "mimikatz", '"on wks"', '"rule number"', '"number rule"', '"encoded hidden"', "tun*"),
    *("level>=high", "state:closed", "state:open", "host:wks-00*", "user:user001", "rule:399", "nowhere"),
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    directory = tmp_path_factory.mktemp("near")
    with Store.open(directory) as store, store.transaction():
        store.connection.executemany(WRITE, alert_rows(ALERTS))
        store.connection.execute("UPDATE alerts SET user_key = 'user001' WHERE seq % 3 = 0")
        store.connection.execute("UPDATE alerts SET rule = 'r', line = seq % 7 WHERE seq % 2 = 0")
        store.connection.execute(
            "INSERT INTO alert_states(alert, state, disposition, owner, closed_count, version)"
            " SELECT id, 'closed', 'duplicate', '', count, 0 FROM alerts WHERE seq % 10 < 7"
        )
    return Desk.open(directory, ADA, readonly=True)


def terms() -> st.SearchStrategy[str]:
    word = st.sampled_from(WORDS)
    negated = word.map(lambda text: f"not {text}")
    either = st.tuples(word, word).map(lambda two: f"({two[0]} or {two[1]})")
    neither = either.map(lambda text: f"not {text}")
    not_both = st.tuples(word, word).map(lambda two: f"not ({two[0]} {two[1]})")
    some = st.one_of(word, negated, either, neither, not_both)
    return st.lists(some, min_size=1, max_size=3).map(" ".join)


@pytest.mark.parametrize("steps", [(3, 9), (50, 200), (1_000, 1_000)], ids=str)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=terms(), order=st.sampled_from(("severity", "newest", "host")), page=st.tuples(
    st.integers(0, 40), st.integers(0, 40)))  # fmt: skip
def test_a_page_is_a_piece_of_the_whole_order(
    desk: Desk, steps: tuple[int, int], text: str, order: str, page: tuple[int, int]
) -> None:
    limit, offset = page
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "STEPS", steps)
        patch.setattr(near, "FEW", 5 * steps[0])
        query = AlertQuery(text, order)
        assert desk.keys(query, limit, offset) == desk.keys(query)[offset : offset + limit]


@pytest.mark.parametrize("steps", [(3, 9), (50, 200), (1_000, 1_000)], ids=str)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=terms(), limit=st.integers(0, 40))
def test_the_first_lines_are_those_of_the_whole_queue(
    desk: Desk, steps: tuple[int, int], text: str, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "STEPS", steps)
        patch.setattr(near, "FEW", 5 * steps[0])
        assert desk.line_numbers(AlertQuery(text), limit) == desk.line_numbers(AlertQuery(text))[:limit]


@settings(max_examples=60, deadline=None)
@given(one=st.sampled_from(WORDS), two=st.sampled_from(WORDS), three=st.sampled_from(WORDS))
def test_not_means_the_same_before_a_bracket_and_within(desk: Desk, one: str, two: str, three: str) -> None:
    for outside, within in (
        (f"{one} not ({two} {three})", f"{one} (not {two} or not {three})"),
        (f"{one} or not ({two} or {three})", f"{one} or (not {two} not {three})"),
        (f"{one} not not {two}", f"{one} {two}"),
    ):
        whole, given_up = (set(desk.keys(AlertQuery(text))) for text in (outside, within))
        assert whole == given_up
    every = set(desk.keys())
    assert set(desk.keys(AlertQuery(f"not ({one} {two})"))) == every - set(
        desk.keys(AlertQuery(f"{one} {two}"))
    )


@pytest.mark.parametrize("text", WORDS)
def test_newcomers_are_the_same_with_the_index_of_all_alerts_and_without(desk: Desk, text: str) -> None:
    for after in (0, ALERTS - 20):
        found, _ = desk.newcomers(AlertQuery(text), after)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "_AT_ONCE", -1)
            assert sorted(found) == sorted(desk.newcomers(AlertQuery(text), after)[0])


@pytest.mark.parametrize("text", WORDS)
def test_the_next_alert_of_a_line_is_the_same_either_way(desk: Desk, text: str) -> None:
    query = AlertQuery(text)
    for row in desk.alerts(AlertQuery("", "newest"), 60):
        for step in (1, -1):
            found = desk.beside(query, row.id, step)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lines, "_AT_ONCE", 0)
                assert found == desk.beside(query, row.id, step)


def test_few_alerts_are_asked_for_common_text_without_the_index_of_all(desk: Desk) -> None:
    """What makes it quick: the statement that walks through all that is common is never run."""
    said: list[str] = []
    connection = desk._connection
    connection.set_trace_callback(said.append)
    try:
        assert len(select.seqs(connection, parse(AlertQuery('"on wks"')), "severity", 100)) == 100
    finally:
        connection.set_trace_callback(None)
    assert said and not any("MATCH" in each for each in said)


def test_alerts_without_a_text_that_all_have_are_not_looked_for_one_by_one(desk: Desk) -> None:
    said: list[str] = []
    connection = desk._connection
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "STEPS", (3, 9))
        connection.set_trace_callback(said.append)
        try:
            for text in ('not "on wks"', 'state:open not "on wks" not mimikatz'):
                assert desk.line_numbers(AlertQuery(text), 100) == []
        finally:
            connection.set_trace_callback(None)
    assert any("MATCH" in each for each in said) and not any("+a.seq" in each for each in said)
    assert desk.line_numbers(AlertQuery("not mimikatz"), 5)


def test_texts_are_found_wherever_they_stand_in_a_condition(desk: Desk) -> None:
    condition = parse(AlertQuery('level:high (mimikatz or not "on wks")'))
    assert texts_of(condition) == {'"mimikatz"', '"on wks"'}
    rows = desk.keys(AlertQuery("", "severity"), 10)
    assert held(desk._connection, rows, ['"nothere"']) == {'"nothere"': "[]"}
