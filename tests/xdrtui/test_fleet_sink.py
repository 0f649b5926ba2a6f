"""What a fleet's worker writes before it lets an offset be committed, and what is void when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from detectors.sigma.cache import Cache
from tests.xdrtui.test_fleet_fold import RULES
from xdrtui.errors import Fenced
from xdrtui.events.message import Messages, Source
from xdrtui.pipeline import fleet
from xdrtui.pipeline.fleet import FleetSink
from xdrtui.pipeline.fleet_records import Any_, Results, RuleText, Summary, decode
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import BrokerReport
from xdrtui.sources.partitions import Fetched

T = Source("kafka:c:t:0", "t", "kafka")
BAD = b'{"_path":"conn","ts":1700000000,"uid":"bad","host":"h"}'


class Broker:
    """Stands for the findings topic: `waiting` was handed over, `there` all brokers have."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.there: list[bytes] = []
        self.down = False

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    def start(self) -> str:
        return "c"

    def restart(self) -> None:
        self.waiting = []

    def close(self) -> None: ...

    def send(self, records: Sequence[bytes]) -> None:
        self.waiting += records

    def flush(self) -> None:
        if self.down:
            raise KafkaTimeoutError
        self.there += self.waiting
        self.waiting = []

    def committed(self, group: str, partitions: Sequence[object]) -> dict[Any, Any]:
        return {}

    def take(self) -> list[Any_]:
        """What came since the last time, but for what tells how workers do."""
        came, self.there = [decode(each) for each in self.there], []
        return [each for each in came if isinstance(each, Results | RuleText | Summary)]


class Silent:
    """No orders, no letters."""

    fault = ""

    async def start(self) -> None: ...
    async def close(self) -> None: ...
    def settled(self) -> bool:
        return True


class NoLetters(Silent):
    def close(self) -> None: ...  # type: ignore[override]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> Iterator[FleetSink]:
    async def ask(*arguments: object) -> BrokerReport:
        return BrokerReport("c", (), {"t": 2})

    monkeypatch.setattr(fleet, "Outlet", lambda *arguments: broker)
    monkeypatch.setattr(fleet, "Orders", lambda *arguments: Silent())
    monkeypatch.setattr(fleet, "Letters", lambda *arguments: NoLetters())
    monkeypatch.setattr(fleet, "ask_broker", ask)
    monkeypatch.setattr(fleet, "RETRY_SECONDS", 0.0)
    (tmp_path / "rules.yml").write_text(RULES)
    process = Process(load_rulebook([tmp_path], cache=Cache(tmp_path / "cache")))
    settings = KafkaSettings(brokers=["b:1"], topics=["t"], group="g", mode="fleet", findings_topic="f")
    loop = asyncio.new_event_loop()
    try:
        made = FleetSink(loop, settings, process, clock=lambda: 0, summary_seconds=1e9)
        broker.flush()
        broker.take()
        yield made
        made.close()
    finally:
        loop.close()


def fetched(offsets: Sequence[int], *, start: int, placing: int = 1) -> Fetched:
    payloads = [BAD] * len(offsets)
    messages = Messages(T, 0, list(offsets), payloads, [1_700_000_000 * 10**9] * len(offsets))
    return Fetched(messages, start, offsets[-1] + 1, b"", 0, placing)


def test_no_offset_is_safe_before_the_brokers_have_all_that_stands_below_it(
    sink: FleetSink, broker: Broker
) -> None:
    batch = fetched([0, 1, 2], start=0)
    assert list(sink.commit([batch])) == []
    assert sink.flush() == [batch]
    assert broker.waiting == []
    kinds = [type(each) for each in broker.take()]
    assert kinds == [RuleText, Results, Summary]


def test_what_the_brokers_did_not_take_is_void_and_sent_whole_again(sink: FleetSink, broker: Broker) -> None:
    broker.down = True
    sink.commit([fetched([0, 1, 2], start=0)])
    with pytest.raises(Fenced):
        sink.flush()
    broker.down = False
    assert sink.flush() == []
    sink.commit([again := fetched([0, 1, 2], start=0, placing=2)])
    assert sink.flush() == [again]
    rule, results, summary = broker.take()
    assert isinstance(rule, RuleText) and isinstance(results, Results) and isinstance(summary, Summary)
    assert (len(results.found), summary.start, summary.end, summary.counts[0]) == (3, 0, 3, 3)


def test_a_summary_is_of_one_placing_and_of_all_that_its_position_passes(
    sink: FleetSink, broker: Broker
) -> None:
    sink.commit([fetched([0, 1, 2], start=0)])
    sink.commit([fetched([0, 1], start=0, placing=2)])  # read again: what was not safe is void
    sink.commit([fetched([5, 6], start=2, placing=2)])
    sink.flush()
    (summary,) = (each for each in broker.take() if isinstance(each, Summary))
    assert (summary.start, summary.end, summary.counts[0]) == (0, 7, 4)
    sink.commit([fetched([9], start=7, placing=2)])  # compaction took the others
    sink.flush()
    (summary,) = (each for each in broker.take() if isinstance(each, Summary))
    assert (summary.start, summary.end) == (7, 10)


def test_what_was_read_stands_before_the_word_that_no_more_is_there(sink: FleetSink, broker: Broker) -> None:
    sink.commit([fetched([0], start=0)])
    sink.idle([(T.uid, 0)])
    broker.flush()
    first, second = (each for each in broker.take() if isinstance(each, Summary))
    assert (first.end, first.idle, second.end, second.idle) == (1, False, 1, True)
