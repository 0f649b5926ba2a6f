"""The live tail: columns by log source, lines where the day turns, what is around an event."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from screens.live import LivePane
from screens.live_columns import SHARED, columns_for, values
from screens.live_rows import LiveClock, LiveRows
from screens.preferences import Preferences
from screens.services import Desks, Services
from screens.times import Zone, fixed
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import HOSTILE, NOW, SECOND, commit, findings, sample
from xdrtui.pipeline.tail import TailCounts
from xdrtui.settings.model import KafkaSettings
from xdrtui.store.live import LiveRow, LiveWriter
from xdrtui.store.store import Store
from xdrtui.store.workers import Heartbeat, write_heartbeat

DAY = 86_400 * SECOND


def row(id: int, time: int, kind: str = "zeek.conn", **event: object) -> LiveRow:
    return LiveRow(id, time, kind, "h", "u", f"event {id}", json.dumps(event).encode())


def tail() -> LiveRows:
    return LiveRows(LiveClock(Services(Desks(lambda: None), None, Zone(fixed(0)))))  # type: ignore[arg-type]


def test_columns_follow_the_log_source_that_is_asked_for() -> None:
    assert columns_for("host:x") == SHARED
    columns = columns_for("host:x type:zeek.conn")
    assert [column.title for column in columns][3:6] == ["SOURCE", "DESTINATION", "PORT"]
    found = values(json.dumps({"id": {"orig_h": "10.0.0.1"}, "id.resp_h": "10.0.0.2"}).encode(), columns)
    assert found["=id.orig_h"] == "10.0.0.1" and found["=id.resp_h"] == "10.0.0.2"
    assert values(b"not json", columns)["=id.orig_h"] == "-"


def test_a_line_stands_where_the_date_changes_and_keys_are_still_found() -> None:
    events = tail()
    events.add([row(1, NOW), row(2, NOW + SECOND), row(3, NOW + DAY)])
    rows = events.window(0, 10)
    assert [each.key for each in rows] == ["3", "-3", "2", "1"]
    assert "2026-03-04 UTC" in str(rows[1].cells["what"])
    assert [events.index(each.key, 0) for each in rows] == [0, 1, 2, 3]


async def test_around_an_event_the_filter_goes_and_the_tail_stands_still(tmp_path: Path) -> None:
    commit(tmp_path, findings())
    writer = LiveWriter(tmp_path)
    rows = [row(0, NOW + n * SECOND, "zeek.conn" if n % 5 else "zeek.dns", n=n) for n in range(30)]
    writer.write(rows, 30)
    app = app_on(tmp_path, initial="live")
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await until(pilot, lambda: "30 shown" in shown(app)[-2])
        pane = app.workbench.pane
        assert isinstance(pane, LivePane)
        pane.filtered("type:zeek.dns")
        await until(pilot, lambda: len(pane.tail) == 6 and "QUERY" in "\n".join(shown(app)))
        await pilot.press("j", "number_sign")
        await until(pilot, lambda: pane.frozen and len(pane.tail) == 30 and pane.query_text == "")
        assert pane.tail.at(pane.table.cursor).event_type == "zeek.dns"
        told = "FROZEN  0 waiting, 0 dropped, lag 0.4 s"
        await until(pilot, lambda: told in shown(app)[-2].replace("   ", " "))
    writer.close()


class Stand:
    """Stands for `pipeline.tail.Tail`: rows that are given to it."""

    def __init__(self) -> None:
        self.fault, self.rows, self.query, self.closed = "", list[LiveRow](), "", 0
        self.left_out = 0

    def look_for(self, query: str) -> None:
        self.query = query

    def after(self, last: int, limit: int) -> list[LiveRow]:
        return [row for row in self.rows if row.id > last][-limit:]

    def first(self) -> int:
        return self.rows[0].id if self.rows else 0

    def counts(self) -> TailCounts:
        shown = len(self.rows)
        return TailCounts(shown + self.left_out, shown + self.left_out, shown, self.left_out, 0)

    def places(self) -> dict[object, int]:
        return {}

    def close(self) -> None:
        self.closed += 1


def beat(directory: Path, lag: float) -> None:
    with Store.open(directory, clock=lambda: NOW) as store, store.transaction():
        figures = {"events_per_second": 12480.0, "lag_seconds": lag, "memory_bytes": 4.1e8}
        write_heartbeat(store.connection, Heartbeat("worker-1", "worker", 1, "here", NOW, NOW, figures))


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    tail = Stand()
    monkeypatch.setattr("screens.live_feed._begun", lambda connection, query, places: tail)
    return tail


TOPICS = Preferences(connection=KafkaSettings(brokers=["b:9092"], topics=["windows-events", "zeek"]))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_workers_that_are_far_behind_are_told_of_and_the_topic_offered(
    tmp_path: Path, stand: Stand, size: tuple[int, int]
) -> None:
    sample(tmp_path)
    beat(tmp_path, 720)
    stand.rows = [row(n, NOW + n * SECOND) for n in range(1, 9)]
    app = app_on(tmp_path, preferences=TOPICS)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3")
        await until(pilot, lambda: "workers are 12 min behind" in shown(app)[2])
        assert "W shows the topic itself" in shown(app)[2] and "W topic" in shown(app)[-1]
        await pilot.press("W")
        await until(pilot, lambda: "8 messages came in" in shown(app)[-2])
        assert "TOPIC ITSELF  display only: not detected upon, not stored · W ends it" in shown(app)[2]
        assert ("windows-events, zeek" in shown(app)[2]) == (size[0] > 100)
        stand.fault = "the broker at b:9092 does not answer, tried again"
        await until(pilot, lambda: stand.fault in shown(app)[3])
        stand.fault, stand.left_out = "", 1_992
        await until(pilot, lambda: "2,000 messages came in" in shown(app)[-2])
        await pilot.press("s")
        stand.rows += [row(n, NOW + n * SECOND) for n in range(9, 12)]
        stand.left_out += 4_207
        await until(pilot, lambda: "FROZEN  4,210 waiting, 0 dropped, workers lag 12 min" in shown(app)[-2])
        await pilot.press("s", "W")
        await until(pilot, lambda: "event number 39" in shown(app)[4] and stand.closed == 1)


async def test_what_a_topic_holds_reaches_no_terminal_raw(tmp_path: Path, stand: Stand) -> None:
    sample(tmp_path)
    stand.rows = [LiveRow(1, NOW, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE.encode())]
    stand.fault = HOSTILE
    app = app_on(tmp_path, preferences=Preferences(connection=KafkaSettings(brokers=["b"], topics=[HOSTILE])))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3", "W")
        await until(pilot, lambda: "1 message came in" in shown(app)[-2])
        await pilot.press("e")
        await until(pilot, "[red]x[/red]")
        text = "\n".join(shown(app))
        assert "[red]x[/red]" in text and not set(text) & {"\x1b", "\x07", "\u202e"}


async def test_where_there_is_no_topic_the_key_says_why(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3", "W")
        await until(pilot, lambda: "topic: no Kafka topic is set" in shown(app)[-2])


async def test_the_filter_is_that_of_hunt_and_says_what_it_cannot_understand(tmp_path: Path) -> None:
    commit(tmp_path, findings())
    writer = LiveWriter(tmp_path)
    kinds = ("zeek.conn", "zeek.dns", "windows.sysmon.1")
    rows = [
        row(0, NOW - n * 60 * SECOND, kinds[n % 3], **{"id.resp_p": n * 100, "query": f"d{n}.evil.com"})
        for n in reversed(range(30))
    ]
    writer.write(rows, 30)
    writer.close()
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        pane = app.workbench.pane
        assert isinstance(pane, LivePane)
        await until(pilot, lambda: len(pane.tail) == 30)
        for text, count in (
            ("type:zeek", 20),
            ("type:zeek.dns or type:windows", 20),
            ("id.resp_p>=2500", 5),
            ("time>=-5m", 6),
            ("query:d7[.]evil[.]com", 1),
            ("d7[.]evil[.]com", 1),
            ("not type:zeek time>=-10m", 3),
            ("host:h user:u", 30),
            ("nothing-like-it", 0),
        ):
            pane.filtered(text)
            await until(
                pilot, lambda count=count, text=text: (len(pane.tail), pane.query_text) == (count, text)
            )
        assert "Nothing that went by fits this filter." in "\n".join(shown(app))
        assert "filter: time>= wants" in pane.refused("time>=") and pane.refused("time>=-5m") == ""
        await pilot.press("slash", *["backspace"] * 16, *"type:z")
        await until(pilot, lambda: "type:zeek.conn" in "\n".join(shown(app)))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: pane.query_text.startswith("type:zeek.") and len(pane.tail) == 10)


async def test_pages_go_through_the_event_where_it_is_unfolded(tmp_path: Path) -> None:
    commit(tmp_path, findings())
    writer = LiveWriter(tmp_path)
    writer.write([row(0, NOW, "zeek.conn", **{f"field{n}": n for n in range(60)})], 1)
    writer.close()
    app = app_on(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("3", "e")
        await until(pilot, lambda: "field1" in "\n".join(shown(app)))
        await pilot.press("pagedown", "pagedown")
        await until(pilot, lambda: "field20" in "\n".join(shown(app)))


async def test_the_palette_and_the_help_find_the_topic(tmp_path: Path, stand: Stand) -> None:
    app = app_on(sample(tmp_path), preferences=TOPICS)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("3")
        await settled(pilot)
        await pilot.press("colon", *"themselves")
        await until(pilot, lambda: "Watch the topics themselves" in "\n".join(shown(app)))
        await pilot.press("enter")
        await until(pilot, lambda: "TOPIC ITSELF" in shown(app)[2])
        await pilot.press("question_mark")
        await until(
            pilot, lambda: any("however far workers" in line for line in app.workbench.pane.bare_text())
        )
