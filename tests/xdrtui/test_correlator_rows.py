"""Findings become alerts; alerts are a function of the set of findings."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tests.xdrtui.store_samples import HOUR, SECOND, START, batch, found
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import OUT_OF_BOUNDS, RuleRow
from xdrtui.store.evidence import FIRST, LAST
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store


def alerts(store: Store, columns: str = "*") -> list[tuple[object, ...]]:
    return store.connection.execute(
        f"SELECT {columns} FROM alerts ORDER BY first_seen, host, rule"
    ).fetchall()


def fold(store: Store, *findings: object) -> None:
    store.commit_batch(batch(list(findings)))  # type: ignore[arg-type]
    Correlator(store, holder="test").fold()


def test_findings_of_one_rule_group_and_window_are_one_alert(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(
            store,
            found(offset=1, time=START),
            found(offset=2, time=START + 5 * SECOND),
            found(offset=3, time=START + HOUR),
            found(offset=4, host="WKS-2"),
            found("rule-b", offset=1),
        )
        assert sorted(alerts(store, "rule, host, count, first_seen, last_seen")) == [
            ("rule-a", "WKS-1", 1, START + HOUR, START + HOUR),
            ("rule-a", "WKS-1", 2, START, START + 5 * SECOND),
            ("rule-a", "WKS-2", 1, START, START),
            ("rule-b", "WKS-1", 1, START, START),
        ]


def test_a_host_in_another_case_is_the_same_alert(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(store, found(offset=1, host="wks-1", time=START + 1), found(offset=2, host="WKS-1"))
        assert alerts(store, "host, count") == [("WKS-1", 2)]


def test_the_same_event_again_is_counted_as_a_duplicate(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(store, found(offset=1, raw=b"same"))
        fold(store, found(offset=2, raw=b"same"), found(offset=3, raw=b"other"), found(offset=4, raw=b"same"))
        assert alerts(store, "count, duplicates") == [(4, 2)]


def test_an_event_dated_out_of_bounds_stands_in_the_window_of_its_ingest(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        future = found(offset=1, time=START + 10**9 * SECOND)
        fold(store, msgspec.structs.replace(future, quality=OUT_OF_BOUNDS, ingest=START))
        assert alerts(store, "first_seen") == [(START,)]


def test_muted_findings_are_stored_and_make_no_alert(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(store, found(offset=1, muted=True))
        assert alerts(store) == []
        assert store.connection.execute("SELECT count(*) FROM findings").fetchone() == (1,)


def test_the_first_finding_by_time_says_what_the_alert_shows(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(store, found(offset=2, time=START + 9, summary="later", level="high"))
        fold(store, found(offset=1, time=START + 3, summary="first", level="low"))
        assert alerts(store, "summary, level") == [("first", "high")]


def test_an_alert_bears_the_title_of_the_version_that_fired(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.set_rules([RuleRow("rule-a", "1", "Old", "high", techniques=("T1003",))])
        store.set_rules([RuleRow("rule-a", "2", "New", "high")])
        fold(store, found(offset=1, rule_hash="1"), found(offset=2, host="B", rule_hash="2"))
        assert sorted(alerts(store, "title, techniques")) == [("New", "[]"), ("Old", '["T1003"]')]


def test_evidence_is_the_first_and_the_last_and_one_for_each_capture(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        many = [
            found(offset=n, time=START + n, captures={"TargetUser": "odd" if n == 50 else "ada"})
            for n in range(100)
        ]
        for start in range(0, 100, 7):
            fold(store, *many[start : start + 7])
        offsets = [
            row[0]
            for row in store.connection.execute(
                "SELECT f.offset FROM evidence e JOIN findings f ON f.seq = e.finding ORDER BY f.offset"
            )
        ]
        assert offsets == [*range(FIRST), 50, *range(100 - LAST, 100)]


def test_events_that_a_correlation_counts_are_kept_beyond_the_alert_s_evidence(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        fold(store, *[found(offset=n, time=START + n, feeds=True) for n in range(60)])
        assert store.connection.execute("SELECT count(*) FROM evidence").fetchone() == (60,)
        assert store.connection.execute("SELECT count(*) FROM pins").fetchone() == (FIRST + LAST,)


def test_folding_again_from_nothing_gives_the_same_alerts(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for step in range(5):
            fold(store, *[found(offset=step * 100 + n, time=START + n * SECOND) for n in range(50)])
        before = list(export_alerts(store.connection))
        assert Correlator(store, holder="test", step=13).rebuild().findings == 250
        assert list(export_alerts(store.connection)) == before


def test_only_one_correlator_folds_and_another_takes_over_when_its_lease_runs_out(tmp_path: Path) -> None:
    now = [1_000 * SECOND]
    with Store.open(tmp_path, clock=lambda: now[0]) as store:
        first, second = Correlator(store, holder="one"), Correlator(store, holder="two")
        store.commit_batch(batch([found(offset=1)]))
        assert first.fold().mine
        store.commit_batch(batch([found(offset=2)]))
        assert not second.fold().mine
        now[0] += 60 * SECOND
        assert second.fold() == (1, 0, 1, True)
        store.commit_batch(batch([found(offset=3)]))
        assert not first.fold().mine
        second.release()
        assert first.fold().mine
