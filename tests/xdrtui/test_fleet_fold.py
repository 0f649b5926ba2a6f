"""A fold comes to the same end, however many records of the topic it takes at once."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from tests.kafka.fleet import dump
from xdrtui.errors import StoreError
from xdrtui.events.message import DeadLetter, Messages, Position, Source
from xdrtui.pipeline import fleet_fold
from xdrtui.pipeline.fleet_fold import MOST_FAULTS, FoldSink
from xdrtui.pipeline.fleet_health import LONGEST, MOST_WORKERS
from xdrtui.pipeline.fleet_records import (
    Any_,
    Beat,
    Notice,
    Reading,
    Summary,
    encode,
    origin,
    results_of,
    rule_text,
)
from xdrtui.pipeline.fleet_snapshot import start_from, write_snapshot
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.partitions import Fetched
from xdrtui.store import fleet as store_of_fleet
from xdrtui.store import workers
from xdrtui.store.batch import BatchResult, Found, RuleRow
from xdrtui.store.store import Store

MINUTE = 60 * 10**9
START = 1_700_000_000 * 10**9
BASE = "6a4e0c3e-0b7a-4d0b-8d6b-000000000001"
RULES = f"""
title: A bad word
id: {BASE}
status: test
level: low
logsource: {{product: zeek, service: conn}}
detection: {{selection: {{uid: bad}}, condition: selection}}
---
title: Few bad words
id: 6a4e0c3e-0b7a-4d0b-8d6b-000000000002
status: test
level: high
correlation:
  type: event_count
  rules: [{BASE}]
  group-by: [host.name]
  timespan: 2m
  condition: {{lt: 3}}
