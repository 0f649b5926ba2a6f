"""The law: alerts are a function of the set of findings. Any batch size, any split over partitions, any order
within the lateness, batches delivered twice, a correlator that dies and starts again: the same bytes."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.correlate.engine import Correlations
from detectors.correlate.model import Bound, CorrelationRule, Type
from tests.xdrtui.store_samples import SECOND, START, batch, found
from xdrtui.pipeline.correlator import LATENESS, Correlator
from xdrtui.store.batch import Found, Mark
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store

MINUTE = 60 * SECOND


def correlation(id: str, type: Type, rules: tuple[str, ...], bound: Bound, **more: object) -> CorrelationRule:
    values = {
        "title": id,
        "timespan": 5 * MINUTE,
        "timespan_text": "5m",
        "group_by": ("host.name",),
        "bounds": (bound,),
        "level": "high",
        "generate": True,
    } | more
    return CorrelationRule(id=id, type=type, rules=rules, **values)  # type: ignore[arg-type]


RULES = (
    correlation("many", Type.EVENT_COUNT, ("rule-a",), Bound("gte", 3)),
    correlation("few", Type.EVENT_COUNT, ("rule-b",), Bound("lt", 3)),
    correlation("users", Type.VALUE_COUNT, ("rule-a",), Bound("gte", 3), fields=("user.name",), group_by=()),
    correlation("both", Type.TEMPORAL, ("rule-a", "rule-b"), Bound("gte", 2)),
    correlation("chain", Type.TEMPORAL, ("many", "rule-b"), Bound("gte", 2)),
)
CORRELATIONS = Correlations(RULES)


class Event(msgspec.Struct, frozen=True):
    """One event of a test: minutes and a fraction after the start, whom it is about, what found it."""

    number: int
    time: int
    rule: str
    host: str
    user: str
    partition: int = 0


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 50 * 60),
        st.sampled_from(["rule-a", "rule-a", "rule-b", "rule-c"]),
        st.sampled_from(["h1", "H1", "h2"]),
        st.sampled_from(["ada", "bob", "eve"]),
    ),
    max_size=60,
)


def events_of(drawn: Sequence[tuple[int, str, str, str]]) -> list[Event]:
    """Events with times of their own: ties within a second are an order that only one partition knows."""
    return [
        Event(n, START + seconds * SECOND + n, rule, host, user)
        for n, (seconds, rule, host, user) in enumerate(drawn)
    ]


def found_of(event: Event, offset: int) -> Found:
    raw = f"{event.number % 40} {event.host} {event.user}".encode()
    return found(
        event.rule,
        offset=offset,
        partition=event.partition,
        time=event.time,
        host=event.host,
        user=event.user,
        raw=raw,
        event_hash=hashlib.sha256(raw).digest()[:16],
        captures={"host.name": event.host, "user.name": event.user},
        feeds=event.rule != "rule-c",
        muted=event.rule == "rule-b",
        summary=f"{event.rule} on {event.host} by {event.user} {event.number}",
    )


def run(directory: Path, events: Sequence[Event], plan: random.Random | None) -> list[str]:
    """The alerts of these events. plan: None = one batch, in order; else how to shuffle, split, repeat."""
    partitions = plan.choice([1, 2, 8]) if plan else 1
    size = plan.choice([1, 3, 7, 100]) if plan else 10_000
    dealt = [
        msgspec.structs.replace(event, partition=plan.randrange(partitions) if plan else 0)
        for event in events
    ]
    if plan:  # nothing is passed by an event more than the lateness later than itself
        dealt.sort(key=lambda event: event.time + plan.randrange(LATENESS - MINUTE))
    offsets = [0] * partitions
    latest = [0] * partitions
    numbered = []
    for event in dealt:
        numbered.append(found_of(event, offsets[event.partition]))
        offsets[event.partition] += 1
    store = Store.open(directory)
    correlator = Correlator(
        store, CORRELATIONS, holder="one", step=plan.choice([2, 5, 100]) if plan else 1000
    )
    for start in range(0, len(numbered), size):
        part = numbered[start : start + size]
        for one in part:
            latest[one.position.partition] = max(latest[one.position.partition], one.time)
        marks = [Mark("s", n, start + size, b"", latest[n], idle=latest[n] == 0) for n in range(partitions)]
        store.commit_batch(batch(part, marks))
        if plan and plan.random() < 0.3:
            store.commit_batch(batch(part, marks))
        if plan and plan.random() < 0.7:
            correlator.fold()
        if plan and plan.random() < 0.2:
            correlator = Correlator(store, CORRELATIONS, holder="one")
    correlator.finish()
    lines = list(export_alerts(store.connection))
    if plan and plan.random() < 0.3:
        correlator.rebuild()
        assert list(export_alerts(store.connection)) == lines
    store.close()
    return lines


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.integers(0, 2**32))
def test_alerts_are_the_same_however_findings_arrive(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, str, str, str]], seed: int
) -> None:
    events = events_of(drawn)
    plain = run(tmp_path_factory.mktemp("plain"), events, None)
    assert run(tmp_path_factory.mktemp("other"), events, random.Random(seed)) == plain


def dense(seed: int) -> list[Event]:
    """Many findings of few groups, so that evidence and entities overflow their caps."""
    draw = random.Random(seed)
    return events_of(
        [
            (draw.randrange(2400), draw.choice(["rule-a", "rule-b"]), "h1", f"user-{draw.randrange(60)}")
            for _ in range(400)
        ]
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_law_holds_where_evidence_and_entities_overflow(tmp_path: Path, seed: int) -> None:
    events = dense(seed)
    plain = run(tmp_path / "plain", events, None)
    assert any('"kind":"correlation"' in line for line in plain)
    assert run(tmp_path / "other", events, random.Random(seed)) == plain
