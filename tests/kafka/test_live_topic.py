"""The live pane over the topics themselves, on a broker: display only, past workers that are far behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from screens.live import LivePane
from screens.preferences import Preferences
from tests.kafka.broker import Broker
from tests.kafka.conftest import new_name
from tests.kafka.mock import MockBroker
from tests.kafka.proxy import Proxy
from tests.kafka.test_kafka_source import produce, settings
from tests.kafka.test_tail import event
from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import HOSTILE, sample
from tests.stopwatch import Stopwatch

AnyBroker = Broker | MockBroker


async def until(pilot: Pilot, met: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "\n".join(shown(pilot.app))
        await pilot.pause(0.05)


def text(pilot: Pilot) -> str:
    return "\n".join(shown(pilot.app))


async def test_what_comes_into_the_topic_is_shown_counted_frozen_and_let_go_of(
    broker: AnyBroker, tmp_path: Path
) -> None:
    topic = await broker.create_topic(new_name())
    await produce(broker, topic, [event(n, "before") for n in range(20)])
    app = app_on(sample(tmp_path), preferences=Preferences(connection=settings(broker, topic)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3")
        await until(pilot, lambda: "event number 39" in text(pilot))
        await pilot.press("j", "j", "W")
        pane = app.workbench.pane
        assert isinstance(pane, LivePane)
        await until(pilot, lambda: pane._topic_feed is not None and pane._topic_feed._tail is not None)
        assert "TOPIC ITSELF" in text(pilot)
        assert "display only: not detected upon, not stored · W ends it" in text(pilot)
        await until(pilot, lambda: len(pane.tail) == 20)
        assert "0 messages came in" in text(pilot), "an idle topic shows what is there already"
        await produce(broker, topic, [event(n, f"uid{n}") for n in range(30)] + [HOSTILE.encode()])
        await until(pilot, lambda: "31 messages came in · 20 from before · 51 shown" in text(pilot))
        assert "\x1b" not in text(pilot) and "dead letter" in text(pilot)
        await pilot.press("s", "j")
        before = shown(app)[3:-2]
        await produce(broker, topic, [event(n) for n in range(5)])
        await until(pilot, lambda: "5 waiting, 0 dropped" in text(pilot))
        assert shown(app)[3:-2] == before
        await pilot.press("s", "slash", *"uid:uid7", "enter")
        await until(pilot, lambda: len(pane.tail) == 1 and "[LIVE]" in text(pilot))
        await produce(broker, topic, [event(7, "uid7"), event(8, "uid8")])
        await until(pilot, lambda: len(pane.tail) == 2)
        await pilot.press("slash", *["backspace"] * 9, "enter", "1")
        feed = pane._topic_feed
        assert feed is not None
        await until(pilot, lambda: not feed.on and feed._tail is None)
        await produce(broker, topic, [event(9, "away")])
        await pilot.press("3")
        await until(pilot, lambda: feed._tail is not None)
        await produce(broker, topic, [event(9, "again")])
        await until(pilot, lambda: "40 messages came in" in text(pilot))
        assert len(pane.tail) == 59, "it goes on where it was, shows nothing twice; the filter held one back"
        await pilot.press("W")
        await until(pilot, lambda: "event number 39" in text(pilot))
        assert pane.table.cursor == 2 and "TOPIC ITSELF" not in text(pilot)


async def test_a_broker_that_is_lost_and_back_is_told_over_the_rows(real: Broker, tmp_path: Path) -> None:
    topic, proxy = await real.create_topic(new_name()), Proxy(real)
    connection = settings(real, topic, brokers=[proxy.bootstrap])
    app = app_on(sample(tmp_path), preferences=Preferences(connection=connection))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3", "W")
        await until(pilot, lambda: proxy.bootstrap in text(pilot))  # it was not there from the first
        async with proxy:
            pane = app.workbench.pane
            assert isinstance(pane, LivePane) and pane._topic_feed is not None
            feed = pane._topic_feed
            await until(pilot, lambda: feed._tail is not None)
            await produce(real, topic, [event(1)])
            await until(
                pilot, lambda: "1 message came in" in text(pilot) and proxy.bootstrap not in text(pilot)
            )
        await until(pilot, lambda: proxy.bootstrap in text(pilot), 5)
        assert "zeek.conn" in text(pilot), "what came stays"
        watch = Stopwatch()
        await pilot.press("1")
        await asyncio.sleep(0)
        assert watch.seconds() < 1.0