"""
FINDINGS = Source("kafka:c:xdrtui-findings:0", "xdrtui-findings", "kafka")


def topic(seed: int, minutes_late: int = 14, leaving: bool = False) -> list[bytes]:
    """What two workers write of two partitions, one of them far ahead and some events far too late.
    leaving: now and then a partition is there no more, or again."""
    dice, other = random.Random(seed), random.Random(seed)
    records: list[bytes] = []
    where = [origin(Source("kafka:c:t:0", "t", "kafka"), partition) for partition in range(2)]
    records += [encode(Summary(at, -1, -1, 0, False, False, (0,) * 6, ())) for at in where]
    ends = [0, 0]
    for step in range(80):
        at = where[dice.random() < 0.5]
        number = at.partition
        start, ends[number] = ends[number], ends[number] + 3
        late = minutes_late if dice.random() < 0.3 else 0
        now = START + (step * (1 + number) - late * 4) * MINUTE // 4
        found = [one(at.partition, start + each, now + each * 10**9) for each in range(dice.randint(0, 3))]
        records += [encode(record) for record in results_of(at, BatchResult(found=found))]
        presence = (("zeek.conn", f"h{step % 3}", {"": 3, "uid": 2}),)
        counts = (3, 3, 3, 0, 0, 0)
        records.append(encode(Summary(at, start, ends[number], now, False, False, counts, presence)))
        if dice.random() < 0.1:
            records.append(b"nothing of ours")
        if leaving and other.random() < 0.1:
            records.append(encode(Reading(f"w{step % 2}", "c", "g", {"t": other.randint(0, 2)})))
    return records


def one(partition: int, offset: int, time: int) -> Found:
    host = f"h{offset % 4}"
    return Found(
        rule=BASE,
        position=Position("kafka:c:t:0", partition, offset),
        time=time,
        quality=0,
        ingest=time,
        event_type="zeek.conn",
        level="low",
        host=host,
        user="",
        group=(("host.name", host),),
        window=60 * MINUTE,
        entities=(("host", host),),
        captures={"host.name": host},
        matched={"uid": "bad"},
        summary="bad",
        raw=b"%d" % offset,
        event_hash=b"%d.%d" % (partition, offset),
        rule_hash="x",
        feeds=True,
    )


def fold(directory: Path, rules: Path, records: Sequence[bytes], sizes: Sequence[int], restart: bool) -> None:
    process = Process(load_rulebook([rules], cache=Cache(rules / "cache")))
    sink = FoldSink(directory, FINDINGS.name, process, clock=lambda: START)
    at = number = 0
    while at < len(records):
        end = min(len(records), at + sizes[number % len(sizes)])
        stamps = [START + 10_000 * MINUTE + each for each in range(at, end)]
        messages = Messages(FINDINGS, 0, range(at, end), list(records[at:end]), stamps)
        sink.commit([Fetched(messages, at if at else -1, end, b"%d" % end, 0, 0)])
        sink.fold(False)
        if restart and number % 5 == 4:
            sink.close()
            sink = FoldSink(directory, FINDINGS.name, process, clock=lambda: START)
        at, number = end, number + 1
    sink.close()


@pytest.mark.parametrize("seed", range(12))
def test_batch_sizes_change_nothing_not_even_for_what_comes_too_late(tmp_path: Path, seed: int) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.yml").write_text(RULES)
    records = topic(seed, leaving=seed % 2 == 1)
    fold(tmp_path / "once", rules, records, [10_000], restart=False)
    fold(tmp_path / "singly", rules, records, [1], restart=False)
    once = list(dump(tmp_path / "once"))
    assert sum('"kind":"correlation"' in line for line in once) > 0
    assert once == list(dump(tmp_path / "singly"))
    fold(tmp_path / "parts", rules, records, [7, 2, 30, 1], restart=False)
    assert once == list(dump(tmp_path / "parts"))


@pytest.mark.parametrize("late", [6, 14])
@pytest.mark.parametrize("seed", range(4))
def test_restarts_change_nothing_not_even_for_what_comes_too_late(
    tmp_path: Path, seed: int, late: int
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.yml").write_text(RULES)
    records = topic(seed, minutes_late=late)
    fold(tmp_path / "once", rules, records, [10_000], restart=False)
    fold(tmp_path / "anyhow", rules, records, [7, 2, 30, 1], restart=True)
    assert list(dump(tmp_path / "once")) == list(dump(tmp_path / "anyhow"))


def test_a_record_cannot_move_the_folds_own_place_or_what_people_did(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "rules.yml").write_text(RULES)
    own = origin(FINDINGS, 0)
    forged = encode(Summary(own, 0, 10**9, START, False, False, (0,) * 6, ()))
    fold(tmp_path / "store", rules, [forged, *topic(1)], [50], restart=False)
    with Store.open(tmp_path / "store", readonly=True) as store:
        assert store.positions(FINDINGS.uid)[0].next_offset == len(topic(1)) + 1
        assert any("findings topic itself" in each.reason for each in store.dead_letters(1_000))
        assert store.connection.execute("SELECT count(*) FROM ledger").fetchone() == (0,)


def test_made_up_workers_and_faults_stay_few_and_cost_little(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    forged: list[Any_] = [
        Beat(f"worker-{n}", "m", 1, START, "r", "c", {}, {f"{n}-{k}": "x" * 60_000 for k in range(3)}, False)
        for n in range(400)
    ]
    notices: list[Any_] = [Notice("w", f"{n} " + "x" * 60_000) for n in range(600)]
    began = time.process_time()
    fold(tmp_path / "store", rules, [encode(each) for each in [*forged, *notices]], [500], restart=False)
    assert time.process_time() - began < 5
    with Store.open(tmp_path / "store", readonly=True) as store:
        assert len(workers.heartbeats(store.connection)) <= MOST_WORKERS
        faults = workers.faults(store.connection, cleared=True)
        assert len(faults) <= 2 * MOST_FAULTS + 10
        assert max(len(each.text) for each in faults) <= LONGEST


def test_made_up_partitions_are_followed_up_to_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_fold, "MOST_PLACES", 20)
    rules = tmp_path / "rules"
    rules.mkdir()
    source = Source("kafka:c:events:0", "events", "kafka")
    forged = [
        encode(Summary(origin(source, number), 0, 1, START, False, False, (1, 1, 1, 0, 0, 0), ()))
        for number in range(50)
    ]
    fold(tmp_path / "store", rules, forged, [7], restart=False)
    with Store.open(tmp_path / "store", readonly=True) as store:
        assert len(store.positions(source.uid)) == 20
        assert store.counts()["events"] == 20
        assert len(store.dead_letters(100)) == 30


def results_about(topic: str) -> bytes:
    source = Source(f"kafka:c:{topic}:0", topic, "kafka")
    at = Position(source.uid, 0, 1)
    (record,) = results_of(origin(source, 0), BatchResult(dead=[DeadLetter(at, "not JSON", b"x", 1, START)]))
    return encode(record)


def test_made_up_topics_are_followed_up_to_a_number_and_each_costs_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_fold, "MOST_PLACES", 3_000)
    rules = tmp_path / "rules"
    rules.mkdir()
    forged = [results_about(f"t{number}") for number in range(4_000)]
    began = time.process_time()
    fold(tmp_path / "store", rules, [*forged, *forged[:100]], [4_000], restart=True)
    assert time.process_time() - began < 4
    with Store.open(tmp_path / "store", readonly=True) as store:
        assert len(store.sources()) == 3_000 + 1
        reasons = [each.reason for each in store.dead_letters(10_000)]
    assert reasons.count("not JSON") == 3_000, "what was known goes on"
    assert sum("one topic more than 3,000" in reason for reason in reasons) == 1_000


def rule(number: int, text: str = "title: x") -> bytes:
    row = RuleRow(id=f"r{number}", hash="h", title="x", level="low", author="", description="", text=text)
    return encode(rule_text(row))


def test_made_up_versions_of_rules_are_kept_up_to_a_number_and_a_size_and_it_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    monkeypatch.setattr(store_of_fleet, "MOST_RULES", 30)
    forged = [rule(number) for number in range(50)]
    fold(tmp_path / "many", rules, [*forged[:10], *forged], [7], restart=True)
    monkeypatch.setattr(store_of_fleet, "MOST_RULE_BYTES", 100_000)
    fold(tmp_path / "large", rules, [rule(n, "x" * 20_000) for n in range(20)], [3], restart=False)
    for name, kept in (("many", 30), ("large", 4)):
        with Store.open(tmp_path / name, readonly=True) as store:
            query = "SELECT count(*) FROM rules WHERE id GLOB 'r[0-9]*'"
            assert store.connection.execute(query).fetchone() == (kept,)
            (fault,) = [each for each in workers.faults(store.connection) if each.happened]
            assert "versions of rules" in fault.text and fault.n == 1


def test_a_store_of_another_fleet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    process = Process(load_rulebook([tmp_path / "rules"], cache=Cache(tmp_path / "cache")))
    sink = FoldSink(tmp_path / "store", FINDINGS.name, process, clock=lambda: START)
    sink.stored("kafka:c:xdrtui-findings:")
    with pytest.raises(StoreError, match="another workspace"):
        sink.stored("kafka:other:xdrtui-findings:")
    sink.close()


def test_what_somebody_has_dismissed_is_told_to_who_begins_with_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    notice = encode(Notice("w", "Retention gap: something"))
    fold(tmp_path / "old", tmp_path / "rules", [notice], [1], restart=False)
    with Store.open(tmp_path / "old") as store, store.transaction():
        (fault,) = workers.faults(store.connection)
        assert fault.happened and workers.dismiss(store.connection, [fault.key], START) == [fault.key]
    write_snapshot(tmp_path / "old", tmp_path / "snapshot")
    start_from(tmp_path / "new", tmp_path / "snapshot")
    with Store.open(tmp_path / "new", readonly=True) as store:
        assert workers.faults(store.connection) == [fault]
