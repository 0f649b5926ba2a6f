"""Correlations on the store: their alerts, their evidence, restarts, edits."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from detectors.correlate.engine import Correlations
from detectors.correlate.model import Bound, CorrelationRule, Type
from tests.xdrtui.store_samples import SECOND, START, batch, found, mark
from xdrtui.pipeline.correlator import LATENESS, Correlator
from xdrtui.store import workers
from xdrtui.store.batch import Found, RuleRow
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk, Principal

MINUTE = 60 * SECOND
SPRAY = CorrelationRule(
    id="spray",
    title="Password spray",
    type=Type.VALUE_COUNT,
    rules=("failed",),
    timespan=5 * MINUTE,
    timespan_text="5m",
    group_by=("source.ip",),
    fields=("user.name",),
    bounds=(Bound("gte", 3),),
    level="high",
)
SILENCE = msgspec.structs.replace(
    SPRAY, id="few", title="Few", type=Type.EVENT_COUNT, fields=(), bounds=(Bound("lt", 5),)
)
PARENT = CorrelationRule(
    id="parent",
    title="Spray, then logon",
    type=Type.TEMPORAL,
    rules=("spray", "logon"),
    timespan=10 * MINUTE,
    timespan_text="10m",
    group_by=("source.ip",),
    bounds=(Bound("gte", 2),),
    level="critical",
)
ONE = Correlations((SPRAY,))


def failed(offset: int, user: str, ip: str = "10.0.0.9", rule: str = "failed") -> Found:
    captures = {"source.ip": ip, "user.name": user}
    return found(
        rule,
        offset=offset,
        time=START + offset * SECOND,
        user=user,
        captures=captures,
        feeds=True,
        muted=rule == "failed",
        raw=f"{rule} {offset} {user}".encode(),
        summary=f"failed logon of {user}",
    )


def alerts(store: Store) -> list[tuple[object, ...]]:
    return store.connection.execute(
        "SELECT rule, kind, level, count, title, grp FROM alerts ORDER BY rule"
    ).fetchall()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(tmp_path)
    store.set_rules([RuleRow("spray", "h", "Password spray", "high", "correlation", techniques=("T1110",))])
    return store


def test_a_correlation_that_fires_is_an_alert_with_the_events_that_counted(store: Store) -> None:
    store.commit_batch(batch([failed(n, user) for n, user in enumerate(("ada", "bob", "eve"))]))
    Correlator(store, ONE).fold()
    grp = '[["source.ip","10.0.0.9"]]'
    assert alerts(store) == [("spray", "correlation", "high", 3, "Password spray", grp)]
    with Desk.open(store.directory, Principal("ada", "here")) as desk:
        (row,) = desk.alerts(AlertQuery("kind:correlation attack:T1110"))
        assert row.summary == "3 events within 5 min of 10.0.0.9; the first: failed logon of ada"
        assert {user for kind, user in row.entities if kind == "user"} == {"ada", "bob", "eve"}
        detail = desk.alert(row.id)
        assert [event.raw for event in detail.evidence] == [
            b"failed 0 ada",
            b"failed 1 bob",
            b"failed 2 eve",
        ]
        assert detail.rule is not None and detail.rule.title == "Password spray"


def test_later_matches_join_the_alert_after_a_restart(store: Store) -> None:
    for n, user in enumerate(("ada", "bob", "eve", "zoe")):
        store.commit_batch(batch([failed(n, user)], [mark(n + 1, watermark=START + n * SECOND)]))
        Correlator(store, ONE, holder="one").fold()
    assert [row[3] for row in alerts(store)] == [4]


def test_what_could_still_change_is_decided_when_the_watermark_has_passed(store: Store) -> None:
    correlator = Correlator(store, Correlations((SILENCE,)))
    store.commit_batch(batch([failed(0, "ada")], [mark(1, watermark=START)]))
    correlator.fold()
    assert alerts(store) == []
    store.commit_batch(batch([], [mark(2, watermark=START + LATENESS + 5 * MINUTE + 2)]))
    correlator.fold()
    assert [row[0] for row in alerts(store)] == ["few"]


def test_while_a_scan_reads_its_sources_nothing_is_decided_before_the_end(store: Store) -> None:
    correlator = Correlator(store, Correlations((SILENCE,)))
    store.commit_batch(batch([failed(0, "ada")], [mark(1, watermark=START + 100 * LATENESS)]))
    correlator.fold(decide=False)
    assert alerts(store) == []
    correlator.finish()
    assert [row[0] for row in alerts(store)] == ["few"]
    before = list(export_alerts(store.connection))
    correlator.rebuild()
    assert list(export_alerts(store.connection)) == before


def test_an_edited_correlation_is_made_again_from_the_stored_findings(store: Store) -> None:
    store.commit_batch(batch([failed(n, user) for n, user in enumerate(("ada", "bob"))]))
    Correlator(store, ONE, holder="one").fold()
    assert alerts(store) == []
    edited = Correlations((msgspec.structs.replace(SPRAY, bounds=(Bound("gte", 2),)),))
    Correlator(store, edited, holder="one").fold()
    assert [row[3] for row in alerts(store)] == [2]


def test_findings_folded_without_correlations_are_counted_later(store: Store) -> None:
    store.commit_batch(batch([failed(n, user) for n, user in enumerate(("ada", "bob", "eve"))]))
    Correlator(store, holder="one").fold()
    store.commit_batch(batch([failed(3, "zoe")]))
    Correlator(store, ONE, holder="one").fold()
    assert [row[3] for row in alerts(store)] == [4]


def test_a_muted_child_makes_no_alert_and_its_events_are_evidence_of_its_parent(store: Store) -> None:
    both = Correlations((SPRAY, PARENT))
    logon = failed(30, "ada", rule="logon")
    store.commit_batch(batch([*(failed(n, f"user-{n}") for n in range(4)), logon]))
    correlator = Correlator(store, both, muted=frozenset({"spray"}))
    correlator.finish()
    kinds = store.connection.execute("SELECT rule FROM alerts WHERE kind = 'correlation'").fetchall()
    assert kinds == [("parent",)]
    with Desk.open(store.directory, Principal("ada", "here")) as desk:
        (row,) = desk.alerts(AlertQuery("level:critical"))
        assert {event.rule for event in desk.alert(row.id).evidence} == {"failed", "logon"}


def test_raw_events_are_dropped_when_every_window_has_passed_and_no_alert_needs_them(store: Store) -> None:
    correlator = Correlator(store, ONE)
    store.commit_batch(batch([failed(0, "ada")], [mark(1, watermark=START)]))
    correlator.fold()
    assert store.connection.execute("SELECT count(*) FROM evidence").fetchone() == (1,)
    store.commit_batch(batch([], [mark(2, watermark=START + 10 * LATENESS)]))
    correlator.fold()
    assert store.connection.execute("SELECT count(*) FROM evidence").fetchone() == (0,)


def test_a_flood_of_keys_raises_a_health_alert(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are dropped are a way to evade a correlation."""
    few = ONE.new_state(most_groups=20)
    monkeypatch.setattr(Correlations, "new_state", lambda self, **options: few)
    store.commit_batch(batch([failed(n, "ada", ip=f"10.0.{n // 200}.{n % 200}") for n in range(300)]))
    Correlator(store, ONE).fold()
    (fault,) = [each for each in workers.faults(store.connection) if each.kind == "correlation"]
    assert "'Password spray' met more keys or events than it keeps" in fault.text
    assert "someone may be flooding it" in fault.text
